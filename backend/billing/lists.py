"""Lists of money rows with true totals: withdrawals, rewards, profit pools, point-card journal. ``who`` decides,
through the scope helper, which rows exist at all. Amounts are integers of 1e-8."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import case, func
from sqlmodel import Session, SQLModel, col, select

from backend.billing.service import MAX_POOL_TRIES, POOL_FAILED, POOL_PENDING, POOL_SETTLED
from backend.billing.withdrawal_rules import STATUS_NAMES
from backend.identity.principal import Principal
from backend.identity.scope import scoped
from backend.models import PointCardLog, ProfitPool, Reward, User, Withdrawal
from backend.models.tables import table_of
from backend.portfolio.queries import Listing, Window

Who = Principal | int
POOL_NAMES = {POOL_PENDING: "pending", POOL_SETTLED: "settled", POOL_FAILED: "failed"}


@dataclass(frozen=True, kw_only=True)
class MoneyFilter:
    """Empty fields do not filter; ``start`` is inclusive, ``end`` exclusive, both of ``created_at``."""

    tenant_id: int | None = None
    user_id: int | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class WithdrawalFilter(MoneyFilter):
    """Of withdrawals."""

    status: int | None = None
    wallet_network: str | None = None


@dataclass(frozen=True, kw_only=True)
class RewardFilter(MoneyFilter):
    """Of rewards. ``pool_id`` keeps the payments of one pool."""

    reward_type: str | None = None
    pool_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class PoolFilter(MoneyFilter):
    """Of profit pools."""

    status: int | None = None


@dataclass(frozen=True, kw_only=True)
class CardLogFilter(MoneyFilter):
    """Of the point-card journal. ``user_id`` finds rows of the user and rows that name the user."""

    change_type: int | None = None


Row = tuple[Any, str]
"""A row with the e-mail of its user ("" for a tenant's own row)."""


def listing(session: Session, who: Who, model: type[SQLModel], find: MoneyFilter, window: Window) -> Listing[Row]:
    """Rows of any model with ``tenant_id``, ``user_id`` and ``created_at``, newest first."""
    return _page(session, _filtered(_with_email(model), who, model, find), model, window)


def withdrawals(session: Session, who: Who, find: WithdrawalFilter, window: Window) -> Listing[Row]:
    """Withdrawals, newest first."""
    return listing(session, who, Withdrawal, find, window)


def withdrawal_stats(session: Session, who: Who, tenant_id: int | None = None) -> dict[str, int]:
    """Counts by status, and amount and fee in units, of everything in sight whatever the list's filter."""
    statement = select(Withdrawal.status, func.count(), func.sum(Withdrawal.amount), func.sum(Withdrawal.fee))
    statement = _filtered(statement, who, Withdrawal, MoneyFilter(tenant_id=tenant_id)).group_by(Withdrawal.status)
    stats = {**dict.fromkeys(STATUS_NAMES.values(), 0), "total_amount": 0, "total_fee": 0, "total_count": 0}
    for status, count, amount, fee in session.exec(statement):
        stats[STATUS_NAMES[status]] = int(count)
        stats["total_count"] += int(count)
        stats["total_amount"] += int(amount)
        stats["total_fee"] += int(fee)
    return stats


def rewards(session: Session, who: Who, find: RewardFilter, window: Window) -> Listing[Row]:
    """Rewards, newest first."""
    return listing(session, who, Reward, find, window)


def reward_stats(session: Session, who: Who, find: RewardFilter) -> tuple[int, int, list[tuple[str, int, int]]]:
    """Of all that matches: how many, their sum in units, and (rate, how many, sum) by rate."""
    statement = select(Reward.rate, func.count(), func.sum(Reward.amount))
    statement = _filtered(statement, who, Reward, find).group_by(Reward.rate).order_by(Reward.rate)
    groups = [(rate, int(count), int(amount)) for rate, count, amount in session.exec(statement)]
    return sum(count for _, count, _ in groups), sum(amount for _, _, amount in groups), groups


def pools(session: Session, who: Who, find: PoolFilter, window: Window) -> Listing[Row]:
    """Profit pools, newest first."""
    return listing(session, who, ProfitPool, find, window)


def pool_stats(session: Session, who: Who, tenant_id: int | None = None) -> dict[str, dict[str, int]]:
    """Count and amount in units by status, and how many are stuck (failed too often to be tried again)."""
    stuck = func.sum(case((col(ProfitPool.retry_count) >= MAX_POOL_TRIES, 1), else_=0))
    statement = select(ProfitPool.status, func.count(), func.sum(ProfitPool.pool_amount), stuck)
    statement = _filtered(statement, who, ProfitPool, MoneyFilter(tenant_id=tenant_id)).group_by(ProfitPool.status)
    stats = {name: {"count": 0, "total_amount": 0} for name in POOL_NAMES.values()}
    stats["stuck"] = {"count": 0}
    for status, count, amount, given_up in session.exec(statement):
        stats[POOL_NAMES[status]] = {"count": int(count), "total_amount": int(amount)}
        if status == POOL_FAILED:
            stats["stuck"]["count"] = int(given_up)
    return stats


def card_logs(session: Session, who: Who, find: CardLogFilter, window: Window) -> Listing[Row]:
    """The point-card journal, newest first."""
    statement = _cards(_with_email(PointCardLog), who, find)
    return _page(session, statement, PointCardLog, window)


def card_log_stats(session: Session, who: Who, find: CardLogFilter) -> dict[str, int]:
    """Of all that matches: how many rows, and the sums of what was added and taken, in units."""
    amount = col(PointCardLog.amount)
    statement = select(
        func.count(),
        func.coalesce(func.sum(case((amount > 0, amount), else_=0)), 0),
        func.coalesce(func.sum(case((amount < 0, amount), else_=0)), 0),
    ).select_from(PointCardLog)
    count, plus, minus = session.exec(_cards(statement, who, find)).one()
    return {"total_count": int(count), "total_positive": int(plus), "total_negative": int(minus)}


def _cards(statement: Any, who: Who, find: CardLogFilter) -> Any:
    statement = _filtered(statement, who, PointCardLog, find, skip=("user_id",))
    if find.user_id is not None:
        own, named = col(PointCardLog.user_id) == find.user_id, col(PointCardLog.related_user_id) == find.user_id
        statement = statement.where(own | named)
    return statement


def _with_email(model: type[SQLModel]) -> Any:
    users = col(User.id) == table_of(model).c.user_id
    return select(model, User.email).select_from(model).join(User, users, isouter=True)


def _filtered(statement: Any, who: Who, model: type[SQLModel], find: MoneyFilter, skip: tuple[str, ...] = ()) -> Any:
    statement = scoped(statement, who, model)
    made = table_of(model).c.created_at
    for item in fields(find):
        value = getattr(find, item.name)
        if value is None or item.name in skip:
            continue
        if item.name == "start":
            statement = statement.where(made >= value)
        elif item.name == "end":
            statement = statement.where(made < value)
        else:
            statement = statement.where(getattr(model, item.name) == value)
    return statement


def _page(session: Session, statement: Any, model: type[SQLModel], window: Window) -> Listing[Row]:
    number = table_of(model).c.id
    total = session.exec(statement.with_only_columns(func.count(number), maintain_column_froms=True)).one()
    total = total if isinstance(total, int) else total[0]
    page = statement.order_by(number.desc()).limit(min(max(window.limit, 1), 500)).offset(window.offset)
    return Listing([(row, email or "") for row, email in session.exec(page)], int(total))
