"""kill -9 of the centre and of the node at random moments under load: no order lost, none doubled, every invariant true.

CI kills a few times; ``make faults`` kills 200 times, with a second centre standing by that takes over or is killed itself.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from backend.db import Database
from backend.models import ExchangeAccount, Fill, Order, Position
from backend.monitoring.service import run_invariants
from tests.support.faults import FULL, SEED, times
from tests.support.paper import ROOT, PaperServer, free_port

KILLS = times(2, 200)
NODE_SECRET = "n" * 40


class Child:
    """A process that is killed and started again."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.name, self._command, self._log = name, command, log
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command, env=self._environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _wait(check: Callable[[], bool], timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.2)


def _count(db: Database, status: tuple[str, ...] | None = None, since_id: int = 0) -> int:
    with db.reading() as session:
        rows = session.exec(select(Order.status).where(Order.id > since_id, Order.order_type == "MARKET")).all()
    return sum(1 for row in rows if status is None or row in status)


@pytest.mark.slow
@pytest.mark.timeout(10_800)
def test_killed_at_random_moments(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    home = tmp_path / "home"
    node_port = free_port()
    common = {
        "IRONBULL_HOME": str(home),
        "IRONBULL_NODE_PORT": str(node_port),
        "IRONBULL_NODE_SECRET": NODE_SECRET,
        "IRONBULL_SCAN_INTERVAL_S": "0.5",
        "IRONBULL_EXIT_INTERVAL_S": "0.5",
        "IRONBULL_RECONCILE_INTERVAL_S": "1",
    }
    # Fast and nervous: a bar every 2.4 s over 30 symbols keeps orders under way at any moment.
    with PaperServer(tmp_path, "--speed", "1500", "--max-symbols", "30", "--slippage-bps", "2", mode="running") as paper:
        common |= {"IRONBULL_PAPER_URL": paper.base_url, "IRONBULL_PAPER_TOKEN": paper.token}
        centre = Child("centre", [sys.executable, "-m", "ironbull_app.cli", "worker"], common, tmp_path / "centre.log")
        node = Child(
            "node",
            [sys.executable, "-m", "node_service"],
            {
                "IRONBULL_NODE_PORT": str(node_port), "IRONBULL_NODE_AUTH_SECRET": NODE_SECRET,
                "IRONBULL_NODE_CODE": "node-1", "IRONBULL_NODE_ALLOW_VENUE_URL": "1",
            },
            tmp_path / "node.log",
        )  # fmt: skip
        children = [centre, node]
        if FULL:
            standby = Child(
                "standby", [sys.executable, "-m", "ironbull_app.cli", "worker"], common, tmp_path / "standby.log"
            )
            children.append(standby)
        for child in children:
            child.start()
        db = Database(f"sqlite:///{home / 'ironbull.db'}")
        try:
            _wait(lambda: (home / "demo.json").exists(), 60, "the demo data")
            _wait(lambda: _count(db, ("FILLED",)) >= 4, 120, "the first orders")
            for _ in range(KILLS):
                victim = rng.choice(children)
                time.sleep(rng.uniform(0.05, 2.0))
                victim.kill()
                time.sleep(rng.uniform(0.0, 0.5))
                victim.start()
                newest = _newest(db)
                _wait(lambda n=newest: _count(db, since_id=n) > 0, 90, f"new orders after killing the {victim.name}")
            _calm(db)
            _wait(lambda: _count(db, ("PENDING", "SENT", "UNKNOWN")) == 0, 90, "every order to be resolved")
            # A protective stop that fires now would be a trade the platform has had no time to hear of.
            paper.clock(mode="stepped")
            _wait(lambda: _agrees(db, paper), 60, "platform and exchange to agree")
        finally:
            for child in children:
                child.stop()
        _check(db, paper)
        _check_secrets(db, paper, home, [tmp_path / f"{child.name}.log" for child in children])
        db.dispose()


def _check_secrets(db: Database, paper: PaperServer, home: Path, logs: list[Path]) -> None:
    """O7: no secret in any log."""
    secrets = [line.split("=", 1)[1] for line in (home / "secrets.env").read_text().splitlines()]
    with db.reading() as session:
        ids = session.exec(select(ExchangeAccount.id)).all()
    secrets += [paper.account(f"account-{i}")[part] for i in ids for part in ("api_key", "api_secret")]
    for log in logs:
        text = log.read_text()
        assert not [secret for secret in secrets if secret in text], f"a secret is in {log.name}"


def _newest(db: Database) -> int:
    with db.reading() as session:
        return max(session.exec(select(Order.id)).all(), default=0)


def _calm(db: Database) -> None:
    """No new entries, so that everything under way can come to rest."""
    from backend.models import Bot

    with db.transaction() as session:
        for bot in session.exec(select(Bot)).all():
            bot.desired = "stopped"
            session.add(bot)


def _dumps(db: Database, paper: PaperServer) -> dict[int, dict[str, Any]]:
    """The exchange's books by our account id; the demo opens its accounts under ``account-<id>``."""
    with db.reading() as session:
        ids = [i for i in session.exec(select(ExchangeAccount.id)).all() if i is not None]
    return {i: paper.dump(paper.account(f"account-{i}")["account_id"]) for i in ids}


def _agrees(db: Database, paper: PaperServer) -> bool:
    """Open positions and trades are the same on both sides."""
    with db.reading() as session:
        ours = {
            (p.account_id, p.symbol.replace("/", ""), p.position_side): p.quantity
            for p in session.exec(select(Position).where(Position.status == "OPEN")).all()
        }
        booked = {(f.account_id, f.exchange_trade_id) for f in session.exec(select(Fill)).all()}
    dumps = _dumps(db, paper)
    return ours == _held(dumps) and booked == _trades(dumps)


def _trades(dumps: dict[int, dict[str, Any]]) -> set[tuple[int, str]]:
    return {(account_id, str(row["id"])) for account_id, dump in dumps.items() for row in dump["trades"]}


def _held(dumps: dict[int, dict[str, Any]]) -> dict[tuple[int, str, str], Decimal]:
    held: dict[tuple[int, str, str], Decimal] = {}
    for account_id, dump in dumps.items():
        for row in dump["positions"]:
            amount = Decimal(str(row["positionAmt"]))
            if amount:
                side = row["positionSide"] if row["positionSide"] != "BOTH" else "LONG" if amount > 0 else "SHORT"
                held[account_id, row["symbol"], side] = abs(amount)
    return held


def _check(db: Database, paper: PaperServer) -> None:
    with db.transaction() as session:
        broken = [item for item in run_invariants(session) if not item.ok]
    assert not broken, broken
    with db.reading() as session:
        orders = session.exec(select(Order)).all()
        fills = session.exec(select(Fill)).all()
    by_id = {(o.account_id, o.client_order_id): o for o in orders}
    assert len(by_id) == len(orders)
    booked: Counter[tuple[int, str]] = Counter((f.account_id, f.exchange_trade_id) for f in fills)
    assert max(booked.values()) == 1, "a trade was booked twice"
    dumps = _dumps(db, paper)
    for dump in dumps.values():
        ids = [row["clientOrderId"] for row in dump["orders"]]
        assert len(ids) == len(set(ids)), "one client order id became two exchange orders"
    traded = _trades(dumps)
    assert traded == set(booked), json.dumps(sorted(traded ^ set(booked))[:5])
