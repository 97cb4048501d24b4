"""The way of a signal through each account: judged, written, sent, filled, answered, protected, and what came of it.

Times are the centre's clock; only ``filled_ms`` is the exchange's. 0 stands for a step that was not reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, func
from sqlmodel import Session, col, select

from backend.clock import to_ms
from backend.dashboards.lists.base import ANY_ID, ANY_TEXT, Find, ListOf, Row, between, matching, paged, where
from backend.dashboards.lists.trading import person
from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.identity.scope import scoped
from backend.models import ExecutionNode, Fill, Order, Scan, Signal, Tenant, User
from backend.models.tables import without
from backend.portfolio.queries import Listing

OUTCOMES = {
    "filled": ("FILLED",), "waiting": ("PENDING", "SENT", "OPEN", "PARTIAL"), "unknown": ("UNKNOWN",),
    "refused": ("REJECTED", "FAILED"), "not_sent": ("EXPIRED", "CANCELLED"),
}  # fmt: skip
_OF = {status: name for name, states in OUTCOMES.items() for status in states}
_ASK = 500
_BPS = Decimal(10_000)


def slippage_bps(side: str, wanted: Decimal, got: Decimal | None) -> Decimal | None:
    """How much worse (+) or better (-) than ``wanted`` an entry was, in 1/100 percent. None without a price."""
    if got is None or not wanted:
        return None
    worse = got - wanted if side == "LONG" else wanted - got
    return (worse / wanted * _BPS).quantize(Decimal("0.01"))


def _entries(who: Principal, find: Find, by_outcome: bool = True) -> Any:
    statement: Any = (
        select(Order, Signal, Scan, User)
        .join(Signal, col(Signal.signal_id) == Order.signal_id)
        .join(Scan, and_(col(Scan.strategy_id) == Signal.strategy_id, col(Scan.bar_open_ms) == Signal.bar_open_ms), isouter=True)
        .join(User, col(User.id) == Order.user_id, isouter=True)
        .join(Tenant, col(Tenant.id) == Order.tenant_id, isouter=True)
        .join(ExecutionNode, col(ExecutionNode.id) == Order.node_id, isouter=True)
        .add_columns(col(Tenant.name), col(ExecutionNode.node_code))
        .options(*without(Scan.detail, Signal.components))
        .where(col(Order.trade_type).in_(("OPEN", "ADD")))
    )
    columns = {
        "signal": Order.signal_id, "side": Order.position_side, "tenant": Order.tenant_id, "user": Order.user_id, "node": Order.node_id,
    }  # fmt: skip
    statement = between(where(scoped(statement, who, Order), find, **columns), find, col(Order.created_at))
    if by_outcome and find.only.get("outcome"):
        statement = statement.where(col(Order.status).in_(OUTCOMES[find.only["outcome"]]))
    return matching(statement, find, col(Order.symbol), col(Order.signal_id), col(User.name), col(User.email), col(ExecutionNode.node_code))


def traces(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Entries by signal, newest first."""
    sorts = {"at_ms": col(Order.created_at), "symbol": col(Order.symbol), "status": col(Order.status)}
    rows, total = paged(session, _entries(who, find), find, sorts, col(Order.id))
    return Listing(_rows(session, rows), total)


def trace_detail(session: Session, who: Principal, order_id: int) -> Row:
    """One account's way. Raises ``NotFound``."""
    found = session.exec(_entries(who, Find()).where(Order.id == order_id)).first()
    if found is None:
        raise NotFound
    return _rows(session, [found])[0]


def _rows(session: Session, found: Sequence[Any]) -> list[Row]:
    orders: list[Order] = [row[0] for row in found]
    fills: dict[int, tuple[Any, Any]] = {}
    stops: dict[tuple[int, int], Order] = {}
    for start in range(0, len(orders), _ASK):
        part = orders[start : start + _ASK]
        booked = (
            select(Fill.order_pk, func.min(Fill.filled_at), func.min(Fill.created_at))
            .where(col(Fill.order_pk).in_([one.id for one in part]))
            .group_by(col(Fill.order_pk))
        )
        fills |= {order: (first, answered) for order, first, answered in session.exec(booked).all()}
        resting = select(Order).where(
            col(Order.position_id).in_([one.position_id for one in part if one.position_id]), Order.order_type == "STOP_MARKET"
        )
        for stop in session.exec(resting.order_by(col(Order.id).desc())).all():
            # Read backwards: the first stop of a position stays, later moves of it are not this way.
            stops[stop.account_id, stop.position_id or 0] = stop
    return [_row(row, fills.get(row[0].id), stops.get((row[0].account_id, row[0].position_id or 0))) for row in found]


def _row(found: Any, filled: tuple[Any, Any] | None, stop: Order | None) -> Row:
    order, signal, scan, user, tenant, node = found
    answered = filled[1] if filled else order.updated_at if order.submitted_at and order.status in ("REJECTED", "FAILED") else None
    moments = {
        "judged_ms": scan.at if scan else signal.created_at, "written_ms": order.created_at, "sent_ms": order.submitted_at,
        "filled_ms": filled[0] if filled else None, "answered_ms": answered,
        "stop_ms": stop.submitted_at or stop.created_at if stop and stop.status != "UNKNOWN" else None,
    }  # fmt: skip
    return {name: to_ms(at) if at else 0 for name, at in moments.items()} | {
        "id": order.id, "at_ms": to_ms(order.created_at), "signal_id": order.signal_id, "order_id": order.order_id,
        "symbol": order.symbol, "side": order.position_side, "tenant": tenant or "", "user": person(user), "account_id": order.account_id,
        "node": node or "", "mode": order.mode.upper(), "score": signal.score, "wanted": signal.entry_price, "got": order.avg_price,
        "slippage_bps": slippage_bps(order.position_side, signal.entry_price, order.avg_price if order.filled_quantity else None),
        "outcome": _OF.get(order.status, "unknown"), "status": order.status, "reason": order.reason, "error": order.error_message,
        "error_code": order.error_code, "attempt": order.attempt, "stop_price": stop.price if stop else None,
        "stop_status": stop.status if stop else "",
    }  # fmt: skip


def trace_totals(session: Session, who: Principal, find: Find) -> Row:
    """How many came to each outcome, whatever outcome is chosen."""
    statement = _entries(who, find, by_outcome=False)
    counting = statement.with_only_columns(Order.status, func.count(), maintain_column_froms=True).group_by(col(Order.status))
    counted = {str(status): int(n) for status, n in session.exec(counting.order_by(None)).all()}
    found = {name: sum(counted.get(status, 0) for status in states) for name, states in OUTCOMES.items()}
    return {"": sum(counted.values()), **found}


TRACE = ListOf(
    traces, ("admin",),
    ("at_ms", "signal_id", "order_id", "tenant", "user", "account_id", "symbol", "side", "score", "node", "mode", "judged_ms",
     "written_ms", "sent_ms", "filled_ms", "answered_ms", "stop_ms", "wanted", "got", "slippage_bps", "outcome", "status", "reason",
     "error_code", "attempt"),
    sorts=("at_ms", "symbol", "status"),
    filters={"outcome": tuple(OUTCOMES), "signal": ANY_TEXT, "side": ("LONG", "SHORT"), "tenant": ANY_ID, "user": ANY_ID, "node": ANY_ID},
    dated=True, detail=trace_detail, totals=trace_totals,
)  # fmt: skip
