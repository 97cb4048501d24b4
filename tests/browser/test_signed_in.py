"""The frame and the agent's pages: live, by keyboard, in two languages, on a phone; nothing leaks."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener, Server

AGENT_PAGES = ("/agent", "/agent/positions", "/agent/bot")


@pytest.mark.parametrize("width", [820])  # phones and desks are walked by test_every_page
@pytest.mark.parametrize(
    ("kind", "path"), [*(("agent", path) for path in AGENT_PAGES), ("tenant", "/tenant"), ("admin", "/admin")]
)
def test_nothing_scrolls_sideways(visit: Opener, kind: str, path: str, width: int) -> None:
    page = visit(path, width=width, height=844, kind=kind)
    expect(page.locator("[data-live]")).to_contain_text("s", timeout=20_000)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_page_without_a_session_shows_nothing_and_asks_to_sign_in(visit: Opener) -> None:
    page = visit("about:blank")
    sockets: list[str] = []
    page.on("websocket", lambda ws: sockets.append(ws.url))
    page.goto("/agent")
    page.wait_for_url("**/login?kind=agent&next=**")
    assert not sockets


def test_the_wrong_kind_is_sent_home(visit: Opener) -> None:
    page = visit("/agent", kind="agent")
    page.goto("/admin")
    page.wait_for_url("**/agent**")


def test_the_clock_is_live_and_the_countdown_counts(visit: Opener) -> None:
    page = visit("/agent", kind="agent")
    age = page.locator("[data-live]")
    expect(age).to_contain_text("live", timeout=20_000)
    seen = {age.inner_text() for _ in range(8) if page.wait_for_timeout(250) is None}
    assert len(seen) > 1


def test_theme_and_language_change_without_a_reload(visit: Opener) -> None:
    page = visit("/agent", kind="agent")
    page.evaluate("window.sameDocument = true")
    page.click(".me summary")
    page.click("text=Light")
    expect(page.locator("html")).to_have_class("light")
    page.click("text=中文")
    expect(page.locator("h1")).to_have_text("总览")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    assert page.evaluate("window.sameDocument") is True
    page.reload()
    expect(page.locator("h1")).to_have_text("总览")
    expect(page.locator("html")).to_have_class("light")


def test_palette_and_sequences(visit: Opener) -> None:
    page = visit("/agent", kind="agent")
    page.keyboard.press("Control+k")
    page.wait_for_selector("dialog.palette[open]")
    page.keyboard.type("bot")
    page.keyboard.press("Enter")
    page.wait_for_url("**/agent/bot")
    page.wait_for_selector("h1:has-text('Bot')")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url("**/agent/positions")


def _rows(page: Page) -> None:
    page.wait_for_selector("tr[data-row]", timeout=60_000)


def test_the_panel_says_why_by_keyboard(visit: Opener) -> None:
    page = visit("/agent/bot", kind="agent")
    _rows(page)
    row = page.locator("tr[data-row]").first
    row.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    drawer = page.locator("[data-drawer]")
    expect(drawer).to_be_visible()
    expect(drawer.locator(".gate")).to_have_count(10)
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    assert page.evaluate("document.activeElement.dataset.row !== undefined")


def test_sorting_and_filtering_happen_on_the_server(visit: Opener) -> None:
    page = visit("/agent/bot", kind="agent")
    _rows(page)
    page.click("th button:has-text('Symbol')")
    expect(page.locator("th[aria-sort='descending']")).to_have_count(1)
    page.click("th button:has-text('Symbol')")
    expect(page.locator("th[aria-sort='ascending']")).to_have_count(1)
    first = page.locator("tr[data-row]").first.get_attribute("data-row") or ""
    page.fill("[data-search]", first.split("/")[0])
    expect(page.locator("tr[data-row]")).not_to_have_count(25)
    expect(page.locator("tr[data-row]").first).to_have_attribute("data-row", first)


def test_a_phone_has_tabs_and_cards(visit: Opener) -> None:
    page = visit("/agent/bot", kind="agent", width=390, height=844)
    _rows(page)
    expect(page.locator(".tabs")).to_be_visible()
    expect(page.locator(".side")).to_be_hidden()
    expect(page.locator("thead")).to_be_hidden()
    page.locator("tr[data-row]").first.click()
    sheet = page.locator("[data-drawer]")
    expect(sheet).to_be_visible()
    page.wait_for_timeout(400)
    box = sheet.bounding_box()
    assert box and box["y"] == 72 and box["width"] == 390


def test_stopping_asks_for_the_word_and_starting_is_one_click(visit: Opener) -> None:
    page = visit("/agent/bot", kind="agent", index=3)
    page.wait_for_selector("button:has-text('Stop bot')")
    page.click("button:has-text('Stop bot')")
    dialog = page.locator("dialog.dialog[open]")
    expect(dialog).to_contain_text("stay on the exchange")
    go = dialog.locator("button.hold")
    expect(go).to_be_disabled()
    page.keyboard.type("stop")
    expect(go).to_be_enabled()
    go.click()
    expect(page.locator(".sentence")).to_contain_text("Stopped.")
    expect(page.locator(".toast")).to_contain_text("Entries paused")
    page.click("button:has-text('Start bot')")
    expect(page.locator(".sentence")).to_contain_text("Running.")


def test_after_signing_out_nothing_of_the_first_person_reaches_the_second(visit: Opener, server: Server) -> None:
    page = visit("/agent", kind="agent", index=0)
    name = page.locator(".me .b").inner_text()
    frames: list[str] = []
    page.click(".me summary")
    page.on("websocket", lambda ws: ws.on("framereceived", lambda payload: frames.append(str(payload))))
    page.click("text=Sign out")
    page.wait_for_url("**/login**")
    form = {"kind": "agent", "index": "1", "next": ""}
    page.context.request.post("/api/session/demo", form=form, headers={"Origin": server.base})
    page.goto("/agent")
    page.wait_for_selector("#main")
    expect(page.locator(".me .b")).not_to_have_text(name)
    assert frames
    assert not [frame for frame in frames if f'"{name}"' in frame]


def test_a_revoked_session_ends_the_open_page(visit: Opener, server: Server) -> None:
    page = visit("/agent", kind="agent", index=2)
    expect(page.locator("[data-live]")).to_contain_text("live", timeout=20_000)
    page.context.request.post("/api/session/logout", headers={"Origin": server.base})
    page.wait_for_url("**/login**", timeout=15_000)
