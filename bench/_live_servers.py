"""The two servers that push the same table once a second: our doors with ``/live``, and a stock Reflex app."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from bench._board import board
from tests.support.databases import free_port

SESSIONS = 320
"""Sign-ins of our side; one may open 32 sockets."""
READY_S = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")

_CONFIG = """import reflex as rx

config = rx.Config(
    app_name="stock", plugins=[], disable_plugins=[rx.plugins.SitemapPlugin, rx.plugins.RadixThemesPlugin],
    telemetry_enabled=False, state_manager_mode="memory", show_built_with_reflex=False,
)
"""
_APP = """import asyncio
import time

import reflex as rx

from board import board


class Board(rx.State):
    rows: list[dict[str, str]] = []

    @rx.event(background=True)
    async def watch(self):
        due = time.monotonic()
        while True:
            async with self:
                self.rows = board(int(time.time()))
            due += 1.0
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def index():
    return rx.el.table(rx.foreach(Board.rows, lambda row: rx.el.tr(rx.el.td(row["id"]), rx.el.td(row["price"]), rx.el.td(row["pnl"]))))


app = rx.App()
app.add_page(index, route="/")
"""


class Process:
    """A server by its process id: what it has used."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid, self.port = pid, port

    def _all(self) -> list[int]:
        found, fresh = [self.pid], [self.pid]
        while fresh:
            fresh = [child for pid in fresh for child in _children(pid)]
            found += fresh
        return found

    def cpu_s(self) -> float:
        """Processor seconds of the server and its children so far."""
        return sum(sum(map(int, _stat(pid)[11:13])) for pid in self._all()) / _TICKS

    def resident_kb(self) -> float:
        """Resident memory of the server and its children."""
        total = 0
        for pid in self._all():
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            total += next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)
        return float(total)


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, path.read_text().split())
    return found


@contextmanager
def ours() -> Iterator[tuple[Process, tuple[str, ...]]]:
    """Our doors on a port, with a table in the topic ``market``; and the cookies of ``SESSIONS`` sign-ins."""
    context = get_context("spawn")
    here, there = context.Pipe()
    with tempfile.TemporaryDirectory(prefix="ib-bench-") as folder:
        port = free_port()
        process = context.Process(target=_serve_ours, args=(there, folder, port), daemon=True)
        process.start()
        try:
            if not here.poll(READY_S):
                raise RuntimeError("our server did not start")
            sids = here.recv()
            assert process.pid is not None
            yield Process(process.pid, port), sids
        finally:
            process.terminate()
            process.join(10)


def _serve_ours(pipe: Connection, folder: str, port: int) -> None:
    import uvicorn
    import uvloop

    from tests.support.doors import make_world

    world = make_world(Path(folder))
    sids = tuple(world.cookie("agent", world.a.user_id)[1] for _ in range(SESSIONS))
    # As ironbull_app.launcher starts it.
    config = uvicorn.Config(world.app, "127.0.0.1", port, ws_per_message_deflate=False, access_log=False, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)

    async def push() -> None:
        while not server.started:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)
        pipe.send(sids)
        due = time.monotonic()
        while True:
            world.hub.publish("market", {"rows": board(int(time.time()))})
            due += 1.0
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def main() -> None:
        pushing = asyncio.create_task(push())
        await server.serve()
        pushing.cancel()

    uvloop.run(main())


@contextmanager
def stock() -> Iterator[Process]:
    """A Reflex app with a background event per session, its backend alone, in production mode."""
    folder = Path(tempfile.mkdtemp(prefix="ib-stock-"))
    package = folder / "stock"
    package.mkdir()
    (folder / "rxconfig.py").write_text(_CONFIG)
    (package / "__init__.py").write_text("")
    (package / "stock.py").write_text(_APP)
    shutil.copy(Path(__file__).with_name("_board.py"), folder / "board.py")
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "REFLEX_USE_NPM": "1", "REFLEX_TELEMETRY_ENABLED": "false", "REFLEX_CHECK_LATEST_VERSION": "false",
    }  # fmt: skip
    command = [sys.executable, "-m", "reflex", "run", "--env", "prod", "--backend-only", "--backend-port", str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait(process, port, folder / "log")
            yield Process(process.pid, port)
        finally:
            for stop in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, stop)
                    process.wait(5)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    continue
            shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the stock app did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.1)
