"""Settling many fills at once gives what settling each for itself gives, exactly once, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, func, select

from backend.billing import jobs, service
from backend.db import Database
from backend.errors import NotFound
from backend.ledger.statements import Wire
from backend.models import (
    Binding,
    LedgerAccount,
    LedgerEntry,
    LedgerTransaction,
    Notification,
    PointCardLog,
    ProfitPool,
    Reward,
    Settlement,
    User,
)  # fmt: skip
from tests.support.at_once import at_once
from tests.support.faults import times
from tests.support.money import add_fill, add_tenant, add_user, assert_sound, fund

Fills = list[tuple[int, Decimal, bool]]


def build(session: Session, parents: list[int], holds: list[str], points: list[str], fills: Fills) -> dict[str, Any]:
    """A tenant with a tree of users and their fills; two built alike differ only in ids."""
    tenant = add_tenant(session)
    users = [session.get(User, tenant.root_user_id)]
    for number, parent in enumerate(parents):
        above = users[parent % len(users)]
        users.append(add_user(session, tenant, above, node=number % 2 == 0, hold=holds[number % len(holds)]))
    bindings = []
    for number, user in enumerate(users):
        fund(session, user, points[number % len(points)], points[(number + 1) % len(points)])
        row = Binding(
            tenant_id=tenant.id, user_id=user.id, account_id=user.id, strategy_id=1, status=1,
            total_profit=Decimal("0.5"),
        )  # fmt: skip
        session.add(row)
        bindings.append(row)
    session.flush()
    made = []
    for who, pnl, closing in fills:
        at = who % len(users)
        kind = "CLOSE" if closing else "OPEN"
        made.append(add_fill(session, users[at], str(pnl), fee="0.01", binding=bindings[at], trade_type=kind).id)
    return {"tenant": tenant.id, "fills": made, "users": [user.id for user in users]}


def books(database: Database, world: dict[str, Any]) -> dict[str, Any]:
    """Everything settlement wrote for a tenant, with users and fills by their place instead of their id."""
    user = {one: place for place, one in enumerate(world["users"])}
    fill = {f"fill:{one}": place for place, one in enumerate(world["fills"])}
    place = {one: at for at, one in enumerate(world["fills"])}
    with database.reading() as session:

        def rows(model: Any) -> list[Any]:
            return list(session.exec(select(model).where(model.tenant_id == world["tenant"]).order_by(model.id)).all())

        headers = {row.id: fill[row.reference] for row in rows(LedgerTransaction) if row.reference in fill}
        entries = session.exec(
            select(LedgerEntry, LedgerAccount)
            .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
            .where(LedgerEntry.transaction_id.in_(list(headers)))
            .order_by(LedgerEntry.id)
        ).all()
        settlements = rows(Settlement)
        pools = rows(ProfitPool)
        at_pool = {row.id: row.settlement_id for row in pools}
        at_settlement = {row.id: place[row.fill_id] for row in settlements}
        return {
            "entries": [
                (headers[entry.transaction_id], account.kind, user.get(account.owner_id), entry.amount, entry.balance_after)
                for entry, account in entries
            ],
            "settlements": [
                (place[s.fill_id], user[s.user_id], s.profit, s.fee, s.deduct_total, s.self_deduct, s.gift_deduct)
                for s in settlements
            ],
            "pools": [
                (at_settlement[p.settlement_id], user[p.user_id], p.pool_amount, p.tech_amount, p.network_amount,
                 p.platform_amount, p.direct_distributed, p.diff_distributed, p.peer_distributed, p.status, p.last_error)
                for p in pools
            ],
            "rewards": [
                (at_settlement[at_pool[r.pool_id]], user[r.user_id], user[r.source_user_id], r.reward_type, r.amount,
                 r.rate, r.from_level, r.to_level, r.remark)
                for r in rows(Reward)
            ],
            "logs": [
                (user[r.user_id], r.amount, r.before_self, r.after_self, r.before_gift, r.after_gift, r.remark)
                for r in rows(PointCardLog)
                if r.change_type == 5
            ],
            "bindings": [(user[r.user_id], r.total_profit, r.total_trades) for r in rows(Binding)],
        }  # fmt: skip


_POINTS = st.lists(st.sampled_from(["0", "0.00000007", "1.5", "30", "5000"]), min_size=1, max_size=4)
_HOLDS = st.lists(st.sampled_from(["", "999.99", "1000", "15000", "600000"]), min_size=1, max_size=5)
_AMOUNTS = st.one_of(
    st.integers(-(10**11), 10**11).map(lambda n: Decimal(n).scaleb(-8)),
    st.sampled_from([Decimal(0), Decimal("0.00000001")]),
)
_FILLS = st.lists(st.tuples(st.integers(0, 50), _AMOUNTS, st.booleans()), min_size=1, max_size=14)
_TREES = st.lists(st.integers(0, 50), min_size=1, max_size=8)


def compare(database: Database, parents, holds, points, fills, cut: int) -> None:
    singly = database.run(lambda s: build(s, parents, holds, points, fills))
    together = database.run(lambda s: build(s, parents, holds, points, fills))
    for one in singly["fills"]:
        database.run(lambda s, one=one: service.settle_fill(s, one))
    for start in range(0, len(fills), cut):
        database.run(lambda s, at=start: service.settle_fills(s, together["fills"][at : at + cut]))
    assert books(database, together) == books(database, singly)


@given(parents=_TREES, holds=_HOLDS, points=_POINTS, fills=_FILLS, cut=st.integers(1, 14))
@settings(max_examples=times(40, 5_000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_together_is_the_same_as_one_by_one(sqlite_database: Database, parents, holds, points, fills, cut) -> None:
    compare(sqlite_database, parents, holds, points, fills, cut)


def test_the_same_on_both_databases(database: Database) -> None:
    fills = [(n, Decimal(n % 5 - 1) * Decimal("12.34567891"), n % 3 > 0) for n in range(40)]
    compare(database, [0, 1, 2, 2, 1, 4], ["600000", "1000", "15000"], ["30", "1.5", "5000"], fills, 17)
    assert_sound(database)


def test_those_settled_before_are_told_as_such(database: Database) -> None:
    world = database.run(lambda s: build(s, [0, 1], ["1000"], ["100"], [(1, Decimal(7), True)] * 4))
    first = database.run(lambda s: service.settle_fill(s, world["fills"][2]))
    results = database.run(lambda s: service.settle_fills(s, world["fills"][::-1]))
    assert [one.fill_id for one in results] == world["fills"][::-1]
    assert [one.replayed for one in results] == [False, True, False, False]
    assert results[1].settlement_id == first.settlement_id
    assert all(one.replayed for one in database.run(lambda s: service.settle_fills(s, world["fills"])))
    assert database.run(lambda s: service.settle_fills(s, [])) == []
    assert_sound(database)


def test_one_that_does_not_exist_stops_all(database: Database) -> None:
    world = database.run(lambda s: build(s, [0], ["1000"], ["100"], [(1, Decimal(7), True)] * 2))
    with pytest.raises(NotFound, match="999999"):
        database.run(lambda s: service.settle_fills(s, [*world["fills"], 999_999]))
    with database.reading() as session:
        assert session.exec(select(func.count()).select_from(Settlement)).one() == 0


def test_a_fill_that_cannot_be_booked_does_not_hold_up_the_others(database: Database) -> None:
    fills = [(1, Decimal(7), True), (1, Decimal("99999999999"), True), (1, Decimal(9), True)]
    world = database.run(lambda s: build(s, [0], ["1000"], ["100"], fills))
    settled, failed = database.run(lambda s: jobs.settle_each(s, world["fills"]))
    assert (settled, failed) == (2, [world["fills"][1]])
    with database.reading() as session:
        told = session.exec(select(Notification).where(Notification.title.contains("could not be settled"))).all()
        assert len(told) == 1
    assert_sound(database)


def test_batches_that_overlap_settle_each_fill_once(database: Database) -> None:
    fills = [(n, Decimal("25.5"), True) for n in range(60)]
    world = database.run(lambda s: build(s, [0, 1, 1, 2, 2], ["20000", "1500"], ["500", "20"], fills))
    fresh: list[int] = []

    def work(turn: int) -> None:
        ids = world["fills"][turn * 7 :] + world["fills"][: turn * 7]
        for at in range(0, 60, 20):
            part = ids[at : at + 20]
            results = database.run(lambda s, part=part: service.settle_fills(s, part))
            fresh.extend(one.fill_id for one in results if not one.replayed)

    assert at_once(*(partial(work, turn) for turn in range(4))) == [None] * 4
    assert sorted(fresh) == world["fills"]
    assert_sound(database)


@pytest.fixture
def mariadb_database(mariadb_url: str) -> Iterator[Database]:
    database = Database(mariadb_url)
    yield database
    database.dispose()


@given(value=st.one_of(st.text(max_size=60), st.integers(-(2**63), 2**63 - 1), st.none(), st.booleans(), st.binary()))
@settings(max_examples=times(100, 5_000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_values_reach_the_database_as_the_driver_would_send_them(mariadb_database: Database, value) -> None:
    with mariadb_database.reading() as session:
        wire = Wire(session)
        assert wire.first("SELECT HEX(%s), %s IS NULL", (value, value)) == _by_driver(wire, value)


def _by_driver(wire: Wire, value: object) -> tuple[Any, ...]:
    cursor = wire.connection.connection.cursor()
    cursor.execute("SELECT HEX(%s), %s IS NULL", (value, value))
    return cursor.fetchone()


@pytest.mark.parametrize("text", ["'; DROP TABLE `user`; --", "\\", "\\'", '\x00\x1a\r\n"', "😀", "100%s %d %%"])
def test_hostile_texts_come_back_as_they_were(mariadb_database: Database, text: str) -> None:
    with mariadb_database.reading() as session:
        for mode in ("", "NO_BACKSLASH_ESCAPES"):
            Wire(session).run("SET SESSION sql_mode = %s", (mode,))
            assert Wire(session).first("SELECT %s, %s", (text, 7)) == (text, 7)
        Wire(session).run("SET SESSION sql_mode = DEFAULT", ())
