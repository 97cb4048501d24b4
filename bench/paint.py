"""What a browser waits for on loopback: the landing page without a cache, and the way from page to page when signed in.

The references are the limits themselves: 200 kB before one can act, 1 s to the first contentful paint, 150 ms from a click in
the menu to the next page without a placeholder (the 95th percentile; the first visit to each page counts, too).
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from bench._bench import report
from tests.browser.conftest import Server, serving
from tests.support.programs import chromium

RUNS, ROUNDS = 7, 5
HAND_MS = 150
"""Between reaching a link and pressing it."""
LIMIT_KB, LIMIT_MS, NEXT_MS = 200.0, 1000.0, 150.0
_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
_BYTES = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, one) => sum + Math.max(one.transferSize, one.encodedBodySize), 0)"""
_LINKS = "() => [...document.querySelectorAll('.side nav a[href]')].map((one) => one.getAttribute('href'))"
# From the click to the frame in which the page's heading is another and nothing is a placeholder any more.
_GO = """(path) => new Promise((done) => {
  const before = document.querySelector("h1").textContent, started = performance.now();
  document.querySelector(`.side nav a[href="${path}"]`).click();
  const look = () => {
    const there = location.pathname.replace(/\\/$/, "") === path && document.querySelector("h1")?.textContent !== before;
    if (there && document.querySelector("#main") && !document.querySelector("#main .sk, .app[aria-busy]")) done(performance.now() - started);
    else if (performance.now() - started > 3000) done(3000);
    else requestAnimationFrame(look);
  };
  look();
})"""


def landing(browser: Browser, server: Server) -> None:
    """Each run is a browser context of its own: nothing is cached."""
    paints, sizes = [], []
    for _ in range(RUNS):
        context = browser.new_context(locale="en-US")
        page = context.new_page()
        page.goto(server.base + "/", wait_until="load")
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
        paints.append(float(page.evaluate(_PAINT)))
        sizes.append(float(page.evaluate(_BYTES)) / 1000)
        context.close()
    report("landing page, bytes before interaction", max(sizes), LIMIT_KB, unit="kB", aim=1.0)
    report("landing page, first contentful paint", statistics.median(paints), LIMIT_MS, unit="ms", aim=1.0)


def journeys(browser: Browser, server: Server, kind: str) -> None:
    """Every page of the menu, ``ROUNDS`` times around."""
    context = browser.new_context(base_url=server.base, locale="en-US", viewport={"width": 1440, "height": 900})
    form = {"kind": kind, "index": "0", "next": ""}
    context.request.post("/api/session/demo", form=form, headers={"Origin": server.base}, max_redirects=0)
    page = context.new_page()
    page.goto(f"/{kind}")
    page.wait_for_selector("#main")
    page.wait_for_timeout(1500)
    paths: list[str] = page.evaluate(_LINKS)
    took: list[tuple[float, str]] = []
    for path in [*paths[1:], paths[0]] * ROUNDS:
        page.hover(f'.side nav a[href="{path}"]')
        page.wait_for_timeout(HAND_MS)
        took.append((float(page.evaluate(_GO, path)), path))
    context.close()
    slowest = ", ".join(f"{path} {ms:.0f}" for ms, path in sorted(took, reverse=True)[:8])
    sys.stderr.write(f"  {kind}: {len(took)} ways, median {statistics.median(ms for ms, _ in took):.0f} ms; slowest {slowest}\n")
    p95 = statistics.quantiles([ms for ms, _ in took], n=20)[18]
    report(f"from page to page, {kind}, p95 of {len(paths)} pages", p95, NEXT_MS, unit="ms", aim=1.0)


def main() -> None:
    """One browser, one platform with its demo data."""
    with tempfile.TemporaryDirectory() as home, serving(Path(home)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        landing(browser, server)
        for kind in ("agent", "tenant", "admin"):
            journeys(browser, server, kind)
        browser.close()


if __name__ == "__main__":
    main()
