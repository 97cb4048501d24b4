"""Bot settings: each change shows its effect before it is kept; what is wrong is said; what is saved stands."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Opener


def test_a_preview_before_anything_is_kept(visit: Opener) -> None:
    page = visit("/agent/bot", kind="agent", index=7)
    page.wait_for_selector("tr[data-row]", timeout=60_000)
    page.locator("tr[data-row]").first.click()
    expect(page.locator("[data-drawer]")).to_contain_text("This symbol in earlier scans")
    page.keyboard.press("Escape")
    page.click(".sentence a[href='/agent/bot/settings']")
    page.wait_for_url("**/agent/bot/settings**")
    opened, kept = page.locator("[data-opened]"), page.locator("[name=min_score]")
    expect(kept).to_have_value("45")
    for name, value in (("min_score", "0"), ("long_min_score", "0"), ("long_skip_from_score", ""), ("max_opened_per_scan", "50")):
        page.fill(f"[name={name}]", value)
    worst = page.locator("#main .note").inner_text()
    page.fill("[name=stop_loss_roi]", "50")
    expect(page.locator("#main .note")).not_to_have_text(worst)
    page.fill("[name=min_score]", "100")
    page.fill("[name=long_min_score]", "100")
    page.fill("[name=long_skip_from_score]", "1")
    expect(opened).to_have_text("0")
    page.fill("[name=min_score]", "300")
    expect(page.locator("#main .note")).to_contain_text("min_score must be a whole number from 0 to 100")
    page.reload()
    expect(kept).to_have_value("45")
    page.fill("[name=min_score]", "47")
    page.fill("[name=skip_list]", "doge/usdt, PEPE/USDT")
    page.click("#settings button[type=submit]")
    expect(page.locator(".toast")).to_contain_text("Saved as version")
    page.reload()
    expect(kept).to_have_value("47")
    expect(page.locator("[name=skip_list]")).to_have_value("DOGE/USDT, PEPE/USDT")
