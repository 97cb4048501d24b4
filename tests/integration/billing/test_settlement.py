"""Settling fills on SQLite and MariaDB: ledger, deduction, distribution, journal, binding."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from backend.billing import jobs, queries, service
from backend.db import Database
from backend.errors import NotFound
from backend.ledger.rules import trading_account, user_account
from backend.models import Binding, Notification, PointCardLog, ProfitPool, Reward, Settlement, User
from backend.money import from_units
from tests.support.money import add_account, add_fill, add_tenant, add_user, amounts, assert_sound, fund


def settle_one(database: Database, make) -> tuple[service.SettlementResult, dict]:
    """Build a world with ``make(session) -> (user, pnl)``, settle its fill, and return the result and the world."""
    world: dict = {}

    def build(session: Session) -> None:
        tenant = add_tenant(session)
        user, pnl = make(session, tenant, world)
        world.update(tenant=tenant.id, root=tenant.root_user_id, user=user.id, fill=add_fill(session, user, pnl).id)

    database.run(build)
    return database.run(lambda s: service.settle_fill(s, world["fill"])), world


def rewards(database: Database) -> list[tuple[str, int, D]]:
    with database.reading() as session:
        rows = session.exec(select(Reward).order_by(Reward.id)).all()
        return [(row.reward_type, row.user_id, from_units(row.amount)) for row in rows]


@pytest.mark.parametrize(
    ("profit", "own", "gift", "out"),
    [
        ("1000", "500", "100", ("300", "300", "0", "200", "100", "300")),
        ("1000", "100", "300", ("300", "100", "200", "0", "100", "100")),
        ("1000", "50", "20", ("300", "50", "20", "0", "0", "50")),
        ("1000", "0", "1000", ("300", "0", "300", "0", "700", None)),
        ("100", "100", "0", ("30", "30", "0", "70", "0", "30")),
        # Stored at 8 places: the charge is rounded down, 3.703703673 -> 3.70370367.
        ("12.34567891", "100", "0", ("3.70370367", "3.70370367", "0", "96.29629633", "0", "3.70370367")),
    ],
    ids=["B1", "B2", "B3", "B4", "B5", "B6"],
)
def test_golden_deductions_end_to_end(database: Database, profit, own, gift, out) -> None:
    def make(session, tenant, world):
        user = add_user(session, tenant)
        fund(session, user, own, gift)
        return user, profit

    result, world = settle_one(database, make)
    nominal, from_own, from_gift, own_after, gift_after, pool = out
    assert [from_units(u) for u in (result.deduct_total, result.self_deduct, result.gift_deduct)] == [
        D(nominal), D(from_own), D(from_gift),
    ]  # fmt: skip
    cards = [user_account(world["tenant"], world["user"], kind) for kind in ("point_self", "point_gift")]
    assert amounts(database, cards) == [D(own_after), D(gift_after)]
    with database.reading() as session:
        pools = session.exec(select(ProfitPool)).all()
        assert [from_units(row.pool_amount) for row in pools] == ([D(pool)] if pool else [])
        assert all(row.status == 2 and row.settle_batch and row.settled_at for row in pools)
        row = session.exec(select(PointCardLog).where(PointCardLog.change_type == 5)).one()
        assert (row.source_type, row.card_type, row.remark) == (3, 1, "盈利扣费30%")
        assert from_units(row.amount) == -(D(from_own) + D(from_gift))
        assert [from_units(v) for v in (row.before_self, row.after_self, row.before_gift, row.after_gift)] == [
            D(own), D(own_after), D(gift), D(gift_after),
        ]  # fmt: skip
        assert row.user_id == world["user"] and row.tenant_id == world["tenant"]
    assert (rewards(database) == []) == (pool is None)
    assert_sound(database)


def test_golden_distribution_d4_with_levels_from_balances(database: Database) -> None:
    """P=3000: X is S1 and Y is S3 because of what their teams hold now, whatever the stored level says."""

    def make(session, tenant, world):
        y = add_user(session, tenant, node=True, hold="1000", member_level=0)
        x = add_user(session, tenant, y, node=True, hold="2000", member_level=7)
        user = add_user(session, tenant, x)
        add_user(session, tenant, x, hold="10000")
        add_user(session, tenant, y, hold="190000")
        add_account(session, user, "999999", status=0)
        fund(session, user, "5000")
        world.update(x=x.id, y=y.id)
        return user, "10000"

    result, world = settle_one(database, make)
    x, y, root = world["x"], world["y"], world["root"]
    assert from_units(result.self_deduct) == 3000 and result.pool_status == 2
    assert rewards(database) == [
        ("tech_team", root, D(300)), ("direct", x, D(150)), ("level_diff", x, D(120)), ("level_diff", y, D(120)),
        ("peer_undist", root, D(60)), ("network_undist", root, D(150)), ("platform_retain", root, D(2100)),
    ]  # fmt: skip
    accounts = [user_account(world["tenant"], one, "reward") for one in (x, y, root)]
    assert amounts(database, accounts) == [D(270), D(120), D(2610)]
    with database.reading() as session:
        pool = session.exec(select(ProfitPool)).one()
        shares = (
            pool.tech_amount, pool.network_amount, pool.platform_amount, pool.direct_distributed,
            pool.diff_distributed, pool.peer_distributed, pool.network_undistributed,
        )  # fmt: skip
        assert [from_units(share) for share in shares] == [300, 600, 2100, 150, 240, 0, 210]
        remarks = session.exec(select(Reward.remark).where(Reward.reward_type == "level_diff")).all()
        assert sorted(remarks) == ["级差奖 S0->S1 diff=0.2", "级差奖 S1->S3 diff=0.2"]
        money = queries.tenant_money(session, world["tenant"])
        assert (from_units(money.tech_reward_total), from_units(money.undist_reward_total)) == (300, 210)
        assert from_units(queries.user_money(session, [x])[x].total_reward) == 270
    assert_sound(database)


def test_golden_rounding_end_to_end(database: Database) -> None:
    def make(session, tenant, world):
        inviter = add_user(session, tenant, hold="1000")
        user = add_user(session, tenant, inviter)
        fund(session, user, "100")
        return user, "12.34567891"

    settle_one(database, make)
    paid = {kind: amount for kind, _, amount in rewards(database)}
    assert paid == {
        "tech_team": D(".37037036"), "direct": D(".18518518"), "peer_undist": D(".07407407"),
        "network_undist": D(".48148147"), "platform_retain": D("2.59259259"),
    }  # fmt: skip
    assert_sound(database)


def test_the_trading_account_gets_profit_and_fee_never_the_notional(database: Database) -> None:
    def make(session, tenant, world):
        user = add_user(session, tenant)
        world["fee"] = add_fill(session, user, "0", fee="0.04", trade_type="OPEN").id
        world["bnb"] = add_fill(session, user, "-7.123456789", fee="0.001", fee_currency="BNB").id
        return user, "10"

    result, world = settle_one(database, make)
    loss = database.run(lambda s: service.settle_fill(s, world["bnb"]))
    opened = database.run(lambda s: service.settle_fill(s, world["fee"]))
    assert loss.profit == -712345678 and loss.deduct_total == loss.self_deduct == 0 and loss.pool_id is None
    assert opened.profit == 0 and opened.fee == 4000000
    tenant, account = world["tenant"], world["user"]
    refs = [
        trading_account(tenant, account, kind, currency)
        for currency in ("USDT", "BNB")
        for kind in ("trading", "market")
    ]
    assert amounts(database, refs) == [D("2.83654322"), D("-2.83654322"), D("-0.001"), D("0.001")]
    # Without cards the charge is forgiven and still journaled.
    assert result.forgiven == result.deduct_total == 300000000
    assert_sound(database)


def test_a_fill_is_settled_once(database: Database) -> None:
    def make(session, tenant, world):
        user = add_user(session, tenant)
        fund(session, user, "100")
        return user, "10"

    first, world = settle_one(database, make)
    again = database.run(lambda s: service.settle_fill(s, world["fill"]))
    assert again.replayed and not first.replayed
    assert (again.settlement_id, again.self_deduct, again.pool_id, again.pool_status) == (
        first.settlement_id, first.self_deduct, first.pool_id, first.pool_status,
    )  # fmt: skip
    assert len(rewards(database)) == 5
    with pytest.raises(NotFound):
        database.run(lambda s: service.settle_fill(s, 10**6))
    assert_sound(database)


def test_only_the_profitable_sale_is_billed(database: Database) -> None:
    """The golden position: +15 then -5 costs 4.5, although the net is 10."""

    def make(session, tenant, world):
        user = add_user(session, tenant)
        fund(session, user, "100")
        world["loss"] = add_fill(session, user, "-5").id
        return user, "15"

    result, world = settle_one(database, make)
    loss = database.run(lambda s: service.settle_fill(s, world["loss"]))
    assert from_units(result.deduct_total) == D("4.5") and loss.deduct_total == 0
    assert_sound(database)


def test_the_binding_counts_profit_and_closed_positions(database: Database) -> None:
    def build(session):
        tenant = add_tenant(session)
        user = add_user(session, tenant)
        binding = Binding(tenant_id=tenant.id, user_id=user.id, account_id=user.id, strategy_id=1)
        session.add(binding)
        session.flush()
        return [
            add_fill(session, user, "10.123456789012345678", binding=binding).id,
            add_fill(session, user, "-3", binding=binding, trade_type="REDUCE").id,
            add_fill(session, user, "0", binding=binding, trade_type="OPEN").id,
        ]

    for fill_id in database.run(build):
        database.run(lambda s, one=fill_id: service.settle_fill(s, one))
    with database.reading() as session:
        binding = session.exec(select(Binding)).one()
        assert (binding.total_profit, binding.total_trades) == (D("7.123456789012345678"), 1)


def test_tenants_with_a_high_water_mark_are_not_billed_per_close(database: Database) -> None:
    def make(session, tenant, world):
        tenant.billing_scheme = "hwm"
        user = add_user(session, tenant)
        fund(session, user, "100")
        return user, "10"

    result, _ = settle_one(database, make)
    assert result.profit == 10 * 10**8 and result.deduct_total == 0 and result.pool_id is None
    assert_sound(database)


def fill_without_root(session):
    """(tenant, user, fill) ids of a profit of 100 whose pool finds no root user."""
    tenant = add_tenant(session, root=False)
    user = add_user(session, tenant)
    fund(session, user, "100")
    return tenant.id, user.id, add_fill(session, user, "100").id


def test_a_failed_distribution_leaves_the_settlement_and_is_retried(database: Database) -> None:
    tenant_id, user_id, fill_id = database.run(fill_without_root)
    result = database.run(lambda s: service.settle_fill(s, fill_id))
    assert result.pool_status == 3 and from_units(result.self_deduct) == 30
    assert rewards(database) == []
    refs = [user_account(tenant_id, user_id, kind) for kind in ("point_self", "pool")]
    assert amounts(database, refs) == [70, 30]
    assert_sound(database)
    for expected in range(2, 11):
        assert database.run(jobs.retry_pools) == 0
        with database.reading() as session:
            pool = session.exec(select(ProfitPool)).one()
            assert (pool.status, pool.retry_count) == (3, expected) and "root user" in pool.last_error
    with database.reading() as session:
        pool = session.exec(select(ProfitPool)).one()
        (note,) = session.exec(select(Notification).where(Notification.audience == "platform")).all()
        assert "stuck" in note.title
        assert queries.stuck_pools(session) == [pool.id]
        session.expunge_all()
    assert database.run(jobs.retry_pools) == 0

    def mend(session):
        root = session.exec(select(User).where(User.id == user_id)).one()
        root.is_root = True
        session.add(root)

    database.run(mend)
    assert database.run(lambda s: service.distribute_pool(s, pool.id)) is True
    assert database.run(lambda s: service.distribute_pool(s, pool.id)) is True
    assert sum(amount for _, _, amount in rewards(database)) == 30
    assert amounts(database, refs) == [70, 0]
    assert_sound(database)


def test_a_retry_that_fails_half_way_pays_nothing(database: Database) -> None:
    """A reward that is already there breaks the second write: the ledger part must go back too."""
    _, user_id, fill_id = database.run(fill_without_root)
    pool_id = database.run(lambda s: service.settle_fill(s, fill_id)).pool_id
    with database.transaction() as session:
        session.exec(select(User).where(User.id == user_id)).one().is_root = True
        session.add(
            Reward(pool_id=pool_id, tenant_id=1, user_id=user_id, source_user_id=1, reward_type="peer_undist", amount=1)
        )
    assert database.run(jobs.retry_pools) == 0
    with database.reading() as session:
        assert (
            session.execute(text("SELECT count(*) FROM ledger_transaction WHERE kind = 'distribution'")).scalar() == 0
        )
        assert session.exec(select(ProfitPool)).one().retry_count == 2
    with database.transaction() as session:
        session.execute(text("DELETE FROM reward"))
    assert database.run(jobs.retry_pools) == 1
    assert_sound(database)


def test_settle_pending_finds_what_a_crash_left(database: Database) -> None:
    def build(session):
        tenant = add_tenant(session)
        user = add_user(session, tenant)
        fund(session, user, "100")
        return user.id, [add_fill(session, user, pnl).id for pnl in ("10", "-4", "0", "7")]

    user_id, fills = database.run(build)
    database.run(lambda s: service.settle_fill(s, fills[1]))
    assert database.run(lambda s: jobs.settle_pending(s, 2)) == 2
    assert database.run(jobs.settle_pending) == 1
    assert database.run(jobs.settle_pending) == 0
    with database.reading() as session:
        assert sorted(session.exec(select(Settlement.fill_id)).all()) == fills
    # Old fills are passed for good, new ones are still found.
    with database.transaction() as session:
        session.execute(text("UPDATE fill SET created_at = '2020-01-01 00:00:00.000000'"))
    assert database.run(jobs.settle_pending) == 0
    with database.reading() as session:
        state = session.execute(text("SELECT value FROM platform_state WHERE name = 'settled_through'")).scalar_one()
        assert str(fills[-1]) in str(state)
    database.run(lambda s: add_fill(s, s.get(User, user_id), "1"))
    assert database.run(jobs.settle_pending) == 1
    assert_sound(database)


def test_an_old_fill_without_settlement_is_reported(database: Database) -> None:
    def build(session):
        fill = add_fill(session, add_user(session, add_tenant(session)), "1")
        session.execute(text("UPDATE fill SET created_at = '2020-01-01 00:00:00.000000'"))
        return fill.id

    fill_id = database.run(build)
    with database.reading() as session:
        result = queries.check_settled_once(session)
    assert not result.ok and f"fill {fill_id}" in result.difference


def test_levels_are_refreshed_and_demoted_at_once(database: Database) -> None:
    def build(session):
        tenant = add_tenant(session)
        top = add_user(session, tenant, hold="1000")
        middle = add_user(session, tenant, top, hold="999.99", member_level=4)
        add_user(session, tenant, middle, hold="49000.01")
        return top.id, middle.id

    top, middle = database.run(build)
    assert database.run(jobs.refresh_levels) == 2
    with database.reading() as session:
        levels = dict(session.exec(select(User.id, User.member_level)).all())
    assert (levels[top], levels[middle]) == (2, 0)
    assert database.run(jobs.refresh_levels) == 0
    with database.transaction() as session:
        session.execute(text("UPDATE exchange_account SET status = 0"))
    assert database.run(jobs.refresh_levels) == 1
