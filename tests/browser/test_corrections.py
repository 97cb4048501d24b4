"""A recharge is undone by two admins in two browsers, on a real server."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect
from sqlmodel import Session, select

from backend.db import Database
from backend.identity.service import create_admin
from backend.ledger.queries import balance
from backend.ledger.rules import user_account
from backend.models import Admin, User
from tests.browser.conftest import Opener, Server, hold

NAME, PASSWORD = "second-pair", "blue-Kettle-47-walks"


def _second_admin(server: Server) -> None:
    db = Database(f"sqlite:///{server.home / 'ironbull.db'}")

    def work(session: Session) -> None:
        if session.exec(select(Admin).where(Admin.username == NAME)).first() is None:
            create_admin(session, NAME, PASSWORD)

    try:
        db.run(work)
    finally:
        db.dispose()


def _points(server: Server) -> int:
    """The first agent's paid points, in units."""
    db = Database(f"sqlite:///{server.home / 'ironbull.db'}")
    try:
        with db.reading() as session:
            user = session.exec(select(User).where(User.email == server.demo()["agents"][0]["email"])).one()
            return balance(session, user_account(user.tenant_id, user.id or 0, "point_self"))
    finally:
        db.dispose()


def _sign_in(page: Page, server: Server) -> None:
    answer = page.context.request.post(
        "/api/session/login", form={"kind": "admin", "identifier": NAME, "password": PASSWORD, "next": ""}, headers={"Origin": server.base}, max_redirects=0
    )
    assert answer.status == 303 and "error" not in answer.headers["location"], answer.headers["location"]


def _recharge(page: Page, server: Server, amount: str) -> None:
    page.goto(f"/admin/users?search={server.demo()['agents'][0]['email']}")
    page.wait_for_selector("#main")
    page.locator("tr[data-row]").first.click()
    drawer = page.locator("[data-drawer]")
    drawer.locator("input[name=amount]").fill(amount)
    drawer.locator("form", has=page.locator("input[name=amount]")).locator("button[type=submit]").click()
    expect(page.locator(".toast")).to_be_visible()


def _ask(page: Page, amount: str, why: str) -> None:
    """Ask for the newest recharge of ``amount`` to be undone."""
    page.goto("/admin/ledger?kind=recharge_user")
    page.wait_for_selector("#main")
    page.locator("tr[data-row]", has_text=amount).first.click()
    drawer = page.locator("[data-drawer]")
    drawer.get_by_role("button", name="Ask for it to be undone").click()
    drawer.locator("input[name=text]").fill(why)
    drawer.get_by_role("button", name="Ask", exact=True).click()
    expect(drawer).to_contain_text("Waiting")
    expect(drawer.get_by_role("button", name="Ask for it to be undone")).to_have_count(0)


def test_two_admins_undo_a_recharge(visit: Opener, server: Server) -> None:
    _second_admin(server)
    first = visit("/admin/ledger", kind="admin")
    _recharge(first, server, "12.34")
    before = _points(server)
    _ask(first, "12.34", "typed for the wrong person")
    first.goto("/admin/corrections?status=requested")
    first.locator("tr[data-row]", has_text="typed for the wrong person").click()
    expect(first.locator("[data-drawer]")).to_contain_text("Another admin decides")
    expect(first.locator("[data-drawer]").get_by_role("button", name=re.compile("Hold to undo"))).to_have_count(0)

    second = visit("/login")
    _sign_in(second, server)
    second.goto("/admin/corrections?status=requested")
    second.locator("tr[data-row]", has_text="typed for the wrong person").click()
    drawer = second.locator("[data-drawer]")
    expect(drawer.locator(".lines li")).to_have_count(2)
    expect(drawer.locator(".lines")).to_contain_text("12.34")
    button = drawer.get_by_role("button", name=re.compile("Hold to undo"))
    hold(second, button)
    expect(drawer).to_contain_text("Undone")
    expect(drawer).to_contain_text(NAME)
    # A profit may be billed meanwhile; it can only take points away.
    assert _points(server) <= before - 1_234_000_000


def test_a_correction_is_declined_with_a_reason(visit: Opener, server: Server) -> None:
    page = visit("/admin/ledger", kind="admin", width=390)
    _recharge(page, server, "3.21")
    _ask(page, "3.21", "asked by mistake")
    page.goto("/admin/corrections?status=requested")
    page.locator("tr[data-row]", has_text="asked by mistake").click()
    drawer = page.locator("[data-drawer]")
    drawer.get_by_role("button", name="Decline").click()
    drawer.locator("input[name=text]").fill("it was right after all")
    drawer.locator("form").get_by_role("button", name="Decline").click()
    expect(drawer).to_contain_text("Declined")
    expect(drawer).to_contain_text("it was right after all")
