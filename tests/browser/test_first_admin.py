"""A platform without demo data: whoever comes first is led to the set-up page, once."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import serving

PASSWORD = "Kestrel-harbour-1947"
SEE_OTHER = 303


def test_the_first_visitor_becomes_the_admin_and_nobody_after(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, IRONBULL_DEMO="0") as platform:
        context = browser.new_context(base_url=platform.base, locale="en-US")
        page = context.new_page()
        page.goto("/login")
        assert page.url.endswith("/setup")
        _fill(page, "password")
        assert "error=weak_password" in page.url
        expect(page.get_by_text("too easy to guess")).to_be_visible()
        _fill(page, PASSWORD)
        page.wait_for_url("**/admin**")
        expect(page.locator("#main")).to_be_visible()
        context.close()

        stranger = browser.new_context(base_url=platform.base, locale="en-US")
        page = stranger.new_page()
        page.goto("/login")
        assert page.url.endswith("/login")
        form = {"username": "second", "password": PASSWORD, "again": PASSWORD}
        answer = stranger.request.post(
            "/api/session/setup", form=form, headers={"Origin": platform.base}, max_redirects=0
        )
        assert answer.status == SEE_OTHER
        assert "error=setup_done" in answer.headers["location"]
        stranger.close()


def _fill(page: Page, password: str) -> None:
    page.fill("#username", "captain")
    page.fill("#password", password)
    page.fill("#again", password)
    page.click("button[type=submit]")
    page.wait_for_load_state()
