"""Direct against queue mode: orders per second through to their settlement, without Redis, and behind a backlog.

One engine in this process, a simulated exchange and a Redis of their own, SQLite. Every figure is the time from writing the
intents until each is filled by the exchange and its fill is settled.

    python -m bench.queue [--accounts 20] [--rounds 3] [--backlog 20000]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

os.environ.setdefault("IRONBULL_HOME", tempfile.mkdtemp(prefix="ib-bench-"))

from backend.db import Database
from backend.migrations import upgrade
from bench._bench import report, skipped
from tests.integration.queue.test_backlog import backlog
from tests.support.centre import Centre, make_centre, until
from tests.support.intents import enter, leave
from tests.support.paper import PaperServer
from tests.support.programs import installed
from tests.support.queue import RUNNING, at_rest, calm, engines
from tests.support.redis import redis_server

LIMIT_S = 120.0


@asynccontextmanager
async def world(accounts: int, **settings: object) -> AsyncIterator[Centre]:
    """A centre with its engine running."""
    with tempfile.TemporaryDirectory(prefix="ib-bench-") as folder:
        home = Path(folder)
        url = f"sqlite:///{home / 'bench.db'}"
        upgrade(url)
        db = Database(url)
        with PaperServer(home) as paper:
            centre = make_centre(db, paper, home, accounts=accounts, **{**RUNNING, "queue_lease_s": 10.0, **settings})
            calm(centre)
            async with engines(centre, 1) as (engine,):
                await until(engine.leading.is_set, 60)
                if settings.get("redis_url"):
                    assert engine.desk is not None and engine.desk.runner.waker is not None
                    waker = engine.desk.runner.waker
                    await until(lambda: waker.healthy, 30)
                yield centre
        db.dispose()


async def through(centre: Centre, name: str, accounts: int) -> float:
    """Seconds from the intents of one signal to the last settlement, in and out."""
    started = time.perf_counter()
    for work in (lambda: enter(centre, name), lambda: leave(centre)):
        before = len(centre.fills())
        work()
        await until(lambda b=before: len(centre.fills()) == b + accounts and at_rest(centre), LIMIT_S, 0.01)
    return time.perf_counter() - started


async def throughput(accounts: int, rounds: int, **settings: object) -> float:
    """Orders per second, the median of the rounds after one that warms up."""
    async with world(accounts, **settings) as centre:
        await through(centre, "SIGWARM", accounts)
        times = [await through(centre, f"SIG{number}", accounts) for number in range(rounds)]
    return 2 * accounts / statistics.median(times)


async def fresh_ms(centre: Centre, tries: int, name: str) -> list[float]:
    """Milliseconds from writing one entry or exit to its fill."""
    taken: list[float] = []
    for number in range(tries):
        for work in (lambda n=number: enter(centre, f"{name}{n}"), lambda: leave(centre)):
            before = len(centre.fills())
            started = time.perf_counter()
            work()
            await until(lambda b=before: len(centre.fills()) > b, LIMIT_S, 0.005)
            taken.append((time.perf_counter() - started) * 1000)
    return sorted(taken)


async def behind_a_backlog(redis_url: str, size: int, tries: int) -> tuple[float, float]:
    """The slowest of a fresh order while so many late ones wait, and the slowest of one on an idle queue."""
    async with world(1, redis_url=redis_url) as centre:
        await fresh_ms(centre, 2, "SIGWARM")
        idle = await fresh_ms(centre, tries, "SIGIDLE")
        like = centre.orders()[0]
        backlog(centre.db, like, size, late=True)
        busy = await fresh_ms(centre, tries, "SIGBUSY")
    return busy[-1], idle[-1]


async def measure(accounts: int, rounds: int, size: int) -> None:
    """All figures, one line each."""
    with redis_server() as redis:
        direct = await throughput(accounts, rounds, execution="direct")
        queued = await throughput(accounts, rounds, redis_url=redis.url)
        alone = await throughput(accounts, rounds)
        busy, idle = await behind_a_backlog(redis.url, size, 10)
    more = {"unit": "orders/s", "higher_is_better": True}
    report("queue mode against direct, one engine", queued, direct, aim=0.5, **more)
    report("D7 queue mode without Redis against with", alone, queued, aim=0.5, **more)
    report(f"D9 slowest fresh order behind {size} late ones", busy, idle, unit="ms", aim=2.0)


def main() -> None:
    """Print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backlog", type=int, default=20_000)
    options = parser.parse_args()
    if installed("redis-server") is None:
        skipped("queue", "redis-server is not installed")
        return
    asyncio.run(measure(options.accounts, options.rounds, options.backlog))


if __name__ == "__main__":
    main()
