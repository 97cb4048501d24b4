"""The database edge: retried deadlocks (D2), nothing lost, readers that stay readable."""

from __future__ import annotations

import random
import threading
from contextlib import nullcontext

import pymysql
import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from backend.db import Database
from backend.models import Cooldown
from tests.support.at_once import all_at_once
from tests.support.faults import times

TURNS = times(60, 5_000)


def _add(session: Session, account_id: int) -> None:
    row = session.exec(select(Cooldown).where(Cooldown.account_id == account_id).with_for_update()).one()
    row.until_ms += 1
    session.add(row)


def _rows(db: Database, count: int) -> None:
    with db.transaction() as session:
        session.add_all([Cooldown(account_id=i, symbol="X/USDT", until_ms=0) for i in range(count)])


def _values(db: Database) -> list[int]:
    with db.reading() as session:
        return [row.until_ms for row in session.exec(select(Cooldown).order_by(Cooldown.account_id)).all()]


@pytest.mark.parametrize("code", [1213, 1205])
def test_failing_commits_are_retried_and_nothing_is_lost(database: Database, code: int) -> None:
    """D2: three in ten commits fail with a deadlock or lock timeout; each unit of work counts exactly once."""
    _rows(database, 1)
    rng = random.Random(code)

    def refuse(_connection: object) -> None:
        if rng.random() < 0.3:
            raise OperationalError("COMMIT", {}, pymysql.err.OperationalError(code, "injected"))

    event.listen(database.engine, "commit", refuse)
    done = failed = 0
    try:
        for _ in range(TURNS):
            try:
                database.run(lambda session: _add(session, 0))
                done += 1
            except OperationalError:
                failed += 1
    finally:
        event.remove(database.engine, "commit", refuse)
    assert done + failed == TURNS and failed <= TURNS / 30
    assert _values(database) == [done]


@pytest.mark.parametrize("nested", [False, True], ids=["plain", "in a savepoint"])
def test_a_real_deadlock_is_resolved(request: pytest.FixtureRequest, nested: bool) -> None:
    """Two transactions take two rows in opposite order: one is chosen as victim, tried again, and both count.

    In a savepoint the victim hears of it as a savepoint that is gone.
    """
    database = Database(request.getfixturevalue("mariadb_url"))
    _rows(database, 2)
    meet = threading.Barrier(2, timeout=10)
    tries = [0, 0]

    def work(who: int) -> None:
        def both(session: Session) -> None:
            tries[who] += 1
            _add(session, who)
            session.flush()
            if tries[who] == 1:
                meet.wait()
            with session.begin_nested() if nested else nullcontext():
                _add(session, 1 - who)
                session.flush()

        database.run(both)

    all_at_once(lambda: work(0), lambda: work(1))
    assert _values(database) == [2, 2] and sorted(tries) == [1, 2]
    database.dispose()


def test_an_error_rolls_everything_back(database: Database) -> None:
    _rows(database, 1)
    with pytest.raises(RuntimeError), database.transaction() as session:
        _add(session, 0)
        session.flush()
        raise RuntimeError
    assert _values(database) == [0]


def test_reading_never_writes(database: Database) -> None:
    _rows(database, 1)
    with database.reading() as session:
        _add(session, 0)
        session.flush()
    assert _values(database) == [0]


def test_eight_writers_lose_nothing(database: Database) -> None:
    """D12: writers queue, none starves, every increment is there."""
    _rows(database, 1)

    def work() -> None:
        for _ in range(15):
            database.run(lambda session: _add(session, 0))

    all_at_once(*[work] * 8)
    assert _values(database) == [120]
