"""The visitor's journey: from the landing page to a running bot on paper, and a dangerous key that is refused."""

from __future__ import annotations

import email
import json
import re
import time
import urllib.request
from email import policy

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener, Server

STRONG = "umbrella ferry quartz lantern"
MINUTES_S = 180.0


def link_for(server: Server, address: str) -> str:
    """The confirmation link in the newest mail to an address."""
    for path in sorted((server.home / "mail").glob("*.eml"), reverse=True):
        message = email.message_from_bytes(path.read_bytes(), policy=policy.default)
        if message["To"] == address:
            found = re.search(r"https?://[^/\s]+(/\S*token=\S+)", message.get_content())
            assert found is not None
            return found[1]
    raise AssertionError("no mail was written")


def key_of(server: Server, name: str, **permissions: bool) -> tuple[str, str]:
    """A key of the simulated exchange that may do what it should not."""
    secrets = dict(line.split("=", 1) for line in (server.home / "secrets.env").read_text().splitlines())
    request = urllib.request.Request(
        server.base + "/paper-exchange/paper/accounts",
        json.dumps({"name": name, "balance_usdt": "2000", "permissions": permissions}).encode(),
        {"X-Paper-Token": secrets["IRONBULL_PAPER_TOKEN"], "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        made = json.load(answer)
    return made["api_key"], made["api_secret"]


def press(page: Page, selector: str) -> None:
    """A click, or a tap where there is a finger."""
    target = page.locator(selector).first
    if page.evaluate("navigator.maxTouchPoints > 0"):
        target.tap()
    else:
        target.click()


def sign_up(page: Page, server: Server, address: str) -> None:
    """From the sign-in page's link to the first step of the wizard."""
    page.goto("/login")
    press(page, "a[href$='/join']")
    page.fill("[name=email]", address)
    page.fill("[name=password]", STRONG)
    page.fill("[name=again]", STRONG)
    page.check("[name=terms]")
    press(page, "form[action='/api/session/join'] button[type=submit]")
    page.wait_for_url("**/sent**")
    expect(page.locator("[data-note=outbox]")).to_be_visible()
    page.goto(link_for(server, address))
    press(page, "form button[type=submit]")
    page.wait_for_url("**/agent/start**")
    page.wait_for_selector("[data-step=exchange]")


@pytest.mark.parametrize("width", [1440, 390])
def test_from_visitor_to_a_running_bot(visit: Opener, server: Server, width: int) -> None:
    started = time.monotonic()
    page = visit("about:blank", width=width, height=844, touch=width == 390)
    sign_up(page, server, f"visitor{width}@new.example")
    press(page, "[data-mode=paper]")
    page.wait_for_selector("[data-step=limits]")
    before = page.locator("[data-step=limits] .note p").first.inner_text()
    page.fill("[name=max_positions]", "8")
    expect(page.locator("[data-step=limits] .note p").first).not_to_have_text(before)
    press(page, "[data-next=start]")
    page.wait_for_selector("[data-step=start]")
    page.reload()  # the wizard goes on where it was left
    page.wait_for_selector("[data-step=start]")
    press(page, "[data-next=run]")
    expect(page.locator("[data-step=start] .note.calm")).to_be_visible()
    press(page, "#main a[href='/agent/bot']")
    page.wait_for_url("**/agent/bot**")
    expect(page.locator(".sentence").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert time.monotonic() - started < MINUTES_S


@pytest.mark.parametrize("width", [1440, 390])
def test_a_key_that_can_withdraw_is_refused_with_its_reason(visit: Opener, server: Server, width: int) -> None:
    api_key, secret = key_of(server, f"greedy{width}", enableWithdrawals=True)
    page = visit("about:blank", width=width, height=844, touch=width == 390)
    received: list[str] = []
    page.on("websocket", lambda ws: ws.on("framereceived", lambda frame: received.append(str(frame))))
    sign_up(page, server, f"greedy{width}@new.example")
    press(page, "[data-mode=simulated]")
    page.wait_for_selector("[data-step=paste]")
    page.fill("[name=api_key]", api_key)
    page.fill("[name=api_secret]", secret)
    press(page, "[data-step=paste] button[type=submit]")
    expect(page.locator("[data-verdict='begin.refused']")).to_be_visible(timeout=20_000)
    refused = page.locator("[data-check='keyn.withdrawals']")
    expect(refused).to_have_attribute("data-state", "fail")
    expect(refused).to_contain_text("untick Enable Withdrawals")
    expect(page.locator("[data-check][data-state=fail]")).to_have_count(1)
    page.reload()
    expect(page.locator(".sentence").first).not_to_contain_text(api_key[-4:])
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    good, good_secret = key_of(server, f"careful{width}")
    page.wait_for_selector("[data-step=paste]")
    page.fill("[name=api_key]", good)
    page.fill("[name=api_secret]", good_secret)
    press(page, "[data-step=paste] button[type=submit]")
    expect(page.locator("[data-verdict='begin.accepted']")).to_be_visible(timeout=20_000)
    expect(page.locator(".sentence").first).to_contain_text(good[-4:])
    assert received
    for canary in (api_key, secret, good, good_secret):
        assert not any(canary in frame for frame in received), "a pasted key came back over the socket"
        assert leaks(server, canary) == []


def leaks(server: Server, canary: str) -> list[str]:
    """Files of the platform's home that hold a secret in clear. The simulated exchange's own store has to know its keys."""
    files = [path for path in server.home.rglob("*") if path.is_file() and not path.name.startswith("paper.db")]
    assert any(path.name == "server.log" for path in files) and any(path.suffix == ".db" for path in files)
    return [str(path) for path in files if canary.encode() in path.read_bytes()]
