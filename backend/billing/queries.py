"""Reads of billing and its invariants. Amounts are integers of 1e-8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlmodel import Session

from backend.billing.hwm_queries import check_periods
from backend.billing.service import MAX_POOL_TRIES, POOL_FAILED, POOL_SETTLED
from backend.billing.standing import differing
from backend.clock import utcnow
from backend.ledger.statements import Wire
from backend.models import Fill, LedgerAccount, MemberStanding, PointCardLog, ProfitPool, Reward, Settlement
from backend.models.tables import table_of
from backend.money import format_units
from backend.monitoring.rules import Invariant

_account = table_of(LedgerAccount)
_fill = table_of(Fill)
_log = table_of(PointCardLog)
_pool = table_of(ProfitPool)
_reward = table_of(Reward)
_settlement = table_of(Settlement)

_SETTLE_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class UserMoney:
    """What one user has: point cards, withdrawable reward, and all reward ever earned."""

    point_self: int = 0
    point_gift: int = 0
    reward: int = 0
    total_reward: int = 0


def user_money(session: Session, user_ids: Sequence[int]) -> dict[int, UserMoney]:
    """Money of several users in two queries; every id asked for is in the answer."""
    parts: dict[int, dict[str, int]] = {user_id: {} for user_id in user_ids}
    kinds = ("point_self", "point_gift", "reward")
    for owner_id, kind, balance in session.execute(
        select(_account.c.owner_id, _account.c.kind, _account.c.balance).where(
            _account.c.owner_kind == "user",
            _account.c.owner_id.in_(user_ids),
            _account.c.kind.in_(kinds),
            _account.c.currency == "USDT",
        )
    ):
        parts[owner_id][kind] = balance
    for user_id, total in session.execute(
        select(_reward.c.user_id, func.sum(_reward.c.amount))
        .where(_reward.c.user_id.in_(user_ids))
        .group_by(_reward.c.user_id)
    ):
        parts[user_id]["total_reward"] = int(total)
    return {user_id: UserMoney(**values) for user_id, values in parts.items()}


@dataclass(frozen=True, slots=True)
class TenantMoney:
    """A tenant's card stock and the running totals of its tech share and undistributed network share."""

    point_self: int
    point_gift: int
    tech_reward_total: int
    undist_reward_total: int


def tenant_money(session: Session, tenant_id: int) -> TenantMoney:
    """Money of one tenant."""
    rows = session.execute(
        select(_account.c.kind, _account.c.balance).where(
            _account.c.owner_kind == "tenant", _account.c.owner_id == tenant_id, _account.c.currency == "USDT"
        )
    )
    stock = {kind: int(balance) for kind, balance in rows}
    tech, undistributed = session.execute(
        select(
            func.coalesce(func.sum(_pool.c.tech_amount), 0), func.coalesce(func.sum(_pool.c.network_undistributed), 0)
        ).where(_pool.c.tenant_id == tenant_id, _pool.c.status == POOL_SETTLED)
    ).one()
    return TenantMoney(stock.get("point_self", 0), stock.get("point_gift", 0), int(tech), int(undistributed))


def stuck_pools(session: Session, tenant_id: int | None = None) -> list[int]:
    """Ids of pools whose distribution has failed too often to be tried again."""
    query = select(_pool.c.id).where(_pool.c.status == POOL_FAILED, _pool.c.retry_count >= MAX_POOL_TRIES)
    if tenant_id is not None:
        query = query.where(_pool.c.tenant_id == tenant_id)
    return list(session.execute(query.order_by(_pool.c.id)).scalars())


# Invariants -----------------------------------------------------------------------------------------------


def check_rewards(session: Session) -> Invariant:
    """The rewards of a settled pool sum to the pool; a pool that is not settled has none."""
    paid = select(_reward.c.pool_id, func.sum(_reward.c.amount).label("paid")).group_by(_reward.c.pool_id).subquery()
    total = func.coalesce(paid.c.paid, 0)
    rows = session.execute(
        select(_pool.c.id, _pool.c.pool_amount, _pool.c.status, total)
        .outerjoin(paid, paid.c.pool_id == _pool.c.id)
        .where(
            ((_pool.c.status == POOL_SETTLED) & (total != _pool.c.pool_amount))
            | ((_pool.c.status != POOL_SETTLED) & (total != 0))
        )
        .order_by(_pool.c.id)
        .limit(5)
    ).all()
    text = "; ".join(
        f"pool {number} (status {status}) holds {format_units(amount)}, rewards {format_units(int(sum_))}"
        for number, amount, status, sum_ in rows
    )
    return Invariant("rewards equal pools", not rows, _count(session, _pool), text)


def check_reward_balances(session: Session) -> Invariant:
    """Every reward is free, frozen, paid out, or was taken as a fee."""
    held = sum(_balances(session, kind) for kind in ("reward", "withdrawal_frozen", "paid_out", "fee_income"))
    paid = _sum(session, select(func.sum(_reward.c.amount)))
    text = "" if held == paid else f"accounts hold {format_units(held)}, rewards are {format_units(paid)}"
    return Invariant("reward balances come from rewards", not text, _count(session, _reward), text)


def check_points(session: Session) -> Invariant:
    """Everything recharged by admins is on a card, burned, or went into a pool."""
    recharged = _sum(session, select(func.sum(_log.c.amount)).where(_log.c.source_type == 1))
    cards = _balances(session, "point_self") + _balances(session, "point_gift")
    burned = _balances(session, "burned_gift")
    pools = _sum(session, select(func.sum(_pool.c.pool_amount)))
    waiting = _sum(session, select(func.sum(_pool.c.pool_amount)).where(_pool.c.status != POOL_SETTLED))
    wrong = []
    if recharged != cards + burned + pools:
        wrong.append(
            f"recharged {format_units(recharged)}, cards {format_units(cards)} + burned {format_units(burned)} "
            f"+ pools {format_units(pools)}"
        )
    in_accounts = _balances(session, "pool")
    if in_accounts != waiting:
        wrong.append(f"pool accounts hold {format_units(in_accounts)}, waiting pools {format_units(waiting)}")
    return Invariant("points are conserved", not wrong, _count(session, _log), "; ".join(wrong))


def check_settled_once(session: Session) -> Invariant:
    """Every fill older than ten minutes has exactly one settlement, and its pool and journal row when billed."""
    late = session.execute(
        select(_fill.c.id)
        .outerjoin(_settlement, _settlement.c.fill_id == _fill.c.id)
        .where(_settlement.c.id.is_(None), _fill.c.created_at < utcnow() - _SETTLE_WITHIN)
        .limit(5)
    ).scalars()
    twice = session.execute(
        select(_settlement.c.fill_id).group_by(_settlement.c.fill_id).having(func.count() > 1).limit(5)
    ).scalars()
    wrong = [f"fill {number} has no settlement" for number in late]
    wrong += [f"fill {number} is settled more than once" for number in twice]
    wrong += [
        f"settlement {number} took paid points but has no pool of that amount"
        for number in session.execute(
            select(_settlement.c.id)
            .outerjoin(
                _pool,
                and_(_pool.c.settlement_id == _settlement.c.id, _pool.c.pool_amount == _settlement.c.self_deduct),
            )
            .where(_settlement.c.self_deduct > 0, _pool.c.id.is_(None))
            .limit(5)
        ).scalars()
    ]
    billed = _sum(session, select(func.sum(_settlement.c.self_deduct + _settlement.c.gift_deduct)))
    logged = -_sum(session, select(func.sum(_log.c.amount)).where(_log.c.change_type == 5))
    if billed != logged:
        wrong.append(f"settlements took {format_units(billed)}, the journal says {format_units(logged)}")
    return Invariant("each fill is settled once", not wrong, _count(session, _settlement), "; ".join(wrong))


def check_standings(session: Session) -> Invariant:
    """What users and their teams hold, as kept for the levels, is what their accounts say."""
    session.flush()
    wrong = differing(Wire(session))
    return Invariant(
        "standings are what the accounts say", not wrong, _count(session, table_of(MemberStanding)),
        ", ".join(f"user {one}" for one in wrong[:10]),
    )  # fmt: skip


ALL_CHECKS = (
    check_rewards, check_reward_balances, check_points, check_settled_once, check_periods, check_standings,
)  # fmt: skip
"""Every invariant of this room."""


def _sum(session: Session, query: Select[Any]) -> int:
    return int(session.execute(query).scalar_one() or 0)


def _count(session: Session, table: Any) -> int:
    return int(session.execute(select(func.count()).select_from(table)).scalar_one())


def _balances(session: Session, kind: str) -> int:
    return _sum(
        session, select(func.sum(_account.c.balance)).where(_account.c.kind == kind, _account.c.currency == "USDT")
    )
