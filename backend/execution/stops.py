"""The protective stop that rests on the exchange, kept as an order of its own beside its position."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.execution.rules import client_order_id
from backend.execution.service import close, new_order_id, write_close
from backend.models import ExchangeAccount, Notification, Order, Position


def closing_fields(session: Session, position: Position) -> dict[str, Any]:
    """What any order that closes ``position`` has in common with it."""
    account = session.get(ExchangeAccount, position.account_id)
    return {
        "node_id": account.node_id if account is not None else None,
        "order_id": new_order_id(),
        "tenant_id": position.tenant_id,
        "user_id": position.user_id,
        "account_id": position.account_id,
        "binding_id": position.binding_id,
        "signal_id": f"PM{position.id}",
        "position_id": position.id,
        "strategy_code": position.strategy_code,
        "exchange": position.exchange,
        "mode": position.mode,
        "symbol": position.symbol,
        "side": "SELL" if position.position_side == "LONG" else "BUY",
        "position_side": position.position_side,
        "trade_type": "CLOSE",
        "leverage": position.leverage,
    }


def book_stop(session: Session, order: Order, position: Position, stop: Any) -> bool:
    """Remember the stop that came with an entry's answer. True when there is none and the position is open: naked.

    An entry found by look-up says nothing about its stop: the id is known, so the exchange is asked for it, too.
    """
    if order.trade_type not in {"OPEN", "ADD"} or order.stop_loss is None:
        return False
    if not isinstance(stop, dict):
        if order.order_type == "LIMIT":
            return False  # filled while it rested: nobody placed a stop yet, the caller does
        if position.stop_status == "NONE" and position.status == "OPEN":
            record_stop(session, position, client_order_id(order.signal_id, order.account_id, "stop"), known=False)
        return False
    status = str(stop.get("status") or "NONE")
    if status == "NONE":
        return False
    if status != "OPEN":
        position.stop_status = "FAILED"
        session.add(position)
        return position.status == "OPEN"
    rest_at(position, stop.get("trigger_price"))
    record_stop(session, position, str(stop["client_order_id"]), str(stop.get("exchange_order_id") or ""))
    return False


def rest_at(position: Position, trigger_price: Any) -> None:
    """The exchange rounds a trigger to its tick. Its price is the one that fires, so it is the position's stop."""
    with suppress(InvalidOperation):
        trigger = Decimal(str(trigger_price))
        if trigger.is_finite() and trigger > 0:
            position.stop_loss = trigger


def record_stop(
    session: Session, position: Position, client_id: str, exchange_id: str = "", *, known: bool = True
) -> None:
    """Write the protective stop of ``position`` as a conditional order (once per client id): OPEN, or UNKNOWN."""
    position.stop_client_order_id, position.stop_status = client_id, "OPEN"
    session.add(position)
    exists = session.exec(
        select(Order.id).where(Order.account_id == position.account_id, Order.client_order_id == client_id)
    ).first()
    if exists is not None:
        return
    session.add(
        Order(
            **closing_fields(session, position),
            client_order_id=client_id,
            exchange_order_id=exchange_id,
            order_type="STOP_MARKET",
            close_reason="SL",
            price=position.stop_loss,
            quantity=position.quantity,
            status="OPEN" if known else "UNKNOWN",
            reason="protective stop resting on the exchange" if known else "asking for the protective stop",
            submitted_at=utcnow(),
        )
    )


def stops_of(session: Session, position: Position) -> int:
    """How many stops the position has had: the next one is another, even at a price that was used before."""
    rows = select(Order.id).where(Order.position_id == position.id, Order.order_type == "STOP_MARKET")
    return len(session.exec(rows).all())


def retire_stops(session: Session, position: Position) -> None:
    """The position is flat: its stop must not stay. The caller cancels it on the exchange after the commit."""
    stops = session.exec(
        select(Order).where(
            Order.position_id == position.id,
            Order.order_type == "STOP_MARKET",
            col(Order.status).in_(("OPEN", "UNKNOWN")),
        )
    ).all()
    for stop in stops:
        close(stop, "CANCELLED", "the position was closed")
        session.add(stop)
    position.stop_status = "CANCEL" if stops else "NONE"
    session.add(position)


def lose_stop(session: Session, order: Order) -> None:
    """The stop is proven gone: its position waits for another."""
    position = session.get(Position, order.position_id)
    if position is not None and position.stop_client_order_id == order.client_order_id:
        position.stop_status = "LOST"
        session.add(position)


def clear_stops(session: Session, position_ids: list[int]) -> None:
    """The stops of these closed positions have left the exchange."""
    for position in session.exec(select(Position).where(col(Position.id).in_(position_ids))).all():
        position.stop_status = "NONE"
        session.add(position)


def remember_stop(session: Session, position_id: int, client_id: str, stop: dict[str, Any]) -> None:
    """A stop rests for the position: ours, or one that was there before under another client id."""
    position = session.get(Position, position_id)
    if position is not None:
        rest_at(position, stop.get("trigger_price"))
        record_stop(session, position, str(stop.get("client_order_id") or client_id), str(stop.get("exchange_order_id") or ""))


def stop_failed(session: Session, position_id: int, reason: str) -> None:
    """The exchange does not take a stop, nor would it later: the position is closed and its owner told, once."""
    position = session.get(Position, position_id)
    if position is None or position.stop_status == "FAILED":
        return
    position.stop_status = "FAILED"
    session.add(position)
    write_close(session, position, "NAKED", price=position.entry_price, market_at=None)
    session.add(
        Notification(
            tenant_id=position.tenant_id,
            user_id=position.user_id,
            type="risk_alert",
            title=f"No protective stop on {position.symbol}",
            message=f"The exchange did not take the stop, so the position is being closed. {reason}"[:500],
            link=f"/agent/positions/{position.id}",
        )
    )
