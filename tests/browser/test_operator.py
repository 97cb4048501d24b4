"""A day of an operator: finds a user, freezes trading, reads the difference in the audit log, looks at the account as its owner
sees it, tells many at once."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Opener, Server, hold

READ_ONLY = "nothing can be changed"


def test_finds_freezes_reads_the_audit_looks_and_tells(visit: Opener, server: Server) -> None:
    email = server.demo()["agents"][0]["email"]
    agent = visit("/agent", kind="agent")
    page = visit("/admin/users", kind="admin")

    # A user is found.
    page.locator("input[type=search]").fill(email)
    expect(page.locator("tr[data-row]")).to_have_count(1)
    row = page.locator("tr[data-row]").first
    number = row.get_attribute("data-row") or ""
    row.click()
    expect(page.locator("[data-drawer]")).to_contain_text(email)

    # Trading is frozen, and lifted again.
    page.goto("/admin/stops")
    page.wait_for_selector("#main select")
    form = page.locator("#main section").first
    form.locator("input").fill("asked by the user")
    hold(page, form.get_by_role("button", name=re.compile("Hold to stop")))
    try:
        expect(agent.locator(".stop-bar")).to_contain_text("asked by the user", timeout=15_000)

        # It stands in the audit log with what was and what is.
        page.goto("/admin/audit?search=kill.engage")
        page.locator("tr[data-row]", has_text="kill.engage").first.click()
        changed = page.locator("[data-drawer] table").first
        expect(changed).to_contain_text("trading")
        expect(changed.locator("del").first).to_have_text("open")
        expect(changed.locator("ins").first).to_have_text("no new positions")
    finally:
        page.goto("/admin/stops")
        line = page.locator("#main tbody tr").first
        line.get_by_role("button", name="Lift").click()
        line.locator("input[name=reason]").fill("all is well")
        line.get_by_role("button", name="Lift").click()
    expect(page.locator("#main tbody tr").first).to_contain_text("Lifted")

    # The account as its owner sees it: marked, read-only, and back.
    page.goto(f"/admin/users?open={number}")
    drawer = page.locator("[data-drawer]")
    drawer.locator("input[name=reason]").fill("cannot find the bot")
    drawer.get_by_role("button", name="See as this user").click()
    page.wait_for_url(re.compile("/agent/?$"))
    expect(page.locator(".look-bar")).to_contain_text("read-only", ignore_case=True)
    page.goto("/agent/settings")
    page.locator("#main form button[type=submit]").first.click()
    expect(page.locator(".toast")).to_contain_text(READ_ONLY)
    page.locator(".look-bar").get_by_role("button").click()
    page.wait_for_url(re.compile("/admin/users"))
    page.goto("/admin/audit?search=support")
    expect(page.locator("tr[data-row]", has_text="support.end").first).to_contain_text(f"agent:{number}")

    # A message to the users arrives while they are here.
    page.goto("/admin/broadcast")
    page.wait_for_selector("input[name=title]")
    page.fill("input[name=title]", "Maintenance at 22:00")
    page.fill("textarea[name=message]", "Positions keep their stops.")
    page.get_by_role("button", name="Preview").click()
    count = len(server.demo()["agents"])
    expect(page.locator(".note")).to_contain_text(re.compile(r"\d+ people"))
    assert count >= 1
    hold(page, page.get_by_role("button", name=re.compile("Hold to send")))
    expect(page.locator(".toast")).to_contain_text("Sent to")
    expect(page.locator("tr", has_text="Maintenance at 22:00")).to_have_count(1)
    expect(agent.locator(".badge-n").first).to_be_visible(timeout=15_000)
    agent.locator(".bell").first.click()
    expect(agent.locator(".bell-list")).to_contain_text("Maintenance at 22:00")


def test_menus_and_doors_of_a_role(visit: Opener, server: Server) -> None:
    """An auditor sees no page that is only for acting, and what is tried is refused in words."""
    boss = visit("/admin/admins", kind="admin")
    boss.get_by_role("button", name="New administrator").click()
    for name, value in (("username", "auditor-1"), ("nickname", "Auditor"), ("password", "blue-Kettle-47-walks")):
        boss.fill(f"input[name={name}]", value)
    boss.get_by_role("button", name="Add", exact=True).click()
    expect(boss.locator(".toast")).to_contain_text("auditor-1")
    boss.context.clear_cookies()
    form = {"kind": "admin", "identifier": "auditor-1", "password": "blue-Kettle-47-walks", "next": ""}
    boss.context.request.post("/api/session/login", form=form, headers={"Origin": server.base}, max_redirects=0)
    boss.goto("/admin/incidents")
    boss.wait_for_selector("#main")
    menu = boss.locator("aside.side")
    expect(menu.get_by_role("link", name="Monitor")).to_have_count(1)
    for name in ("Trading desk", "Broadcast", "Administrators"):
        expect(menu.get_by_role("link", name=name)).to_have_count(0)
    boss.get_by_role("button", name="Test alert").click()
    expect(boss.locator(".toast")).to_contain_text("Your role may not do this")
