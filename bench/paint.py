"""The landing page without a cache: bytes until it can be used, and the first contentful paint, on loopback.

The reference is the limit itself: 200 kB and 1 s.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from bench._bench import report
from tests.browser.conftest import serving
from tests.support.programs import chromium

RUNS = 7
LIMIT_KB, LIMIT_MS = 200.0, 1000.0
_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
_BYTES = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, one) => sum + Math.max(one.transferSize, one.encodedBodySize), 0)"""


def main() -> None:
    """Each run is a browser context of its own: nothing is cached."""
    paints, sizes = [], []
    with tempfile.TemporaryDirectory() as home, serving(Path(home)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for _ in range(RUNS):
            context = browser.new_context(locale="en-US")
            page = context.new_page()
            page.goto(server.base + "/", wait_until="load")
            page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
            paints.append(float(page.evaluate(_PAINT)))
            sizes.append(float(page.evaluate(_BYTES)) / 1000)
            context.close()
        browser.close()
    report("landing page, bytes before interaction", max(sizes), LIMIT_KB, unit="kB", aim=1.0)
    report("landing page, first contentful paint", statistics.median(paints), LIMIT_MS, unit="ms", aim=1.0)


if __name__ == "__main__":
    main()
