"""An operator adds a colleague, changes the catalogue, stops a subscription and asks for a backtest, in the browser."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Opener, Server

NAME, PASSWORD = "night-shift", "blue-Kettle-47-walks"


def test_a_new_administrator_signs_in_until_disabled(visit: Opener, server: Server) -> None:
    page = visit("/admin/admins", kind="admin")
    page.get_by_role("button", name="New administrator").click()
    page.fill("input[name=username]", NAME)
    page.fill("input[name=nickname]", "Night")
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".toast")).to_contain_text(NAME)
    row = page.locator("tr[data-row]", has_text=NAME)
    expect(row).to_contain_text("Never")
    form = {"kind": "admin", "identifier": NAME, "password": PASSWORD, "next": ""}

    def sign_in() -> str:
        guest = page.context.browser.new_context(base_url=server.base) if page.context.browser else None
        assert guest
        answer = guest.request.post("/api/session/login", form=form, headers={"Origin": server.base}, max_redirects=0)
        guest.close()
        return answer.headers["location"]

    assert "error" not in sign_in()
    row.click()
    drawer = page.locator("[data-drawer]")
    expect(drawer).to_contain_text("1")
    hold = drawer.get_by_role("button", name="Hold to disable")
    hold.hover()
    page.mouse.down()
    expect(page.locator(".toast")).to_contain_text("is disabled")
    page.mouse.up()
    assert "error" in sign_in()


def test_the_catalogue_and_its_subscriptions(visit: Opener) -> None:
    page = visit("/admin/strategies", kind="admin")
    page.locator("tr[data-row]").first.click()
    drawer = page.locator("[data-drawer]")
    drawer.locator("input[name=min_confidence]").fill("61")
    drawer.locator("button[type=submit]").first.click()
    expect(page.locator(".toast")).to_contain_text("saved")
    expect(page.locator("tr[data-row]").first).to_contain_text("61")
    drawer.get_by_role("link", name="Subscriptions").click()
    page.wait_for_url("**/admin/bindings?strategy=*")
    page.wait_for_selector("tr[data-row]")
    page.locator("tr[data-row]").first.click()
    hold = page.locator("[data-drawer]").get_by_role("button", name="Hold to stop")
    hold.hover()
    page.mouse.down()
    expect(page.locator(".toast")).to_contain_text("is stopped")
    page.mouse.up()
    page.locator("[data-drawer]").get_by_role("button", name="Let it run").click()
    expect(page.locator(".toast")).to_contain_text("runs for this account")


def test_a_backtest_is_asked_for_and_its_result_appears(visit: Opener) -> None:
    page = visit("/admin/backtests", kind="admin")
    expect(page.get_by_text("None yet.")).to_be_visible()
    page.fill("input[name=symbols]", "NOSUCHCOIN")
    page.get_by_role("button", name="Run the backtest").click()
    expect(page.locator(".toast")).to_contain_text("The market has no NOSUCHCOIN")
    page.fill("input[name=symbols]", "btc")
    page.fill("input[name=bars]", "300")
    page.get_by_role("button", name="Run the backtest").click()
    # Nobody asks again: it is said when the job has ended.
    expect(page.get_by_role("heading", name="Capital on the way")).to_be_visible(timeout=90_000)
    expect(page.get_by_text("300 candles, 1 symbols")).to_be_visible()
