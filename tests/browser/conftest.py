"""A real server (built front end, engine, simulated exchange) and a real browser."""

from __future__ import annotations

import inspect
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, expect, sync_playwright

from tests.support.programs import chromium

ROOT = Path(__file__).parents[2]
READY_S = 180  # the first run builds the front end
HTTP_OK = 200
# What should come does come within a second; a crowded machine gets twenty.
expect.set_options(timeout=20_000)
_HELD = """(button) => {
  const part = parseFloat(button.style.getPropertyValue("--held") || "0");
  button.seenHeld = button.seenHeld || part > 0;
  return !button.isConnected || (button.seenHeld && part === 0);
}"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker("browser")
    # The browser's loop keeps running in this thread: tests that need a loop of their own go first.
    items.sort(
        key=lambda item: (
            "tests/browser" in str(item.path) and not inspect.iscoroutinefunction(getattr(item, "function", None))
        )
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the open pages showed when a test failed goes with its report: a slow machine's failure is rarely seen twice."""
    report = yield
    opened = getattr(item, "funcargs", {}).get("browser")
    if call.when == "call" and report.failed and isinstance(opened, Browser):
        for number, page in enumerate(page for context in opened.contexts for page in context.pages):
            report.sections.append((f"page {number}", _seen(page)))
    return report


def _seen(page: Page) -> str:
    try:
        shown = page.inner_text("body", timeout=2_000)
        drawer = page.locator("[data-drawer]").all_inner_texts()
        return f"{page.url}\n{shown[:2000]}\nopen drawers: {drawer}"
    except Error as error:
        return f"{page.url}: {error}"


@dataclass(frozen=True)
class Server:
    """Where the platform of this test run listens."""

    base: str
    home: Path
    pid: int

    def demo(self) -> dict[str, Any]:
        """The demo accounts with their passwords."""
        return json.loads((self.home / "demo.json").read_text())


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(base: str, home: Path, demo: bool) -> bool:
    try:
        with urllib.request.urlopen(f"{base}/api/health", timeout=5) as answer:
            return answer.status == HTTP_OK and (not demo or (home / "demo.json").exists())
    except OSError:
        return False


@contextmanager
def serving(home: Path, **settings: str) -> Iterator[Server]:
    """The whole platform on a free port with a home of its own; ``settings`` are further environment variables."""
    port = _port()
    env = {
        **os.environ,
        "IRONBULL_HOME": str(home),
        "IRONBULL_PORT": str(port),
        "IRONBULL_NODE_PORT": str(_port()),
        "IRONBULL_DEMO": "1",
        **settings,
    }
    base = f"http://127.0.0.1:{port}"
    with (home / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ironbull_app.cli", "run"], cwd=ROOT, env=env, stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + READY_S
            while not _ready(base, home, env["IRONBULL_DEMO"] == "1"):
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail("the server did not start:\n" + (home / "server.log").read_text()[-4000:])
                time.sleep(0.2)
            yield Server(base, home, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The platform with its demo data."""
    with serving(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium of the distribution, without a sandbox (tests run as root in containers)."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield found
        found.close()


def hold(page: Page, button: Locator) -> None:
    """Press a button that wants to be held, until its bar has run full."""
    expect(button).to_be_enabled()
    button.scroll_into_view_if_needed()
    button.hover()
    handle = button.element_handle()
    page.mouse.down()
    page.wait_for_function(_HELD, arg=handle)
    page.mouse.up()


Opener = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Opener]:
    """``visit("/login", width=390, lang="zh-CN", kind="agent")``: a page in a context of its own, signed in if asked.

    The test fails when a page wrote an error to the console; ``page.noise`` collects them.
    """
    contexts: list[BrowserContext] = []
    noise: list[str] = []

    def open_page(
        path: str,
        *,
        width: int = 1440,
        height: int = 900,
        lang: str = "en-US",
        kind: str = "",
        index: int = 0,
        quiet: bool = False,
        touch: bool = False,
    ) -> Page:
        context = browser.new_context(
            base_url=server.base,
            viewport={"width": width, "height": height},
            locale=lang,
            color_scheme="dark",
            has_touch=touch,
        )
        context.set_default_timeout(30_000)
        contexts.append(context)
        if kind:
            form = {"kind": kind, "index": str(index), "next": ""}
            answer = context.request.post(
                "/api/session/demo", form=form, headers={"Origin": server.base}, max_redirects=0
            )
            assert answer.status == 303, answer.text()
        page = context.new_page()
        if not quiet:
            page.on("console", lambda message: noise.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: noise.append(str(error)))
        page.goto(path)
        if kind:
            page.wait_for_selector("#main")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not noise, noise
