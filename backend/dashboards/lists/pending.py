"""Entries that wait at their price, and what became of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.clock import to_ms
from backend.dashboards.lists.base import ANY_ID, Find, ListOf, Row, between, matching, paged, where
from backend.dashboards.lists.trading import MODES, SIDES, person
from backend.dashboards.marks import marks
from backend.errors import NotFound
from backend.execution.resting import STATES
from backend.execution.resting_rules import distance
from backend.identity.principal import Principal
from backend.identity.scope import scoped
from backend.models import LimitEntry, Order, Tenant, User
from backend.portfolio.queries import Listing


def _found(who: Principal, find: Find, by_state: bool = True) -> Any:
    statement: Any = (
        select(LimitEntry, Order, User, Tenant.name)
        .join(Order, col(Order.id) == LimitEntry.order_pk)
        .join(User, col(User.id) == LimitEntry.user_id, isouter=True)
        .join(Tenant, col(Tenant.id) == LimitEntry.tenant_id, isouter=True)
    )
    columns = {
        "tenant": LimitEntry.tenant_id, "user": LimitEntry.user_id, "side": Order.position_side, "mode": Order.mode,
    }  # fmt: skip
    if by_state:
        columns["state"] = LimitEntry.state
    statement = between(where(scoped(statement, who, LimitEntry), find, **columns), find, col(LimitEntry.created_at))
    return matching(statement, find, col(LimitEntry.symbol), col(Order.order_id), col(Order.strategy_code), col(User.name), col(User.email))


def pending(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Waiting entries, newest first."""
    sorts = {"at_ms": col(LimitEntry.created_at), "symbol": col(LimitEntry.symbol), "price": col(Order.price)}
    rows, total = paged(session, _found(who, find), find, sorts, col(LimitEntry.order_pk))
    prices = marks()
    return Listing([_row(*row, mark=prices.get(row[0].symbol)) for row in rows], total)


def _row(entry: LimitEntry, order: Order, user: User | None, tenant: str | None, *, mark: Any) -> Row:
    live = entry.state == "PENDING" and order.price is not None and mark is not None
    return {
        "id": entry.order_pk, "at_ms": to_ms(entry.created_at), "tenant": tenant or "", "user": person(user), "symbol": entry.symbol,
        "side": order.position_side, "strategy": order.strategy_code, "price": order.price, "mark": mark,
        "away": distance(order.price, mark) if live and order.price is not None else None, "amount": order.amount_usdt,
        "filled": order.filled_quantity, "avg_price": order.avg_price, "stop_loss": order.stop_loss, "take_profit": order.take_profit,
        "leverage": order.leverage, "state": entry.state, "status": order.status, "why": entry.cancel_why, "reason": order.reason,
        "until_market_ms": entry.confirm_until_ms if entry.state == "CONFIRMING" else entry.expires_market_ms,
        "confirm_bars": entry.confirm_bars, "order_id": order.order_id, "exchange_order_id": order.exchange_order_id,
        "position_id": order.position_id or 0, "closed_ms": to_ms(entry.closed_at) if entry.closed_at else 0, "mode": order.mode.upper(),
        "error": order.error_message,
    }  # fmt: skip


def pending_totals(session: Session, who: Principal, find: Find) -> Row:
    """How many are in each state, whatever state is chosen."""
    statement = _found(who, find, by_state=False).with_only_columns(LimitEntry.state, func.count(), maintain_column_froms=True)
    counted = {str(state): int(n) for state, n in session.exec(statement.group_by(col(LimitEntry.state)).order_by(None)).all()}
    return {"": sum(counted.values())} | {state: counted.get(state, 0) for state in STATES}


def pending_detail(session: Session, who: Principal, order_pk: int) -> Row:
    """One entry. Raises ``NotFound``."""
    found = session.exec(_found(who, Find()).where(LimitEntry.order_pk == order_pk)).first()
    if found is None:
        raise NotFound
    return _row(*found, mark=marks().get(found[0].symbol))


PENDING = ListOf(
    pending, ("admin", "tenant", "agent"),
    ("at_ms", "order_id", "tenant", "user", "symbol", "side", "strategy", "price", "mark", "away", "amount", "filled", "avg_price",
     "stop_loss", "take_profit", "leverage", "state", "why", "reason", "until_market_ms", "closed_ms", "mode", "exchange_order_id"),
    sorts=("at_ms", "symbol", "price"),
    filters={"state": STATES, "side": SIDES, "mode": MODES, "tenant": ANY_ID, "user": ANY_ID}, dated=True,
    detail=pending_detail, totals=pending_totals,
)  # fmt: skip
