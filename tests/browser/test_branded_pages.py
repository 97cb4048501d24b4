"""A merchant's own front door, as its settings page made it, on a real server."""

from __future__ import annotations

import re
from contextlib import closing
from http.client import HTTPConnection

import pytest
from playwright.sync_api import expect
from sqlmodel import Session, select

from backend.branding.rules import HostTaken
from backend.branding.service import set_host
from backend.db import Database
from backend.identity.principal import Principal
from backend.models import Tenant, TenantProfile
from tests.browser.conftest import Opener, Server


@pytest.fixture(scope="module")
def tenant_id(server: Server) -> int:
    db = Database(f"sqlite:///{server.home / 'ironbull.db'}")

    def work(session: Session) -> int:
        tenant = Tenant(name="Quay & Sons", email="quay-brand@example.com", password_hash="", app_key="quay-brand", app_secret_sealed="")
        session.add(tenant)
        session.flush()
        assert tenant.id
        session.add(
            TenantProfile(
                tenant_id=tenant.id, brand="Quay <Trading>", accent="#0e7490", headline="Trading that explains itself", landing_text="From the harbour.\nSince 1901."
            )
        )
        return tenant.id

    try:
        return db.run(work)
    finally:
        db.dispose()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("path", ["/t/{id}", "/t/{id}/login", "/zh/t/{id}", "/zh/t/{id}/login"])
def test_a_merchants_pages(visit: Opener, tenant_id: int, path: str, width: int) -> None:
    page = visit(path.format(id=tenant_id), width=width, lang="zh-CN" if path.startswith("/zh") else "en-US")
    text = page.inner_text("body")
    assert "Quay <Trading>" in text and "IronBull" not in text
    assert page.title().count("Quay <Trading>") <= 1 and "IronBull" not in page.title()
    if not path.endswith("login"):
        assert page.inner_text("h1") == "Trading that explains itself"
        assert "From the harbour.\nSince 1901." in text
    for link in page.locator("a[href^='/']").all():
        href = link.get_attribute("href") or ""
        # A forgotten password and the terms are the same for everyone.
        shared = href.removeprefix("/zh") in ("/forgot", "/terms")
        assert shared or f"/t/{tenant_id}" in href or f"tenant={tenant_id}" in href
    accent = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()")
    assert accent == "#0e7490"
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_platforms_own_page_is_untouched_and_strangers_are_not_found(visit: Opener, server: Server, tenant_id: int) -> None:
    page = visit("/", lang="en-US")
    assert "IronBull" in page.inner_text("body")
    assert page.request.get(f"{server.base}/t/999999").status == 404
    db = Database(f"sqlite:///{server.home / 'ironbull.db'}")
    try:
        with db.reading() as session:
            assert session.exec(select(Tenant).where(Tenant.id == tenant_id)).one()
    finally:
        db.dispose()


def _asked(server: Server, path: str, host: str) -> tuple[int, str, str]:
    """(status, address it leads to, text) of a page asked for under another host name; redirects are not followed."""
    with closing(HTTPConnection("127.0.0.1", int(server.base.rsplit(":", 1)[1]), timeout=20)) as line:
        line.request("GET", path, headers={"Host": host})
        answer = line.getresponse()
        return answer.status, answer.headers.get("location") or "", answer.read().decode()


def test_a_merchants_own_host_name(visit: Opener, server: Server, tenant_id: int) -> None:
    page = visit("/tenant/settings", kind="tenant")
    page.fill("[name=host]", "http://nowhere/at all")
    page.click("main form button[type=submit]")
    expect(page.locator(".toast")).to_contain_text("no host name")
    page.fill("[name=host]", "Trade.Northgate.example")
    page.click("main form button[type=submit]")
    expect(page.locator("[name=host]")).to_have_value("trade.northgate.example")
    own = page.locator(".side .ws").inner_text().splitlines()[-1]

    status, _, text = _asked(server, "/", "trade.northgate.example:8080")
    assert status == 200 and own in text and "IronBull" not in text and 'rel="canonical"' not in text
    assert _asked(server, "/login", "trade.northgate.example")[2].count(own) >= 1
    status, where, _ = _asked(server, "/join?code=1", "trade.northgate.example")
    assert status == 303 and re.fullmatch(r"/join\?tenant=\d+&code=1", where)
    assert "IronBull" in _asked(server, "/", "other.example")[2]

    # No two share one: the other merchant is refused, whatever it does on its own pages.
    db = Database(f"sqlite:///{server.home / 'ironbull.db'}")
    other = Principal("tenant", tenant_id, tenant_id, "quay", "quay", "", 0)
    try:
        with pytest.raises(HostTaken):
            db.run(lambda session: set_host(session, other, "trade.northgate.example", frozenset()) and None)
        with pytest.raises(HostTaken):
            db.run(lambda session: set_host(session, other, "app.example.com", frozenset({"app.example.com"})) and None)
    finally:
        db.dispose()
    page.fill("[name=host]", "")
    page.click("main form button[type=submit]")
    expect(page.locator("[name=host]")).to_have_value("")
