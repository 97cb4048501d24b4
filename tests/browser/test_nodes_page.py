"""The operator's nodes: a token for a new one, shown once; drain and back; where it speaks from."""

from __future__ import annotations

from tests.browser.conftest import Opener


def test_a_token_is_shown_once_and_a_node_is_drained(visit: Opener) -> None:
    page = visit("/admin/nodes", kind="admin")
    page.wait_for_selector("tbody tr")
    page.click("button:has-text('Add a node')")
    page.fill("input[name=code]", "osaka-1")
    page.click("button:has-text('Make a token')")
    page.wait_for_selector("text=ironbull node join")
    shown = page.inner_text(".made-b")
    assert "osaka-1" in shown
    assert "--public-url" in shown
    page.locator(".made-b > button.btn").click()
    page.wait_for_selector(".made-b", state="detached")
    page.reload()
    page.wait_for_selector("tbody tr:has-text('osaka-1')")
    assert "ironbull node join" not in page.content()
    page.locator("tbody tr", has_text="node-1").first.click()
    drawer = page.locator("[data-drawer]")
    drawer.get_by_text("127.0.0.1", exact=True).wait_for()
    drawer.get_by_role("button", name="Drain", exact=True).click()
    drawer.get_by_text("Draining: closes only").first.wait_for()
    watched = visit("/admin/nodes", kind="admin")
    watched.locator("tbody tr", has_text="node-1").first.click()
    beside = watched.locator("[data-drawer]")
    beside.get_by_text("Draining: closes only").first.wait_for()
    drawer.get_by_role("button", name="Take new orders again").click()
    drawer.get_by_text("Taking orders").first.wait_for()
    # An open drawer follows what happens elsewhere.
    beside.get_by_text("Taking orders").first.wait_for()
