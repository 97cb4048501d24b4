"""Many settlements at once: in batches, and by eight workers with and without an account they share.

    python -m bench.batches

P11 compares fifty settlements in one transaction with fifty of bare PyMySQL in one transaction, a few statements for
all. P12 lets eight processes settle for eight traders: of one tenant, all paying the same root, and of eight tenants.
"""

from __future__ import annotations

import statistics
from typing import Any

from sqlmodel import Session

from backend.billing.service import settle_fills
from bench._bench import report
from bench._raw_money import RawSettle, raw_connection
from bench.settlement import WORKER_WARM_UP, World, alternate, race
from tests.support.databases import private_mariadb, scratch_schema

BATCH, BATCHES, ACCOUNTS = 50, 15, 31
WORKERS, EACH, ROUNDS = 8, 80, 2


class RawBatch(RawSettle):
    """Fifty of the yardstick in one transaction: headers, rows and balances each in few statements."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        marks = ", ".join(f"({n}, 0)" for n in range(1, ACCOUNTS + 1))
        self.cursor.execute(f"INSERT IGNORE INTO raw_balance VALUES {marks}")
        connection.commit()
        self.number = 0

    def batch(self) -> None:
        run = self.cursor.execute
        keys = []
        for _ in range(BATCH):
            self.number += 1
            keys.append(f"batch:{self.number}")
        run("INSERT INTO raw_header (k) VALUES " + ", ".join(["(%s)"] * BATCH), keys)
        first = self.cursor.lastrowid
        values = [part for n in range(BATCH) for m in range(6) for part in (first + n, (n + m) % ACCOUNTS + 1, 5)]
        run("INSERT INTO raw_row (h, a, v) VALUES " + ", ".join(["(%s, %s, %s)"] * (BATCH * 6)), values)
        for account in range(1, ACCOUNTS + 1):
            run("UPDATE raw_balance SET v = v + %s WHERE id = %s", (5, account))
        self.connection.commit()


def p11(server: str) -> None:
    """Fifty settlements in one transaction."""
    with scratch_schema(server) as url, raw_connection(url) as connection:
        world, yardstick = World(url), RawBatch(connection)

        def settle(session: Session) -> None:
            settle_fills(session, world.intake(session, world.traders[0], "b", BATCH))

        def ours() -> None:
            world.database.run(settle)

        alternate(2, ours, yardstick.batch)
        medians = [BATCH * one for one in alternate(BATCHES, ours, yardstick.batch)]
        world.database.dispose()
    name = f"P11 settlements in batches of {BATCH}, vs raw batches"
    report(name, *medians, unit="settlements/s", aim=0.4, higher_is_better=True)


def raced(server: str, tenants: int) -> float:
    """Settlements per second of eight processes going round eight traders of so many tenants, in a new schema."""
    with scratch_schema(server) as url, raw_connection(url) as connection:
        world = World(url, users=WORKERS // tenants)
        for _ in range(tenants - 1):
            world.database.run(lambda session: world._build(session, WORKERS // tenants))
        spent_s, _ = race(world, url, WORKERS, EACH)
        world.database.dispose()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM settlement")
            settled = (cursor.fetchone() or (0,))[0]
    # A rate counts only when everything was settled.
    if settled != WORKERS * (EACH + WORKER_WARM_UP):
        raise RuntimeError(f"{settled} of {WORKERS * EACH} settled")
    return WORKERS * EACH / spent_s


def p12(server: str) -> None:
    """One root for all, against a root for each; in turn."""
    rounds = [(raced(server, 1), raced(server, WORKERS)) for _ in range(ROUNDS)]
    medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
    name = "P12 8 workers paying one root, vs a root for each"
    report(name, *medians, unit="settlements/s", aim=0.8, higher_is_better=True)


def main() -> None:
    """Both."""
    with private_mariadb() as server:
        p11(server)
        p12(server)


if __name__ == "__main__":
    main()
