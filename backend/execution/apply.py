"""Apply what the exchange did, exactly once: order, fills, position, protective stop, notifications.

Everything about one order happens in one transaction. A fill is identified by (order, exchange trade id), so a
result delivered twice, late or in parts changes nothing the second time.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlmodel import Session, select

from backend.bots.rules import BotConfig
from backend.bots.watchdog import failed_user
from backend.clock import from_ms, now_ms, utcnow
from backend.execution.service import FINAL_STATES, close, write_close
from backend.execution.stops import book_stop, closing_fields, retire_stops
from backend.exits.service import position_fields
from backend.models import Bot, Cooldown, Fill, Notification, Order, Position, Signal
from backend.portfolio.rules import PositionState, apply_trade
from backend.webhooks.events import trade_closed

CLOSE_WORDS = {
    "SL": "Stop loss",
    "TP": "Take profit",
    "TRAILING": "Trailing stop",
    "TIME": "Held too long",
    "MANUAL": "Closed by hand",
    "LIQUIDATION": "Liquidated by the exchange",
    "EXTERNAL": "Closed outside the platform",
    "NAKED": "No protective stop could be placed",
    "UNCONFIRMED": "Not confirmed after the fill",
}


@dataclass
class Applied:
    """What one result changed."""

    order: Order
    position: Position | None = None
    new_fills: list[Fill] = field(default_factory=list)
    opened: bool = False
    closed: bool = False
    stop_missing: bool = False
    excess: bool = False

    @property
    def to_settle(self) -> list[int]:
        """Ids of the new fills. Each is settled once: also an entry's fee is booked."""
        return [fill.id for fill in self.new_fills if fill.id is not None]


@dataclass(frozen=True)
class Trade:
    """One execution as the exchange reports it."""

    trade_id: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_currency: str
    time_ms: int
    market_time_ms: int

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> Trade | None:
        """None when the row is not a trade that can be booked (missing id, not finite, not positive)."""
        try:
            price, quantity, fee = (Decimal(str(row[name])) for name in ("price", "quantity", "fee"))
            time_ms = int(row["time_ms"])
            trade_id = str(row["trade_id"])
        except (KeyError, InvalidOperation, TypeError, ValueError):
            return None
        if not (price.is_finite() and quantity.is_finite() and fee.is_finite()):
            return None
        if price <= 0 or quantity <= 0 or not trade_id or price > Decimal("1e15") or quantity > Decimal("1e15"):
            return None
        market = int(row.get("market_time_ms") or time_ms)
        return cls(trade_id, price, quantity, fee, str(row.get("fee_currency") or "USDT"), time_ms, market)


def apply_result(session: Session, order_pk: int, result: Mapping[str, Any], locked: Order | None = None) -> Applied:
    """Apply one order's result or look-up answer. Safe to call again with the same or an older answer.

    ``locked``: the order, when this transaction has read it for update already.
    """
    order = locked or session.exec(select(Order).where(Order.id == order_pk).with_for_update()).one()
    applied = Applied(order)
    trades = [trade for trade in map(Trade.parse, result.get("trades") or []) if trade is not None]
    if str(result.get("client_order_id") or order.client_order_id) != order.client_order_id:
        # Not the answer to this order: it proves nothing about it.
        return _unknown(session, applied, "the answer was for another order")
    if result.get("exchange_order_id"):
        order.exchange_order_id = str(result["exchange_order_id"])[:64]
    if trades:
        session.flush()  # what was applied before this in the same transaction
        _book(session, applied, trades)
    _set_status(order, result, applied)
    if applied.position is not None:
        applied.stop_missing = book_stop(session, order, applied.position, result.get("stop"))
        _after_fills(session, applied)
        _book_emergency(session, applied, result.get("emergency_close"))
        if applied.stop_missing:
            # In the transaction that learns of it: no crash leaves it open without a stop.
            write_close(session, applied.position, "NAKED", price=applied.position.entry_price, market_at=None)
    order.updated_at = utcnow()
    session.add(order)
    if trades:
        session.flush()
    if order.status == "REJECTED":
        failed_user(session, order.user_id, order.error_code, order.error_message)
    return applied


def _unknown(session: Session, applied: Applied, reason: str) -> Applied:
    order = applied.order
    if order.status not in FINAL_STATES:
        order.status, order.reason, order.updated_at = "UNKNOWN", reason[:64], utcnow()
        session.add(order)
    return applied


_WORDS = {"CANCELED": "CANCELLED", "FINISHED": "TRIGGERED"}


def _set_status(order: Order, result: Mapping[str, Any], applied: Applied) -> None:
    status = str(result.get("status") or "UNKNOWN").upper()
    status = _WORDS.get(status, status)
    if order.status in FINAL_STATES:
        return
    order.error_code = str(result.get("error_code") or "")[:32]
    order.error_message = str(result.get("error") or "")[:255]
    reported = _decimal(result.get("filled_quantity"))
    missing = reported is not None and reported > order.filled_quantity * Decimal("1.0000001")
    if missing and not applied.excess:
        # The exchange filled more than the trades it has listed so far: ask again until they agree.
        order.status, order.reason = "UNKNOWN", "waiting for the exchange to list all trades"
    elif status in {"FILLED", "TRIGGERED"} and order.filled_quantity > 0:
        close(order, "FILLED", "filled")
    elif status in {"REJECTED", "EXPIRED", "CANCELLED"} or (status == "PARTIAL" and result.get("final") is True):
        if order.filled_quantity > 0:
            close(order, "FILLED", "partly filled, the rest was cancelled")
        else:
            code = order.error_code
            close(order, status, code.lower() or status.lower(), code, order.error_message)
    elif status in {"OPEN", "PARTIAL"}:
        order.status, order.reason = status, "resting on the exchange"
    else:
        order.status, order.reason = "UNKNOWN", (order.error_code.lower() or "no clear answer")[:64]


def _book_emergency(session: Session, applied: Applied, closing: Any) -> None:
    """The executor closed an entry whose stop it could not place: that close is an order of its own."""
    position = applied.position
    if not isinstance(closing, dict) or position is None or not closing.get("client_order_id"):
        return
    applied.stop_missing = False
    client_id = str(closing["client_order_id"])
    order = session.exec(
        select(Order).where(Order.account_id == position.account_id, Order.client_order_id == client_id)
    ).first()
    if order is None:
        order = Order(
            **closing_fields(session, position),
            client_order_id=client_id,
            close_reason="NAKED",
            quantity=position.quantity,
            status="SENT",
            submitted_at=utcnow(),
        )
        session.add(order)
        session.flush()
    assert order.id is not None
    if closing.get("status") == "FLAT":
        close(order, "REJECTED", "nothing was left to close")
        session.add(order)
        return
    if closing.get("status") == "FAILED":
        # Not certain: it is asked for by its id like any other order.
        order.status, order.reason = "UNKNOWN", "the emergency close did not answer clearly"
        session.add(order)
        return
    inner = apply_result(session, order.id, closing)
    applied.new_fills += inner.new_fills
    applied.closed = applied.closed or inner.closed


def _decimal(value: Any) -> Decimal | None:
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _position_for(session: Session, order: Order, trade: Trade) -> tuple[Position | None, bool]:
    """The open position this order's trade belongs to, and whether it was opened now."""
    query = select(Position).where(
        Position.account_id == order.account_id,
        Position.symbol == order.symbol,
        Position.position_side == order.position_side,
        Position.open_slot == 1,
    )
    if order.position_id is not None:
        query = select(Position).where(Position.id == order.position_id)
    position = session.exec(query.with_for_update()).first()
    if position is not None or order.trade_type in {"CLOSE", "REDUCE"}:
        return position, False
    position = Position(
        tenant_id=order.tenant_id,
        user_id=order.user_id,
        account_id=order.account_id,
        binding_id=order.binding_id,
        strategy_code=order.strategy_code,
        exchange=order.exchange,
        mode=order.mode,
        symbol=order.symbol,
        position_side=order.position_side,
        leverage=order.leverage,
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
        score=_score(session, order),
        opened_at=from_ms(trade.time_ms),
        opened_market_at=from_ms(trade.market_time_ms),
        **_exit_settings(session, order.user_id),
    )
    session.add(position)
    session.flush()
    return position, True


def _score(session: Session, order: Order) -> int:
    """The score of the signal behind an entry; 0 for an entry without one."""
    return session.exec(select(Signal.score).where(Signal.signal_id == order.signal_id)).first() or 0


def _exit_settings(session: Session, user_id: int) -> dict[str, Any]:
    bot = session.exec(select(Bot).where(Bot.user_id == user_id)).first()
    return position_fields(BotConfig.from_mapping(bot.config if bot is not None else None))


def _book(session: Session, applied: Applied, trades: list[Trade]) -> None:
    order = applied.order
    known = set(session.exec(select(Fill.exchange_trade_id).where(Fill.order_pk == order.id)).all())
    for trade in sorted(trades, key=lambda t: (t.time_ms, t.trade_id)):
        if trade.trade_id in known:
            continue
        known.add(trade.trade_id)
        position, opened = _position_for(session, order, trade)
        if position is None:
            order.reason = "a closing trade without a position"
            continue
        applied.position, applied.opened = position, applied.opened or opened
        ours: Trade | None = trade
        if order.trade_type in {"CLOSE", "REDUCE"} and trade.quantity > position.quantity:
            ours = _only_ours(session, applied, position, trade)
        if ours is not None:
            _book_trade(session, applied, position, ours)
    if applied.position is None and order.position_id is not None:
        applied.position = session.get(Position, order.position_id)


def _only_ours(session: Session, applied: Applied, position: Position, trade: Trade) -> Trade | None:
    """A close that filled more than is open here closed something that is not ours, too: people must hear of it."""
    session.add(
        Notification(
            audience="platform",
            tenant_id=position.tenant_id,
            type="risk_alert",
            title=f"More was closed than was open: {position.symbol}",
            message=f"Order {applied.order.order_id} filled {trade.quantity}, {position.quantity} was open here. "
            "Only that part is booked; compare the account with the exchange.",
        )
    )
    applied.excess = True
    return replace(trade, quantity=position.quantity) if position.quantity > 0 else None


def _book_trade(session: Session, applied: Applied, position: Position, trade: Trade) -> None:
    order = applied.order
    assert order.id is not None and position.id is not None
    before = PositionState(position.position_side, position.quantity, position.avg_cost)
    after, realized = apply_trade(before, order.side, trade.quantity, trade.price)
    fill = Fill(
        fill_id=f"FILL-{secrets.token_hex(8).upper()}",
        order_pk=order.id,
        position_id=position.id,
        tenant_id=order.tenant_id,
        user_id=order.user_id,
        account_id=order.account_id,
        exchange_trade_id=trade.trade_id,
        symbol=order.symbol,
        side=order.side,
        position_side=order.position_side,
        trade_type=order.trade_type,
        quantity=trade.quantity,
        price=trade.price,
        fee=trade.fee,
        fee_currency=trade.fee_currency,
        realized_pnl=realized,
        mode=order.mode,
        filled_at=from_ms(trade.time_ms),
        market_at=from_ms(trade.market_time_ms),
    )
    session.add(fill)
    session.flush()
    applied.new_fills.append(fill)
    filled = order.filled_quantity + trade.quantity
    cost = (order.avg_price or Decimal(0)) * order.filled_quantity + trade.price * trade.quantity
    order.filled_quantity, order.avg_price = filled, cost / filled
    order.total_fee += trade.fee
    order.fee_currency = trade.fee_currency
    order.position_id = position.id
    order.market_at = from_ms(trade.market_time_ms)
    position.quantity, position.avg_cost = after.quantity, after.avg_cost
    position.realized_pnl += realized
    position.total_fee += trade.fee
    position.updated_at = utcnow()
    if order.trade_type in {"OPEN", "ADD"}:
        position.entry_price = after.avg_cost
        position.peak_price = position.peak_price or trade.price
    if after.quantity == 0:
        position.status, position.open_slot = "CLOSED", None
        position.exit_price = order.avg_price
        position.close_reason = order.close_reason or "EXTERNAL"
        position.closed_at, position.closed_market_at = from_ms(trade.time_ms), from_ms(trade.market_time_ms)
        if order.order_type == "STOP_MARKET":
            position.stop_status = "NONE"
        applied.closed = True
    session.add(position)


def _after_fills(session: Session, applied: Applied) -> None:
    order, position = applied.order, applied.position
    if position is None or not applied.new_fills:
        return
    label = f"{position.symbol} {position.position_side}"
    if applied.opened:
        _notify(session, position, "trade_open", f"Opened {label}", f"{position.quantity} at {position.entry_price}")
    if applied.closed:
        word = CLOSE_WORDS.get(position.close_reason, position.close_reason)
        text = f"{word}. Realised PnL {position.realized_pnl:+.2f} USDT before fees of {position.total_fee:.2f}."
        _notify(session, position, "trade_close", f"Closed {label}", text)
        _start_cooldown(session, position)
        trade_closed(session, position)
        if order.order_type == "MARKET":
            retire_stops(session, position)


def _notify(session: Session, position: Position, kind: str, title: str, message: str) -> None:
    session.add(
        Notification(
            tenant_id=position.tenant_id,
            user_id=position.user_id,
            type=kind,
            title=title,
            message=message,
            link=f"/agent/positions/{position.id}",
        )
    )


def _start_cooldown(session: Session, position: Position) -> None:
    bot = session.exec(select(Bot).where(Bot.user_id == position.user_id)).first()
    minutes = BotConfig.from_mapping(bot.config if bot is not None else None).cooldown_minutes
    closed = position.closed_market_at
    until = (int(closed.timestamp() * 1000) if closed else now_ms()) + minutes * 60_000
    row = session.get(Cooldown, (position.account_id, position.symbol))
    if row is None:
        session.add(Cooldown(account_id=position.account_id, symbol=position.symbol, until_ms=until))
    else:
        row.until_ms = max(row.until_ms, until)
        session.add(row)


