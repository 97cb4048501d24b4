"""Real worker processes share one queue while they are killed and paused: no order is lost, none goes twice.

D10 and the healed ``kill -9`` of the queue mode. The first victim is the one that schedules, the second is that one paused
past its lease and woken again, all others are drawn by the seed.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from backend.db import Database
from backend.models import Order, Position, WorkerProcess
from backend.queue import queries
from backend.queue.service import now_ms
from tests.support.centre import Centre, make_centre
from tests.support.faults import SEED, times
from tests.support.intents import enter, leave
from tests.support.paper import ROOT, PaperServer
from tests.support.queue import RUNNING, Tap, at_rest, calm, jobs
from tests.support.redis import RedisServer, private_redis

__all__ = ["private_redis"]

WORKERS = times(3, 10)
ROUNDS = times(2, 40)
ACCOUNTS = times(4, 20)
LEASE_S = 4


class Workers:
    """``ironbull worker`` processes by number."""

    def __init__(self, centre: Centre, redis_url: str, folder: Path) -> None:
        self._log = folder / "workers.log"
        self._environment = {
            **os.environ, "IRONBULL_DATABASE_URL": centre.db.url.render_as_string(hide_password=False), "IRONBULL_DEMO": "0",
            "IRONBULL_PAPER_URL": centre.paper.base_url, "IRONBULL_PAPER_TOKEN": centre.paper.token,
            "IRONBULL_EXECUTION": "queue", "IRONBULL_REDIS_URL": redis_url, "IRONBULL_QUEUE_LEASE_S": str(LEASE_S),
            "IRONBULL_SCAN_INTERVAL_S": "3600", "IRONBULL_EXIT_INTERVAL_S": "3600", "IRONBULL_RECONCILE_INTERVAL_S": "1",
        }  # fmt: skip
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self._environment["PYTHONFAULTHANDLER"] = "1"
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, count: int = 1) -> None:
        with self._log.open("ab") as out:
            self.processes += [
                subprocess.Popen(
                    [sys.executable, "-m", "ironbull_app.cli", "worker"], cwd=ROOT, env=self._environment,
                    stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                )
                for _ in range(count)
            ]

    def by_pid(self, pid: int) -> subprocess.Popen[bytes]:
        return next(one for one in self.processes if one.pid == pid)

    def kill(self, victim: subprocess.Popen[bytes]) -> None:
        victim.kill()
        victim.wait(10)
        self.processes.remove(victim)

    def end(self) -> list[int]:
        """SIGTERM to all; their exit codes."""
        for one in self.processes:
            one.terminate()
        codes = []
        for one in self.processes:
            try:
                codes.append(one.wait(60))
            except subprocess.TimeoutExpired:
                one.send_signal(signal.SIGABRT)  # it writes where it stands into the log
                codes.append(one.wait(10))
        return codes

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""


def wait(check: Callable[[], bool], what: str, timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.1)


def alive(db: Database) -> list[WorkerProcess]:
    with db.reading() as session:
        return queries.workers(session, now_ms(session))


def leading(db: Database) -> queries.Leader | None:
    with db.reading() as session:
        found = queries.leader(session, now_ms(session))
    return found if found is not None and found.live else None


def leader_pid(db: Database) -> int | None:
    """The process that leads; None also while the lease is still that of one that was killed."""
    found = leading(db)
    pid = next((row.pid for row in alive(db) if found is not None and row.owner == found.owner), None)
    try:
        os.kill(pid or 0, 0)
    except ProcessLookupError:
        return None
    return pid


@pytest.fixture
def centre(sqlite_database: Database, tmp_path: Path) -> Iterator[Centre]:
    with PaperServer(tmp_path) as paper:
        made = make_centre(sqlite_database, paper, tmp_path, accounts=ACCOUNTS, **RUNNING)
        calm(made)
        yield made


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_workers_are_killed_and_paused(centre: Centre, private_redis: RedisServer, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    workers = Workers(centre, private_redis.url, tmp_path)
    db = centre.db
    with Tap(private_redis.port) as tap:
        workers.start(WORKERS)
        try:
            wait(lambda: len(alive(db)) >= WORKERS and leader_pid(db) is not None, "the workers", 40 * WORKERS)
            for number in range(ROUNDS):
                enter(centre, f"SIGROUND{number}", ttl_s=900.0)
                disturb(workers, db, rng, number)
                wait(lambda: at_rest(centre) and open_positions(db) == ACCOUNTS, f"entries of round {number}")
                leave(centre)
                if number % 2:
                    disturb(workers, db, rng, number + ROUNDS)
                wait(lambda: at_rest(centre) and open_positions(db) == 0, f"exits of round {number}")
            pids = {one.pid for one in workers.processes}
            wait(lambda: pids <= {row.pid for row in alive(db)}, "the last one started to be there")
            wait(lambda: not orphans(centre, pids), "others to take what the killed ones had in hand")
        finally:
            codes = workers.end()
            sys.stdout.write(workers.log[-4000:])
    # In good order they end at once, leaving nothing in hand.
    assert set(codes) == {0}, workers.log[-3000:]
    left = [(job.state, job.kind, job.payload, job.attempts, job.error, job.owner) for state in ("RUNNING", "DEAD") for job in jobs(centre, state=state)]
    assert left == []
    check_books(centre, ROUNDS * ACCOUNTS * 2)
    for number in range(ACCOUNTS):
        keys = centre.paper.account(f"agent-{number}")
        for text in (tap.text, workers.log):
            assert keys["api_key"] not in text and keys["api_secret"] not in text


def orphans(centre: Centre, pids: set[int]) -> list[str]:
    """Jobs in the hand of nobody who lives."""
    living = {row.owner for row in alive(centre.db) if row.pid in pids}
    return [job.kind for job in jobs(centre, state="RUNNING") if job.owner not in living]


def disturb(workers: Workers, db: Database, rng: random.Random, number: int) -> None:
    """Kill one, or pause the one that leads past its lease and wake it again when another leads."""
    time.sleep(rng.uniform(0.0, 0.8))
    if number == 1 or (number > 1 and rng.random() < 0.2):
        wait(lambda: leader_pid(db) is not None, "a leader")
        pause_leader(db)
        return
    if number == 0:
        pid = leader_pid(db)
        victim = workers.by_pid(pid) if pid else workers.processes[0]
    else:
        victim = rng.choice(workers.processes)
    workers.kill(victim)
    workers.start()


def pause_leader(db: Database) -> None:
    """Stopped until another leads. One that is stopped in the middle of a write holds SQLite's one lock: it goes on for a moment."""
    for _ in range(20):
        wait(lambda: leader_pid(db) is not None, "a leader")
        pid, was = leader_pid(db), leading(db)
        if pid is None or was is None:
            continue
        os.kill(pid, signal.SIGSTOP)
        try:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                now = leading(db)
                if now is not None and now.token > was.token:
                    return
                time.sleep(0.1)
        finally:
            os.kill(pid, signal.SIGCONT)
        time.sleep(0.3)
    raise AssertionError("no other took the lead")


def open_positions(db: Database) -> int:
    with db.reading() as session:
        return len(session.exec(select(Position.id).where(Position.status == "OPEN")).all())


def check_books(centre: Centre, orders: int) -> None:
    """Every order asked for was filled once, by one order on the exchange; all its trades are booked and settled once."""
    centre.check_oracles()
    with centre.db.reading() as session:
        market = session.exec(select(Order).where(Order.order_type == "MARKET")).all()
    assert len(market) == orders
    assert {order.status for order in market} == {"FILLED"}
    there = centre.exchange_orders()
    ids = [row["clientOrderId"] for row in there]
    assert len(ids) == len(set(ids)), "one client order id became two exchange orders"
    assert {order.client_order_id for order in market} <= set(ids)
    trades = [
        (account_id, str(row["id"]))
        for account_id, paper_id in zip(centre.account_ids, centre.paper_ids, strict=True)
        for row in centre.paper.dump(paper_id)["trades"]
    ]
    booked = [(fill.account_id, fill.exchange_trade_id) for fill in centre.fills()]
    assert sorted(trades) == sorted(booked)
