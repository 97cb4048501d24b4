"""Every page of the table opens for its kind, on a phone and on a desk: guarded content, no sideways scroll, no console error."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from pages.routes import ROUTES
from tests.browser.conftest import Opener, Server

KINDS = ("admin", "tenant", "agent")



@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("kind", KINDS)
def test_every_page_opens(visit: Opener, kind: str, width: int) -> None:
    routes = [route for route in ROUTES if route.kind == kind and "[" not in route.path]
    page = visit(routes[0].path, width=width, height=844, kind=kind)
    for route in routes:
        if route is not routes[0]:
            page.goto(route.path)
        expect(page.locator("#main")).to_be_visible()
        page.wait_for_selector("#main :is(table, .stats, .sentence, form, dl, details, h2)", state="attached")
        expect(page.locator("#main .tbl .sk")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, route.path
        assert "." not in page.inner_text("h1"), f"{route.path} shows a key instead of words"


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
