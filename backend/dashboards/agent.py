"""Reads of the agent's pages. Plain values out: Decimal, epoch ms, text; the states format them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.bots import preconditions
from backend.bots.preconditions import card_units
from backend.bots.queries import wall_interval
from backend.bots.rules import BotConfig
from backend.clock import to_ms, utcnow
from backend.dashboards import marks as at
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.models import (
    Binding,
    Bot,
    EquitySnapshot,
    ExchangeAccount,
    Fill,
    Order,
    Position,
    Scan,
    ScanPanel,
    Signal,
    Strategy,
    User,
)
from backend.models.tables import without
from backend.money import from_units
from backend.settings import Settings

POINTS = 400
Prices = Mapping[str, Decimal]


def bot_state(session: Session, who: Principal) -> dict[str, Any]:
    """{desired, observed, reason, scans, last_scan_ms, started_ms, version, config}; stopped when there is no bot."""
    found = session.exec(scoped(select(Bot), who, Bot)).first()
    bot: Bot = found or Bot(tenant_id=who.tenant_id or 0, user_id=who.id)
    return {
        "desired": bot.desired,
        "observed": bot.observed,
        "reason": bot.reason,
        "scans": bot.scan_count,
        "last_scan_ms": to_ms(bot.last_scan_at) if bot.last_scan_at else 0,
        "started_ms": to_ms(bot.started_at) if bot.started_at else 0,
        "version": bot.config_version,
        "config": BotConfig.from_mapping(bot.config).as_json(),
    }


def open_positions(session: Session, who: Principal) -> list[Position]:
    """Open positions, newest first."""
    statement = scoped(select(Position), who, Position).where(Position.status == "OPEN")
    return list(session.exec(statement.order_by(col(Position.id).desc())).all())


def position_row(position: Position, prices: Prices) -> dict[str, Any]:
    """One position as lists show it, at the given marks."""
    mark = prices.get(position.symbol) if position.status == "OPEN" else position.exit_price
    closed = position.status != "OPEN"
    return {
        "id": position.id,
        "symbol": position.symbol,
        "side": position.position_side,
        "mode": position.mode.upper(),
        "leverage": position.leverage,
        "margin": at.margin(position),
        "entry": position.entry_price,
        "mark": mark,
        "pnl": position.realized_pnl if closed else at.unrealized(position, mark),
        "roi": None if closed else at.roi(position, mark),
        "stop_loss": position.stop_loss,
        "take_profit": position.take_profit,
        "score": position.score,
        "opened_ms": to_ms(position.opened_at),
        "closed_ms": to_ms(position.closed_at) if position.closed_at else 0,
        "reason": position.close_reason,
        "stop_status": position.stop_status,
    }


def closed_since(session: Session, who: Principal, since: datetime, limit: int | None = None) -> list[Position]:
    """Positions closed since, newest first."""
    statement = scoped(select(Position), who, Position).where(
        Position.status != "OPEN", col(Position.closed_at) >= since
    )
    statement = statement.order_by(col(Position.closed_at).desc())
    return list(session.exec(statement.limit(limit) if limit else statement).all())


def today() -> datetime:
    """Start of this UTC day."""
    return utcnow().replace(hour=0, minute=0, second=0, microsecond=0)


def money(session: Session, who: Principal, positions: Sequence[Position], prices: Prices) -> dict[str, Any]:
    """The figures of the cards: equity, today's realised result, open risk, drawdown, point cards."""
    accounts = list(session.exec(scoped(select(ExchangeAccount), who, ExchangeAccount)).all())
    balance = sum((a.futures_balance for a in accounts), Decimal(0))
    floating = at.total_unrealized(list(positions), prices)
    equity = balance + floating
    peak = max(sum((a.equity_peak for a in accounts), Decimal(0)), equity)
    statement = scoped(select(func.coalesce(func.sum(Fill.realized_pnl), 0)), who, Fill)
    realized = Decimal(session.exec(statement.where(col(Fill.filled_at) >= today())).one())
    risks = [at.at_risk(p) for p in positions]
    user = get_scoped(session, who, User, who.id)
    pnls = [at.unrealized(p, prices.get(p.symbol)) or Decimal(0) for p in positions]
    return {
        "equity": equity,
        "balance": balance,
        "unrealized": floating,
        "realized_today": realized,
        "open": len(positions),
        "up": sum(1 for p in pnls if p > 0),
        "down": sum(1 for p in pnls if p < 0),
        "margin": sum((at.margin(p) for p in positions), Decimal(0)),
        "risk": sum((r for r in risks if r is not None), Decimal(0)),
        "unprotected": sum(1 for r in risks if r is None),
        "peak": peak,
        "drawdown": (equity - peak) / peak if peak > 0 else Decimal(0),
        "cards": from_units(card_units(session, user)),
        "synced_ms": max((to_ms(a.last_sync_at) for a in accounts if a.last_sync_at), default=0),
        "sync_error": next((a.last_sync_error for a in accounts if a.last_sync_error), ""),
    }


def equity_points(session: Session, who: Principal, span: timedelta | None) -> list[dict[str, Any]]:
    """[{time s, equity, peak, drawdown %}] on the market clock, at most ``POINTS``; accounts are added up."""
    statement = scoped(
        select(EquitySnapshot.account_id, EquitySnapshot.market_at, EquitySnapshot.equity), who, EquitySnapshot
    )
    newest = session.exec(scoped(select(func.max(EquitySnapshot.market_at)), who, EquitySnapshot)).one()
    if newest is None:
        return []
    if span is not None:
        newest_at = newest if isinstance(newest, datetime) else datetime.fromisoformat(str(newest))
        statement = statement.where(col(EquitySnapshot.market_at) >= newest_at - span)
    rows = session.exec(statement.order_by(col(EquitySnapshot.market_at), col(EquitySnapshot.id))).all()
    return _series([(int(a), to_ms(t) // 1000, e) for a, t, e in rows])


def _series(rows: Sequence[tuple[int, int, Decimal]]) -> list[dict[str, Any]]:
    latest: dict[int, Decimal] = {}
    total: dict[int, Decimal] = {}
    for account, time_s, equity in rows:
        latest[account] = equity
        total[time_s] = sum(latest.values(), Decimal(0))
    times = sorted(total)
    step = max(1, -(-len(times) // POINTS))
    kept = set(times[::step]) | set(times[-1:])
    points, peak = [], Decimal(0)
    for time_s in times:
        equity = total[time_s]
        peak = max(peak, equity)
        if time_s in kept:
            drop = (equity - peak) / peak * 100 if peak > 0 else Decimal(0)
            # Charts draw pixels: here, and only here, money becomes a float.
            points.append(
                {"time": time_s, "equity": float(equity), "peak": float(peak), "drawdown": round(float(drop), 4)}
            )
    return points


def latest_panel(session: Session, who: Principal, strategy: str = "") -> ScanPanel | None:
    """The newest scan panel of the agent, of one strategy when named."""
    statement = scoped(select(ScanPanel), who, ScanPanel)
    if strategy:
        statement = statement.where(ScanPanel.strategy_code == strategy)
    found: ScanPanel | None = session.exec(statement.order_by(col(ScanPanel.id).desc()).limit(1)).first()
    return found


def panels_of(session: Session, who: Principal, strategy: str, limit: int = 60) -> list[ScanPanel]:
    """The newest panels of one strategy without their decision lists, oldest first."""
    statement = scoped(select(ScanPanel), who, ScanPanel).where(ScanPanel.strategy_code == strategy)
    statement = statement.options(*without(ScanPanel.decisions))
    return list(reversed(session.exec(statement.order_by(col(ScanPanel.id).desc()).limit(limit)).all()))


def decisions_before(session: Session, who: Principal, strategy: str, symbol: str, scans: int = 24) -> list[tuple[int, dict[str, Any]]]:
    """(scan's time, decision) about one symbol in the last scans of a strategy, newest first, the newest scan left out."""
    statement = scoped(select(ScanPanel.at, ScanPanel.decisions), who, ScanPanel).where(ScanPanel.strategy_code == strategy)
    rows = session.exec(statement.order_by(col(ScanPanel.id).desc()).limit(scans + 1)).all()[1:]
    return [(to_ms(at_), row) for at_, decisions in rows for row in decisions if row["symbol"] == symbol]


def strategies_of(session: Session, who: Principal) -> list[Strategy]:
    """Strategies the agent follows, in order of their code."""
    bound = scoped(select(Binding.strategy_id), who, Binding).where(Binding.status == 1)
    return list(session.exec(select(Strategy).where(col(Strategy.id).in_(bound)).order_by(Strategy.code)).all())


def scan_facts(session: Session, panel: ScanPanel, settings: Settings) -> dict[str, Any]:
    """{at_ms, interval_ms, duration_ms, timeframe, names, values}: the scan behind a panel."""
    scan = session.get(Scan, panel.scan_id)
    timeframe = scan.timeframe if scan else "1h"
    return {
        "at_ms": to_ms(panel.at),
        "interval_ms": int(wall_interval(settings, timeframe).total_seconds() * 1000),
        "duration_ms": scan.duration_ms if scan else 0,
        "timeframe": timeframe,
        "names": (scan.detail.get("names") if scan else None) or [],
        "values": (scan.detail.get("values") if scan else None) or {},
    }


def position_detail(session: Session, who: Principal, position_id: int, prices: Prices) -> dict[str, Any]:
    """Everything about one position: its row, facts, orders and fills in the order they happened. Raises ``NotFound``."""
    position = get_scoped(session, who, Position, position_id)
    row = position_row(position, prices)
    orders = session.exec(
        select(Order).where(Order.position_id == position.id).order_by(col(Order.id))
    ).all()
    fills = session.exec(select(Fill).where(Fill.position_id == position.id).order_by(col(Fill.id))).all()
    signal = None
    if orders and orders[0].signal_id:
        signal = session.exec(select(Signal).where(Signal.signal_id == orders[0].signal_id)).first()
    risk = at.at_risk(position)
    row |= {
        "quantity": position.quantity or sum((f.quantity for f in fills if f.trade_type in ("OPEN", "ADD")), Decimal(0)),
        "status": position.status,
        "strategy": position.strategy_code,
        "notional": (row["mark"] or position.entry_price) * position.quantity,
        "risk": risk,
        "fee": position.total_fee,
        "realized": position.realized_pnl,
        "max_hold_ms": position.max_hold_ms or 0,
        "opened_market_s": to_ms(position.opened_market_at) // 1000,
        "closed_market_s": to_ms(position.closed_market_at) // 1000 if position.closed_market_at else 0,
        "signal": {"score": signal.score, "at_ms": to_ms(signal.created_at), "side": signal.side} if signal else None,
        "orders": [_order(o) for o in orders],
        "fills": [
            {
                "at_ms": to_ms(f.filled_at), "market_s": to_ms(f.market_at) // 1000, "price": f.price,
                "quantity": f.quantity, "trade_type": f.trade_type, "pnl": f.realized_pnl, "fee": f.fee,
                "order_pk": f.order_pk,
            }
            for f in fills
        ],
    }  # fmt: skip
    return row


def _order(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "client_id": order.client_order_id,
        "type": order.order_type,
        "trade_type": order.trade_type,
        "status": order.status,
        "reason": order.reason,
        "error": order.error_message,
        "node_id": order.node_id,
        "created_ms": to_ms(order.created_at),
        "submitted_ms": to_ms(order.submitted_at) if order.submitted_at else 0,
        "updated_ms": to_ms(order.updated_at),
        "price": order.avg_price or order.price,
        "quantity": order.filled_quantity or order.quantity,
        "stop_loss": order.stop_loss,
    }


def obstacles_of(session: Session, who: Principal) -> list[preconditions.Obstacle]:
    """What keeps the agent's bot from starting; nothing is asked while it is wanted to run."""
    bot = session.exec(select(Bot).where(Bot.user_id == who.id)).first()
    if bot is not None and bot.desired == "running":
        return []
    return preconditions.obstacles(session, get_scoped(session, who, User, who.id))
