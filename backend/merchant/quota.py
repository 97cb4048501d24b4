"""Quota plans: counting calls exactly, and limits on what a tenant may create. No plan means no limit.

The locking law: the month's row, then the day's row of ``api_usage``; for things that are created, the tenant's row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.errors import InvalidInput, NotFound
from backend.ledger.statements import Wire
from backend.merchant.errors import QuotaExceeded
from backend.merchant.rules import periods, seconds_left
from backend.models import ApiUsage, Binding, ExchangeAccount, QuotaPlan, Tenant, User
from backend.models.merchant import quota_defaults

UNBOUND = 2
"""``status`` of an exchange account whose credentials were removed; it can be bound again."""

LIMITS = ("api_calls_daily", "api_calls_monthly", "max_users", "max_strategies", "max_exchange_accounts")
_NAMES = {"max_users": "用户数", "max_strategies": "策略绑定数", "max_exchange_accounts": "交易账户数"}
_RETRY_CREATION_S = 3600
_MAX_LIMIT = 2_000_000_000

_COUNTERS = (
    "SELECT period, api_calls FROM api_usage WHERE tenant_id = %s AND period IN (%s, %s) ORDER BY period FOR UPDATE"
)
_ADD = "UPDATE api_usage SET api_calls = api_calls + 1 WHERE tenant_id = %s AND period IN (%s, %s)"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one call found: whether it is allowed, and the limits (0: none) with what was used before it."""

    allowed: bool = True
    daily_limit: int = 0
    monthly_limit: int = 0
    daily_used: int = 0
    monthly_used: int = 0
    retry_after_s: int = 0

    def headers(self) -> dict[str, str]:
        """``X-Quota-*``: limits and what remains after this call; only what is limited."""
        found: dict[str, str] = {}
        for name, limit, used in (
            ("Daily", self.daily_limit, self.daily_used),
            ("Monthly", self.monthly_limit, self.monthly_used),
        ):
            if limit > 0:
                found[f"X-Quota-{name}-Limit"] = str(limit)
                found[f"X-Quota-{name}-Remaining"] = str(max(0, limit - used - (1 if self.allowed else 0)))
        return found

    def refusal(self) -> QuotaExceeded:
        """The documented refusal of this call."""
        if 0 < self.daily_limit <= self.daily_used:
            text = f"超出每日API限额({self.daily_limit}次/天)"
        else:
            text = f"超出每月API限额({self.monthly_limit}次/月)"
        return QuotaExceeded(text, headers={"Retry-After": str(self.retry_after_s), **self.headers()})


@dataclass(frozen=True, slots=True)
class Resource:
    """One limited kind of thing."""

    limit: int
    used: int

    @property
    def exceeded(self) -> bool:
        """Whether no further one may be created."""
        return 0 < self.limit <= self.used


@dataclass(frozen=True, slots=True)
class Usage:
    """Everything the usage page shows. ``history`` is (day, calls), oldest first, days without calls included."""

    plan: QuotaPlan | None
    api: Allowance
    resources: dict[str, Resource] = field(default_factory=dict)
    history: list[tuple[str, int]] = field(default_factory=list)


def count_call(session: Session, tenant: Tenant, now: datetime | None = None) -> Allowance:
    """Count one call of the tenant if its plan allows it; under any number of parallel calls the limit is exact."""
    assert tenant.id is not None
    moment = now or utcnow()
    month, day = periods(moment)
    plan = plan_of(session, tenant)
    session.flush()
    wire = Wire(session)
    used = _locked_counters(wire, tenant.id, month, day)
    limits = (plan.api_calls_daily, plan.api_calls_monthly) if plan else (0, 0)
    over_day, over_month = 0 < limits[0] <= used[day], 0 < limits[1] <= used[month]
    if over_day or over_month:
        retry = seconds_left(moment, whole_month=not over_day)
        return Allowance(False, *limits, used[day], used[month], retry)
    wire.run(_ADD, (tenant.id, month, day))
    return Allowance(True, *limits, used[day], used[month])


def _locked_counters(wire: Wire, tenant_id: int, month: str, day: str) -> dict[str, int]:
    found = dict(wire.rows(_COUNTERS, (tenant_id, month, day)))
    if len(found) < 2:
        for period in (month, day):
            if wire.sqlite:
                sql = "INSERT OR IGNORE INTO api_usage (tenant_id, period, api_calls) VALUES (%s, %s, 0)"
            else:  # takes the row exclusively at once, where INSERT IGNORE would share it and then deadlock
                sql = (
                    "INSERT INTO api_usage (tenant_id, period, api_calls) VALUES (%s, %s, 0) "
                    "ON DUPLICATE KEY UPDATE api_calls = api_calls"
                )
            wire.run(sql, (tenant_id, period))
        found = dict(wire.rows(_COUNTERS, (tenant_id, month, day)))
    return {period: int(calls) for period, calls in found.items()}


def plan_of(session: Session, tenant: Tenant) -> QuotaPlan | None:
    """The tenant's plan, or None: unlimited."""
    return session.get(QuotaPlan, tenant.quota_plan_id) if tenant.quota_plan_id else None


def check_room(session: Session, tenant_id: int, limit: str) -> None:
    """Before one more user (``max_users``), binding (``max_strategies``) or exchange account
    (``max_exchange_accounts``) is created: lock the tenant and raise ``QuotaExceeded`` when the plan is full.
    """
    tenant = session.get(Tenant, tenant_id)
    if tenant is None or tenant.quota_plan_id is None:
        return
    session.exec(select(Tenant.id).where(Tenant.id == tenant_id).with_for_update()).first()
    plan = plan_of(session, tenant)
    found = Resource(getattr(plan, limit), _used(session, tenant_id, limit)) if plan else Resource(0, 0)
    if found.exceeded:
        name = limit.removeprefix("max_").replace("_", "-").title()
        headers = {f"X-Quota-{name}-Limit": str(found.limit), f"X-Quota-{name}-Remaining": "0"}
        text = f"超出套餐{_NAMES[limit]}限额({found.limit})"
        raise QuotaExceeded(text, headers={"Retry-After": str(_RETRY_CREATION_S), **headers})


def _used(session: Session, tenant_id: int, limit: str) -> int:
    count = select(func.count())
    if limit == "max_users":
        statement = count.select_from(User).where(User.tenant_id == tenant_id, col(User.is_root).is_(False))
    elif limit == "max_strategies":
        statement = count.select_from(Binding).where(Binding.tenant_id == tenant_id, Binding.status == 1)
    else:
        statement = count.select_from(ExchangeAccount).where(
            ExchangeAccount.tenant_id == tenant_id, ExchangeAccount.status != UNBOUND
        )
    return int(session.exec(statement).one())


def usage(session: Session, tenant_id: int, days: int = 30, now: datetime | None = None) -> Usage:
    """Plan, counters, resources and the history of the last ``days`` days. Raises ``NotFound``."""
    tenant = session.get(Tenant, tenant_id)
    if tenant is None:
        raise NotFound
    moment = now or utcnow()
    month, day = periods(moment)
    plan = plan_of(session, tenant)
    first = moment - timedelta(days=max(1, days) - 1)
    rows = session.exec(
        select(ApiUsage.period, ApiUsage.api_calls).where(
            ApiUsage.tenant_id == tenant_id, col(ApiUsage.period) >= periods(first)[0]
        )
    ).all()
    calls = {period: int(number) for period, number in rows}
    wanted = [periods(first + timedelta(days=number))[1] for number in range(max(1, days))]
    limits = (plan.api_calls_daily, plan.api_calls_monthly) if plan else (0, 0)
    used = (calls.get(day, 0), calls.get(month, 0))
    allowed = not any(0 < limit <= count for limit, count in zip(limits, used, strict=True))
    resources = {
        name: Resource(getattr(plan, limit) if plan else 0, _used(session, tenant_id, limit))
        for name, limit in (
            ("users", "max_users"),
            ("strategies", "max_strategies"),
            ("exchange_accounts", "max_exchange_accounts"),
        )
    }
    return Usage(plan, Allowance(allowed, *limits, *used), resources, [(one, calls.get(one, 0)) for one in wanted])


# Plans ----------------------------------------------------------------------------------------------------


def seed_plans(session: Session) -> None:
    """Make those of the four plans that are missing. Changed ones stay as they are."""
    have = set(session.exec(select(QuotaPlan.code)).all())
    session.add_all(QuotaPlan(**row) for row in quota_defaults() if row["code"] not in have)
    session.flush()


def plans(session: Session, only_active: bool = False) -> list[QuotaPlan]:
    """All plans in their order."""
    statement = select(QuotaPlan).order_by(col(QuotaPlan.sort_order), col(QuotaPlan.id))
    return list(session.exec(statement.where(QuotaPlan.status == 1) if only_active else statement).all())


def save_plan(session: Session, plan_id: int | None, values: Mapping[str, Any]) -> QuotaPlan:
    """Create (``plan_id`` None) or change a plan. Raises ``NotFound``, ``InvalidInput`` for a bad or taken value."""
    plan = QuotaPlan(code="", name="") if plan_id is None else session.get(QuotaPlan, plan_id)
    if plan is None:
        raise NotFound
    for name in LIMITS:
        if name in values:
            number = values[name]
            if type(number) is not int or not 0 <= number <= _MAX_LIMIT:
                raise InvalidInput(f"{name} must be a whole number, 0 for unlimited.")
            setattr(plan, name, number)
    for name, longest in (("code", 32), ("name", 64), ("description", 255)):
        if name in values:
            text = str(values[name]).strip()
            if len(text) > longest or (name != "description" and not text):
                raise InvalidInput(f"{name} must have 1 to {longest} characters.")
            setattr(plan, name, text)
    if not plan.code or not plan.name:
        raise InvalidInput("A plan needs a code and a name.")
    if "price_monthly" in values:
        price = values["price_monthly"]
        if not isinstance(price, Decimal) or not price.is_finite() or not 0 <= price <= _MAX_LIMIT:
            raise InvalidInput("price_monthly must be a decimal, zero or more.")
        plan.price_monthly = price
    plan.sort_order = int(values.get("sort_order", plan.sort_order))
    taken = session.exec(select(QuotaPlan.id).where(QuotaPlan.code == plan.code)).first()
    if taken is not None and taken != plan.id:
        raise InvalidInput(f"There is already a plan with the code {plan.code}.")
    session.add(plan)
    session.flush()
    return plan


def toggle_plan(session: Session, plan_id: int) -> QuotaPlan:
    """Offer a plan or stop offering it; tenants that have it keep it. Raises ``NotFound``."""
    plan = session.get(QuotaPlan, plan_id)
    if plan is None:
        raise NotFound
    plan.status = 0 if plan.status == 1 else 1
    session.add(plan)
    session.flush()
    return plan


def assign_plan(session: Session, tenant_id: int, plan_id: int | None) -> Tenant:
    """Give a tenant a plan, or None for unlimited. Raises ``NotFound`` for an unknown tenant or inactive plan."""
    tenant = session.get(Tenant, tenant_id)
    plan = session.get(QuotaPlan, plan_id) if plan_id is not None else None
    if tenant is None or (plan_id is not None and (plan is None or plan.status != 1)):
        raise NotFound("租户或套餐不存在")
    tenant.quota_plan_id = plan_id
    session.add(tenant)
    session.flush()
    return tenant
