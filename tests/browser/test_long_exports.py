"""A long list is written in the background and downloaded, on a real server."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect
from sqlalchemy import insert
from sqlmodel import Session

from backend.clock import utcnow
from backend.db import Database
from backend.exports.service import DIRECT_ROWS
from backend.models import AuditLog
from tests.browser.conftest import Opener, Server


def _many(server: Server, count: int) -> None:
    db, now = Database(f"sqlite:///{server.home / 'ironbull.db'}"), utcnow()

    def work(session: Session) -> None:
        line = {"at": now, "actor_kind": "system", "target": "x", "ok": True, "ip": "", "detail": {}}
        session.connection().execute(insert(AuditLog.__table__), [line | {"action": f"bulk.{n}"} for n in range(count)])

    try:
        db.run(work)
    finally:
        db.dispose()


def test_a_long_list_waits_under_exports(visit: Opener, server: Server, tmp_path: Path) -> None:
    count = DIRECT_ROWS + 7
    _many(server, count)
    page = visit("/admin/audit?search=bulk.", kind="admin")
    expect(page.locator(".foot")).to_contain_text(str(count))
    page.locator(".foot").get_by_role("button", name="CSV").click()
    expect(page.locator(".toast")).to_contain_text("Exports")
    page.goto("/admin/exports")
    line = page.locator("#main tbody tr").first
    expect(line).to_contain_text("Audit log")
    # The page follows by itself: nobody reloads it.
    expect(line).to_contain_text("Ready", timeout=60_000)
    with page.expect_download() as found:
        line.get_by_text("Download").click()
    saved = tmp_path / "audit.csv"
    found.value.save_as(saved)
    text = saved.read_text(encoding="utf-8-sig").splitlines()
    assert len(text) == count + 1
    assert f"bulk.{count - 1}" in text[1]
    line.get_by_role("button", name="Delete").click()
    expect(page.locator("#main")).to_contain_text("No exports")
    short = visit("/admin/audit?search=bulk.10", kind="admin", width=390)
    expect(short.locator(".foot").get_by_role("link", name="CSV")).to_have_count(1)
