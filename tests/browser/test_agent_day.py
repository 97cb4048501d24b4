"""An agent's day: the tour, what a figure means, a position whose stop is moved, a part of it closed and then the rest by hand, and
the message about it, which comes by itself and leads to its trade. At a desk, on a phone by touch, in Chinese by keys alone."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlmodel import col, func, select

from backend.db import Database
from backend.models import AuditLog, Order, Position
from tests.browser.conftest import Opener, Server
from tests.support.faults import FULL

LONG_MS = 60_000
STILL_S = 6.0


@contextmanager
def calm(server: Server) -> Iterator[None]:
    """Hours of the market pass as slowly as on a real one: nothing is stopped out while a person reads."""
    secrets = dict(line.split("=", 1) for line in (server.home / "secrets.env").read_text().splitlines() if "=" in line)
    token = secrets["IRONBULL_PAPER_TOKEN"].strip("'\"")

    def speed(value: float) -> None:
        request = urllib.request.Request(
            f"{server.base}/paper-exchange/paper/clock", json.dumps({"speed": value}).encode(),
            {"Content-Type": "application/json", "X-Paper-Token": token}, method="POST",
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    speed(1)
    try:
        _wait_until_still(server)
        yield
    finally:
        speed(360)


def _wait_until_still(server: Server) -> None:
    """What the quick market had set off is done: for a while no position opens or closes and no order is on its way."""
    db = Database(f"sqlite:///{server.home / 'ironbull.db'}")
    seen: object = None
    since = begun = time.monotonic()
    while time.monotonic() - since < STILL_S and time.monotonic() - begun < LONG_MS / 1000:
        with db.reading() as session:
            held = session.exec(select(Position.id, Position.quantity, Position.stop_status).where(Position.status == "OPEN")).all()
            sent = session.exec(select(func.count()).where(col(Order.status).in_(("PENDING", "SENT", "UNKNOWN")))).one()
        if sent or held != seen:
            seen, since = held, time.monotonic()
        time.sleep(0.5)
    db.dispose()


def _rows(page: Page) -> Locator:
    rows = page.locator("tr[data-row]")
    expect(rows.first).to_be_visible(timeout=LONG_MS)
    return rows


def _fact(page: Page, name: str) -> Locator:
    return page.locator(".facts > div", has_text=name).locator("dd").first


CLOSING = re.compile("The close is written|平仓指令已写入")


def _hold(page: Page, touch: bool = False) -> None:
    button = page.locator("button.hold:visible").last
    button.scroll_into_view_if_needed()
    button.focus()
    if touch:
        box = button.bounding_box()
        assert box
        session = page.context.new_cdp_session(page)
        at = [{"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}]
        session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": at})
        expect(page.locator(".toast")).to_contain_text(CLOSING)
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    else:
        page.keyboard.down("Enter")
        expect(page.locator(".toast")).to_contain_text(CLOSING)
        page.keyboard.up("Enter")


def _unread(page: Page) -> int:
    found = re.search(r"\d+", page.locator(".top summary", has=page.locator(".bell")).get_attribute("aria-label") or "")
    return int(found[0]) if found else 0


def _move_stop(page: Page) -> str:
    """One per cent away from the price: always on its right side."""
    box = page.locator("[name=stop]")
    side = page.locator("[data-drawer] .side-tag").first.inner_text()
    before = Decimal(box.input_value())
    wanted = before * (Decimal("0.99") if side in ("LONG", "做多") else Decimal("1.01"))
    text = f"{wanted.quantize(Decimal(1).scaleb(before.as_tuple().exponent)):f}"
    box.fill(text)
    return text


def _leads_to(page: Page, messages: str, said: str, position: str, words: str) -> None:
    """The message leads to the trade, which says how it was closed; unfolds it from under a newer one of its kind."""
    link = page.locator(f"{messages} a[href$='/agent/positions/{position}']", has_text=said).first
    expect(link).to_be_attached(timeout=LONG_MS)
    if not link.is_visible():
        page.locator(f"{messages} details", has=page.locator(f"a[href$='/agent/positions/{position}']")).first.locator("summary").focus()
        page.keyboard.press("Enter")
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/agent/positions/{position}")
    expect(page.locator(".one")).to_contain_text(words)


def _by_hand(server: Server) -> set[str]:
    db = Database(f"sqlite:///{server.home / 'ironbull.db'}")
    with db.reading() as session:
        found = set(session.exec(select(AuditLog.action).where(col(AuditLog.action).startswith("position."))).all())
    db.dispose()
    return found


def test_a_day_at_the_desk(visit: Opener, server: Server) -> None:
    page = visit("/agent?tour=1", kind="agent", index=4)
    tour = page.get_by_role("dialog", name="A short tour")
    expect(tour).to_contain_text("1 of")
    tour.get_by_role("button", name="Next").click()
    expect(tour).to_contain_text("2 of")
    page.keyboard.press("ArrowRight")
    expect(tour).to_contain_text("3 of")
    page.keyboard.press("Escape")
    expect(tour).to_have_count(0)
    page.goto("/agent")
    expect(page.locator("#main .stats").first).to_be_visible()
    expect(tour).to_have_count(0)

    page.get_by_role("button", name="What “Open risk” means").click()
    expect(page.locator(".explain-p:popover-open")).to_contain_text("if every open position is closed at its stop")
    page.keyboard.press("Escape")
    expect(page.locator(".explain-p:popover-open")).to_have_count(0)

    page.goto("/agent/positions")
    _rows(page)
    with calm(server):
        page.reload()
        # The newest is the farthest from its end.
        row = _rows(page).first
        position = row.get_attribute("data-row") or ""
        row.click()
        drawer = page.locator("[data-drawer]")
        expect(drawer.locator("canvas").first).to_be_visible()
        stop = _move_stop(page)
        drawer.get_by_role("button", name="Move", exact=False).first.click()
        expect(page.locator(".toast")).to_contain_text("moved", ignore_case=True)
        expect(drawer.locator("[name=stop]")).to_have_value(re.compile(stop.rstrip("0").replace(".", r"\.")))
        # The target's field shows fewer digits than the target has; that is no wish to move it.
        assert len(drawer.locator("[name=target]").input_value().replace(".", "")) <= 9
        assert _by_hand(server) == {"position.stop"}

        quantity = _fact(page, "Quantity").inner_text()
        expect(page.locator(".toast")).to_have_count(0)
        drawer.get_by_role("button", name="50 %", exact=True).click()
        _hold(page)
        expect(_fact(page, "Quantity")).not_to_have_text(quantity, timeout=LONG_MS)

        unread = _unread(page)
        symbol = drawer.locator("h2").inner_text().split("/")[0].strip()
        drawer.get_by_role("button", name="100 %", exact=True).click()
        # the toast of the first close must be gone, else it would be taken for the second one's
        expect(page.locator(".toast")).to_have_count(0)
        _hold(page)
        # Nobody reloads: the count grows by itself, and its newest line leads to the trade.
        expect(page.locator(".top .badge-n")).to_be_visible(timeout=LONG_MS)
        page.wait_for_function("(before) => { const n = document.querySelector('.top .bell')?.closest('summary')?.getAttribute('aria-label')?.match(/\\d+/); return n && +n[0] > before }", arg=unread, timeout=LONG_MS)
        page.locator(".top summary", has=page.locator(".bell")).click()
        _leads_to(page, ".bell-list", f"Closed {symbol}/USDT", position, "Closed by hand")
    expect(page.locator(".one h2").first).to_contain_text(symbol)


@pytest.mark.skipif(not FULL, reason="the same day a third time, by touch; IRONBULL_FAULTS=full walks it (make faults)")
def test_a_day_on_a_phone_by_touch(visit: Opener, server: Server) -> None:
    page = visit("/agent?tour=1", kind="agent", index=5, width=390, height=844, touch=True)
    tour = page.get_by_role("dialog", name="A short tour")
    tour.get_by_role("button", name="Next").tap()
    expect(tour).to_contain_text("2 of")
    tour.get_by_role("button", name="Skip").tap()
    expect(tour).to_have_count(0)
    page.get_by_role("button", name="What “Open risk” means").tap()
    expect(page.locator(".explain-p:popover-open")).to_be_visible()
    page.locator("h1").tap()
    page.locator(".tabs a[href$='/agent/bot']").tap()
    _rows(page).first.tap()
    expect(page.locator("[data-drawer] .gate")).to_have_count(10)
    page.locator("[data-drawer]").get_by_role("button", name="Close", exact=True).tap()
    page.locator(".tabs a[href$='/agent/positions']").tap()
    page.wait_for_url("**/agent/positions**")
    _rows(page)
    with calm(server):
        page.reload()
        row = _rows(page).first
        position = row.get_attribute("data-row") or ""
        row.tap()
        stop = _move_stop(page)
        page.locator("[data-drawer]").get_by_role("button", name="Move", exact=False).first.tap()
        expect(page.locator(".toast")).to_contain_text("moved", ignore_case=True)
        expect(page.locator("[name=stop]")).to_have_value(re.compile(stop.rstrip("0").replace(".", r"\.")))
        expect(page.locator(".toast")).to_have_count(0)
        page.get_by_role("button", name="100 %", exact=True).tap()
        _hold(page, touch=True)
        expect(page.locator("[name=stop]")).to_have_count(0, timeout=LONG_MS)
    page.locator("[data-drawer]").get_by_role("button", name="Close", exact=True).tap()
    page.locator(".tabs a[href$='/agent/notifications']").tap()
    page.wait_for_url("**/agent/notifications**")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    _leads_to(page, "#main", "Closed ", position, "Closed by hand")


def _tab_to(page: Page, target: Locator) -> None:
    """By the Tab key alone, as far as it takes."""
    handle = target.element_handle()
    for _ in range(150):
        if page.evaluate("(node) => document.activeElement === node", handle):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the Tab key does not reach it")


def test_a_day_in_chinese_by_keys_alone(visit: Opener, server: Server) -> None:
    page = visit("/agent?tour=1", kind="agent", index=6, lang="zh-CN")
    tour = page.get_by_role("dialog", name="快速导览")
    expect(tour).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(tour).to_contain_text("2 /")
    page.keyboard.press("Escape")
    expect(tour).to_have_count(0)
    for key, path, title in (("b", "/agent/bot", "机器人"), ("y", "/agent/analytics", "分析"), ("p", "/agent/positions", "持仓")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"**{path}**")
        expect(page.locator("h1")).to_have_text(title)
    _rows(page)
    with calm(server):
        page.reload()
        row = _rows(page).first
        position = row.get_attribute("data-row") or ""
        _tab_to(page, row)
        page.keyboard.press("Enter")
        drawer = page.locator("[data-drawer]")
        expect(drawer).to_be_visible()
        box = drawer.locator("[name=stop]")
        side, before = drawer.locator(".side-tag").first.inner_text(), Decimal(box.input_value())
        wanted = before * (Decimal("0.99") if side == "做多" else Decimal("1.01"))
        text = f"{wanted.quantize(Decimal(1).scaleb(before.as_tuple().exponent)):f}"
        _tab_to(page, box)
        page.keyboard.press("Control+a")
        page.keyboard.type(text)
        page.keyboard.press("Enter")
        expect(box).to_have_value(re.compile(text.rstrip("0").replace(".", r"\.")))
        _tab_to(page, drawer.locator("button.hold"))
        page.keyboard.down("Enter")
        expect(page.locator(".toast")).to_contain_text(CLOSING)
        page.keyboard.up("Enter")
        expect(drawer.locator("[name=stop]")).to_have_count(0, timeout=LONG_MS)
        page.keyboard.press("Escape")
        expect(drawer).to_have_count(0)
        page.keyboard.press("g")
        page.keyboard.press("n")
        page.wait_for_url("**/agent/notifications**")
        _leads_to(page, "#main", "已平仓", position, "手动平仓")
