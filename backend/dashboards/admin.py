"""Reads of the operator's dashboard. Plain values out; the states format them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.billing.queries import stuck_pools
from backend.bots.queries import wall_interval
from backend.clock import now_ms, to_ms, utcnow
from backend.execution.nodes import is_online
from backend.ledger.queries import check_balances, check_zero_sum
from backend.models import (
    Bot,
    ExchangeAccount,
    ExecutionNode,
    JobRun,
    Order,
    ProfitPool,
    Scan,
    Strategy,
    Tenant,
    User,
)
from backend.money import from_units
from backend.settings import Settings

DAY = timedelta(days=1)
OPEN_STATES = ("PENDING", "SENT", "OPEN", "PARTIAL")
PROBLEM_STATES = ("UNKNOWN", "REJECTED", "EXPIRED")


def totals(session: Session) -> dict[str, Any]:
    """Figures of the cards; equity is what the accounts last said."""
    since = utcnow() - DAY
    modes = session.exec(
        select(ExchangeAccount.mode, func.count(), func.coalesce(func.sum(ExchangeAccount.futures_balance), 0))
        .where(ExchangeAccount.status == 1)
        .group_by(ExchangeAccount.mode)
    ).all()
    bots = {str(state): int(n) for state, n in session.exec(select(Bot.observed, func.count()).group_by(Bot.observed))}
    unknown, oldest = session.exec(
        select(func.count(), func.min(Order.updated_at)).where(Order.status == "UNKNOWN")
    ).one()
    pool, kept = session.exec(
        select(func.coalesce(func.sum(ProfitPool.pool_amount), 0), func.coalesce(func.sum(ProfitPool.platform_amount), 0))
        .where(col(ProfitPool.created_at) >= since)
    ).one()
    return {
        "equity": sum((Decimal(total) for _, _, total in modes), Decimal(0)),
        "equity_modes": {str(mode).upper(): Decimal(total) for mode, _, total in modes},
        "accounts": sum(int(n) for _, n, _ in modes),
        "tenants": _count(session, Tenant),
        "tenants_active": _count(session, Tenant, Tenant.status == 1),
        "bots_running": bots.get("running", 0),
        "bots_other": sum(n for state, n in bots.items() if state != "running"),
        "orders": _count(session, Order, col(Order.created_at) >= since),
        "orders_filled": _count(session, Order, col(Order.created_at) >= since, Order.status == "FILLED"),
        "pool": from_units(int(pool)),
        "pool_kept": from_units(int(kept)),
        "unknown": int(unknown),
        "unknown_ms": now_ms() - to_ms(oldest) if oldest else 0,
        "people": _count(session, User, col(User.is_root).is_(False)),
    }


def nodes(session: Session) -> list[dict[str, Any]]:
    """Execution nodes with what they last said, by code."""
    since = utcnow() - DAY
    accounts = _by(session, ExchangeAccount.node_id, ExchangeAccount.status == 1)
    orders = _by(session, Order.node_id, col(Order.created_at) >= since)
    rows = session.exec(select(ExecutionNode).order_by(ExecutionNode.node_code)).all()
    return [
        {
            "id": str(node.id),
            "code": node.node_code,
            "name": node.name,
            "version": node.version,
            "accounts": accounts.get(node.id, 0),
            "orders": orders.get(node.id, 0),
            "latency_ms": node.latency_ms,
            "inflight": node.inflight,
            "beat_ms": to_ms(node.last_heartbeat_at) if node.last_heartbeat_at else 0,
            "online": is_online(node),
            "enabled": node.status == 1,
            "draining": node.draining,
            "skew_ms": node.clock_skew_ms,
            "egress": node.egress_ip,
            "key_offered": bool(node.offered_key),
            "error": node.last_error,
        }
        for node in rows
    ]


def orders(session: Session, only: str, limit: int) -> list[dict[str, Any]]:
    """The newest orders of all tenants; ``only`` is "", "open" or "problems"."""
    statement = select(Order, Tenant.name, ExecutionNode.node_code).join(Tenant, col(Tenant.id) == Order.tenant_id)
    statement = statement.join(ExecutionNode, col(ExecutionNode.id) == Order.node_id, isouter=True)
    if only == "open":
        statement = statement.where(col(Order.status).in_(OPEN_STATES))
    elif only == "problems":
        statement = statement.where(col(Order.status).in_(PROBLEM_STATES))
    rows = session.exec(statement.order_by(col(Order.id).desc()).limit(limit)).all()
    return [
        {
            "id": str(order.id),
            "at_ms": to_ms(order.updated_at),
            "tenant": tenant,
            "symbol": order.symbol,
            "side": order.position_side,
            "leg": "stop" if order.order_type == "STOP_MARKET" else "entry" if order.trade_type == "OPEN" else "exit",
            "quantity": order.filled_quantity or order.quantity,
            "price": order.avg_price or order.price,
            "status": order.status,
            "reason": "" if order.status == "FILLED" else order.reason or order.error_code,
            "node": node or "",
            "mode": order.mode.upper(),
        }
        for order, tenant, node in rows
    ]


def problems(session: Session) -> list[dict[str, Any]]:
    """What needs an operator, worst first: {k, p, at_ms}. Empty when all is well."""
    found: list[dict[str, Any]] = []
    count, oldest = session.exec(
        select(func.count(), func.min(Order.updated_at)).where(Order.status == "UNKNOWN")
    ).one()
    if count:
        found.append({"k": "need.unknown", "p": {"n": int(count)}, "at_ms": to_ms(oldest)})
    for node in nodes(session):
        if node["enabled"] and not node["online"]:
            found.append({"k": "need.node", "p": {"node": node["code"], "n": node["accounts"]}, "at_ms": node["beat_ms"]})
    stuck = stuck_pools(session)
    if stuck:
        found.append({"k": "need.pools", "p": {"n": len(stuck), "id": stuck[0]}, "at_ms": 0})
    for job in session.exec(select(JobRun).where(JobRun.last_error != "")).all():
        found.append(
            {"k": "need.job", "p": {"name": job.name}, "at_ms": to_ms(job.last_started_at) if job.last_started_at else 0}
        )
    return found


def scan_health(session: Session, settings: Settings) -> list[dict[str, Any]]:
    """Per strategy: how long its last scan took against the time between two."""
    newest = select(func.max(Scan.id)).group_by(col(Scan.strategy_id))
    rows = session.exec(
        select(Scan, Strategy.code).join(Strategy, col(Strategy.id) == Scan.strategy_id).where(col(Scan.id).in_(newest))
    ).all()
    return [
        {
            "id": code,
            "timeframe": scan.timeframe,
            "took_ms": scan.duration_ms,
            "interval_ms": int(wall_interval(settings, scan.timeframe).total_seconds() * 1000),
            "at_ms": to_ms(scan.at),
            "symbols": scan.symbols,
        }
        for scan, code in sorted(rows, key=lambda row: row[1])
    ]


def ledger_health(session: Session) -> dict[str, Any]:
    """{ok, checked, difference, at_ms}: balances recomputed from their entries, sets summing to zero."""
    checks = [check_balances(session), check_zero_sum(session)]
    return {
        "ok": all(one.ok for one in checks),
        "checked": checks[0].checked,
        "difference": "; ".join(one.difference for one in checks if one.difference)[:200],
        "at_ms": now_ms(),
    }


def _count(session: Session, model: Any, *where: Any) -> int:
    return int(session.exec(select(func.count()).select_from(model).where(*where)).one())


def _by(session: Session, column: Any, *where: Any) -> dict[int | None, int]:
    rows = session.exec(select(column, func.count()).where(*where).group_by(column)).all()
    return {key: int(n) for key, n in rows}
