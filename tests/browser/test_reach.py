"""Channels outside of the app, the notice without a connection, and what a phone needs to keep the app on its home screen."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from tests.browser.conftest import Opener, Server

SETTINGS = "/agent/notifications/settings"


def test_a_channel_is_added_tried_changed_and_removed(visit: Opener) -> None:
    page = visit("/agent/notifications", kind="agent")
    page.click(f"a[href='{SETTINGS}']")
    page.wait_for_url(f"**{SETTINGS}**")
    page.click("button:has-text('New channel')")
    page.click("button:has-text('Webhook')")
    page.fill("[name=url]", "https://127.0.0.1/notes")
    page.click("button:has-text('Add channel')")
    expect(page.locator(".toast")).to_contain_text("public")
    expect(page.locator("[data-channel]")).to_have_count(0)

    page.click("button:has-text('E-mail')")
    for kind in ("trade_open", "trade_close", "risk_alert", "billing"):
        page.uncheck(f"[name={kind}]")
    page.fill("[name=from]", "22:00")
    page.fill("[name=to]", "07:30")
    page.click("button:has-text('Add channel')")
    channel = page.locator("[data-channel=email]")
    expect(channel).to_contain_text("1 kind of message · quiet 22:00–07:30 UTC")

    channel.get_by_role("button", name="Send a test").click()
    expect(page.locator("[data-sent]")).to_have_count(1)
    # The demo platform has no mail server: the outbox takes it, at once or in the sender's next round.
    expect(page.locator("[data-sent]")).to_contain_text("Sent")

    channel.get_by_role("button", name="Edit").click()
    expect(page.locator("[name=from]")).to_have_value("22:00")
    page.select_option("[name=digest]", "60")
    page.click("main form button[type=submit]")
    expect(channel).to_contain_text("gathered for 60 min")
    page.reload()
    expect(channel).to_contain_text("quiet 22:00–07:30 UTC · gathered for 60 min")
    channel.locator("text=More").click()
    hold = channel.get_by_role("button", name="Hold to remove")
    hold.hover()
    page.mouse.down()
    expect(page.locator("[data-channel]")).to_have_count(0)
    page.mouse.up()
    expect(page.locator("[data-sent]")).to_have_count(0)


def test_without_a_connection_there_is_a_notice_and_no_old_figures(visit: Opener) -> None:
    page = visit("/agent", kind="agent", quiet=True)
    page.evaluate("navigator.serviceWorker.ready.then(() => 1)")
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    page.context.set_offline(True)
    page.goto("/agent/positions")
    expect(page.locator("h1")).to_have_text(["No connection", "无法连接"])
    kept = page.evaluate("caches.keys().then((n) => Promise.all(n.map((k) => caches.open(k).then((c) => c.keys()))))")
    assert len(kept) == 1 and len(kept[0]) == 1, "nothing but the notice is kept"
    page.context.set_offline(False)
    page.click("a")
    expect(page.locator("#main")).to_be_visible()


def test_a_phone_finds_the_manifest_and_its_icons(visit: Opener, server: Server) -> None:
    for path, kind in (("/", ""), ("/zh/login", ""), ("/agent", "agent")):
        page = visit(path, kind=kind)
        assert page.locator("link[rel=manifest]").get_attribute("href") == "/manifest.webmanifest"
        assert page.locator("meta[name=theme-color]").count() == 2
    answer = page.request.get(server.base + "/manifest.webmanifest")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    manifest = json.loads(answer.text())
    for icon in manifest["icons"]:
        found = page.request.get(server.base + icon["src"])
        assert found.status == 200
        assert found.headers["content-type"].startswith(icon["type"])
