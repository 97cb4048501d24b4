"""The invite tree in a browser: branches open and close, a search opens the way, a person opens beside it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener


@pytest.mark.parametrize("width", [390, 1440])
def test_the_tree_opens_and_finds(visit: Opener, width: int) -> None:
    page = visit("/tenant/tree", width=width, kind="tenant")
    rows = page.locator("[role=treeitem]")
    expect(rows.first).to_have_attribute("aria-level", "1")
    expect(rows.nth(1)).to_have_attribute("aria-level", "2")
    shown = rows.count()
    rows.first.locator("button.tr-open").click()
    expect(rows).to_have_count(1)
    rows.first.locator("button.tr-open").click()
    expect(rows.nth(1)).to_be_visible()
    name = rows.nth(1).locator(".tr-name").inner_text()
    page.fill("#main input[type=search]", name)
    expect(page.locator(".tr-row.hit")).to_have_count(1)
    page.locator(".tr-row.hit .tr-name").click()
    expect(page.locator("[data-drawer] h2")).to_have_text(name)
    assert shown >= 2
