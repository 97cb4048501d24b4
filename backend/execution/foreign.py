"""Positions closed by somebody else: by hand, by liquidation, by an executor whose answer was lost.

The exchange's trades are the truth. They become a closing order of their own, so that profit is booked and settled as usual.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlmodel import Session, col, select

from backend.clock import to_ms, utcnow
from backend.execution.apply import Applied, apply_result
from backend.execution.differences import closed_outside
from backend.execution.stops import closing_fields
from backend.models import Fill, Order, Position

LOOSE = ("PENDING", "SENT", "UNKNOWN")


def book_foreign_close(session: Session, position_id: int, trades: Sequence[Any]) -> list[Applied]:
    """Book the closing trades of a position that no order of ours explains; nothing while one of ours is open.

    ``trades`` are rows of ``/api/sync-trades``. More than the open quantity is never booked: the rest is not ours.
    """
    position = session.exec(select(Position).where(Position.id == position_id).with_for_update()).one()
    orders = session.exec(
        select(Order).where(Order.account_id == position.account_id, Order.symbol == position.symbol)
    ).all()
    mine = [order for order in orders if order.position_id == position_id]
    if position.status != "OPEN" or any(o.status in LOOSE for o in orders):
        return []
    side = "SELL" if position.position_side == "LONG" else "BUY"
    booked = set(
        session.exec(
            select(Fill.exchange_trade_id).where(
                Fill.account_id == position.account_id, col(Fill.symbol) == position.symbol
            )
        ).all()
    )
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    left = position.quantity
    for row in sorted((r for r in trades if isinstance(r, dict)), key=lambda r: int(r.get("time_ms") or 0)):
        quantity = _decimal(row.get("quantity"))
        fits = row.get("symbol") == position.symbol and row.get("side") == side
        if not fits or str(row.get("trade_id")) in booked or quantity is None or quantity > left:
            continue
        if int(row.get("time_ms") or 0) < to_ms(position.opened_at):
            continue
        left -= quantity
        groups[str(row.get("order_id") or row["trade_id"])].append(row)
    known = {order.exchange_order_id: order for order in mine if order.exchange_order_id}
    return [_book(session, position, known.get(number), number, rows) for number, rows in groups.items()]


def _book(
    session: Session, position: Position, order: Order | None, number: str, rows: list[dict[str, Any]]
) -> Applied:
    if order is None:
        order = Order(
            **closing_fields(session, position),
            client_order_id=f"ext{number}"[:36],
            exchange_order_id=number[:64],
            close_reason="EXTERNAL",
            quantity=sum((Decimal(str(row["quantity"])) for row in rows), Decimal(0)),
            status="SENT",
            reason="found among the exchange's trades",
            submitted_at=utcnow(),
        )
        session.add(order)
        session.flush()
    assert order.id is not None
    quantity = sum((Decimal(str(row["quantity"])) for row in rows), Decimal(0))
    if order.close_reason == "EXTERNAL":
        closed_outside(session, position, order, quantity)
    return apply_result(session, order.id, {"status": "FILLED", "filled_quantity": str(quantity), "trades": rows})


def _decimal(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number > 0 else None
