"""A person's own account in the browser: two-factor on and asked for, devices ended, a token made and revoked."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Opener, Server
from tests.browser.test_onboarding import STRONG, sign_up
from tests.support.codes import step_before

ADDRESS = "careful@new.example"
ANOTHER = "violet gravel tempo anchor"


def test_two_factor_devices_tokens_and_a_new_password(visit: Opener, server: Server) -> None:
    page = visit("about:blank")
    sign_up(page, server, ADDRESS)
    page.goto("/agent/settings")
    page.click("[data-factor]")
    secret = page.locator("[data-secret]").inner_text()
    expect(page.locator(".qr")).to_be_visible()
    # The step before, so that the present code is still free for the sign-in below.
    page.fill("[name=code]", step_before(secret))
    page.locator("form:has([name=code]) button[type=submit]").first.click()
    expect(page.locator("[data-codes] li")).to_have_count(10)
    recovery = page.locator("[data-codes] li").first.inner_text()
    page.reload()
    page.wait_for_selector("[data-device]")
    assert page.locator("[data-codes]").count() == 0, "recovery codes are shown once"

    other = visit("/login")
    other.fill("[name=identifier]", ADDRESS)
    other.fill("[name=password]", STRONG)
    other.click("button[type=submit].pri")
    other.wait_for_url("**/login/second**")
    other.fill("[name=code]", "000000")
    other.click("form button[type=submit]")
    expect(other.locator("[data-error=wrong_code]")).to_be_visible()
    other.fill("[name=code]", recovery)
    other.click("form button[type=submit]")
    other.wait_for_url(re.compile(r"/agent/?$"))

    page.reload()
    expect(page.locator("[data-device]")).to_have_count(2)
    page.fill("[name=label]", "sheet")
    page.locator("form:has([name=label]) button[type=submit]").click()
    token = page.locator("[data-fresh]").inner_text()
    bearer = {"Authorization": f"Bearer {token}"}
    plain = page.context.browser.new_context(base_url=server.base)
    assert plain.request.get("/api/auth/me", headers=bearer, max_retries=3).status == 200
    page.fill("[name=old]", STRONG)
    page.fill("[name=new]", ANOTHER)
    page.fill("[name=again]", ANOTHER)
    page.locator("form:has([name=old]) button[type=submit]").click()
    expect(page.locator("[data-device]")).to_have_count(1)
    expect(page.locator("[data-token]")).to_have_count(0)
    assert plain.request.get("/api/auth/me", headers=bearer, max_retries=3).status == 401
    plain.close()
    # The device that was ended is sent away without being touched, and stays out.
    other.wait_for_url("**/login?error=signed_out**")
    other.goto("/agent/bot")
    other.wait_for_url("**/login?**next=%2Fagent%2Fbot**")


def test_language_and_colours_follow_a_merchant_to_every_browser(visit: Opener) -> None:
    def choose(language: str, colours: str) -> None:
        page = visit("/tenant/security", kind="tenant", index=1)
        page.select_option("[name=locale]", language)
        page.select_option("[name=colours]", colours)
        page.locator("form:has([name=locale]) button[type=submit]").click()
        expect(page.locator(".toast")).to_be_visible()

    choose("zh", "cn")
    try:
        elsewhere = visit("/tenant", kind="tenant", index=1)
        expect(elsewhere.locator("html")).to_have_attribute("lang", "zh-Hans")
        expect(elsewhere.locator("html")).to_have_attribute("data-money", "cn")
        somebody_else = visit("/tenant", kind="tenant", index=0)
        expect(somebody_else.locator("html")).to_have_attribute("lang", "en")
    finally:
        choose("en", "std")
