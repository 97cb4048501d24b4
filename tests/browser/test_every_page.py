"""Every page of the table, once in English on a desk and once in Chinese on a phone: content, words, reach, width, no error."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from pages.routes import ROUTES
from tests.browser.conftest import Opener, Server
from tests.browser.look import barriers, english_left, in_theme, keys_shown, too_wide
from tests.support.faults import FULL

KINDS = ("admin", "tenant", "agent")
PUBLIC = ("/", "/login", "/login/second", "/setup", "/join", "/sent", "/confirm", "/forgot", "/reset", "/terms")
PHONE, NARROW, DESK = 390, 360, 1440


def _filled(page: Page) -> None:
    expect(page.locator("#main")).to_be_visible()
    page.wait_for_selector("#main :is(table, .stats, .sentence, form, dl, details, h2)", state="attached")
    expect(page.locator("#main .tbl .sk")).to_have_count(0)


def _checked(page: Page, path: str, chinese: bool) -> list[str]:
    """Everything that is wrong with a page, in words."""
    wrong = [f"key: {text}" for text in keys_shown(page)]
    width = PHONE if chinese else DESK
    wrong += [f"{over} px wider than {size}" for size in (NARROW, width) if (over := too_wide(page, size))]
    # What is in the way is the same in both languages: the second look, and the one in the light, are for `make faults`.
    if FULL or not chinese:
        wrong += [f"dark: {line}" for line in barriers(page)]
    if chinese:
        wrong += [f"English: {text}" for text in english_left(page)]
    elif FULL:
        with in_theme(page, "light"):
            wrong += [f"light: {line}" for line in barriers(page, "color-contrast")]
    return [f"{path} {line}" for line in wrong]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lang", ["en-US", "zh-CN"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_page_is_whole(visit: Opener, kind: str, lang: str) -> None:
    chinese = lang == "zh-CN"
    routes = [route for route in ROUTES if route.kind == kind and "[" not in route.path]
    page = visit(routes[0].path, width=PHONE if chinese else DESK, height=844, kind=kind, lang=lang)
    wrong: list[str] = []
    for route in routes:
        if route is not routes[0]:
            page.goto(route.path)
        _filled(page)
        expect(page.locator("html")).to_have_attribute("lang", "zh-Hans" if chinese else "en")
        wrong += _checked(page, route.path, chinese)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("lang", ["en-US", "zh-CN"])
def test_every_public_page_is_whole(visit: Opener, lang: str) -> None:
    page = visit("about:blank", lang=lang)
    wrong: list[str] = []
    for path in PUBLIC:
        page.goto(path)
        wrong += _checked(page, path, lang == "zh-CN")
    assert not wrong, "\n".join(wrong)


def test_filters_narrow_the_list_and_stand_in_the_export(visit: Opener, server: Server) -> None:
    page = visit("/admin/orders", kind="admin")
    page.wait_for_selector("tr[data-row]", timeout=60_000)
    page.select_option("select[aria-label='Leg']", "stop")
    expect(page.locator("a[download]").first).to_have_attribute("href", "/api/lists/orders.csv?leg=stop")
    expect(page.locator("tr[data-row] td:nth-child(4)").first).to_have_text("Stop")
    page.locator("tr[data-row]").first.click()
    expect(page.locator("[data-drawer] .story li").first).to_be_visible()
    with page.expect_download() as file:
        page.locator(".foot a[download]").first.click()
    lines = file.value.path().read_text().splitlines()
    assert len(lines) > 1
    assert all(",stop," in line for line in lines[1:])


def test_a_recharge_reaches_the_journal(visit: Opener) -> None:
    page = visit("/tenant/users", kind="tenant")
    page.wait_for_selector("tr[data-row]", timeout=60_000)
    page.locator("tr[data-row]").first.click()
    page.fill("[data-drawer] input[name=amount]", "12.5")
    page.click("[data-drawer] button[type=submit]")
    expect(page.locator(".toast")).to_contain_text("12.5")
    page.goto("/tenant/cards")
    expect(page.locator("#main .tbl")).to_contain_text("+12.5000")


def test_the_admin_pages_refuse_a_merchant(visit: Opener, server: Server) -> None:
    page = visit("/tenant", kind="tenant")
    page.goto("/admin/ledger")
    page.wait_for_url("**/tenant**")
    assert page.request.get(server.base + "/api/lists/transactions.csv").status == 403
    assert page.request.get(server.base + "/api/lists/orders.csv?tenant=999999").text().count("\n") <= 1
