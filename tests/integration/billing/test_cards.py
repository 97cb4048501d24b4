"""Recharges and transfers of point cards."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from sqlmodel import select

from backend.billing import service
from backend.billing.cards import NotSameLine
from backend.db import Database
from backend.errors import InvalidInput, NotFound
from backend.ledger.rules import InsufficientBalance, KeyReused, tenant_card, user_account
from backend.models import PointCardLog
from backend.money import from_units
from tests.support.money import add_tenant, add_user, amounts, assert_sound


@pytest.fixture
def world(database: Database) -> dict[str, int]:
    def build(session):
        tenant, other = add_tenant(session), add_tenant(session)
        top = add_user(session, tenant)
        middle = add_user(session, tenant, top)
        low = add_user(session, tenant, middle)
        aside = add_user(session, tenant, top)
        return {
            "tenant": tenant.id, "top": top.id, "middle": middle.id, "low": low.id, "aside": aside.id,
            "other": other.id, "foreign": add_user(session, other).id,
        }  # fmt: skip

    made = database.run(build)
    for card in (1, 2):
        key = f"stock{card}"
        database.run(
            lambda s, k=key, c=card: service.recharge_tenant(s, k, tenant_id=made["tenant"], card=c, amount=D(1000))
        )
    return made


def hand_out(database: Database, world, key: str, user: str, amount: str, card: int = 1):
    return database.run(
        lambda s: service.recharge_user(
            s, key, tenant_id=world["tenant"], user_id=world[user], card=card, amount=D(amount)
        )
    )


def transfer(database: Database, world, source: str, target: str, amount: str, card: int = 1, key: str = "move"):
    return database.run(
        lambda s: service.transfer_points(
            s, key, tenant_id=world["tenant"], from_user_id=world[source], to_user_id=world[target], card=card,
            amount=D(amount),
        )
    )  # fmt: skip


def test_points_flow_from_platform_to_tenant_to_user(database: Database, world) -> None:
    done = hand_out(database, world, "a", "low", "30")
    assert not done.replayed
    hand_out(database, world, "b", "low", "5", card=2)
    assert hand_out(database, world, "a", "low", "30").replayed
    refs = [tenant_card(world["tenant"], "point_self"), tenant_card(world["tenant"], "point_gift")]
    refs += [user_account(world["tenant"], world["low"], kind) for kind in ("point_self", "point_gift")]
    assert amounts(database, refs) == [970, 995, 30, 5]
    with database.reading() as session:
        rows = session.exec(select(PointCardLog).order_by(PointCardLog.id)).all()
        session.expunge_all()
    low = world["low"]
    told = [
        (r.user_id, r.related_user_id, r.change_type, r.source_type, r.card_type, from_units(r.amount), r.remark)
        for r in rows
    ]
    assert told == [
        (None, None, 1, 1, 1, D(1000), "后台充值(self)"),
        (None, None, 2, 1, 2, D(1000), "后台充值(gift)"),
        (None, low, 3, 2, 1, D(-30), f"分发给用户#{low}（充值）"),
        (low, None, 1, 2, 1, D(30), "代理商充值"),
        (None, low, 3, 2, 2, D(-5), f"分发给用户#{low}（赠送）"),
        (low, None, 2, 2, 2, D(5), "代理商赠送"),
    ]
    last = rows[-2]
    assert [from_units(v) for v in (last.before_self, last.after_self, last.before_gift, last.after_gift)] == [
        970, 970, 1000, 995,
    ]  # fmt: skip
    assert_sound(database)


def test_a_tenant_cannot_hand_out_more_than_it_has_nor_to_others(database: Database, world) -> None:
    with pytest.raises(InsufficientBalance):
        hand_out(database, world, "a", "low", "1000.00000001")
    with pytest.raises(NotFound):
        hand_out(database, world, "a", "foreign", "1")
    with pytest.raises(KeyReused):
        hand_out(database, world, "stock1", "low", "1")
    assert_sound(database)


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity", "0.000000001", "1e400"])
def test_bad_amounts_write_nothing(database: Database, world, amount: str) -> None:
    with pytest.raises(InvalidInput):
        hand_out(database, world, "a", "low", amount)
    with pytest.raises(InvalidInput):
        transfer(database, world, "low", "top", amount)
    with database.reading() as session:
        assert len(session.exec(select(PointCardLog)).all()) == 2


@pytest.mark.parametrize("card", [0, 3, True, "1"])
def test_unknown_cards_are_refused(database: Database, world, card) -> None:
    with pytest.raises(InvalidInput):
        hand_out(database, world, "a", "low", "1", card=card)


def test_transfers_stay_in_the_line_and_in_the_pocket(database: Database, world) -> None:
    hand_out(database, world, "a", "low", "30")
    hand_out(database, world, "b", "low", "5", card=2)
    assert not transfer(database, world, "low", "top", "10").replayed
    assert transfer(database, world, "low", "top", "10").replayed
    transfer(database, world, "top", "middle", "4", key="down")
    with pytest.raises(InsufficientBalance) as caught:
        transfer(database, world, "low", "top", "6", card=2, key="gift")
    assert "point_gift" in caught.value.message
    with pytest.raises(NotSameLine):
        transfer(database, world, "low", "aside", "1", key="aside")
    with pytest.raises(NotSameLine):
        transfer(database, world, "low", "low", "1", key="self")
    with pytest.raises(NotFound):
        transfer(database, world, "low", "foreign", "1", key="foreign")
    refs = [user_account(world["tenant"], world[who], "point_self") for who in ("low", "middle", "top")]
    assert amounts(database, refs) == [20, 4, 6]
    with database.reading() as session:
        out, into = session.exec(select(PointCardLog).where(PointCardLog.source_type == 4).limit(2)).all()
        session.expunge_all()
    assert (out.user_id, out.related_user_id, out.change_type) == (world["low"], world["top"], 3)
    assert (into.user_id, into.related_user_id, into.change_type) == (world["top"], world["low"], 4)
    assert out.remark == f"自充转出给用户#{world['top']}" and into.remark == f"从用户#{world['low']}自充转入"
    assert_sound(database)
