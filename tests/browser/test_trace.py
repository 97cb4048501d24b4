"""The way of a signal, as an operator reads it."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Opener


def test_the_way_of_a_signal_with_its_times(visit: Opener) -> None:
    page = visit("/admin/trace?outcome=filled", kind="admin")
    page.locator("tr[data-row]").first.click()
    drawer = page.locator("[data-drawer]")
    expect(drawer.locator(".story li").nth(1)).to_contain_text(" ms")
    expect(drawer).to_contain_text("bps")
    expect(drawer).to_contain_text("Judged")
    drawer.get_by_role("link", name="All accounts of this signal").click()
    page.wait_for_url("**/admin/trace?signal=SIG*")
    expect(page.locator("tr[data-row]").first).to_contain_text("Filled")
