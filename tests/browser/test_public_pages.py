"""Landing, sign-in and set-up: static, without a socket, in two languages, at every width."""

from __future__ import annotations

import itertools
import re

import pytest

from tests.browser.conftest import Opener, Server

PAGES = ("/", "/login", "/setup", "/zh", "/zh/login", "/zh/setup")


@pytest.mark.parametrize("path", PAGES)
def test_no_framework_no_socket(visit: Opener, path: str) -> None:
    page = visit("about:blank")
    sockets: list[str] = []
    scripts: list[str] = []
    page.on("websocket", lambda ws: sockets.append(ws.url))
    page.on("request", lambda request: scripts.append(request.url) if request.resource_type == "script" else None)
    page.goto(path)
    page.wait_for_selector("h1")
    page.wait_for_timeout(300)
    assert not sockets
    assert [url.rsplit("/", 1)[1] for url in scripts] == ["public.js"]


@pytest.mark.parametrize("width", [360, 390, 768, 1440])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_scrolls_sideways(visit: Opener, path: str, width: int) -> None:
    page = visit(path, width=width, height=844)
    page.wait_for_selector("h1")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_landing_page_claims_only_what_is_recorded(visit: Opener) -> None:
    page = visit("/")
    record = page.inner_text("#record")
    page.evaluate("document.querySelector('#record').remove()")
    text = page.inner_text("main")
    assert "Example" in text
    assert not re.search(r"[+−-]\d+(\.\d+)? ?%", text)
    if "Nothing is recorded yet" not in record:
        assert "closed trades" in record and re.search(r"SIMULATED|PAPER|TESTNET|LIVE", record)
        assert "Ten worst trades" in record and "Maximum drawdown" in record


def test_language_follows_the_browser_and_can_be_changed(visit: Opener) -> None:
    page = visit("/", lang="zh-CN")
    assert page.url.endswith("/zh")
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    page.click('[data-lang="en"]')
    page.wait_for_url("**/")
    assert "says" in page.inner_text("h1")
    page.goto("/login")
    assert page.inner_text("h1") == "Sign in"


def test_places_on_the_page_are_reached_without_leaving_it(visit: Opener) -> None:
    page = visit("/", lang="en-US")
    for link in page.locator("nav a[href*='#']").all():
        link.click()
        assert page.url.split("#")[0].endswith("/") and page.locator(f"#{page.url.split('#')[1]}").count() == 1
    page.go_back()
    assert page.inner_text("h1")


def test_theme_is_kept(visit: Opener) -> None:
    page = visit("/login")
    assert "dark" in (page.locator("html").get_attribute("class") or "")
    page.click("[data-theme-turn]")
    page.reload()
    assert page.locator("html").get_attribute("class") == "light"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(252, 251, 249)"


def test_wrong_password_says_what_to_do(visit: Opener) -> None:
    page = visit("/login")
    page.fill("#identifier", "nobody@northgate.example")
    page.fill("#password", "not the password")
    page.click("form[action='/api/session/login'] button[type=submit]")
    page.wait_for_url("**/login?error=bad_credentials**")
    assert page.locator("[data-error]:visible").count() == 1
    assert "not right" in page.inner_text('[data-error="bad_credentials"]')


def test_sign_in_with_the_form_lands_where_one_wanted_to_go(visit: Opener, server: Server) -> None:
    page = visit("/agent/bot?from=mail")
    page.wait_for_url("**/login?**")
    account = server.demo()["agents"][0]
    page.fill("#identifier", account["email"])
    page.fill("#password", account["password"])
    page.keyboard.press("Enter")
    page.wait_for_selector("#main")
    assert "/agent/bot" in page.url and "from=mail" in page.url
    assert page.evaluate("document.cookie").count("sid") == 0


def test_demo_accounts_sign_in_with_one_click(visit: Opener, server: Server) -> None:
    page = visit("/login")
    page.wait_for_selector("[data-demo] button")
    assert server.demo()["admin"]["password"] not in page.content()
    page.click("[data-demo] li:last-child button")
    page.wait_for_url("**/admin**")


def test_a_foreign_next_is_not_followed(visit: Opener) -> None:
    page = visit("/login?next=//evil.example/x")
    assert page.input_value("form[action='/api/session/login'] input[name=next]") == ""


def test_unknown_address(visit: Opener) -> None:
    page = visit("/no/such/page", quiet=True)
    assert page.inner_text("h1") == "There is no such page"


MOST_BYTES = 200_000


def test_the_landing_page_is_light(visit: Opener) -> None:
    page = visit("about:blank")
    page.goto("/", wait_until="load")
    asked = page.evaluate(
        """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
             .map((one) => [one.name, one.transferSize, one.encodedBodySize])"""
    )
    assert len(asked) < 8 and sum(max(sent, body) for _, sent, body in asked) < MOST_BYTES, asked


@pytest.mark.parametrize("path", PAGES)
def test_what_a_search_engine_reads(visit: Opener, path: str) -> None:
    page = visit(path, lang="zh-CN" if path.startswith("/zh") else "en-US")
    title, about = page.title(), page.locator("meta[name=description]").get_attribute("content") or ""
    assert 10 <= len(title) <= 70 and 20 <= len(about) <= 170
    assert page.locator("link[rel=canonical]").get_attribute("href") == path.rstrip("/") or path == "/"
    assert {link.get_attribute("hreflang") for link in page.locator("link[rel=alternate]").all()} == {"en", "zh-Hans"}
    assert page.locator("html").get_attribute("lang") == ("zh-Hans" if path.startswith("/zh") else "en")
    assert page.locator("h1").count() == 1
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map((one) => +one.tagName[1])")
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), levels
    for link in page.locator("a").all():
        words = (link.inner_text() or link.get_attribute("aria-label") or link.text_content() or "").strip()
        assert words and words.lower() not in ("here", "click here", "more", "link"), link.evaluate("(one) => one.outerHTML")
    closed = page.locator("meta[name=robots][content=noindex]").count()
    assert closed == (1 if path.endswith("/setup") else 0)
    assert page.locator("meta[property='og:title']").get_attribute("content") == title


def test_robots_and_the_site_map(visit: Opener, server: Server) -> None:
    page = visit("about:blank")
    robots = page.request.get(server.base + "/robots.txt")
    assert robots.headers["content-type"].startswith("text/plain") and f"Sitemap: {server.base}/sitemap.xml" in robots.text()
    assert "Disallow: /api/" in robots.text()
    listed = re.findall(r"<loc>([^<]+)</loc>", page.request.get(server.base + "/sitemap.xml").text())
    assert server.base + "/" in listed and server.base + "/zh" in listed
    for address in listed:
        assert page.request.get(address, headers={"Accept-Language": "en"}).status == 200
