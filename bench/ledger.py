"""What a ledger of one million entries costs to read and to verify.

    python -m bench.ledger

P21: the ledger browser's own list, page by page of 50, unfiltered, filtered and as the export walks it; the last page
against the first. ``verify`` recomputes every hash. On a private MariaDB, filled by bulk inserts.
"""

from __future__ import annotations

import itertools
import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from backend.dashboards.lists.base import Find
from backend.dashboards.lists.money import transactions
from backend.db import Database
from backend.identity.principal import Principal
from backend.ledger import seals
from backend.ledger.statements import stamp
from backend.models import metadata
from bench._bench import report
from tests.support.databases import mariadb, scratch_schema

TRANSACTIONS, ENTRIES = 250_000, 4
TENANTS, ACCOUNTS = 20, 2_000
PAGE, ROUNDS = 50, 12
ADMIN = Principal("admin", 1, None, "Ann", "ann", "owner", 0)
KINDS = ("settlement", "recharge_user", "transfer_points", "withdraw_freeze", "funding")
START = datetime(2026, 1, 1, tzinfo=UTC)


def fill(engine: Engine) -> None:
    """Balanced sets over a year of many tenants, with their chains of hashes."""
    chance = random.Random(1)
    balances = [0] * (ACCOUNTS + 1)
    chains = [(0, seals.START)] * (TENANTS + 1)
    with engine.connect() as connection:
        cursor = connection.connection.cursor()
        run = cursor.execute
        run("SET unique_checks = 0, foreign_key_checks = 0")
        numbers = iter(range(1, TRANSACTIONS + 1))
        while part := list(itertools.islice(numbers, 5_000)):
            headers, entries, links = [], [], []
            for number in part:
                tenant = chance.randrange(1, TENANTS + 1)
                at = stamp(START + timedelta(seconds=100 * number))
                kind = KINDS[number % len(KINDS)]
                header = (number, f"k:{number}", kind, tenant, f"fill:{number}", "", "", "0" * 64, at)
                lines = []
                for account, amount in zip(chance.sample(range(1, ACCOUNTS + 1), ENTRIES), (5, -5, 7, -7), strict=True):
                    balances[account] += amount
                    lines.append((number, account, amount, balances[account], "USDT"))
                place, previous = chains[tenant]
                text = "\x1e".join(
                    f"{one}\x1f{amount}\x1f{after}\x1f{currency}" for _, one, amount, after, currency in lines
                )
                made = seals.link(previous, header, text)
                chains[tenant] = (place + 1, made)
                headers.append(header)
                entries += lines
                links.append((number, tenant, place + 1, previous, made, at))
            for table, columns, rows in (
                (
                    "ledger_transaction",
                    "id, `key`, kind, tenant_id, reference, actor, remark, fingerprint, created_at",
                    headers,
                ),
                ("ledger_entry", "transaction_id, account_id, amount, balance_after, currency", entries),
                ("ledger_seal", "transaction_id, chain, number, previous, hash, sealed_at", links),
            ):
                marks = ", ".join(["%s"] * len(rows[0]))
                cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
            connection.connection.commit()
        for table in ("ledger_transaction", "ledger_entry", "ledger_seal"):
            run(f"ANALYZE TABLE {table}")
            cursor.fetchall()


def in_turn(*works: Callable[[], object], rounds: int = ROUNDS) -> list[list[float]]:
    """Milliseconds of each round of each, sorted; done in turn, after one round of each that is not counted."""
    found: list[list[float]] = [[] for _ in works]
    for _ in range(rounds + 1):
        for work, times in zip(works, found, strict=True):
            started = time.perf_counter()
            work()
            times.append((time.perf_counter() - started) * 1000)
    return [sorted(times[1:]) for times in found]


def spent(work: Callable[[], object]) -> list[float]:
    """One work alone."""
    return in_turn(work)[0]


def p95(times: list[float]) -> float:
    """The time under which 95 in 100 stay."""
    return times[min(len(times) - 1, int(len(times) * 0.95))]


def pages(database: Database) -> None:
    """P21."""

    def page(**find: Any) -> list[Any]:
        with database.reading() as session:
            return list(transactions(session, ADMIN, Find(limit=PAGE, **find)).rows)

    last = TRANSACTIONS - PAGE
    assert page()[0]["id"] == TRANSACTIONS and page(offset=last)[-1]["id"] == 1
    first, end = in_turn(page, lambda: page(offset=last))
    anywhere = random.Random(2)
    middle = spent(lambda: page(offset=anywhere.randrange(0, last)))
    one_tenant = spent(lambda: page(only={"tenant": "7"}, offset=anywhere.randrange(0, 10_000)))
    one_kind = spent(lambda: page(only={"kind": "funding"}))
    account = spent(lambda: page(only={"account": "77"}))
    name = f"P21 ledger of {TRANSACTIONS * ENTRIES:,} entries, page of {PAGE}, "
    report(name + "last / first", statistics.median(end), statistics.median(first), unit="ms", aim=1.5)
    for what, times in (
        ("first, p95", first), ("last, p95", end), ("anywhere, p95", middle), ("of one tenant, p95", one_tenant),
        ("of one kind, p95", one_kind), ("of one account, p95", account),
    ):  # fmt: skip
        report(name + what, p95(times), 100, unit="ms", aim=1)


def verify(database: Database) -> None:
    """Every hash of the ledger, recomputed."""
    started = time.perf_counter()
    with database.reading() as session:
        verdict = seals.verify(session)
    assert verdict.ok and verdict.entries == TRANSACTIONS * ENTRIES, verdict.problems
    rate = verdict.entries / (time.perf_counter() - started)
    report("ledger verify", rate, 100_000, unit="entries/s", aim=1, higher_is_better=True)


def main() -> None:
    """Fill once, then measure."""
    with mariadb(pool_mb=512) as server, scratch_schema(server.url) as url:
        database = Database(url)
        metadata.create_all(database.engine)
        started = time.perf_counter()
        fill(database.engine)
        print(f"# filled in {time.perf_counter() - started:.0f} s", flush=True)
        pages(database)
        verify(database)
        database.dispose()


if __name__ == "__main__":
    main()
