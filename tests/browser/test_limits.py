"""Limits in the browser: the platform's stand beside one's own, and the stricter one is in force."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener


@pytest.mark.parametrize("width", [390, 1440])
def test_an_agent_sets_a_stricter_limit(visit: Opener, width: int) -> None:
    page = visit("/agent/limits", kind="agent", width=width)
    held = page.locator("#main dl.kv").first
    expect(held).to_contain_text("platform")
    expect(held).to_contain_text("Smallest free balance")
    page.fill("input[name=max_leverage]", "3000")
    page.click("#main form button[type=submit]")
    expect(page.locator(".toast")).to_contain_text("max_leverage")
    page.fill("input[name=max_leverage]", "9")
    page.click("#main form button[type=submit]")
    try:
        expect(held).to_contain_text("Leverage")
        expect(held).to_contain_text("trader")
    finally:
        page.fill("input[name=max_leverage]", "")
        page.click("#main form button[type=submit]")
        expect(held).not_to_contain_text("trader")


def test_the_platform_and_a_tenant(visit: Opener) -> None:
    page = visit("/admin/limits", kind="admin")
    expect(page.locator("input[name=min_balance_usdt]")).to_have_value("100")
    page.locator("#main select").select_option(index=1)
    expect(page.locator("input[name=min_balance_usdt]")).to_have_value("")
    expect(page.locator("#main dl.kv").first).to_contain_text("platform")
