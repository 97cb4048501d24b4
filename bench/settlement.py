"""What the money path costs: settlements, deadlocks, duplicates, and writers on SQLite.

    python -m bench.settlement [P10 P13 P15 P16]

Every figure is a ratio to bare driver code that does the comparable SQL on the same server in the same run, with the
two alternating; medians of the repetitions. A private MariaDB is started, durable as in production.
"""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pymysql
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from backend.billing.service import settle_fill, settle_fills
from backend.db import Database
from backend.ledger import service as ledger
from backend.ledger.rules import Posting, platform_source, user_account
from backend.ledger.statements import Wire, insert_sql, stamp
from backend.models import Fill, Order, metadata
from bench._bench import report
from bench._raw_money import RawSettle, RawSqlite, raw_connection
from tests.support.databases import private_mariadb, scratch_schema
from tests.support.money import add_fill, add_tenant, add_user, fund

REPEATS = 5
WARM_UP = 50
WORKER_WARM_UP = 10
_order_defaults = {
    "tenant_id": 0, "user_id": 0, "account_id": 0, "position_id": 0, "binding_id": 0, "order_id": "",
    "client_order_id": "", "signal_id": "", "strategy_code": "", "exchange_order_id": "", "exchange": "binance",
    "mode": "simulated", "symbol": "BTC/USDT", "market_type": "future", "side": "SELL", "position_side": "LONG",
    "order_type": "MARKET", "trade_type": "CLOSE", "close_reason": "TP", "leverage": 5, "status": "FILLED",
    "reason": "filled", "error_code": "", "error_message": "", "filled_quantity": "1", "avg_price": "100",
    "total_fee": "0.05", "fee_currency": "USDT", "attempt": 1, "absent_looks": 0, "created_at": "", "updated_at": "",
}  # fmt: skip
_INSERT_ORDER = insert_sql(Order, *_order_defaults)
_INSERT_FILL = insert_sql(
    Fill, "fill_id", "order_pk", "position_id", "tenant_id", "user_id", "account_id", "exchange_trade_id", "symbol",
    "side", "position_side", "trade_type", "quantity", "price", "fee", "fee_currency", "realized_pnl", "mode",
    "filled_at", "market_at", "created_at",
)  # fmt: skip
_numbers = itertools.count(1)


class World:
    """A tenant with ``users`` traders, each below three market nodes; funded and with one position each."""

    def __init__(self, url: str, users: int = 1, create: bool = True) -> None:
        self.database = Database(url)
        self.traders: list[tuple[int, int, int, int]] = []
        if create:
            metadata.create_all(self.database.engine)
            self.database.run(lambda session: self._build(session, users))

    def _build(self, session: Session, users: int) -> None:
        tenant = add_tenant(session)
        for _ in range(users):
            above = None
            for hold in ("300000", "60000", "1500"):
                above = add_user(session, tenant, above, node=True, hold=hold)
            user = add_user(session, tenant, above, hold="1000")
            fund(session, user, "1000000", "100")
            first = add_fill(session, user, "0", trade_type="OPEN")
            assert tenant.id and user.id
            self.traders.append((tenant.id, user.id, user.id, first.position_id))

    def intake(self, session: Session, trader: tuple[int, int, int, int], tag: str, count: int = 1) -> list[int]:
        """Write orders and their fills, as applying a node's answer does; returns the fills' ids."""
        tenant_id, user_id, account_id, position_id = trader
        wire, now = Wire(session), stamp()
        names = [f"{tag}{next(_numbers)}" for _ in range(count)]
        common = _order_defaults | {
            "tenant_id": tenant_id, "user_id": user_id, "account_id": account_id, "position_id": position_id,
            "binding_id": 1, "created_at": now, "updated_at": now,
        }  # fmt: skip
        orders = [tuple((common | {"order_id": f"O{name}", "client_order_id": f"q{name}"}).values()) for name in names]
        numbers = wire.insert_numbered(_INSERT_ORDER, orders)
        fills = [
            (f"F{name}", number, position_id, tenant_id, user_id, account_id, name, "BTC/USDT", "SELL", "LONG",
             "CLOSE", "1", "100", "0.05", "USDT", "12.34567891", "simulated", now, now, now)
            for name, number in zip(names, numbers, strict=True)
        ]  # fmt: skip
        return wire.insert_numbered(_INSERT_FILL, fills)

    def settle_new(self, session: Session, trader: int = 0, tag: str = "x") -> int:
        """Order, fill and settlement in one transaction; returns the fill's id."""
        (fill_id,) = self.intake(session, self.traders[trader], tag)
        settle_fills(session, [fill_id])
        return fill_id


def timed(count: int, work: Callable[[], object]) -> float:
    """Operations per second."""
    started = time.perf_counter()
    for _ in range(count):
        work()
    return count / (time.perf_counter() - started)


def alternate(count: int, *works: Callable[[], object]) -> list[float]:
    """Operations per second of each, by the median time of single operations done in turn.

    One operation of each after the other meets the same noise of the machine, so the ratios hold on a busy one too.
    """
    times: list[list[float]] = [[] for _ in works]
    for _ in range(count):
        for work, spent in zip(works, times, strict=True):
            started = time.perf_counter()
            work()
            spent.append(time.perf_counter() - started)
    return [1 / statistics.median(spent) for spent in times]


class TapeCursor(pymysql.cursors.Cursor):
    """Notes what is executed."""

    tape: ClassVar[list[tuple[str, Any]]] = []

    def execute(self, query: str, args: Any = None) -> int:
        """As always, and on the tape."""
        self.tape.append((query, args))
        return super().execute(query, args)


def record(world: World, count: int) -> list[list[tuple[str, Any]]]:
    """The SQL our settlements send, one list per transaction."""
    event.listen(world.database.engine, "do_connect", lambda *args: args[3].update(cursorclass=TapeCursor))
    world.database.dispose()
    transactions = []
    for _ in range(count):
        TapeCursor.tape.clear()
        world.database.run(world.settle_new)
        transactions.append(list(TapeCursor.tape))
    transactions[0] = transactions[0][-len(transactions[-1]) :]
    return transactions


def p10(server: str) -> None:
    """Full settlements (order, fill, ledger, billing, three levels) on one connection."""
    count = 500
    with (
        scratch_schema(server) as ours_url,
        scratch_schema(server) as taped_url,
        scratch_schema(server) as twin_url,
    ):
        # Three equal worlds: one is measured, one is recorded, one gets the recorded SQL through bare PyMySQL.
        ours, taped, twin = World(ours_url), World(taped_url), World(twin_url)
        recorded = record(taped, count + WARM_UP)
        statements, tape = len(recorded[-1]), iter(recorded)
        with raw_connection(twin_url) as connection:
            cursor, yardstick = connection.cursor(), RawSettle(connection)

            def replay() -> None:
                for statement, parameters in next(tape):
                    cursor.execute(statement, parameters)
                    if cursor.description:
                        cursor.fetchall()
                connection.commit()

            run = ours.database.run
            alternate(WARM_UP, lambda: run(ours.settle_new), replay)
            medians = alternate(count, lambda: run(ours.settle_new), replay, yardstick.settle)
        for world in (ours, taped, twin):
            world.database.dispose()
    name = f"P10 full settlement, 1 connection, vs its own {statements} statements by bare PyMySQL"
    report(name, medians[0], medians[1], unit="settlements/s", aim=0.6, higher_is_better=True)
    name = "P10 full settlement, 1 connection, vs raw settle (header, 6 rows, 4 balances)"
    report(name, medians[0], medians[2], unit="settlements/s", aim=0.6, higher_is_better=True)


def worker(url: str, traders: str, number: int, count: int) -> None:
    """One process of P13: settle without retry; print deadlocks and the time of each settlement."""
    world = World(url, create=False)
    world.traders = [tuple(map(int, one.split(","))) for one in traders.split(";")]
    deadlocks, times = 0, []
    # Opening the connection and the first run of each statement belong to the start of a process.
    for turn in range(WORKER_WARM_UP):
        world.database.run(lambda session, n=turn: world.settle_new(session, (number + n) % len(world.traders), f"v{number}-"))
    print("ready", flush=True)
    sys.stdin.readline()
    for turn in range(count):
        started = time.perf_counter()
        try:
            with world.database.transaction() as session:
                world.settle_new(session, (number + turn) % len(world.traders), f"w{number}-")
        except OperationalError:
            deadlocks += 1
        times.append(f"{time.perf_counter() - started:.6f}")
    print(deadlocks, *times)


def race(world: World, url: str, workers: int, count: int) -> tuple[float, list[list[str]]]:
    """``worker`` in so many processes for the world's traders, started at once: seconds, and the words each printed.

    Raises when one of them fails: what fails is fast.
    """
    traders = ";".join(",".join(map(str, one)) for one in world.traders)
    command = [sys.executable, "-m", "bench.settlement", "worker", url, traders]
    children = [
        subprocess.Popen([*command, str(n), str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for n in range(workers)
    ]
    for child in children:
        assert child.stdout and child.stdout.readline() == "ready\n"
    started = time.perf_counter()
    for child in children:
        assert child.stdin
        child.stdin.write("go\n")
        child.stdin.flush()
    outputs = [child.communicate(timeout=120)[0].split() for child in children]
    spent_s = time.perf_counter() - started
    if any(child.returncode for child in children):
        raise RuntimeError("a worker failed")
    return spent_s, outputs


def p13(server: str) -> None:
    """8 processes settle for 8 traders of one tenant, all paying the same root; nobody retries."""
    workers, count = 8, 100
    with scratch_schema(server) as url, raw_connection(url) as connection:
        world = World(url, users=8)
        spent_s, outputs = race(world, url, workers, count)
        rate = workers * count / spent_s
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM settlement")
            settled = (cursor.fetchone() or (0,))[0]
        world.database.dispose()
    times = sorted(float(one) for words in outputs for one in words[1:])
    deadlocks = sum(int(words[0]) for words in outputs)
    report("P13 deadlocks with 8 workers", deadlocks * 1000 / len(times), 1000, unit="per 1000", aim=0)
    p50, p99 = times[len(times) // 2] * 1000, times[int(len(times) * 0.99)] * 1000
    report("P14 settlement p99 / p50 with 8 workers", p99, p50, unit="ms", aim=3)
    print(f"# P13: {settled} settled, {rate:.0f}/s with {workers} processes")


def p15(server: str) -> None:
    """A fill delivered again, against a unique key's refusal."""
    count = 1500
    with scratch_schema(server) as url, raw_connection(url) as connection:
        world, yardstick = World(url), RawSettle(connection)
        fill_id = world.database.run(world.settle_new)
        connection.cursor().execute("INSERT INTO raw_header (k) VALUES ('taken')")
        connection.commit()

        def again() -> None:
            assert world.database.run(lambda session: settle_fill(session, fill_id)).replayed

        alternate(WARM_UP, again)
        medians = alternate(count, again, yardstick.duplicate)
        world.database.dispose()
    name = "P15 duplicate delivery rejected, vs raw unique key"
    report(name, *medians, unit="rejects/s", aim=0.4, higher_is_better=True)


def p16() -> None:
    """8 threads post to the ledger on SQLite (6 entries, 4 balances each), against one bare sqlite3 writer."""
    count, writers = 800, 8
    with tempfile.TemporaryDirectory() as home:
        database = Database(f"sqlite:///{home}/ours.db")
        metadata.create_all(database.engine)
        users = [user_account(1, number, "point_self") for number in range(1, 5)]
        start = [Posting(platform_source(), -(10**12)), *(Posting(one, 10**12 // 4) for one in users)]
        database.run(lambda session: ledger.post(session, "start", start, kind="move"))
        legs = [(0, -5), (1, 5), (2, -5), (3, 5), (0, -5), (1, 5)]
        postings = [Posting(users[number], amount) for number, amount in legs]
        raw = RawSqlite(Path(home) / "raw.db")
        times: list[float] = []

        def post() -> None:
            key = f"move:{next(_numbers)}"
            started = time.perf_counter()
            database.run(lambda session: ledger.post(session, key, postings, kind="move"))
            times.append(time.perf_counter() - started)

        def ours() -> float:
            threads = [threading.Thread(target=timed, args=(count // writers, post)) for _ in range(writers)]
            started = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return count / (time.perf_counter() - started)

        timed(100, post)
        times.clear()
        rounds = [(ours(), timed(count, raw.settle)) for _ in range(REPEATS)]
        medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
        database.dispose()
    name = "P16 SQLite, 8 writers, vs 1 raw writer"
    report(name, *medians, unit="posts/s", aim=0.6, higher_is_better=True)
    times.sort()
    report("P16 SQLite, 8 writers, p99", times[int(len(times) * 0.99)] * 1000, 50, unit="ms", aim=1)


def main(chosen: list[str]) -> None:
    """Run the chosen measurements, or all."""
    benches: dict[str, Callable[[str], None]] = {"P10": p10, "P13": p13, "P15": p15}
    wanted = [name.upper() for name in chosen] or [*benches, "P16"]
    if any(name in benches for name in wanted):
        with private_mariadb() as server:
            for name, bench in benches.items():
                if name in wanted:
                    bench(server)
    if "P16" in wanted:
        p16()


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        worker(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        main(sys.argv[1:])
