"""Statements, simulator and trial balance in a browser, on a real server."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import expect
from sqlmodel import Session, select

from backend.billing import hwm
from backend.billing.service import POOL_FAILED, POOL_SETTLED, settle_fill
from backend.clock import utcnow
from backend.db import Database
from backend.ledger import service as ledger
from backend.ledger.rules import Posting, user_account
from backend.models import ExchangeAccount, Position, ProfitPool, Tenant, User
from tests.browser.conftest import Opener, Server, hold
from tests.support.money import add_fill, add_tenant, add_user, fund


def _bill_by_the_mark(server: Server) -> str:
    """The last tenant's first agent traded last month under the high-water mark. Returns the agent's name."""
    db = Database(f"sqlite:///{server.home / 'ironbull.db'}")
    now = utcnow()
    start = (now.replace(day=1) - timedelta(days=1)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)

    def work(session: Session) -> str:
        user = session.exec(select(User).where(User.email == server.demo()["agents"][0]["email"])).one()
        tenant = session.get(Tenant, user.tenant_id)
        account = session.exec(select(ExchangeAccount).where(ExchangeAccount.user_id == user.id)).first()
        assert tenant is not None and account is not None
        tenant.billing_scheme, tenant.created_at, user.created_at = "hwm", start, start
        for pnl, symbol in (("100", "BTC/USDT"), ("-40", "ETH/USDT"), ("65.5", "SOL/USDT")):
            at = start + timedelta(days=3)
            session.add(
                Position(
                    tenant_id=tenant.id or 0, user_id=user.id or 0, account_id=account.id or 0, symbol=symbol, position_side="LONG",
                    status="CLOSED", open_slot=None, quantity=Decimal(0), realized_pnl=Decimal(pnl), total_fee=Decimal("0.5"),
                    entry_price=Decimal(10), exit_price=Decimal(11), opened_at=at, opened_market_at=at, closed_at=at, closed_market_at=at,
                )
            )  # fmt: skip
        session.flush()
        assert hwm.close_until(session, user, now)
        tenant.billing_scheme = "per_close"
        return user.name or user.email

    try:
        return db.run(work)
    finally:
        db.dispose()


def test_a_statement_goes_from_draft_to_paid_and_the_agent_reads_it(visit: Opener, server: Server) -> None:
    name = _bill_by_the_mark(server)
    page = visit("/admin/statements", kind="admin")
    page.locator("tr[data-row]", has_text=name).first.click()
    drawer = page.locator("[data-drawer]")
    expect(drawer).to_contain_text("24.80")  # 20 % of 100 - 40 + 65.5 - 1.5
    expect(drawer.locator("tbody tr")).to_have_count(3)
    hold(page, page.get_by_role("button", name="Hold to approve"))
    expect(drawer).to_contain_text("Approved")
    drawer.get_by_role("button", name="Send the invoice").click()
    expect(drawer).to_contain_text("IB-")
    page.fill("[data-drawer] input[name=reference]", "wire 7")
    drawer.get_by_role("button", name="Mark as paid").click()
    expect(drawer).to_contain_text("closed for good")
    mine = visit("/agent/statements", kind="agent", width=390)
    mine.locator("tr[data-row]").first.click()
    for kind, start in (("CSV", b"Agent,"), ("PDF", b"%PDF")):
        href = mine.locator("[data-drawer] a[download]", has_text=kind).get_attribute("href")
        answer = mine.request.get(f"{server.base}{href}")
        assert answer.ok, (href, answer.status, answer.text()[:300])
        assert start in answer.body()
    with mine.expect_download() as file:
        mine.locator("[data-drawer] a[download]", has_text="PDF").click()
    assert file.value.suggested_filename.endswith(".pdf")
    books = visit("/admin/trial-balance", kind="admin")
    expect(books.locator("#main")).to_contain_text("Profit share earned")
    expect(books.locator("#main")).to_contain_text("Sums to zero")


def _stuck_pool(server: Server) -> tuple[Callable[[], None], Callable[[], int]]:
    """A tenant nobody is the root of: its profit cannot be shared out. What makes it possible, and the pool's status."""
    db = Database(f"sqlite:///{server.home / 'ironbull.db'}")

    def build(session: Session) -> tuple[int, int, int]:
        tenant = add_tenant(session, root=False)
        user = add_user(session, tenant, hold="1000")
        fund(session, user, "1000")
        result = settle_fill(session, add_fill(session, user, "77.7").id)
        assert result.pool_id and result.pool_status == POOL_FAILED
        return tenant.id, user.id, result.pool_id

    tenant_id, user_id, pool_id = db.run(build)

    def mend() -> None:
        with db.transaction() as session:
            tenant = session.get(Tenant, tenant_id)
            assert tenant is not None
            tenant.root_user_id = user_id

    def status() -> int:
        with db.reading() as session:
            pool = session.get(ProfitPool, pool_id)
            assert pool is not None
            return pool.status

    return mend, status


def test_failed_pools_are_paid_out_again(visit: Opener, server: Server) -> None:
    mend, status = _stuck_pool(server)
    page = visit("/admin/pools", kind="admin")
    again = page.get_by_role("button", name="Pay out all failed again")
    again.click()
    expect(page.locator(".toast").first).to_contain_text("0 of 1 failed pools")
    assert status() == POOL_FAILED
    mend()
    again.click()
    # The timetable may have been quicker by a moment.
    expect(page.locator(".toast", has_text=re.compile(r"1 of 1|0 of 0"))).to_be_visible()
    assert status() == POOL_SETTLED


@pytest.mark.parametrize("width", [390, 1440])
def test_the_simulator_pays_exactly_the_pool(visit: Opener, width: int) -> None:
    page = visit("/tenant/simulator", kind="tenant", width=width)
    page.fill("input[name=profit]", "1000")
    page.fill("input[name=own]", "100")
    page.fill("input[name=gift]", "500")
    page.click("#main form button[type=submit]")
    stats = page.locator("#main .stats")
    expect(stats).to_contain_text("300.00")
    expect(stats).to_contain_text("100.00 paid out below")
    amounts = page.locator("#main .tbl tbody td:last-child b").all_inner_texts()
    assert sum(Decimal(one.replace(",", "")) for one in amounts) == 100
    page.fill("input[name=profit]", "a lot")
    page.click("#main form button[type=submit]")
    expect(page.locator(".toast")).to_be_visible()


def test_the_trial_balance_of_one_tenant(visit: Opener) -> None:
    page = visit("/admin/trial-balance", kind="admin")
    expect(page.locator("#main .tbl")).to_contain_text("Source of points")
    page.locator("#main select").nth(1).select_option(index=1)
    expect(page.locator("#main .tbl")).not_to_contain_text("Source of points")


def _reward(server: Server) -> None:
    """The first agent gets 200 USDT of reward out of its own points."""
    db = Database(f"sqlite:///{server.home / 'ironbull.db'}")

    def work(session: Session) -> None:
        user = session.exec(select(User).where(User.email == server.demo()["agents"][0]["email"])).one()
        points, reward = (user_account(user.tenant_id, user.id or 0, kind) for kind in ("point_self", "reward"))
        ledger.post(session, "test:reward", [Posting(points, -200 * 10**8), Posting(reward, 200 * 10**8)], kind="distribution")

    try:
        db.run(work)
    finally:
        db.dispose()


@pytest.mark.parametrize("width", [390, 1440])
def test_an_agent_asks_for_a_payout_once(visit: Opener, server: Server, width: int) -> None:
    if width == 390:
        _reward(server)
    page = visit("/agent/withdrawals", kind="agent", width=width)
    rows = page.locator("tr[data-row]")
    expect(page.locator("#main .stats").first).to_contain_text("Free rewards")
    before = rows.count()
    page.fill("input[name=amount]", "60")
    expect(page.locator("#main form")).to_contain_text("57.00 USDT will arrive")
    page.fill("input[name=address]", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6X")
    page.click("#main form button[type=submit]")
    expect(page.locator(".toast")).to_contain_text("not valid on this network")
    page.fill("input[name=address]", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t")
    page.click("#main form button[type=submit]")
    expect(page.locator(".toast")).to_contain_text("Your request is in")
    expect(rows).to_have_count(before + 1)
    theirs = visit("/tenant/withdrawals", kind="tenant", width=width)
    expect(theirs.locator("tr[data-row]").first).to_contain_text("57.00")
    rows.first.click()
    expect(page.locator("[data-drawer]")).to_contain_text("Its way")
    expect(page.locator("[data-drawer] .lines")).to_contain_text("Asked for")


def test_a_ledger_entry_leads_to_the_fill_that_caused_it(visit: Opener) -> None:
    page = visit("/admin/ledger?kind=settlement", kind="admin")
    rows = page.locator("tr[data-row]")
    for _ in range(60):  # a fresh platform settles its first fill within a minute or two
        expect(page.locator("#main .tbl .sk")).to_have_count(0)
        if rows.count():
            break
        page.wait_for_timeout(2_000)
        page.reload()
        page.wait_for_selector("#main")
    rows.first.click()
    page.locator("[data-drawer]").get_by_role("link", name="The order of fill").click()
    page.wait_for_url("**/admin/orders?open=*")
    expect(page.locator("[data-drawer]")).to_contain_text("ORD-")
