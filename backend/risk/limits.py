"""Pre-trade limits with their facts: who set what, what holds for an account, and what it holds now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.errors import InvalidInput, NotAllowed
from backend.execution.service import OPEN_STATES
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.models import ExchangeAccount, Order, Position, RiskLimit, Tenant, User
from backend.risk.limit_rules import (
    DOCUMENTED,
    RULES,
    TOTAL,
    Facts,
    Limit,
    OpenTrade,
    Value,
    as_json,
    equity_drop_pct,
    of_rule,
    read_limits,
    strictest,
)
from backend.risk.rules import losses_in_a_row
from backend.security import audit

PLATFORM, TENANT, AGENT = "platform", "tenant", "agent"
SCOPES = (PLATFORM, TENANT, AGENT)


def own_limits(session: Session, who: Principal, scope: str, scope_id: int) -> dict[str, Value]:
    """What one of platform, tenant and agent has set. Raises ``NotAllowed``, ``NotFound``, ``InvalidInput``."""
    scope_id, _ = _target(session, who, scope, scope_id, write=False)
    return read_limits(_stored(session, [(scope, scope_id)]).get((scope, scope_id)))


def set_limits(session: Session, who: Principal, scope: str, scope_id: int, values: Mapping[str, Any], *, ip: str = "") -> dict[str, Value]:
    """Replace the limits of a scope. Admins set the platform's and any tenant's, tenants and agents their own.

    Raises ``BadLimit``, ``NotAllowed``, ``NotFound``, ``InvalidInput``.
    """
    scope_id, tenant_id = _target(session, who, scope, scope_id, write=True)
    limits = read_limits(values)
    row = session.exec(
        select(RiskLimit).where(RiskLimit.scope == scope, RiskLimit.scope_id == scope_id).with_for_update()
    ).first() or RiskLimit(scope=scope, scope_id=scope_id, tenant_id=tenant_id)
    before, after = row.limits, as_json(limits)
    if before != after:
        row.limits, row.actor, row.updated_at = after, f"{who.kind}:{who.id}", utcnow()
        session.add(row)
        session.flush()
        changed = {name: f"{before.get(name, 'off')} -> {after.get(name, 'off')}" for name in {*before, *after} if before.get(name) != after.get(name)}
        audit.record(session, who, "risk.limits", f"{scope}:{scope_id}", detail=changed, ip=ip, tenant_id=tenant_id)
    return limits


def seed_limits(session: Session) -> None:
    """A new platform begins with the documented limits."""
    if session.exec(select(RiskLimit.id).where(RiskLimit.scope == PLATFORM)).first() is None:
        session.add(RiskLimit(scope=PLATFORM, limits=as_json(read_limits(DOCUMENTED)), actor="system"))


def in_force(session: Session, accounts: Iterable[ExchangeAccount]) -> dict[int, dict[str, Limit]]:
    """The limits in force by account id: the strictest of platform, tenant and agent."""
    accounts = list(accounts)
    keys = {(PLATFORM, 0), *((TENANT, one.tenant_id) for one in accounts), *((AGENT, one.user_id) for one in accounts)}
    read = {key: read_limits(values) for key, values in _stored(session, keys).items()}
    return {
        one.id or 0: strictest(
            [(scope, read.get((scope, number), {})) for scope, number in ((PLATFORM, 0), (TENANT, one.tenant_id), (AGENT, one.user_id))]
        )
        for one in accounts
    }


def facts_of(session: Session, accounts: Iterable[ExchangeAccount], limits: Mapping[int, Mapping[str, Limit]], market_at: datetime) -> dict[int, Facts]:
    """What each account holds now, for those that have limits. Few queries for all."""
    found = {one.id or 0: one for one in accounts if limits.get(one.id or 0)}
    if not found:
        return {}
    open_trades = _open_trades(session, found)
    closed = _closed(session, found, market_at - timedelta(days=8))
    opened = _opened(session, found, market_at - timedelta(days=7))
    day = market_at.replace(hour=0, minute=0, second=0, microsecond=0)
    week = day - timedelta(days=day.weekday())
    totals = _totals(session, limits)
    result = {}
    for number, account in found.items():
        results = closed[number]
        known = account.last_sync_at is not None
        result[number] = Facts(
            now=market_at,
            available_usdt=account.futures_available if known else None,
            equity_usdt=account.futures_balance if known else None,
            equity_peak_usdt=account.equity_peak if known else None,
            open=tuple(open_trades[number]),
            trades_today=sum(at >= day for at in opened[number]),
            trades_week=sum(at >= week for at in opened[number]),
            today_pnl_usdt=sum((pnl for at, pnl in results if at >= day), Decimal(0)),
            losses_in_a_row=losses_in_a_row([pnl for _, pnl in results]),
            last_loss_at=next((at for at, pnl in results if pnl < 0), None),
            last_trade_at=max(opened[number], default=None),
            totals_usdt={
                source: totals.get(key, Decimal(0))
                for source, key in ((PLATFORM, (PLATFORM, 0)), (TENANT, (TENANT, account.tenant_id)), (AGENT, (AGENT, account.user_id)))
            },
        )
    return result


def hard_stopped(session: Session) -> list[tuple[ExchangeAccount, Decimal, Limit]]:
    """Accounts whose equity has fallen from its peak by their limit: (account, loss in per cent, limit)."""
    if session.exec(select(RiskLimit.id).limit(1)).first() is None:
        return []
    accounts = session.exec(select(ExchangeAccount).where(ExchangeAccount.status == 1)).all()
    limits = in_force(session, accounts)
    found = []
    for account in accounts:
        if account.last_sync_at is None or account.equity_peak <= 0:
            continue
        limit = limits[account.id or 0].get("equity_stop_pct")
        if limit is None or not isinstance(limit.value, Decimal):
            continue
        lost = equity_drop_pct(account.futures_balance, account.equity_peak)
        if lost >= limit.value:
            found.append((account, lost, limit))
    return found


def shown(limits: Mapping[str, Limit]) -> list[dict[str, Any]]:
    """The limits in force for a page or an answer: name, value, whose."""
    return [
        {"name": rule.name, "code": rule.code, "value": as_json({rule.name: limit.value})[rule.name], "source": limit.source}
        for rule in RULES
        for limit in of_rule(limits, rule.name)
    ]


def held_below(session: Session, who: Principal, scope: str, scope_id: int) -> list[dict[str, Any]]:
    """What holds for the accounts of a scope, as ``shown``; read of the first one in use. The platform's own list is the form's."""
    statement = scoped(select(ExchangeAccount), who, ExchangeAccount).where(ExchangeAccount.status == 1)
    if scope == TENANT:
        statement = statement.where(ExchangeAccount.tenant_id == scope_id)
    account = session.exec(statement.limit(1)).first() if scope != PLATFORM else None
    found = shown(in_force(session, [account])[account.id or 0]) if account is not None else []
    # An agent's own limits are not the tenant's.
    return [one for one in found if scope != TENANT or one["source"] != AGENT]


def _stored(session: Session, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], dict[str, Any]]:
    wanted = set(keys)
    rows = session.exec(select(RiskLimit).where(col(RiskLimit.scope_id).in_({number for _, number in wanted}))).all()
    return {(row.scope, row.scope_id): row.limits for row in rows if (row.scope, row.scope_id) in wanted}


def _open_trades(session: Session, accounts: Mapping[int, ExchangeAccount]) -> dict[int, list[OpenTrade]]:
    found: dict[int, list[OpenTrade]] = defaultdict(list)
    for row in session.exec(select(Position).where(col(Position.account_id).in_(accounts), Position.status == "OPEN")).all():
        found[row.account_id].append(OpenTrade(row.symbol, row.position_side, row.quantity * row.avg_cost))
    pending = select(Order).where(
        col(Order.account_id).in_(accounts), Order.trade_type == "OPEN", col(Order.status).in_(OPEN_STATES)
    )
    for order in session.exec(pending).all():
        found[order.account_id].append(OpenTrade(order.symbol, order.position_side, order.amount_usdt or Decimal(0)))
    return found


def _closed(session: Session, accounts: Mapping[int, ExchangeAccount], since: datetime) -> dict[int, list[tuple[datetime, Decimal]]]:
    """(when, net result) of closed positions, newest first."""
    rows = session.exec(
        select(col(Position.account_id), col(Position.closed_market_at), col(Position.realized_pnl), col(Position.total_fee))
        .where(col(Position.account_id).in_(accounts), Position.status == "CLOSED", col(Position.closed_market_at) >= since)
        .order_by(col(Position.closed_market_at).desc())
    ).all()
    found: dict[int, list[tuple[datetime, Decimal]]] = defaultdict(list)
    for account_id, at, pnl, fee in rows:
        if at is not None:
            found[account_id].append((at, pnl - fee))
    return found


def _opened(session: Session, accounts: Mapping[int, ExchangeAccount], since: datetime) -> dict[int, list[datetime]]:
    rows = session.exec(
        select(col(Position.account_id), col(Position.opened_market_at)).where(
            col(Position.account_id).in_(accounts), col(Position.opened_market_at) >= since
        )
    ).all()
    found: dict[int, list[datetime]] = defaultdict(list)
    for account_id, at in rows:
        found[account_id].append(at)
    return found


def _totals(session: Session, limits: Mapping[int, Mapping[str, Limit]]) -> dict[tuple[str, int], Decimal]:
    """Notional of everything open, by scope; asked only where somebody limits it."""
    totals: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    if not any(of_rule(one, TOTAL) for one in limits.values()):
        return totals
    for row in session.exec(select(Position).where(Position.status == "OPEN")).all():
        _count(totals, row.tenant_id, row.user_id, row.quantity * row.avg_cost)
    pending = select(Order).where(Order.trade_type == "OPEN", col(Order.status).in_(OPEN_STATES))
    for order in session.exec(pending).all():
        _count(totals, order.tenant_id, order.user_id, order.amount_usdt or Decimal(0))
    return totals


def _count(totals: dict[tuple[str, int], Decimal], tenant_id: int, user_id: int, value: Decimal) -> None:
    for key in ((PLATFORM, 0), (TENANT, tenant_id), (AGENT, user_id)):
        totals[key] += value


def _target(session: Session, who: Principal, scope: str, scope_id: int, *, write: bool) -> tuple[int, int | None]:
    if scope == PLATFORM:
        if who.kind != "admin":
            raise NotAllowed
        return 0, None
    if scope == TENANT:
        if who.kind == "agent":
            raise NotAllowed
        return get_scoped(session, who, Tenant, scope_id, lock=write).id or 0, scope_id
    if scope != AGENT:
        raise InvalidInput(f"The scope is one of {', '.join(SCOPES)}.")
    user = get_scoped(session, who, User, scope_id, lock=write)
    if write and who.kind == "admin":
        # The platform and the tenant have limits of their own, which an agent cannot widen.
        raise NotAllowed
    return user.id or 0, user.tenant_id
