"""A merchant's own front door, as its settings page made it, on a real server."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select

from backend.db import Database
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
