"""Quota plans: exact under parallel calls, enforced where things are made."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlmodel import Session, select

from backend.db import Database
from backend.errors import InvalidInput, NotFound
from backend.identity.service import create_user
from backend.merchant import quota
from backend.merchant.errors import QuotaExceeded
from backend.models import ApiUsage, QuotaPlan, Tenant
from tests.support.doors import PASSWORD, World
from tests.support.merchant import Merchant, data, merchant, stopped
from tests.support.money import add_account, add_tenant, add_user


def limit(world: World, **limits: int) -> Merchant:
    """Give tenant A a plan with these limits."""

    def give(session: Session) -> None:
        plan = quota.save_plan(session, None, {"code": f"p{len(quota.plans(session))}", "name": "Plan", **limits})
        quota.assign_plan(session, world.a.tenant_id, plan.id)

    world.db.run(give)
    return merchant(world, world.a)


def limited(session: Session, **limits: int) -> Tenant:
    """A new tenant on a plan with these limits."""
    plan = quota.save_plan(session, None, {"code": "x", "name": "X", **limits})
    tenant = add_tenant(session)
    tenant.quota_plan_id = plan.id
    return tenant


def test_the_four_plans(sqlite_database: Database) -> None:
    for _ in range(2):
        sqlite_database.run(quota.seed_plans)
    with sqlite_database.reading() as session:
        rows = {
            plan.code: (
                plan.api_calls_daily, plan.api_calls_monthly, plan.max_users, plan.max_strategies,
                plan.max_exchange_accounts, plan.price_monthly,
            )
            for plan in quota.plans(session)
        }  # fmt: skip
    assert rows == {
        "free": (100, 3000, 5, 2, 2, 0),
        "basic": (1000, 30000, 20, 10, 10, 99),
        "pro": (5000, 150000, 100, 50, 50, 399),
        "enterprise": (0, 0, 0, 0, 0, 0),
    }


async def test_without_a_plan_nothing_is_limited_but_calls_are_counted(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    answer = await a.get("/balance")
    assert not [name for name in answer.headers if name.lower().startswith("x-quota")]
    with fresh.db.reading() as session:
        found = quota.usage(session, fresh.a.tenant_id, days=7)
    assert (found.plan, found.api.daily_used, found.api.monthly_used, found.api.allowed) == (None, 1, 1, True)
    assert len(found.history) == 7 and found.history[-1] == (datetime.now(UTC).date().isoformat(), 1)
    assert found.resources["users"] == quota.Resource(0, 1)


async def test_the_daily_limit(fresh: World) -> None:
    a = limit(fresh, api_calls_daily=3, api_calls_monthly=100)
    for left in (2, 1):
        answer = await a.get("/balance")
        data(answer)
        assert (answer.headers["X-Quota-Daily-Limit"], answer.headers["X-Quota-Daily-Remaining"]) == ("3", str(left))
        assert answer.headers["X-Quota-Monthly-Remaining"] == str(97 + left)
    # Calls that are refused later count too.
    stopped(await a.get("/users", page="x"), 422)
    refused = await a.get("/balance")
    assert stopped(refused, 429) == "超出每日API限额(3次/天)"
    assert refused.headers["X-Quota-Daily-Remaining"] == "0" and 1 <= int(refused.headers["Retry-After"]) <= 86_400
    # Calls that were not admitted do not.
    with fresh.db.reading() as session:
        assert {row.api_calls for row in session.exec(select(ApiUsage)).all()} == {3}
    data(await merchant(fresh, fresh.b).get("/balance"))


async def test_the_monthly_limit(fresh: World) -> None:
    a = limit(fresh, api_calls_monthly=1)
    data(await a.get("/balance"))
    refused = await a.get("/balance")
    assert stopped(refused, 429) == "超出每月API限额(1次/月)"
    assert int(refused.headers["Retry-After"]) >= 1 and "X-Quota-Daily-Limit" not in refused.headers


async def test_forty_calls_at_once_exceed_by_none(fresh: World) -> None:
    a = limit(fresh, api_calls_daily=25)
    answers = await asyncio.gather(*(a.get("/root-user") for _ in range(40)))
    assert sorted(answer.status_code for answer in answers) == [200] * 25 + [429] * 15


def test_two_hundred_parallel_calls_exceed_by_none(database: Database) -> None:
    tenant_id = database.run(lambda s: limited(s, api_calls_daily=150, api_calls_monthly=120).id)

    def call(_: int) -> bool:
        return database.run(lambda s: quota.count_call(s, s.get(Tenant, tenant_id))).allowed

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(call, range(200)))
    assert answers.count(True) == 120
    with database.reading() as session:
        assert {row.api_calls for row in session.exec(select(ApiUsage)).all()} == {120}


def test_days_and_months_are_counted_apart(sqlite_database: Database) -> None:
    def work(session: Session) -> list[tuple[bool, int, int]]:
        tenant = limited(session, api_calls_daily=2, api_calls_monthly=3)
        moments = [datetime(2026, 1, 30, tzinfo=UTC)] * 3 + [datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)] * 2
        moments.append(datetime(2026, 2, 1, tzinfo=UTC))
        found = [quota.count_call(session, tenant, moment) for moment in moments]
        return [(one.allowed, one.daily_used, one.monthly_used) for one in found]

    assert sqlite_database.run(work) == [
        (True, 0, 0), (True, 1, 1), (False, 2, 2), (True, 0, 2), (False, 1, 3), (True, 0, 0),
    ]  # fmt: skip


async def test_users_bindings_and_accounts_are_limited_where_they_are_made(fresh: World) -> None:
    a = limit(fresh, max_users=2, max_strategies=1, max_exchange_accounts=2)
    data(await a.post("/user/create", email="two@a.example", password="12345678"), "创建成功")
    answer = await a.post("/user/create", email="three@a.example", password="12345678")
    assert stopped(answer, 429) == "超出套餐用户数限额(2)"
    assert (answer.headers["X-Quota-Users-Limit"], answer.headers["X-Quota-Users-Remaining"]) == ("2", "0")
    assert answer.headers["Retry-After"] == "3600"
    key = {"email": fresh.a.email, "api_key": "kkkk", "api_secret": "ssss"}
    second = data(await a.post("/user/apikey", **key, exchange="gate"), "绑定成功")
    third = {**key, "exchange": "okx", "passphrase": "p"}
    assert stopped(await a.post("/user/apikey", **third), 429) == "超出套餐交易账户数限额(2)"
    data(await a.post("/user/apikey", **key, exchange="gate"), "绑定成功")  # a new key for an old account
    opened = {"email": fresh.a.email, "strategy_id": fresh.a.strategy_id}
    answer = await a.post("/user/strategy/open", **opened, account_id=second["account_id"])
    assert stopped(answer, 429) == "超出套餐策略绑定数限额(1)"
    data(await a.post("/user/strategy/open", **opened, account_id=fresh.a.account_id), "开启成功")
    data(await a.post("/user/strategy/close", **opened, account_id=fresh.a.account_id), "关闭成功")
    data(await a.post("/user/strategy/open", **opened, account_id=second["account_id"]), "开启成功")
    data(await a.post("/user/apikey/unbind", email=fresh.a.email, account_id=second["account_id"]), "解绑成功")
    data(await a.post("/user/apikey", **third), "绑定成功")


def test_users_made_at_once_exceed_by_none(database: Database) -> None:
    tenant_id = database.run(lambda s: limited(s, max_users=5).id)

    def add(number: int) -> bool:
        try:
            database.run(
                lambda s: create_user(s, tenant_id, f"u{number}@x.example", PASSWORD, password_hash="x").id
            )
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(add, range(12))).count(True) == 5


def test_plans_are_changed_assigned_and_checked(sqlite_database: Database) -> None:
    def work(session: Session) -> None:
        quota.seed_plans(session)
        free = session.exec(select(QuotaPlan).where(QuotaPlan.code == "free")).one()
        assert free.id
        quota.save_plan(session, free.id, {"api_calls_daily": 7, "price_monthly": Decimal("9.50")})
        assert (free.api_calls_daily, free.price_monthly, free.max_users) == (7, Decimal("9.50"), 5)
        for bad in ({"api_calls_daily": -1}, {"max_users": "3"}, {"code": "pro"}, {"name": " "}, {"price_monthly": 1.5}):
            with pytest.raises(InvalidInput):
                quota.save_plan(session, free.id, bad)
        session.refresh(free)
        tenant = add_tenant(session)
        add_account(session, add_user(session, tenant))
        assert tenant.id
        quota.assign_plan(session, tenant.id, free.id)
        assert quota.usage(session, tenant.id).resources["exchange_accounts"] == quota.Resource(2, 1)
        quota.toggle_plan(session, free.id)
        with pytest.raises(NotFound, match="租户或套餐不存在"):
            quota.assign_plan(session, tenant.id, free.id)
        with pytest.raises(NotFound):
            quota.assign_plan(session, 999_999, None)
        quota.assign_plan(session, tenant.id, None)
        assert quota.usage(session, tenant.id).plan is None

    sqlite_database.run(work)
