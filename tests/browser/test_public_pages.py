"""Landing, sign-in and set-up: static, without a socket, in two languages, at every width."""

from __future__ import annotations

import itertools
import re

import pytest

from tests.browser.conftest import Opener, Server
from tests.browser.look import axe_score

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


@pytest.mark.parametrize("width", [390, 1440])
def test_the_demo_accounts_move_nothing_when_they_come(visit: Opener, width: int) -> None:
    """Who is about to press a link above them must not meet one of them instead."""
    page = visit("about:blank", width=width, height=844, quiet=True)
    link = page.locator("a[href$='/join']")
    page.route("**/api/demo/accounts", lambda route: route.abort())
    page.goto("/login")
    page.wait_for_timeout(300)
    before = link.bounding_box()
    page.unroute("**/api/demo/accounts")
    page.reload()
    page.locator("[data-demo] button").first.wait_for()
    assert before and link.bounding_box() == before


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
    assert page.locator("link[rel=canonical]").get_attribute("href") == page.url.split("?")[0]
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


BEST_PRACTICE = """() => {
  const all = (what) => [...document.querySelectorAll(what)], on = (one, name) => one.getAttribute(name) || "";
  const safe = (at) => !at.startsWith("http:") || new URL(at).host === location.host;
  return {
    "standards mode": document.compatMode === "CSS1Compat",
    "charset within the first kilobyte": document.documentElement.outerHTML.slice(0, 1024).toLowerCase().includes('charset="utf-8"'),
    "viewport that may be zoomed": /width=device-width/.test(on(document.querySelector("meta[name=viewport]"), "content"))
      && !/user-scalable=no|maximum-scale=1(\\D|$)/.test(on(document.querySelector("meta[name=viewport]"), "content")),
    "pictures have a size and words": all("img").every((one) => one.hasAttribute("alt") && on(one, "height")),
    "drawings are named or hidden": all("svg").every((one) => one.closest("[aria-hidden=true]") || on(one, "aria-label") || one.querySelector("title")),
    "links lead over TLS or stay here": all("a[href], link[href], script[src], img[src]").every((one) => safe(one.href || one.src)),
    "other windows cannot reach back": all("a[target=_blank]").every((one) => /noopener|noreferrer/.test(on(one, "rel"))),
    "no script that holds up the page": all("script[src]").every((one) => one.defer || one.async || one.type === "module"),
    "an icon and a manifest": all("link[rel=icon]").length > 0 && all("link[rel=manifest]").length === 1,
    "no event handlers in attributes": all("*").every((one) => [...one.attributes].every((a) => !a.name.startsWith("on"))),
    "every id once": new Set(all("[id]").map((one) => one.id)).size === all("[id]").length,
    "nothing moves while it loads": performance.getEntriesByType("layout-shift").every((one) => one.value < 0.1),
  };
}"""
FOUND_WELL = """() => {
  const on = (what, name) => document.querySelector(what)?.getAttribute(name) || "";
  const canonical = on("link[rel=canonical]", "href"), picture = on("meta[property='og:image']", "content");
  return {
    title: document.title.length >= 10 && document.title.length <= 70,
    description: on("meta[name=description]", "content").length >= 50 || document.documentElement.lang === "zh-Hans",
    "a full canonical address": canonical === location.origin + location.pathname,
    language: ["en", "zh-Hans"].includes(document.documentElement.lang),
    "alternates are full addresses": [...document.querySelectorAll("link[rel=alternate]")].every((one) => one.getAttribute("href").startsWith(location.origin)),
    "may be listed": !document.querySelector("meta[name=robots][content*=noindex]"),
    "one heading": document.querySelectorAll("h1").length === 1,
    "links can be followed": [...document.querySelectorAll("a")].every((one) => one.getAttribute("href") && !one.getAttribute("href").startsWith("javascript:")),
    "shared with title, words, address and picture": ["title", "description", "url", "type", "locale"].every((name) => on(`meta[property='og:${name}']`, "content"))
      && on("meta[property='og:url']", "content") === canonical && picture.startsWith(location.origin) && !!on("meta[name='twitter:card']", "content"),
    "text of a legible size": [...document.querySelectorAll("main p, main li, main td, main a")].every((one) => !one.innerText?.trim() || parseFloat(getComputedStyle(one).fontSize) >= 11),
  };
}"""
WELL = 95


@pytest.mark.parametrize("path", ["/", "/zh"])
def test_the_landing_page_scores_95_and_more(visit: Opener, server: Server, path: str) -> None:
    """Accessibility (axe-core, every rule, by its weight), best practice and findability, each out of a hundred."""
    page = visit(path, lang="zh-CN" if path == "/zh" else "en-US")
    page.wait_for_load_state("load")
    wrong: dict[str, list[str]] = {}
    scores: dict[str, float] = {}
    for name, checks in (("best practice", BEST_PRACTICE), ("findability", FOUND_WELL)):
        held: dict[str, bool] = page.evaluate(checks)
        wrong[name] = [what for what, good in held.items() if not good]
        scores[name] = 100 * sum(held.values()) / len(held)
    picture = page.request.get(page.locator("meta[property='og:image']").get_attribute("content") or "")
    assert picture.status == 200 and picture.headers["content-type"] == "image/png"
    scores["accessibility"], wrong["accessibility"] = axe_score(page)
    assert all(score >= WELL for score in scores.values()), (scores, wrong)


def test_robots_and_the_site_map(visit: Opener, server: Server) -> None:
    page = visit("about:blank")
    robots = page.request.get(server.base + "/robots.txt")
    assert robots.headers["content-type"].startswith("text/plain") and f"Sitemap: {server.base}/sitemap.xml" in robots.text()
    assert "Disallow: /api/" in robots.text()
    listed = re.findall(r"<loc>([^<]+)</loc>", page.request.get(server.base + "/sitemap.xml").text())
    assert server.base + "/" in listed and server.base + "/zh" in listed
    for address in listed:
        assert page.request.get(address, headers={"Accept-Language": "en"}).status == 200
