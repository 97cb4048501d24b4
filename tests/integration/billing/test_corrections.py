"""Corrections need two admins, happen once, and leave every invariant true. The trial balance sums to zero."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D
from functools import partial

import pytest
from sqlmodel import Session, select

from backend.billing import corrections, service
from backend.billing.corrections import NotReversible, OtherAdminNeeded, ReversalDecided
from backend.billing.hwm_rules import month_after, month_start
from backend.clock import utcnow
from backend.db import Database
from backend.errors import InvalidInput, IronBullError, NotFound
from backend.identity.principal import Principal
from backend.ledger import books
from backend.ledger.rules import InsufficientBalance, tenant_card, user_account
from backend.models import AuditLog, LedgerTransaction, PointCardLog
from backend.money import from_units
from tests.support.at_once import all_at_once
from tests.support.money import add_fill, add_tenant, add_user, amounts, assert_sound

ANN = Principal("admin", 1, None, "Ann", "ann", "owner", 0)
BOB = Principal("admin", 2, None, "Bob", "bob", "owner", 0)


@pytest.fixture
def world(database: Database) -> dict[str, int]:
    """100 paid points to a tenant, 30 of them to a user, 10 from that user to the one below."""

    def build(session: Session) -> dict[str, int]:
        tenant = add_tenant(session)
        top = add_user(session, tenant)
        low = add_user(session, tenant, top)
        one = {"tenant_id": tenant.id, "card": 1}
        first = service.recharge_tenant(session, "a", amount=D(100), **one)
        second = service.recharge_user(session, "b", user_id=top.id, amount=D(30), **one)
        third = service.transfer_points(session, "c", from_user_id=top.id, to_user_id=low.id, amount=D(10), **one)
        fill = add_fill(session, top, "10").id
        return {"tenant": tenant.id, "top": top.id, "low": low.id, "fill": fill, "stock": first.id, "hand": second.id,
                "move": third.id}  # fmt: skip

    return database.run(build)


def points(database: Database, world: dict[str, int]) -> list[D]:
    own = [user_account(world["tenant"], world[name], "point_self") for name in ("top", "low")]
    return amounts(database, [tenant_card(world["tenant"], "point_self"), *own])


def ask(database: Database, number: int, who: Principal = ANN) -> int:
    return database.run(lambda s: corrections.request(s, number, who, "wrong  user")).id


def test_a_correction_needs_another_admin_and_happens_once(database: Database, world: dict[str, int]) -> None:
    number = ask(database, world["move"])
    assert ask(database, world["move"], BOB) == number and points(database, world) == [70, 20, 10]
    with pytest.raises(OtherAdminNeeded):
        database.run(lambda s: corrections.approve(s, number, ANN))
    done = database.run(lambda s: corrections.approve(s, number, BOB))
    assert (done.status, done.requested_by, done.decided_by) == ("done", 1, 2)
    assert points(database, world) == [70, 30, 0]
    for again in (
        lambda s: corrections.approve(s, number, BOB),
        lambda s: corrections.request(s, world["move"], ANN, "x"),
    ):
        with pytest.raises(ReversalDecided):
            database.run(again)
    with database.reading() as session:
        logs = session.exec(select(PointCardLog).where(PointCardLog.transaction_id == done.reversal_id)).all()
        told = [
            (row.user_id, from_units(row.amount), from_units(row.before_self), from_units(row.after_self))
            for row in logs
        ]
        assert told == [(world["top"], D(10), D(20), D(30)), (world["low"], D(-10), D(10), D(0))]
        assert {row.remark for row in logs} == {"冲正: wrong user"}
        assert session.get(LedgerTransaction, done.reversal_id).kind == "reversal"
        actions = session.exec(select(AuditLog.action).order_by(AuditLog.id)).all()
        assert actions[-1] == "reversal.approve" and "reversal.request" in actions
    assert_sound(database)


def test_all_of_it_can_be_undone_in_turn(database: Database, world: dict[str, int]) -> None:
    early = ask(database, world["stock"])
    with pytest.raises(InsufficientBalance):
        database.run(lambda s: corrections.approve(s, early, BOB))
    assert points(database, world) == [70, 20, 10]
    for name in ("move", "hand", "stock"):
        number = ask(database, world[name])
        database.run(lambda s, n=number: corrections.approve(s, n, BOB))
        assert_sound(database)
    assert points(database, world) == [0, 0, 0]


def test_what_is_not_undone_by_its_opposite(database: Database, world: dict[str, int]) -> None:
    database.run(lambda s: service.settle_fill(s, world["fill"]))
    with database.reading() as session:
        settlement = session.exec(select(LedgerTransaction.id).where(LedgerTransaction.kind == "settlement")).one()
    with pytest.raises(NotReversible):
        ask(database, settlement)
    with pytest.raises(NotFound):
        ask(database, 999_999)
    with pytest.raises(InvalidInput):
        database.run(lambda s: corrections.request(s, world["move"], ANN, "  "))
    number = ask(database, world["move"])
    assert database.run(lambda s: corrections.refuse(s, number, ANN, "my mistake")).status == "refused"
    with pytest.raises(ReversalDecided):
        database.run(lambda s: corrections.approve(s, number, BOB))
    assert ask(database, world["move"], BOB) == number
    database.run(lambda s: corrections.approve(s, number, ANN))
    assert_sound(database)


def test_two_who_approve_at_once_post_once(database: Database, world: dict[str, int]) -> None:
    number = ask(database, world["move"])

    def act(who: Principal) -> str:
        try:
            return database.run(lambda s: corrections.approve(s, number, who)).status
        except IronBullError as error:
            return error.code

    out = all_at_once(*(partial(act, Principal("admin", n, None, "", "", "", 0)) for n in (2, 3, 4)))
    assert sorted(out) == ["done", "reversal_decided", "reversal_decided"]
    assert points(database, world) == [70, 30, 0]
    assert_sound(database)


def test_the_trial_balance_of_a_month(database: Database, world: dict[str, int]) -> None:
    database.run(lambda s: service.settle_fill(s, world["fill"]))
    start = month_start(utcnow())
    with database.reading() as session:
        now = books.trial_balance(session, start, month_after(start))
        later = books.trial_balance(session, month_after(start), month_after(month_after(start)))
        before = books.trial_balance(session, start - timedelta(days=31), start)
        mine = books.trial_balance(session, start, month_after(start), world["tenant"])
    assert before == []
    assert sum(line.closing for line in now) == 0 and sum(line.received - line.given for line in now) == 0
    found = {(line.owner_kind, line.kind): from_units(line.closing) for line in now}
    # 10 of profit cost 3 points, all paid ones, which became rewards of the root.
    assert found["platform", "platform_source"] == -100 and found["user", "reward"] == 3
    assert (found["tenant", "point_self"], found["user", "point_self"], found["user", "pool"]) == (70, 27, 0)
    assert {(line.owner_kind, line.kind): from_units(line.opening) for line in later} == found
    assert all(line.received == line.given == 0 for line in later)
    assert ("platform", "platform_source") not in {(line.owner_kind, line.kind) for line in mine}
