"""The kill switch in the browser: set by one person, seen live by another, lifted."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Opener, Server, hold


def test_a_merchant_stops_and_its_agent_sees_it_at_once(visit: Opener, server: Server) -> None:
    agent = visit("/agent", kind="agent", width=390)
    page = visit("/tenant/stops", kind="tenant")
    expect(agent.locator(".stop-bar")).to_have_count(0)
    form = page.locator("#main section").first
    expect(form.get_by_role("button", name=re.compile("Hold to stop"))).to_be_disabled()
    form.locator("input").fill("a look at the orders")
    button = form.get_by_role("button", name=re.compile("Hold to stop"))
    hold(page, button)
    try:
        expect(page.locator(".stop-bar")).to_contain_text("a look at the orders")
        expect(page.locator("#main tbody tr").first).to_contain_text("Holds")
        # Nobody reloads the agent's page.
        expect(agent.locator(".stop-bar")).to_contain_text("nothing new is opened", timeout=15_000)
        agent.locator(".stop-bar a").click()
        expect(agent.locator("#main tbody tr").first).to_contain_text("a look at the orders")
        expect(agent.locator("#main tbody tr").first.get_by_role("button", name="Lift")).to_have_count(0)
    finally:
        line = page.locator("#main tbody tr").first
        line.get_by_role("button", name="Lift").click()
        line.locator("input[name=reason]").fill("all is well")
        line.get_by_role("button", name="Lift").click()
    expect(page.locator(".stop-bar")).to_have_count(0)
    expect(page.locator("#main tbody tr").first).to_contain_text("Lifted")
    expect(agent.locator(".stop-bar")).to_have_count(0, timeout=15_000)
