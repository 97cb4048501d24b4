"""What people do from the consoles: each verb checks who, checks whose, audits, and money verbs replay."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlmodel import col, select

from backend.dashboards import service
from backend.dashboards.lists.base import find_of
from backend.dashboards.lists.registry import list_for
from backend.errors import Conflict, InvalidInput, NotAllowed, NotFound
from backend.identity.principal import Kind, Principal
from backend.identity.service import NameTaken
from backend.ledger.queries import balance
from backend.ledger.rules import user_account
from backend.models import Admin, AuditLog, TenantStrategy, User
from backend.security.passwords import WeakPassword
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


def test_operators_are_added_changed_and_never_locked_out(fresh: World) -> None:
    who = person(fresh, "admin")
    db = fresh.db
    with db.reading() as session:
        me = session.exec(select(Admin)).first()
        assert me is not None and me.id
        who = Principal("admin", me.id, None, "n", "e", "owner", 1)
    db.run(lambda s: service.add_admin(s, who, "night-shift", "Night", "blue-Kettle-47-walks", role="operator"))
    with db.reading() as session:
        other = session.exec(select(Admin).where(Admin.username == "night-shift")).one()
        sealed = other.password_hash
    for wrong, error in (
        (lambda s: service.add_admin(s, who, "Night-Shift", "", "blue-Kettle-47-walks", role="operator"), NameTaken),
        (lambda s: service.add_admin(s, who, "third", "", "third", role="support"), WeakPassword),
        (lambda s: service.switch_admin(s, who, who.id, False), Conflict),
        (lambda s: service.edit_admin(s, who, who.id, nickname="Me", password="blue-Kettle-47-walks"), Conflict),
        (lambda s: service.edit_admin(s, who, 999_999, nickname="x"), NotFound),
        (lambda s: service.switch_admin(s, person(fresh, "tenant"), other.id, False), NotAllowed),
        (lambda s: service.add_admin(s, person(fresh, "agent"), "fourth", "", "blue-Kettle-47-walks", role="owner"), NotAllowed),
    ):
        with pytest.raises(error):
            db.run(wrong)
    assert db.run(lambda s: service.edit_admin(s, who, other.id, nickname="Late", password="red-Teapot-53-sings")) == "night-shift"
    db.run(lambda s: service.switch_admin(s, who, other.id, False))
    with pytest.raises(Conflict):  # the only one left
        db.run(lambda s: service.switch_admin(s, Principal("admin", other.id, None, "n", "e", "owner", 1), who.id, False))
    with db.reading() as session:
        row = session.get_one(Admin, other.id)
        assert (row.status, row.nickname) == (0, "Late") and row.password_hash != sealed
        said = session.exec(select(AuditLog).where(AuditLog.target == f"admin:{other.id}").order_by(col(AuditLog.id))).all()
        assert [one.action for one in said] == ["admin.create", "admin.edit", "admin.disable"]
        assert "Teapot" not in str([one.detail for one in said])
    listed = list_for(who, "admins")
    with db.reading() as session:
        rows = listed.fetch(session, who, find_of(listed, {"status": "0"})).rows
        assert [(one["username"], one["me"]) for one in rows] == [("night-shift", False)]
        detail = listed.detail(session, who, other.id) if listed.detail else {}
        assert detail["sessions"] == 0 and "password" not in str(detail)


def test_the_catalogue_is_changed_by_operators_only(fresh: World) -> None:
    who, merchant = person(fresh, "admin"), person(fresh, "tenant")
    terms = {"capital": Decimal(2000), "leverage": 10, "risk_mode": 2, "min_capital": Decimal(100), "min_confidence": 70, "cooldown_minutes": 30}
    number = fresh.a.strategy_id
    for verb in (lambda s: service.switch_strategy(s, merchant, number, False), lambda s: service.change_strategy(s, merchant, number, **terms)):
        with pytest.raises(NotAllowed):
            fresh.db.run(verb)
    for wrong in ({"leverage": 126}, {"risk_mode": 4}, {"min_confidence": 101}, {"cooldown_minutes": -1}, {"capital": Decimal(-1)}):
        with pytest.raises(InvalidInput):
            fresh.db.run(lambda s, bad=wrong: service.change_strategy(s, who, number, **{**terms, **bad}))
    fresh.db.run(lambda s: service.change_strategy(s, who, number, **terms))
    fresh.db.run(lambda s: service.switch_strategy(s, who, number, False))
    listed = list_for(who, "strategies")
    with fresh.db.reading() as session:
        (row,) = [one for one in listed.fetch(session, who, find_of(listed, {"status": "0"})).rows if one["id"] == number]
        assert {name: row[name] for name in terms} == terms and row["followers"] >= 1
        said = session.exec(select(AuditLog).where(AuditLog.action == "strategy.change")).one()
        assert said.detail["leverage"].endswith("-> 10") and "risk_mode" in said.detail
    with pytest.raises(NotAllowed):
        list_for(merchant, "strategies")


def test_subscriptions_stop_and_start_within_the_tenant(fresh: World) -> None:
    who, stranger = person(fresh, "tenant", "a"), person(fresh, "tenant", "b")
    with pytest.raises(NotFound):
        fresh.db.run(lambda s: service.switch_binding(s, stranger, fresh.a.binding_id, False))
    fresh.db.run(lambda s: service.switch_binding(s, who, fresh.a.binding_id, False))
    listed = list_for(who, "bindings")

    def shown(one: Principal, **only: str) -> list[tuple[int, bool]]:
        with fresh.db.reading() as session:
            return [(row["id"], row["active"]) for row in listed.fetch(session, one, find_of(listed, only)).rows]

    assert shown(who) == shown(who, status="0") == [(fresh.a.binding_id, False)]
    assert shown(who, tenant=str(fresh.b.tenant_id)) == [] and shown(stranger) == [(fresh.b.binding_id, True)]
    assert len(shown(person(fresh, "admin"))) == 2
    fresh.db.run(lambda s: service.switch_strategy(s, person(fresh, "admin"), fresh.a.strategy_id, False))
    with pytest.raises(Conflict):
        fresh.db.run(lambda s: service.switch_binding(s, who, fresh.a.binding_id, True))
    fresh.db.run(lambda s: service.switch_strategy(s, person(fresh, "admin"), fresh.a.strategy_id, True))
    fresh.db.run(lambda s: service.switch_binding(s, who, fresh.a.binding_id, True))
    assert shown(who, status="1") == [(fresh.a.binding_id, True)]
    with fresh.db.reading() as session, pytest.raises(NotFound):
        assert listed.detail
        listed.detail(session, stranger, fresh.a.binding_id)
