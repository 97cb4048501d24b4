"""What people do from the consoles: each verb checks who, checks whose, audits, and money verbs replay."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlmodel import select

from backend.dashboards import service
from backend.errors import Conflict, InvalidInput, NotAllowed, NotFound
from backend.identity.principal import Kind, Principal
from backend.ledger.queries import balance
from backend.ledger.rules import user_account
from backend.models import AuditLog, TenantStrategy, User
from tests.support.doors import PASSWORD, World

KEY = "0123456789abcdef"


def person(world: World, kind: Kind, side: str = "a") -> Principal:
    owned = getattr(world, side)
    ids = {"admin": 1, "tenant": owned.tenant_id, "agent": owned.user_id}
    return Principal(kind, ids[kind], None if kind == "admin" else owned.tenant_id, "n", "e", "", 1)


def test_agents_may_do_nothing_here(world: World) -> None:
    who = person(world, "agent")
    calls = [
        lambda s: service.switch_node(s, who, 1, True),
        lambda s: service.switch_tenant(s, who, world.a.tenant_id, False),
        lambda s: service.switch_user(s, who, world.a.user_id, False),
        lambda s: service.set_market_node(s, who, world.a.user_id, True),
        lambda s: service.create_tenant(s, who, "X", "x@y.example", PASSWORD),
        lambda s: service.recharge_tenant(s, who, KEY, tenant_id=world.a.tenant_id, card=1, amount=Decimal(1)),
        lambda s: service.recharge_user(s, who, KEY, user_id=world.a.user_id, card=1, amount=Decimal(1)),
        lambda s: service.offer_strategy(s, who, world.a.strategy_id or 1, False),
    ]
    for call in calls:
        with pytest.raises(NotAllowed), world.db.transaction() as session:
            call(session)


def test_a_tenant_cannot_touch_anothers_user(world: World) -> None:
    who = person(world, "tenant", "a")
    for call in (
        lambda s: service.switch_user(s, who, world.b.user_id, False),
        lambda s: service.set_market_node(s, who, world.b.user_id, True),
        lambda s: service.recharge_user(s, who, KEY, user_id=world.b.user_id, card=1, amount=Decimal(1)),
    ):
        with pytest.raises(NotFound), world.db.transaction() as session:
            call(session)


def test_a_tenant_is_not_an_operator(world: World) -> None:
    who = person(world, "tenant")
    with pytest.raises(NotAllowed), world.db.transaction() as session:
        service.recharge_tenant(session, who, KEY, tenant_id=world.a.tenant_id, card=1, amount=Decimal(1))
    with pytest.raises(NotAllowed), world.db.transaction() as session:
        service.switch_tenant(session, who, world.b.tenant_id, False)


def test_a_form_sent_twice_moves_money_once(fresh: World) -> None:
    who = person(fresh, "tenant")
    pocket = user_account(fresh.a.tenant_id, fresh.a.user_id, "point_self")
    with fresh.db.reading() as session:
        before = balance(session, pocket)
    for expected in (True, False):
        with fresh.db.transaction() as session:
            assert service.recharge_user(session, who, KEY, user_id=fresh.a.user_id, card=1, amount=Decimal("12.5")) is expected
    with fresh.db.reading() as session:
        assert balance(session, pocket) - before == 1_250_000_000
        acts = session.exec(select(AuditLog).where(AuditLog.action == "user.recharge")).all()
    assert [act.detail["amount"] for act in acts] == ["12.5"]


def test_the_same_key_for_something_else_is_refused(fresh: World) -> None:
    who = person(fresh, "tenant")
    with fresh.db.transaction() as session:
        service.recharge_user(session, who, KEY, user_id=fresh.a.user_id, card=1, amount=Decimal(1))
    with pytest.raises(Conflict), fresh.db.transaction() as session:
        service.recharge_user(session, who, KEY, user_id=fresh.a.user_id, card=1, amount=Decimal(2))
    with pytest.raises(InvalidInput), fresh.db.transaction() as session:
        service.recharge_user(session, who, "", user_id=fresh.a.user_id, card=1, amount=Decimal(2))


def test_a_new_tenant_shows_its_secret_and_the_audit_does_not(fresh: World) -> None:
    with fresh.db.transaction() as session:
        made = service.create_tenant(session, person(fresh, "admin"), "Third", "third@desk.example", PASSWORD)
    assert len(made["app_secret"]) == 64
    with fresh.db.reading() as session:
        rows = session.exec(select(AuditLog)).all()
    assert any(row.action == "tenant.create" for row in rows)
    assert made["app_secret"] not in str([row.model_dump() for row in rows])


def test_offers_inherit_and_are_checked(fresh: World) -> None:
    who = person(fresh, "tenant")
    with fresh.db.transaction() as session:
        service.offer_strategy(session, who, 1, True)
        service.change_offer(session, who, 1, capital=Decimal(500), leverage=7, risk_mode=None)
    with fresh.db.reading() as session:
        rows = session.exec(select(TenantStrategy).where(TenantStrategy.strategy_id == 1)).all()
    mine = [row for row in rows if row.tenant_id == fresh.a.tenant_id]
    assert [(row.capital, row.leverage, row.risk_mode) for row in mine] == [(Decimal(500), 7, None)]
    assert all(row.capital != Decimal(500) for row in rows if row.tenant_id == fresh.b.tenant_id)
    for bad in ({"leverage": 0}, {"leverage": 126}, {"risk_mode": 4}, {"capital": Decimal(-1)}):
        values = {"capital": None, "leverage": None, "risk_mode": None} | bad
        with pytest.raises(InvalidInput), fresh.db.transaction() as session:
            service.change_offer(session, who, 1, **values)


def test_a_disabled_user_is_signed_out(fresh: World) -> None:
    with fresh.db.transaction() as session:
        service.switch_user(session, person(fresh, "tenant"), fresh.a.user_id, False)
    with fresh.db.reading() as session:
        user = session.get(User, fresh.a.user_id)
    assert user is not None and user.status == 0
