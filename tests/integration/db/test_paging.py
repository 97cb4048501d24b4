"""Totals and pages of long lists: what is kept of them stays true while rows arrive, also late ones, on both databases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func
from sqlmodel import Session, col, insert, select

from backend.clock import utcnow
from backend.dashboards.lists.base import find_of
from backend.dashboards.lists.registry import LISTS
from backend.db import Database
from backend.identity.principal import Principal
from backend.models import LedgerTransaction
from backend.portfolio import paging, queries
from backend.portfolio.paging import SETTLED, remembered, rows_of, total_of
from tests.support.doors import World, make_world

LAST, WRITTEN = col(LedgerTransaction.id), col(LedgerTransaction.created_at)
MANY = 6_000


def add(session: Session, *numbers: int, age: timedelta = timedelta()) -> None:
    at = utcnow() - age
    rows = [{"id": n, "key": f"k:{n}", "kind": "even" if n % 2 == 0 else "odd", "tenant_id": 1 + n % 3, "created_at": at} for n in numbers]
    session.connection().execute(insert(LedgerTransaction), rows)


def total(session: Session, **where: object) -> int:
    return total_of(session, select(LedgerTransaction).filter_by(**where), LAST, WRITTEN)


def counted(session: Session, **where: object) -> int:
    return session.exec(select(func.count()).select_from(LedgerTransaction).filter_by(**where)).one()


def test_a_total_follows_rows_that_arrive_in_any_order(database: Database) -> None:
    """Ids are given before the commit: 7 of the last 10 minutes come after what was already counted."""
    database.run(lambda s: add(s, *range(1, MANY + 1), age=SETTLED * 2))
    late = [MANY + 1, MANY + 3]
    database.run(lambda s: add(s, MANY + 2, MANY + 4, *range(MANY + 5, 2 * MANY)))
    for more in (late, [2 * MANY + 1], [2 * MANY]):
        for _ in range(2):
            with database.reading() as session:
                for where in ({}, {"kind": "odd"}, {"kind": "even", "tenant_id": 2}, {"kind": "none"}):
                    assert total(session, **where) == counted(session, **where)
        database.run(lambda s, more=more: add(s, *more))
    with database.reading() as session:
        assert total(session) == counted(session) == 2 * MANY + 1


def test_what_was_counted_is_not_counted_again(database: Database) -> None:
    database.run(lambda s: add(s, *range(1, MANY + 1), age=SETTLED * 2))
    with database.reading() as session:
        assert total(session) == MANY
    asked: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *call: asked.append(f"{call[2]} {call[3]}"))
    database.run(lambda s: add(s, MANY + 1))
    asked.clear()
    with database.reading() as session:
        assert total(session) == MANY + 1
    (count,) = [text for text in asked if "count" in text]
    assert str(MANY) in count, "only what came after the id counted through is looked at"


def test_the_part_that_is_settled_grows(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    database.run(lambda s: add(s, *range(1, MANY + 1), age=SETTLED * 2))
    with database.reading() as session:
        assert total(session) == MANY
    database.run(lambda s: add(s, *range(MANY + 1, 3 * MANY)))
    for minutes in (0, 30):
        at = utcnow() + timedelta(minutes=minutes)
        monkeypatch.setattr(paging, "utcnow", lambda at=at: at)
        with database.reading() as session:
            assert total(session) == counted(session) == 3 * MANY - 1
    (through, known) = next(value for value in paging._known[database.engine]._found.values() if isinstance(value[0], int))
    assert (through, known) == (3 * MANY - 1, 3 * MANY - 1)


def test_every_list_counts_the_same_when_it_keeps_what_it_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mariadb_url: str) -> None:
    """Also those whose time of writing stands in another table."""
    read = (queries.orders, queries.fills, queries.positions, queries.transactions)
    for folder, url in (("sqlite", []), ("mariadb", [mariadb_url])):
        (tmp_path / folder).mkdir()
        world = make_world(tmp_path / folder, *url)
        admin = Principal("admin", 1, None, "n", "e", "", 1)

        def totals(world: World = world, admin: Principal = admin) -> list[int]:
            with world.db.reading() as session:
                lists = [one.fetch(session, admin, find_of(one, {})).total for one in LISTS.values() if "admin" in one.kinds]
                return lists + [ask(session, admin).total for ask in read]

        plain = totals()
        with monkeypatch.context() as patched:
            patched.setattr(paging, "_SHORT", 0)
            patched.setattr(paging, "SETTLED", timedelta(seconds=-60))
            assert totals() == totals() == plain and sum(plain) > 20


def test_one_database_knows_nothing_of_another(database: Database, tmp_path) -> None:
    from backend.models import metadata

    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    metadata.create_all(other.engine)
    database.run(lambda s: add(s, *range(1, MANY + 1), age=SETTLED * 2))
    other.run(lambda s: add(s, *range(1, MANY + 8), age=SETTLED * 2))
    with database.reading() as one, other.reading() as two:
        assert (total(one), total(two)) == (MANY, MANY + 7)
    other.dispose()


@pytest.mark.parametrize("desc", [True, False])
@pytest.mark.parametrize("by", [None, col(LedgerTransaction.kind)])
@pytest.mark.parametrize("limit", [1, 7, 50])
def test_every_page_is_that_part_of_the_whole(database: Database, desc: bool, by: object, limit: int) -> None:
    count = 1_207
    database.run(lambda s: add(s, *range(1, count + 1)))
    down = (lambda column: column.desc()) if desc else (lambda column: column.asc())
    statement = select(LedgerTransaction)
    with database.reading() as session:
        order = [down(LAST)] if by is None else [down(by), down(LAST)]
        whole = [row.id for row in session.exec(statement.order_by(*order)).all()]
        for offset in (0, 1, 499, 501, 603, 604, 605, 900, count - limit, count - 1, count, count + 5):
            rows = rows_of(session, statement, LAST, count, limit=limit, offset=offset, desc=desc, by=by)
            assert [row.id for row in rows] == whole[offset : offset + limit]


def test_what_took_long_is_kept_for_a_while(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    now, said = [100.0], iter(range(10))
    monkeypatch.setattr(paging.time, "monotonic", lambda: now[0])

    def ask(takes_s: float) -> int:
        def find() -> int:
            now[0] += takes_s
            return next(said)

        with database.reading() as session:
            return remembered(session, "one", find)

    assert [ask(0.1), ask(0.1)] == [0, 1], "quick ones are always asked anew"
    assert [ask(2.0), ask(0.1), ask(2.0)] == [2, 3, 4], "one slow look may be a busy moment"
    assert [ask(2.0), ask(2.0), ask(2.0)] == [5, 5, 5]
    now[0] += 41
    assert [ask(0.1), ask(0.1)] == [6, 7]
