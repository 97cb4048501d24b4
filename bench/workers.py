"""Ten worker processes share one queue and one of them is killed every five seconds: orders per second, and that none is lost.

Real processes, Redis and simulated exchange of their own, SQLite. The reference is the same without kills.

    python -m bench.workers [--workers 10] [--accounts 20] [--seconds 30]
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("IRONBULL_HOME", tempfile.mkdtemp(prefix="ib-bench-"))

from backend.db import Database
from backend.migrations import upgrade
from bench._bench import report, skipped
from tests.faults.test_queue_workers import Workers, alive, check_books, leader_pid, wait
from tests.support.centre import Centre, make_centre
from tests.support.intents import enter, leave
from tests.support.paper import PaperServer
from tests.support.programs import installed
from tests.support.queue import RUNNING, at_rest, calm
from tests.support.redis import redis_server

KILL_EVERY_S = 5.0


def rounds(centre: Centre, workers: Workers, accounts: int, seconds: float, *, kill: bool, first: int) -> tuple[int, float, int]:
    """In and out of the market again and again: orders settled, seconds, workers killed."""
    dice = random.Random(7)
    began, killed, orders, number = time.monotonic(), 0, 0, first
    while time.monotonic() - began < seconds:
        for inwards in (True, False):
            before = len(centre.fills())
            if inwards:
                enter(centre, f"SIGW{number}", ttl_s=900.0)
            else:
                leave(centre)
            while not (len(centre.fills()) >= before + accounts and at_rest(centre)):
                if kill and time.monotonic() - began > KILL_EVERY_S * (killed + 1):
                    workers.kill(dice.choice(workers.processes))
                    workers.start()
                    killed += 1
                time.sleep(0.05)
            orders += accounts
        number += 1
    return orders, time.monotonic() - began, killed


def main() -> None:
    """Print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=10)
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    if installed("redis-server") is None:
        skipped("workers", "redis-server is not installed")
        return
    with redis_server() as redis, tempfile.TemporaryDirectory(prefix="ib-bench-") as folder, PaperServer(Path(folder)) as paper:
        url = f"sqlite:///{folder}/workers.db"
        upgrade(url)
        db = Database(url)
        settings: dict[str, Any] = dict(RUNNING)
        centre = make_centre(db, paper, Path(folder), accounts=options.accounts, **settings)
        calm(centre)
        workers = Workers(centre, redis.url, Path(folder))
        workers.start(options.workers)
        try:
            wait(lambda: len(alive(db)) >= options.workers and leader_pid(db) is not None, "the workers", 240)
            # The first jobs of each process are slow; they are not measured.
            warm_orders, _, _ = rounds(centre, workers, options.accounts, options.seconds / 4, kill=False, first=20_000)
            calm_orders, calm_s, _ = rounds(centre, workers, options.accounts, options.seconds / 2, kill=False, first=0)
            orders, took_s, killed = rounds(centre, workers, options.accounts, options.seconds, kill=True, first=10_000)
        finally:
            workers.end()
        wanted = warm_orders + calm_orders + orders
        wrong = _lost_or_doubled(centre, wanted)
        if not wrong:
            check_books(centre, wanted)
        db.dispose()
    report(
        f"{options.workers} workers, one killed every {KILL_EVERY_S:.0f} s ({killed} in all), against none killed",
        orders / took_s, calm_orders / calm_s, unit="orders/s", aim=None, higher_is_better=True,
    )  # fmt: skip
    report("orders lost or doubled, of all", wrong, wanted, unit="orders", aim=0.0)


def _lost_or_doubled(centre: Centre, wanted: int) -> int:
    filled = sum(order.status == "FILLED" and order.order_type == "MARKET" for order in centre.orders())
    ids = [row["clientOrderId"] for row in centre.exchange_orders()]
    return abs(wanted - filled) + len(ids) - len(set(ids))


if __name__ == "__main__":
    main()
