"""Orders, fills, positions and scans as lists."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from backend.clock import to_ms
from backend.dashboards import agent
from backend.dashboards.lists.base import ANY_ID, Find, ListOf, Row, between, matching, paged, where
from backend.dashboards.marks import marks
from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.models import ExecutionNode, Fill, Order, Position, Scan, ScanPanel, Signal, Strategy, Tenant, User
from backend.models.tables import without
from backend.portfolio.queries import Listing

OPEN_STATES = ("PENDING", "SENT", "OPEN", "PARTIAL")
PROBLEM_STATES = ("UNKNOWN", "REJECTED", "EXPIRED", "FAILED")
STATUSES = (*OPEN_STATES, "FILLED", "CANCELLED", *PROBLEM_STATES)
SIDES = ("LONG", "SHORT")
LEGS = ("entry", "exit", "stop")
MODES = ("live", "testnet", "paper", "simulated")
EXITS = ("SL", "TP", "TRAILING", "TIME", "MANUAL", "LIQUIDATION", "EXTERNAL", "NAKED", "UNCONFIRMED")
_CHANGING = frozenset({"status", "state", "position"})
_STATES = {"open": OPEN_STATES, "filled": ("FILLED",), "problems": PROBLEM_STATES, "cancelled": ("CANCELLED",)}


def person(user: User | None) -> str:
    """A user's name as lists show it."""
    return (user.name or user.email) if user else ""


def _ms(value: Any) -> int:
    return to_ms(value) if value else 0


def leg_of(order: Order) -> str:
    """entry | exit | stop."""
    return "stop" if order.order_type == "STOP_MARKET" else "entry" if order.trade_type in ("OPEN", "ADD") else "exit"


def _orders(who: Principal, find: Find, by_state: bool = True) -> Any:
    statement = (
        select(Order, User, Tenant.name, ExecutionNode.node_code)
        .join(User, col(User.id) == Order.user_id, isouter=True)
        .join(Tenant, col(Tenant.id) == Order.tenant_id, isouter=True)
        .join(ExecutionNode, col(ExecutionNode.id) == Order.node_id, isouter=True)
    )
    statement = scoped(statement, who, Order)
    columns = {
        "side": Order.position_side, "status": Order.status, "mode": Order.mode, "tenant": Order.tenant_id,
        "user": Order.user_id, "position": Order.position_id,
    }  # fmt: skip
    statement = between(where(statement, find, **columns), find, col(Order.created_at))
    leg = find.only.get("leg")
    if leg == "stop":
        statement = statement.where(Order.order_type == "STOP_MARKET")
    elif leg:
        opens = col(Order.trade_type).in_(("OPEN", "ADD"))
        statement = statement.where(Order.order_type != "STOP_MARKET", opens if leg == "entry" else ~opens)
    if by_state and find.only.get("state"):
        statement = statement.where(col(Order.status).in_(_STATES[find.only["state"]]))
    ids = (Order.order_id, Order.client_order_id, Order.exchange_order_id, Order.signal_id)
    return matching(statement, find, col(Order.symbol), *map(col, ids))


def orders(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Orders, newest first."""
    sorts = {
        "at_ms": col(Order.created_at), "symbol": col(Order.symbol), "status": col(Order.status),
        "quantity": col(Order.quantity), "fee": col(Order.total_fee), "updated_ms": col(Order.updated_at),
    }  # fmt: skip
    # What the exchange calls an order, its state and its position come later.
    changes = find.search or not _CHANGING.isdisjoint(find.only)
    written = None if changes else col(Order.created_at)
    rows, total = paged(session, _orders(who, find), find, sorts, col(Order.id), written=written)
    return Listing([order_row(*row) for row in rows], total)


def order_row(order: Order, user: User | None, tenant: str | None, node: str | None) -> Row:
    """One order with whose it is."""
    return {
        "id": order.id,
        "at_ms": to_ms(order.created_at),
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "exchange_order_id": order.exchange_order_id,
        "tenant": tenant or "",
        "user": person(user),
        "symbol": order.symbol,
        "exchange": order.exchange,
        "side": order.position_side,
        "leg": leg_of(order),
        "quantity": order.quantity,
        "filled": order.filled_quantity,
        "price": order.avg_price or order.price,
        "fee": order.total_fee,
        "leverage": order.leverage,
        "status": order.status,
        "why": order.close_reason,
        "reason": order.reason,
        "error": order.error_message,
        "error_code": order.error_code,
        "node": node or "",
        "mode": order.mode.upper(),
        "strategy": order.strategy_code,
        "signal_id": order.signal_id,
        "position_id": order.position_id,
        "submitted_ms": _ms(order.submitted_at),
        "updated_ms": to_ms(order.updated_at),
    }


def order_totals(session: Session, who: Principal, find: Find) -> Row:
    """How many match in each state, whatever state is chosen."""
    statement = _orders(who, find, by_state=False).with_only_columns(Order.status, func.count()).group_by(Order.status)
    counted = {str(status): int(n) for status, n in session.exec(statement.order_by(None)).all()}
    found = {name: sum(counted.get(s, 0) for s in states) for name, states in _STATES.items()}
    return {"": sum(counted.values()), **found}


def order_detail(session: Session, who: Principal, order_id: int) -> Row:
    """An order with its fills. Raises ``NotFound``."""
    order = get_scoped(session, who, Order, order_id)
    node = session.get(ExecutionNode, order.node_id) if order.node_id else None
    tenant = session.get(Tenant, order.tenant_id)
    row = order_row(order, session.get(User, order.user_id), tenant.name if tenant else "", node.node_code if node else "")
    statement = scoped(select(Fill), who, Fill).where(Fill.order_pk == order.id).order_by(col(Fill.id))
    return row | {"fills": [_fill(f) for f in session.exec(statement).all()], "stop_loss": order.stop_loss}


def _fill(fill: Fill) -> Row:
    return {
        "id": fill.id, "at_ms": to_ms(fill.filled_at), "quantity": fill.quantity, "price": fill.price, "fee": fill.fee,
        "fee_currency": fill.fee_currency, "pnl": fill.realized_pnl, "trade_id": fill.exchange_trade_id,
    }  # fmt: skip


def fills(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Executions, newest first."""
    statement = (
        select(Fill, Order.order_id, User, Tenant.name)
        .join(Order, col(Order.id) == Fill.order_pk, isouter=True)
        .join(User, col(User.id) == Fill.user_id, isouter=True)
        .join(Tenant, col(Tenant.id) == Fill.tenant_id, isouter=True)
    )
    columns = {
        "side": Fill.position_side, "mode": Fill.mode, "tenant": Fill.tenant_id, "user": Fill.user_id,
        "trade": Fill.trade_type,
    }  # fmt: skip
    statement = between(where(scoped(statement, who, Fill), find, **columns), find, col(Fill.filled_at))
    statement = matching(statement, find, col(Fill.symbol), col(Order.order_id), col(Fill.fill_id), col(Fill.exchange_trade_id))
    sorts = {
        "at_ms": col(Fill.filled_at), "symbol": col(Fill.symbol), "quantity": col(Fill.quantity), "price": col(Fill.price),
        "fee": col(Fill.fee), "pnl": col(Fill.realized_pnl),
    }  # fmt: skip
    rows, total = paged(session, statement, find, sorts, col(Fill.id), written=col(Fill.created_at))
    found = [
        _fill(fill) | {
            "fill_id": fill.fill_id, "order_id": order or "", "order": fill.order_pk, "user": person(user),
            "tenant": tenant or "", "symbol": fill.symbol, "side": fill.position_side, "trade": fill.trade_type,
            "value": fill.quantity * fill.price, "mode": fill.mode.upper(),
        }
        for fill, order, user, tenant in rows
    ]  # fmt: skip
    return Listing(found, total)


def _positions(who: Principal, find: Find, by_state: bool = True) -> Any:
    statement = (
        select(Position, User, Tenant.name)
        .join(User, col(User.id) == Position.user_id, isouter=True)
        .join(Tenant, col(Tenant.id) == Position.tenant_id, isouter=True)
    )
    columns = {
        "side": Position.position_side, "mode": Position.mode, "tenant": Position.tenant_id, "user": Position.user_id,
        "exit": Position.close_reason,
    }  # fmt: skip
    statement = where(scoped(statement, who, Position), find, **columns)
    statement = matching(statement, find, col(Position.symbol), col(Position.strategy_code))
    if by_state and find.only.get("state"):
        is_open = Position.status == "OPEN"
        statement = statement.where(is_open if find.only["state"] == "open" else ~is_open)
    return statement


_POSITION_SORTS = {
    "opened_ms": col(Position.opened_at), "closed_ms": col(Position.closed_at), "symbol": col(Position.symbol),
    "realized": col(Position.realized_pnl), "fee": col(Position.total_fee), "score": col(Position.score),
}  # fmt: skip


def positions(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Positions, newest first; open ones at the latest marks."""
    statement = between(_positions(who, find), find, col(Position.opened_at))
    rows, total = paged(session, statement, find, _POSITION_SORTS, col(Position.id))
    return Listing(_position_rows(rows), total)


def history(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Closed positions, last closed first; the days are those of closing."""
    statement = between(_positions(who, find).where(Position.status != "OPEN"), find, col(Position.closed_at))
    find = find if find.sort else replace(find, sort="closed_ms")
    rows, total = paged(session, statement, find, _POSITION_SORTS, col(Position.id))
    return Listing(_position_rows(rows), total)


def _position_rows(rows: Any) -> list[Row]:
    prices = marks()
    return [
        agent.position_row(position, prices) | {
            "user": person(user), "tenant": tenant or "", "quantity": position.quantity, "fee": position.total_fee,
            "realized": position.realized_pnl, "net": position.realized_pnl - position.total_fee,
            "strategy": position.strategy_code, "status": position.status,
        }
        for position, user, tenant in rows
    ]  # fmt: skip


def position_totals(session: Session, who: Principal, find: Find) -> Row:
    """How many are open and closed, whatever is chosen."""
    statement = _positions(who, find, by_state=False)
    return _opened_closed(session, between(statement, find, col(Position.opened_at)))


def _opened_closed(session: Session, statement: Any) -> Row:
    open_, total = session.exec(
        statement.with_only_columns(func.coalesce(func.sum(case((col(Position.status) == "OPEN", 1), else_=0)), 0), func.count())
    ).one()
    return {"": int(total), "open": int(open_), "closed": int(total) - int(open_)}


def history_totals(session: Session, who: Principal, find: Find) -> Row:
    """Trades, winners, net result and commission of everything that matches. Summed exactly, not by the engine."""
    statement = between(_positions(who, find).where(Position.status != "OPEN"), find, col(Position.closed_at))
    rows = session.exec(statement.with_only_columns(Position.realized_pnl, Position.total_fee)).all()
    nets = [pnl - fee for pnl, fee in rows]
    gains = sum((n for n in nets if n > 0), Decimal(0))
    losses = -sum((n for n in nets if n < 0), Decimal(0))
    return {
        "n": len(nets), "won": sum(1 for n in nets if n > 0), "net": sum(nets, Decimal(0)),
        "fee": sum((fee for _, fee in rows), Decimal(0)), "gains": gains, "losses": losses,
        "best": max(nets, default=None), "worst": min(nets, default=None),
    }  # fmt: skip


def position_detail(session: Session, who: Principal, position_id: int) -> Row:
    """A position with its orders and fills. Raises ``NotFound``."""
    row = agent.position_detail(session, who, position_id, marks())
    position = get_scoped(session, who, Position, position_id)
    tenant = session.get(Tenant, position.tenant_id)
    return row | {"user": person(session.get(User, position.user_id)), "tenant": tenant.name if tenant else ""}


def scans(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Scans of all strategies, newest first."""
    statement = select(Scan, Strategy).join(Strategy, col(Strategy.id) == Scan.strategy_id)
    statement = statement.options(*without(Scan.detail))
    statement = between(matching(statement, find, col(Strategy.code)), find, col(Scan.at))
    if find.only.get("made") == "orders":
        statement = statement.where(Scan.orders > 0)
    sorts = {
        "at_ms": col(Scan.at), "symbols": col(Scan.symbols), "signals": col(Scan.signals), "orders": col(Scan.orders),
        "duration_ms": col(Scan.duration_ms),
    }  # fmt: skip
    rows, total = paged(session, statement, find, sorts, col(Scan.id))
    return Listing([_scan(*row) for row in rows], total)


def _scan(scan: Scan, strategy: Strategy | None) -> Row:
    return {
        "id": scan.id, "at_ms": to_ms(scan.at), "strategy": strategy.code if strategy else "", "timeframe": scan.timeframe,
        "bar_ms": scan.bar_open_ms, "symbols": scan.symbols, "signals": scan.signals, "orders": scan.orders,
        "duration_ms": scan.duration_ms,
    }  # fmt: skip


def scan_detail(session: Session, who: Principal, scan_id: int) -> Row:
    """A scan: decisions of all followers by reason, and the signals it wrote. Raises ``NotFound``."""
    scan = session.get(Scan, scan_id)
    if scan is None:
        raise NotFound
    reasons: Counter[str] = Counter()
    followers = opened = 0
    for panel in session.exec(select(ScanPanel).where(ScanPanel.scan_id == scan_id)).all():
        followers += 1
        opened += panel.opened
        reasons.update(str(decision["reason"]) for decision in panel.decisions)
    signals = session.exec(
        select(Signal)
        .where(Signal.strategy_id == scan.strategy_id, Signal.bar_open_ms == scan.bar_open_ms)
        .order_by(col(Signal.score).desc())
        .limit(20)
    ).all()
    return _scan(scan, session.get(Strategy, scan.strategy_id)) | {
        "followers": followers,
        "opened": opened,
        "reasons": reasons.most_common(),
        "written": [
            {"id": s.signal_id, "symbol": s.symbol, "side": s.side, "type": s.signal_type, "score": s.score,
             "entry": s.entry_price, "stop": s.stop_loss, "target": s.take_profit}
            for s in signals
        ],
    }  # fmt: skip


ORDERS = ListOf(
    orders, ("admin", "tenant"),
    ("at_ms", "order_id", "tenant", "user", "symbol", "side", "leg", "quantity", "filled", "price", "fee", "status", "why",
     "reason", "error_code", "node", "mode", "client_order_id", "exchange_order_id", "submitted_ms", "updated_ms"),
    sorts=("at_ms", "symbol", "status", "quantity", "fee", "updated_ms"),
    filters={"state": tuple(_STATES), "status": STATUSES, "side": SIDES, "leg": LEGS, "mode": MODES, "tenant": ANY_ID,
             "user": ANY_ID, "position": ANY_ID},
    dated=True, detail=order_detail, totals=order_totals,
)  # fmt: skip
FILLS = ListOf(
    fills, ("admin", "tenant"),
    ("at_ms", "fill_id", "order_id", "tenant", "user", "symbol", "side", "trade", "quantity", "price", "value", "fee",
     "fee_currency", "pnl", "mode", "trade_id"),
    sorts=("at_ms", "symbol", "quantity", "price", "fee", "pnl"),
    filters={"side": SIDES, "trade": ("OPEN", "ADD", "REDUCE", "CLOSE"), "mode": MODES, "tenant": ANY_ID, "user": ANY_ID},
    dated=True,
)  # fmt: skip
_POSITION_COLUMNS = (
    "opened_ms", "closed_ms", "tenant", "user", "symbol", "side", "leverage", "quantity", "entry", "mark", "stop_loss",
    "take_profit", "realized", "fee", "net", "score", "status", "reason", "strategy", "mode",
)  # fmt: skip
POSITIONS = ListOf(
    positions, ("admin", "tenant"), _POSITION_COLUMNS, sorts=tuple(_POSITION_SORTS),
    filters={"state": ("open", "closed"), "side": SIDES, "exit": EXITS, "mode": MODES, "tenant": ANY_ID, "user": ANY_ID},
    dated=True, detail=position_detail, totals=position_totals,
)  # fmt: skip
HISTORY = ListOf(
    history, ("agent",), tuple(c for c in _POSITION_COLUMNS if c not in ("tenant", "user")), sorts=tuple(_POSITION_SORTS),
    filters={"side": SIDES, "exit": EXITS, "mode": MODES}, dated=True, detail=position_detail, totals=history_totals,
)  # fmt: skip
SCANS = ListOf(
    scans, ("admin",), ("at_ms", "strategy", "timeframe", "symbols", "signals", "orders", "duration_ms"),
    sorts=("at_ms", "symbols", "signals", "orders", "duration_ms"), filters={"made": ("orders",)}, dated=True,
    detail=scan_detail,
)  # fmt: skip
