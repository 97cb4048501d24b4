"""What happens to money verbs when the server drops a connection, and how writers queue on SQLite."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import pymysql
import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from backend import db
from backend.db import Database
from backend.ledger import queries, service
from backend.ledger.rules import Posting, platform_source, tenant_card
from backend.ledger.statements import Wire

POSTINGS = [Posting(platform_source(), -5), Posting(tenant_card(1, "point_self"), 5)]


@pytest.fixture
def mariadb_database(mariadb_url: str):
    made = Database(mariadb_url)
    yield made
    made.dispose()


def kill(url: str, number: int) -> None:
    parts = make_url(url)
    with (
        pymysql.connect(host=parts.host, port=parts.port, user=parts.username, password=parts.password) as link,
        link.cursor() as cursor,
    ):
        cursor.execute(f"KILL {number}")


def test_a_connection_lost_while_resting_is_replaced(mariadb_database: Database, mariadb_url: str) -> None:
    number = mariadb_database.run(lambda s: Wire(s).first("SELECT CONNECTION_ID()", ())[0])
    kill(mariadb_url, number)
    time.sleep(1.1)
    assert not mariadb_database.run(lambda s: service.post(s, "a", POSTINGS, kind="move")).replayed


def test_a_connection_lost_inside_a_verb_leaves_nothing_and_the_key_resolves_it(
    mariadb_database: Database, mariadb_url: str
) -> None:
    def work(session):
        done = service.post(session, "a", POSTINGS, kind="move")
        wire = Wire(session)
        kill(mariadb_url, wire.first("SELECT CONNECTION_ID()", ())[0])
        wire.run("SELECT 1", ())
        return done

    with pytest.raises(OperationalError) as caught:
        mariadb_database.run(work)
    assert caught.value.connection_invalidated
    again = mariadb_database.run(lambda s: service.post(s, "a", POSTINGS, kind="move"))
    assert not again.replayed
    with mariadb_database.reading() as session:
        assert queries.balance(session, tenant_card(1, "point_self")) == 5


def test_after_one_lost_connection_the_other_idle_ones_are_not_trusted(
    mariadb_database: Database, mariadb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that restarts takes all connections: one caller hears of it, not one per connection."""
    # However slow the machine is, these connections were used a moment ago: they are not asked first.
    monkeypatch.setattr(db, "_IDLE_S", 3600)
    with ExitStack() as stack:
        sessions = [stack.enter_context(mariadb_database.reading()) for _ in range(4)]
        numbers = [Wire(session).first("SELECT CONNECTION_ID()", ())[0] for session in sessions]
    for number in numbers:
        kill(mariadb_url, number)
    with pytest.raises(OperationalError):
        mariadb_database.run(lambda s: service.post(s, "a", POSTINGS, kind="move"))
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(mariadb_database.reading()).connection().exec_driver_sql("SELECT 1")
    assert not mariadb_database.run(lambda s: service.post(s, "a", POSTINGS, kind="move")).replayed


def test_sqlite_writers_take_turns(sqlite_database: Database) -> None:
    """A writer that comes back at once does not overtake those who wait."""
    order: list[str] = []
    ready = threading.Event()

    def waiter(name: str) -> None:
        with sqlite_database.transaction():
            order.append(name)

    def greedy() -> None:
        with sqlite_database.transaction():
            ready.set()
            time.sleep(0.2)
        with sqlite_database.transaction():
            order.append("greedy")

    first = threading.Thread(target=greedy)
    first.start()
    ready.wait(5)
    others = []
    for name in ("b", "c", "d"):
        others.append(threading.Thread(target=waiter, args=(name,)))
        others[-1].start()
        time.sleep(0.03)
    for thread in (first, *others):
        thread.join(10)
    assert order == ["b", "c", "d", "greedy"]
