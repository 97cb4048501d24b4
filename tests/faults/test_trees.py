"""D13: invite lines of any shape: very deep, very wide, and damaged into a circle. Payments never exceed the pool."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import insert
from sqlmodel import Session, func, select

from backend.billing import standing
from backend.billing.service import POOL_SETTLED, settle_fill
from backend.clock import utcnow
from backend.db import Database
from backend.models import ExchangeAccount, ProfitPool, Reward, User, UserAncestor
from tests.support.faults import times
from tests.support.money import add_account, add_fill, add_tenant, add_user, assert_sound, fund

DEPTH = times(300, 10_000)
CHILDREN = times(500, 10_000)


def many(session: Session, tenant_id: int, count: int, **fields) -> list[int]:
    """Users made in one statement; their ids."""
    first = (session.exec(select(func.max(User.id))).one() or 0) + 1
    now = utcnow()
    rows = [
        {
            "id": first + n, "tenant_id": tenant_id, "email": f"m{first + n}@example.com", "password_hash": "", "name": "",
            "invite_code": f"M{first + n}", "is_market_node": False, "is_root": False, "status": 1, "created_at": now,
            **fields,
        }
        for n in range(count)
    ]  # fmt: skip
    session.execute(insert(User), rows)
    return [row["id"] for row in rows]


def settled(database: Database, fill_id: int) -> ProfitPool:
    result = database.run(lambda s: settle_fill(s, fill_id))
    assert result.pool_status == POOL_SETTLED
    with database.reading() as session:
        pool = session.get(ProfitPool, result.pool_id)
        paid = session.exec(select(func.sum(Reward.amount)).where(Reward.pool_id == result.pool_id)).one()
    assert pool is not None and int(paid) == pool.pool_amount
    return pool


def test_a_line_as_deep_as_it_gets(database: Database) -> None:
    def build(session: Session) -> int:
        tenant = add_tenant(session)
        above = many(session, tenant.id, DEPTH, is_market_node=True)
        user = add_user(session, tenant)
        user.inviter_id = above[-1]
        session.add(user)
        rows = [
            {"ancestor_id": one, "descendant_id": user.id, "depth": DEPTH - n} for n, one in enumerate(above)
        ]  # fmt: skip
        session.execute(insert(UserAncestor), rows)
        for one, hold in ((above[0], "600000"), (above[-1], "5000")):
            add_account(session, session.get(User, one), hold)
        fund(session, user, "1000")
        return add_fill(session, user, "333.33333333").id

    pool = settled(database, database.run(build))
    assert pool.direct_distributed > 0
    assert_sound(database)


def test_ten_thousand_below_one_root(database: Database) -> None:
    def build(session: Session) -> list[int]:
        tenant = add_tenant(session)
        top = add_user(session, tenant, node=True, hold="20000")
        people = many(session, tenant.id, CHILDREN, inviter_id=top.id)
        session.execute(
            insert(UserAncestor), [{"ancestor_id": top.id, "descendant_id": one, "depth": 1} for one in people]
        )
        accounts = [
            {"tenant_id": tenant.id, "user_id": one, "exchange": "binance", "futures_balance": Decimal(7), "status": 1}
            for one in people
        ]
        session.execute(insert(ExchangeAccount), accounts)
        standing.correct(session)
        fills = []
        for one in people[:: len(people) // 10]:
            user = session.get(User, one)
            fund(session, user, "100")
            fills.append(add_fill(session, user, "12.3").id)
        return fills

    for fill_id in database.run(build):
        # 7 each: the team's size makes the level of the one above.
        assert settled(database, fill_id).direct_distributed > 0
    assert_sound(database)


def test_a_line_damaged_into_a_circle(database: Database) -> None:
    def build(session: Session) -> list[int]:
        tenant = add_tenant(session)
        upper = add_user(session, tenant, node=True, hold="20000")
        lower = add_user(session, tenant, upper, node=True, hold="5000")
        alone = add_user(session, tenant)
        alone.inviter_id, upper.inviter_id = alone.id, lower.id
        session.add_all([alone, upper])
        session.add(UserAncestor(ancestor_id=lower.id, descendant_id=upper.id, depth=1))
        session.add(UserAncestor(ancestor_id=alone.id, descendant_id=alone.id, depth=1))
        session.flush()
        standing.correct(session)
        for user in (upper, lower, alone):
            fund(session, user, "100")
        return [add_fill(session, user, "50").id for user in (upper, lower, alone)]

    for fill_id in database.run(build):
        settled(database, fill_id)
    assert_sound(database)
