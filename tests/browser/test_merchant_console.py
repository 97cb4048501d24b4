"""A merchant's console: keys, the signed-call tester, webhooks to a real receiver, branding; the operator's plans."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from standardwebhooks.webhooks import Webhook

from tests.browser.conftest import Opener, Server, hold, serving
from tests.support.pictures import png


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A platform that may send to this machine."""
    with serving(tmp_path_factory.mktemp("console"), IRONBULL_WEBHOOK_ALLOW_PRIVATE="1") as made:
        yield made


@dataclass
class Hook:
    """A merchant's server: what it got, and the status it answers with."""

    url: str = ""
    status: int = 200
    got: list[tuple[dict[str, str], str]] = field(default_factory=list)


@pytest.fixture
def hook() -> Iterator[Hook]:
    found = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            found.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(found.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{web.server_port}/hook"
    yield found
    web.shutdown()
    web.server_close()
    thread.join(5)


def refreshed(page: Page, row: Locator, words: str) -> None:
    """Press "Refresh" until the row says so."""
    for _ in range(20):
        page.get_by_role("button", name="Refresh").click()
        try:
            expect(row).to_contain_text(words, timeout=1_500)
        except AssertionError:
            continue
        return
    expect(row).to_contain_text(words)


def test_a_key_is_shown_once_signs_a_call_and_is_revoked(visit: Opener) -> None:
    page = visit("/tenant/keys", kind="tenant")
    page.get_by_role("button", name="New key").click()
    page.fill("input[name=label]", "warehouse")
    page.get_by_role("button", name="Create").click()
    secret = page.locator(".made .secret .mono").nth(1)
    expect(secret).to_have_text(re.compile("[0-9a-f]{64}"))
    kept = secret.inner_text()
    page.goto("/tenant/keys")
    expect(page.locator("tr[data-row]")).to_have_count(2)
    assert kept not in page.content()
    page.goto("/tenant/try")
    page.select_option("select[name=key]", label="warehouse")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("[data-reply]")).to_contain_text("Signature verified")
    expect(page.locator("[data-reply] pre")).to_contain_text('"point_card_total"')
    assert page.locator("pre.code").nth(1).inner_text().startswith("GET\n/merchant/balance\n")
    assert kept not in page.content()
    page.select_option("select.mono", label="POST /merchant/user/recharge")
    expect(page.locator("#main")).to_contain_text("This call changes things")
    page.fill("input[name=email]", "nobody@nowhere.example")
    page.fill("input[name=amount]", "1")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("[data-reply]")).to_contain_text("用户不存在")
    page.goto("/tenant/quota")
    expect(page.locator(".stat").nth(1)).to_contain_text("2")
    page.goto("/tenant/keys")
    page.locator("tr[data-row]", has_text="warehouse").click()
    page.fill("textarea[name=ips]", "203.0.113.0/24")
    page.locator("[data-drawer]").get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("saved")
    hold(page, page.get_by_role("button", name="Hold to accept MD5 for reading"))
    expect(page.locator("[data-drawer]")).to_contain_text("accepts the old MD5 signature")
    expect(page.locator("#main .list")).to_contain_text("1 active key accepts the old MD5 signature")
    hold(page, page.get_by_role("button", name="Hold to revoke"))
    expect(page.locator("[data-drawer]")).to_contain_text("cannot be used again")


def test_a_webhook_is_made_tested_given_up_and_sent_again(visit: Opener, hook: Hook) -> None:
    page = visit("/tenant/webhooks", kind="tenant")
    page.get_by_role("button", name="New endpoint").click()
    page.fill("input[name=url]", hook.url)
    # The platform trades meanwhile: only what nobody does by itself may reach the hook beside the test.
    for name in ("trade_closed", "point_card_low", "reward_paid", "withdrawal_changed"):
        page.uncheck(f"input[name={name}]")
    page.get_by_role("button", name="Create").click()
    secret = page.locator(".secret.made .mono")
    expect(secret).to_have_text(re.compile("whsec_.+"))
    kept = secret.inner_text()
    hook.status = 410
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator(".toast")).to_contain_text("on its way")
    refreshed(page, page.locator("tr[data-row]", has_text="test.ping"), "Given up")
    headers, body = hook.got[0]
    Webhook(kept).verify(body, headers)
    assert json.loads(body)["type"] == "test.ping"
    page.goto("/tenant/webhooks")
    assert kept not in page.content()
    expect(page.locator(".hook")).to_contain_text("410")
    page.locator(".hook").get_by_text("More").click()
    page.get_by_role("button", name="Switch on").click()
    hook.status = 204
    page.locator("tr[data-row]").first.click()
    expect(page.locator("[data-drawer] pre")).to_contain_text("test.ping")
    page.get_by_role("button", name="Send again").click()
    refreshed(page, page.locator("tr[data-row]").first, "Delivered")
    assert hook.got[1][0]["webhook-id"] == headers["webhook-id"]


def test_a_look_is_tried_kept_and_worn_by_the_users(visit: Opener, tmp_path: Path) -> None:
    page = visit("/tenant/settings", kind="tenant")
    page.fill("input[name=brand]", "Nordlicht")
    page.fill("input[name=accent]", "#000000")
    expect(page.locator(".field.accent")).to_contain_text("Not seen well enough")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("dark theme")
    page.fill("input[name=accent]", "#16a34a")
    expect(page.locator(".field.accent")).to_contain_text("Seen on both themes")
    page.fill("input[name=headline]", "Trade calmly")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".ws")).to_contain_text("Nordlicht")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()") == "#16a34a"
    picture = tmp_path / "logo.png"
    picture.write_bytes(png(96, 96))
    page.set_input_files("input[type=file]", str(picture))
    expect(page.locator(".ws img.logo")).to_be_visible()
    agent = visit("/agent", kind="agent")
    expect(agent.locator(".ws")).to_contain_text("Nordlicht")
    assert agent.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()") == "#16a34a"


def test_the_operator_makes_and_assigns_a_plan_and_shows_secrets(visit: Opener) -> None:
    page = visit("/admin/plans", kind="admin")
    page.get_by_role("button", name="New plan").click()
    page.fill("input[name=code]", "tiny")
    page.fill("input[name=name]", "Tiny")
    page.fill("input[name=api_calls_daily]", "3")
    page.get_by_role("button", name="Create").click()
    row = page.locator("tr[data-row]", has_text="Tiny")
    expect(row).to_have_count(1)
    row.click()
    page.get_by_role("button", name="Assign").click()
    expect(page.locator(".holders li")).to_have_count(1)
    page.goto("/admin/tenants")
    page.locator("tr[data-row]").first.click()
    hold(page, page.get_by_role("button", name="Hold to show secrets"))
    expect(page.locator("[data-drawer]")).to_contain_text("answers exchange keys and secrets in plain")
    page.get_by_role("button", name="Mask secrets again").click()
    expect(page.locator("[data-drawer]")).to_contain_text("masks keys")
