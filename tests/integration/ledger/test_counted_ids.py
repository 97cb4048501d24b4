"""Ids of rows written by one statement are counted from the first: they must be those the rows have, whoever else writes."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from sqlalchemy import event, text
from sqlmodel import Session

from backend.db import Database
from backend.ledger.statements import Wire, insert_sql, stamp
from backend.models import LedgerTransaction
from tests.support.at_once import all_at_once
from tests.support.faults import times

INSERT = insert_sql(
    LedgerTransaction, "key", "kind", "tenant_id", "reference", "actor", "remark", "fingerprint", "created_at"
)
ROUNDS = times(12, 500)


def _write(session: Session, names: list[str]) -> dict[str, int]:
    rows = [(name, "move", None, "", "", "", "", stamp()) for name in names]
    return dict(zip(names, Wire(session).insert_numbered(INSERT, rows), strict=True))


def _stored(database: Database) -> dict[str, int]:
    with database.reading() as session:
        return dict(session.execute(text("SELECT `key`, id FROM ledger_transaction")).all())


def test_many_writers_at_once(database: Database) -> None:
    told: list[dict[str, int]] = []
    together = threading.Barrier(4)

    def write(who: int) -> None:
        for turn in range(ROUNDS):
            together.wait(60)
            names = [f"{who}:{turn}:{n}" for n in range(1 + (turn * 7 + who) % 40)]
            told.append(database.run(lambda session, names=names: _write(session, names)))

    all_at_once(*(partial(write, who) for who in range(4)))
    assert len(told) == 4 * ROUNDS
    assert {name: number for one in told for name, number in one.items()} == _stored(database)


def test_nothing_to_write(database: Database) -> None:
    assert database.run(lambda session: _write(session, [])) == {}


@pytest.mark.parametrize("step", [1, 3])
def test_a_server_that_counts_in_steps(mariadb_url: str, step: int) -> None:
    """As the servers of a cluster do."""
    database = Database(mariadb_url)
    event.listen(
        database.engine, "connect", lambda link, _: link.cursor().execute(f"SET SESSION auto_increment_increment = {step}")
    )
    told = database.run(lambda session: _write(session, [f"k{n}" for n in range(10)]) | _write(session, ["one"]))
    numbers = sorted(told.values())
    assert told == _stored(database) and numbers[9] - numbers[0] == 9 * step
    database.dispose()
