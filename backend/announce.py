"""What the live topics carry: built here, once per event, for everyone who watches.

``market``: prices by symbol and the market's clock. ``platform``: scans, newest orders, troubles. ``tenant:{id}``: newest orders
and settlements of the tenant. ``agent:{id}``: last scan, positions with live PnL, unread notifications.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.clock import now_ms, to_ms
from backend.db import Database
from backend.execution.apply import Applied
from backend.exits.rules import Side, roi_pct
from backend.live import hub
from backend.market.feed import Prices
from backend.models import Bot, Notification, Order, Position, Settlement, Tenant
from backend.models.types import from_units
from backend.signals.service import ScanOutcome

FEED_LENGTH = 20

_recent: dict[str, list[dict[str, Any]]] = defaultdict(list)


def _push(topic: str, key: str, row: dict[str, Any]) -> None:
    rows = _recent[f"{topic}/{key}"]
    rows.insert(0, row)
    del rows[FEED_LENGTH:]
    hub.publish(topic, {key: list(rows)})


def scan(outcome: ScanOutcome) -> None:
    """A scan was recorded."""
    row = outcome.scan
    hub.publish(
        "platform",
        {
            "scan": {
                "id": row.id, "at_ms": to_ms(row.at), "symbols": row.symbols, "signals": row.signals,
                "orders": row.orders, "duration_ms": row.duration_ms, "timeframe": row.timeframe,
            }
        },
    )
    for panel in outcome.panels:
        hub.publish(
            f"agent:{panel.user_id}",
            {
                "scan": {
                    "id": row.id, "at_ms": to_ms(row.at), "analyzed": panel.analyzed, "passed": panel.passed,
                    "filtered": panel.analyzed - panel.passed, "opened": panel.opened, "strategy": panel.strategy_code,
                }
            },
        )


def applied(results: list[Applied]) -> None:
    """Results of orders were applied."""
    for result in results:
        order = result.order
        row = order_row(order)
        _push("platform", "orders", row)
        _push(f"tenant:{order.tenant_id}", "orders", row)
        _push(f"agent:{order.user_id}", "orders", row)
        # A part that was closed changes a position, too.
        if result.opened or result.closed or result.new_fills:
            hub.publish(f"agent:{order.user_id}", {"changed_ms": now_ms()})
            hub.publish(f"tenant:{order.tenant_id}", {"changed_ms": now_ms()})


def order_row(order: Order) -> dict[str, Any]:
    """One order as the live lists show it."""
    return {
        "id": order.id,
        "at_ms": to_ms(order.updated_at),
        "tenant_id": order.tenant_id,
        "user_id": order.user_id,
        "symbol": order.symbol,
        "side": order.position_side,
        "leg": "Stop" if order.order_type == "STOP_MARKET" else "Entry" if order.trade_type == "OPEN" else "Exit",
        "quantity": _text(order.filled_quantity or order.quantity),
        "price": _text(order.avg_price or order.price),
        "status": order.status,
        "reason": order.reason,
        "node_id": order.node_id,
        "mode": order.mode,
    }


def _text(value: Decimal | None) -> str:
    return "" if value is None else format(value, "f")


def settled(db: Database, fill_ids: list[int]) -> None:
    """Fills were settled."""
    with db.reading() as session:
        rows = session.exec(select(Settlement).where(col(Settlement.fill_id).in_(fill_ids))).all()
    for row in rows:
        _push(
            f"tenant:{row.tenant_id}",
            "settlements",
            {
                "id": row.id, "at_ms": to_ms(row.created_at), "user_id": row.user_id,
                "profit": str(from_units(row.profit)), "deducted": str(from_units(row.self_deduct + row.gift_deduct)),
            },
        )


async def prices(db: Database, current: Prices | None) -> None:
    """Publish prices, and every open position's live PnL at them."""
    if current is None:
        return
    hub.publish(
        "market", {"market_ms": current.market_ms, "prices": {name: _text(p) for name, p in current.by_symbol.items()}}
    )
    positions, unread = await db.aread(_open_positions)
    agents: dict[int, dict[str, Any]] = defaultdict(dict)
    totals: dict[int, Decimal] = defaultdict(Decimal)
    for position in positions:
        mark = current.by_symbol.get(position.symbol)
        if mark is None:
            continue
        row = live_row(position, mark)
        agents[position.user_id][str(position.id)] = row
        totals[position.user_id] += Decimal(row["pnl"])
    for user_id in set(agents) | set(_seen):
        known = agents.get(user_id, {})
        # A key set to None is removed: positions that closed leave the topic.
        gone = dict.fromkeys(_seen.get(user_id, set()) - set(known))
        payload: dict[str, Any] = {"positions": {**known, **gone}, "open": len(known)}
        payload["unrealized"] = f"{totals[user_id]:.2f}"
        payload["unread"] = unread.get(user_id, 0)
        hub.publish(f"agent:{user_id}", payload)
        _seen[user_id] = set(known)
    hub.publish("platform", {"open_positions": len(positions)})


_seen: dict[int, set[str]] = {}


def live_row(position: Position, mark: Decimal) -> dict[str, Any]:
    """Mark, unrealised PnL and ROI of one open position."""
    side: Side = "LONG" if position.position_side == "LONG" else "SHORT"
    sign = 1 if side == "LONG" else -1
    pnl = (mark - position.avg_cost) * position.quantity * sign
    roi = roi_pct(side, position.avg_cost, mark, Decimal(position.leverage)) if position.avg_cost > 0 else Decimal(0)
    return {"mark": _text(mark), "pnl": f"{pnl:.2f}", "roi": f"{roi:.2f}"}


def _open_positions(session: Session) -> tuple[list[Position], dict[int, int]]:
    rows = session.exec(select(Position).where(Position.status == "OPEN")).all()
    unread = session.exec(
        select(Notification.user_id, func.count())
        .where(col(Notification.is_read).is_(False), col(Notification.user_id).is_not(None))
        .group_by(col(Notification.user_id))
    ).all()
    return list(rows), {int(user): int(count) for user, count in unread if user is not None}


def stopped(session: Session) -> None:
    """A stop on trading was set or lifted: every page asks again what holds for it."""
    topics = [f"tenant:{number}" for number in session.exec(select(Tenant.id)).all()]
    topics += [f"agent:{number}" for number in session.exec(select(Bot.user_id)).all()]
    for topic in ("platform", *topics):
        hub.publish(topic, {"stops_ms": now_ms()})


def trouble(loop: str, message: str) -> None:
    """A loop of the engine met an error: admins see it at once."""
    _push("platform", "troubles", {"at_ms": now_ms(), "loop": loop, "message": message})


def market_done() -> None:
    """A replay reached its end."""
    hub.publish("market", {"done": True})
