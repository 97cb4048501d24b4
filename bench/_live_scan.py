"""P20: scan cycles in the process that serves 600 dashboards, while a worker beside it settles fills; against the same
scans with nobody watching and nothing to settle.

As deployed: pages, ``/live`` and scans in one process, settlement in a worker process, MariaDB behind both. A cycle is
everything from asking for candles (150 symbols, one new bar) to the recorded scan and its announcement.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench._bench import report
from bench._board import board
from bench._live_client import Target, crew
from tests.support.databases import free_port, private_mariadb, scratch_schema

DASHBOARDS = 600
SETTLEMENTS_HZ, BATCH, TRADERS = 100, 10, 8
IDLE_S, BUSY_S, PAUSE_S = 12.0, 24.0, 0.12
START_S = 60.0
_BARS, _WINDOW, _HOUR_MS = 3_000, 720, 3_600_000


class Replay:
    """A feed of candles: the window first, then one new bar at each question."""

    def __init__(self) -> None:
        from bench.scan import SYMBOLS, generated

        self._batch = generated(SYMBOLS, _BARS)
        self._at = 0

    async def bars(self, timeframe: str, since_ms: int | None, limit: int) -> Any:
        """The next bar of all symbols."""
        from backend.market.candles import Bars

        first, self._at = (0, _WINDOW) if since_ms is None else (self._at, self._at + 1)
        part = slice(first, self._at)
        columns = (getattr(self._batch, name)[:, part].T for name in ("open", "high", "low", "close", "volume"))
        times = tuple(int(value) for value in self._batch.open_time_ms[part])
        return Bars(_HOUR_MS, self._batch.symbols, times, *columns)

    async def prices(self) -> Any:
        """The newest closes."""
        from backend.market.feed import Prices

        at = max(self._at - 1, 0)
        closes = {name: Decimal(f"{value:.6f}") for name, value in zip(self._batch.symbols, self._batch.close[:, at], strict=True)}
        return Prices(int(self._batch.open_time_ms[at]) + _HOUR_MS, closes)


def _serve(pipe: Connection, folder: str, url: str, port: int) -> None:
    import logging

    import structlog
    import uvicorn
    import uvloop

    from backend import announce
    from backend.api.app import create_api
    from backend.db import Database
    from backend.live import hub
    from backend.models import metadata
    from backend.signals.scanner import Scanner
    from tests.support.doors import make_world

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    empty = Database(url)
    metadata.create_all(empty.engine)
    empty.dispose()
    world = make_world(Path(folder), url)
    sids = tuple(world.cookie("agent", world.a.user_id)[1] for _ in range(DASHBOARDS // 30))
    app = create_api(world.db, world.settings, live=hub)
    server = uvicorn.Server(
        uvicorn.Config(app, "127.0.0.1", port, ws_per_message_deflate=False, access_log=False, log_level="warning", lifespan="off")
    )
    feed = Replay()
    scanner = Scanner(world.db, feed, world.settings)

    async def cycle() -> float:
        started = time.perf_counter()
        for outcome in await scanner.run(await feed.prices()):
            announce.scan(outcome)
        return time.perf_counter() - started

    async def push() -> None:
        while True:
            hub.publish("market", {"rows": board(int(time.time()))})
            hub.publish(f"agent:{world.a.user_id}", {"unrealized": f"{time.time() % 100:.2f}"})
            await asyncio.sleep(1.0)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        serving = asyncio.create_task(server.serve())
        pushing = asyncio.create_task(push())
        for _ in range(5):  # compiled, planned, remembered
            await cycle()
        pipe.send((sids, world.a.user_id))
        while (seconds := await loop.run_in_executor(None, pipe.recv)) is not None:
            ends, took = time.monotonic() + seconds, []
            while time.monotonic() < ends:
                took.append(await cycle())
                await asyncio.sleep(PAUSE_S)
            pipe.send(took)
        pushing.cancel()
        server.should_exit = True
        await serving

    uvloop.run(main())


def _settle(pipe: Connection, url: str) -> None:
    """Settle at the wanted rate between two messages; answers how many a second it were."""
    import logging

    import structlog

    from backend.billing.service import settle_fills
    from bench.settlement import World

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    world = World(url, users=TRADERS)

    def batch(number: int) -> None:
        world.database.run(lambda session: settle_fills(session, world.intake(session, world.traders[number % TRADERS], "p", BATCH)))

    batch(0)
    pipe.send("ready")
    pipe.recv()
    started, done = time.monotonic(), 0
    while not pipe.poll(max(0.0, started + done / SETTLEMENTS_HZ - time.monotonic())):
        batch(done)
        done += BATCH
    pipe.send(done / (time.monotonic() - started))


@contextmanager
def _process(work: Any, *values: Any) -> Iterator[tuple[Connection, Any]]:
    """A process with a pipe; yields the pipe and its first message."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, *values), daemon=True)
    process.start()
    try:
        if not ours.poll(START_S):
            raise RuntimeError(f"{work.__name__} did not start")
        yield ours, ours.recv()
    finally:
        process.terminate()
        process.join(10)


def p20() -> bool:
    """P20, and the rates it was measured at."""
    with ExitStack() as stack:
        maria = stack.enter_context(private_mariadb())
        scans_url, money_url = stack.enter_context(scratch_schema(maria)), stack.enter_context(scratch_schema(maria))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ib-bench-"))
        port = free_port()
        scans, (sids, user_id) = stack.enter_context(_process(_serve, folder, scans_url, port))
        money, _ = stack.enter_context(_process(_settle, money_url))
        people = stack.enter_context(crew(Target(port, b'"rows":[{', sids, ("market", f"agent:{user_id}"))))

        def cycles(seconds: float) -> list[float]:
            scans.send(seconds)
            took: list[float] = scans.recv()
            return took

        idle = cycles(IDLE_S)
        people.ask("grow", DASHBOARDS)
        money.send("go")
        busy = cycles(BUSY_S)
        seen = people.ask("look", 3.0)
        money.send("stop")
        rate_hz = money.recv()
        people.ask("leave")
        idle += cycles(IDLE_S)
    p99 = [statistics.quantiles(took, n=100)[98] * 1e3 for took in (busy, idle)]
    middle = [statistics.median(took) * 1e3 for took in (busy, idle)]
    name = f"P20 scan cycle p99, {seen.sessions} dashboards at {seen.rate_hz:.2f} Hz and {rate_hz:.0f} settlements/s, against idle"
    good = report(name, *p99, unit="ms", aim=1.3)
    report("P20 the same, median", *middle, unit="ms", aim=None)
    return good
