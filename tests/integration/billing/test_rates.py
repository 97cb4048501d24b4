"""A tenant's own rates: they hold from the next settlement on, and a pool keeps those of its own time."""

from __future__ import annotations

from decimal import Decimal as D

from sqlalchemy import text
from sqlmodel import Session, select

from backend.billing import rates, service
from backend.db import Database
from backend.identity.principal import Principal
from backend.models import PointCardLog, Reward, User
from backend.money import from_units
from tests.support.money import add_fill, add_tenant, add_user, assert_sound, fund

ANN = Principal("admin", 1, None, "Ann", "ann", "owner", 0)


def settle(database: Database, user_id: int, profit: str) -> service.SettlementResult:
    fill = database.run(lambda s: add_fill(s, s.get(User, user_id), profit).id)
    return database.run(lambda s: service.settle_fill(s, fill))


def agree(database: Database, tenant_id: int, **values: str) -> None:
    wanted = {name: D(value) for name, value in values.items()}
    database.run(lambda s: rates.set_rates(s, ANN, tenant_id, wanted, "agreed"))


def test_rates_hold_from_the_next_settlement_on(database: Database) -> None:
    def build(session: Session) -> tuple[int, int, int, int]:
        ours, other = add_tenant(session), add_tenant(session)
        users = [add_user(session, ours), add_user(session, other)]
        for user in users:
            fund(session, user, "1000")
        return ours.id, users[0].id, other.id, users[1].id

    ours, user, _, stranger = database.run(build)
    agree(database, ours, billing="0.5")
    agree(database, ours, billing="0.2", tech="0.125", network="0.3")
    results = [settle(database, user, "100"), settle(database, stranger, "100")]
    assert [from_units(result.deduct_total) for result in results] == [20, 30]
    with database.reading() as session:
        rows = session.exec(select(Reward).where(Reward.tenant_id == ours)).all()
        paid = {row.reward_type: (from_units(row.amount), row.rate, row.remark) for row in rows}
        assert paid["tech_team"] == (D("2.5"), "0.125", "技术团队 12.5%")
        assert paid["platform_retain"] == (D("11.5"), "0.575", "平台留存 57.5%")
        remarks = session.exec(
            select(PointCardLog.remark).where(PointCardLog.change_type == 5).order_by(PointCardLog.id)
        ).all()
        assert remarks == ["盈利扣费20%", "盈利扣费30%"]
        assert rates.rates_of(session, ours).billing == D("0.2")
        assert len(rates.history(session, ours)) == 2
    assert_sound(database)


def test_a_pool_keeps_the_rates_of_its_own_time(database: Database) -> None:
    def build(session: Session) -> tuple[int, int]:
        tenant = add_tenant(session, root=False)
        user = add_user(session, tenant)
        fund(session, user, "1000")
        return tenant.id, user.id

    tenant, user = database.run(build)
    agree(database, tenant, tech="0.5")
    pool = settle(database, user, "100").pool_id
    agree(database, tenant)
    database.run(lambda s: s.execute(text("UPDATE `user` SET is_root = 1 WHERE id = :u"), {"u": user}))
    assert database.run(lambda s: service.distribute_pool(s, pool))
    with database.reading() as session:
        tech = session.exec(select(Reward.amount).where(Reward.reward_type == "tech_team")).one()
    assert from_units(tech) == 15
    assert_sound(database)
