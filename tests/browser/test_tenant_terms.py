"""An operator changes what is agreed with a tenant, on a real server."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect
from sqlmodel import Session, select

from backend.billing.hwm import share_at
from backend.billing.rates import rates_of
from backend.clock import utcnow
from backend.db import Database
from backend.identity.service import create_tenant
from backend.models import AuditLog, Tenant
from tests.browser.conftest import Opener, Server, hold


def _database(server: Server) -> Database:
    return Database(f"sqlite:///{server.home / 'ironbull.db'}")


def _tenant(session: Session, name: str) -> Tenant:
    return session.exec(select(Tenant).where(Tenant.name == name)).one()


def _open(page: Page, name: str) -> None:
    page.locator("tr[data-row]", has_text=name).first.click()
    expect(page.locator("[data-drawer] h2")).to_have_text(name)


def _create(page: Page, name: str, email: str) -> None:
    page.get_by_role("button", name="New tenant").click()
    page.fill("#main form input[name=name]", name)
    page.fill("#main form input[name=email]", email)
    page.fill("#main form input[name=password]", "green-Kettle-48-runs")
    page.locator("#main form button[type=submit]").click()
    expect(page.locator("#main")).to_contain_text("App secret")


def test_terms_rates_plan_and_sign_in_of_a_tenant(visit: Opener, server: Server) -> None:
    page = visit("/admin/tenants", kind="admin")
    _create(page, "Harbour Desk", "harbour@example.com")
    page.goto("/admin/tenants?search=Harbour")
    _open(page, "Harbour Desk")
    drawer = page.locator("[data-drawer]")

    drawer.get_by_role("button", name="Change terms").click()
    drawer.locator("select[name=scheme]").select_option("hwm")
    drawer.locator("input[name=share]").fill("12.5")
    drawer.get_by_role("button", name="Save").click()
    expect(drawer).to_contain_text("12.5 %")
    expect(drawer).to_contain_text("High-water mark")
    drawer.get_by_role("button", name="Change terms").click()
    drawer.locator("input[name=share]").fill("15")
    drawer.get_by_role("button", name="Save").click()
    expect(drawer).to_contain_text("from next month 15 %")

    drawer.get_by_role("button", name="Change rates").click()
    drawer.locator("input[name=direct]").fill("31.5")
    drawer.locator("input[name=reason]").first.fill("agreed by letter")
    drawer.get_by_role("button", name="Save").click()
    expect(drawer).to_contain_text("31.5 %")

    drawer.get_by_label("Quota plans").select_option(index=1)
    expect(page.locator(".toast")).to_be_visible()

    drawer.get_by_role("button", name="Edit").click()
    drawer.locator("input[name=name]").fill("Harbour Desk Ltd")
    drawer.locator("input[name=password]").fill("password")
    drawer.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("guess")
    drawer.locator("input[name=password]").fill("amber-Lantern-52-turns")
    drawer.get_by_role("button", name="Save").click()
    expect(drawer.locator("h2")).to_have_text("Harbour Desk Ltd")

    database = _database(server)
    try:
        with database.reading() as session:
            tenant = _tenant(session, "Harbour Desk Ltd")
            assert tenant.billing_scheme == "hwm" and tenant.quota_plan_id
            assert share_at(session, tenant.id or 0, None, utcnow()) == 1250
            assert str(rates_of(session, tenant.id or 0).direct) == "0.315"
            said = session.exec(select(AuditLog).where(AuditLog.target == f"tenant:{tenant.id}")).all()
            assert {"tenant.edit", "billing.share", "billing.scheme", "billing.rates", "tenant.plan"} <= {one.action for one in said}
            assert not any("amber" in str(one.detail) for one in said)
    finally:
        database.dispose()


def test_a_key_is_issued_shown_once_and_revoked(visit: Opener, server: Server) -> None:
    database = _database(server)
    try:
        database.run(lambda s: create_tenant(s, "Quay Capital", "quay@example.com", "green-Kettle-48-runs"))
    finally:
        database.dispose()
    page = visit("/admin/tenants?search=Quay", kind="admin", width=390)
    _open(page, "Quay Capital")
    drawer = page.locator("[data-drawer]")
    drawer.get_by_role("button", name="Issue a further key").click()
    secret = drawer.locator(".secret .mono").nth(1)
    expect(secret).to_have_text(re.compile("^[0-9a-f]{64}$"))
    drawer.get_by_role("button", name="Kept").or_(drawer.get_by_role("button", name=re.compile("kept", re.I))).first.click()
    expect(drawer.locator(".secret")).to_have_count(0)
    revoke = drawer.get_by_role("button", name="Revoke").first
    hold(page, revoke)
    expect(drawer.get_by_role("button", name="Revoke")).to_have_count(1)
