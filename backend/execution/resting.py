"""Entries that wait at their price on the exchange: written with a signal, ended when their window has passed, by hand or
when trading stops, and confirmed by the bars after the fill.

A fill is applied and settled like any other; the protective stop is placed as soon as anything is filled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlmodel import Session, col, select

from backend.clock import from_ms, to_ms, utcnow
from backend.errors import Conflict, NotAllowed, NotFound
from backend.execution.resting_rules import KEYS, Terms, checked, expires_ms, touched, verdict
from backend.execution.service import FINAL_STATES, close, write_close
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.models import Bot, LimitEntry, Order, Position, Strategy
from backend.risk.switches import active
from backend.security import audit

LIMIT: Final = "LIMIT"
PENDING, CONFIRMING, FILLED = "PENDING", "CONFIRMING", "FILLED"
EXPIRED, CANCELLED, REJECTED = "EXPIRED", "CANCELLED", "REJECTED"
STATES: Final = (PENDING, CONFIRMING, FILLED, EXPIRED, CANCELLED, REJECTED)
WINDOW, HAND, STOPPED, KILLED, UNCONFIRMED = "window", "hand", "stopped", "kill", "unconfirmed"
WHY: Final = {
    WINDOW: "the price was not reached in its window",
    HAND: "cancelled by hand",
    STOPPED: "the bot was stopped",
    KILLED: "trading was stopped",
    UNCONFIRMED: "not confirmed after the fill",
}


class NotWaiting(Conflict):
    """This entry waits no longer. Reload the list."""

    code = "entry_not_waiting"


@dataclass
class Due:
    """What is to be done at the exchanges now: take these orders off, ask for these."""

    cancel: list[Order] = field(default_factory=list)
    ask: list[Order] = field(default_factory=list)


def note_entries(
    session: Session, orders: Iterable[Order], terms: Terms, *, strategy_id: int, bar_open_ms: int, interval_ms: int
) -> None:
    """Beside each LIMIT order of a scan: how long it waits and what confirms it. The orders have their ids."""
    for order in orders:
        assert order.id is not None
        session.add(
            LimitEntry(
                order_pk=order.id, tenant_id=order.tenant_id, user_id=order.user_id, account_id=order.account_id,
                strategy_id=strategy_id, symbol=order.symbol, interval_ms=interval_ms,
                expires_market_ms=expires_ms(bar_open_ms, interval_ms, terms.retest_bars), confirm_bars=terms.confirm_bars,
            )
        )  # fmt: skip


def due(session: Session, prices: Mapping[str, Decimal], market_ms: int) -> Due:
    """Bring what has ended to its state, mark what must be taken off, and say what is to be asked."""
    rows = session.exec(
        select(LimitEntry, Order)
        .join(Order, col(Order.id) == col(LimitEntry.order_pk))
        .where(LimitEntry.state == PENDING)
        .order_by(col(LimitEntry.order_pk))
    ).all()
    found = Due()
    if not rows:
        return found
    stops = active(session)
    bots = {bot.user_id: bot.desired for bot in session.exec(select(Bot).where(col(Bot.user_id).in_({e.user_id for e, _ in rows}))).all()}
    for entry, order in rows:
        if order.status in FINAL_STATES:
            _ended(entry, order)
            session.add_all((entry, order))
            continue
        stop = stops.of(order.tenant_id, order.account_id)
        if not entry.cancel_why:
            entry.cancel_why = (
                KILLED if stop else STOPPED if bots.get(entry.user_id) != "running" else WINDOW if market_ms >= entry.expires_market_ms else ""
            )
            session.add(entry)
        if order.status not in {"OPEN", "PARTIAL"}:
            continue  # on its way, or not sent: claimed, looked up or expired like any order
        if entry.cancel_why:
            found.cancel.append(order)
        price = prices.get(order.symbol)
        if order.price is not None and price is not None and touched(order.price, order.position_side, price):
            found.ask.append(order)
    return found


def _ended(entry: LimitEntry, order: Order) -> None:
    """The order can no longer change: the entry takes its state from it."""
    if order.filled_quantity > 0:
        if entry.confirm_bars and entry.cancel_why not in {HAND, STOPPED, KILLED}:
            filled_ms = to_ms(order.market_at or order.updated_at)
            bar = filled_ms // entry.interval_ms * entry.interval_ms
            entry.state, entry.confirm_until_ms = CONFIRMING, bar + entry.confirm_bars * entry.interval_ms
            return
        entry.state = FILLED
    elif order.status == "REJECTED":
        entry.state = REJECTED
    else:
        entry.state = EXPIRED if entry.cancel_why == WINDOW or order.status == "EXPIRED" else CANCELLED
        if entry.cancel_why and order.status == CANCELLED:
            order.reason = WHY[entry.cancel_why]
    entry.closed_at = utcnow()


def confirm(
    session: Session, strategy_id: int, bar_open_ms: int, closes: Mapping[str, tuple[float, int]], *,
    prices: Mapping[str, Decimal], market_at: datetime,
) -> list[Order]:  # fmt: skip
    """One closed bar of a strategy: entries filled before its close are confirmed, closed or go on waiting.

    ``closes`` holds (close, direction of the strategy's decision) by symbol. Returns the closing orders written.
    """
    rows = session.exec(
        select(LimitEntry, Order)
        .join(Order, col(Order.id) == col(LimitEntry.order_pk))
        .where(LimitEntry.state == CONFIRMING, LimitEntry.strategy_id == strategy_id)
        .order_by(col(LimitEntry.order_pk))
    ).all()
    written: list[Order] = []
    for entry, order in rows:
        position = session.get(Position, order.position_id) if order.position_id else None
        if position is None or position.status != "OPEN":
            entry.state, entry.closed_at = FILLED, utcnow()  # an exit was faster
            session.add(entry)
            continue
        ends_ms = bar_open_ms + entry.interval_ms
        known = closes.get(entry.symbol)
        if ends_ms <= to_ms(order.market_at or order.updated_at):
            continue
        if known is None:
            said = "close" if ends_ms >= entry.confirm_until_ms else "wait"
        else:
            said = verdict(position.position_side, position.entry_price, Decimal(f"{known[0]:.12g}"), known[1], bar_close_ms=ends_ms, until_ms=entry.confirm_until_ms)
        if said == "confirmed":
            entry.state, entry.closed_at = FILLED, utcnow()
        elif said == "close":
            closing = _give_up(session, entry, position, UNCONFIRMED, price=prices.get(entry.symbol), market_at=market_at)
            written += [closing] if closing is not None else []
        session.add(entry)
    return written


def _give_up(
    session: Session, entry: LimitEntry, position: Position, why: str, *, price: Decimal | None, market_at: datetime | None
) -> Order | None:
    order = write_close(session, position, why.upper() if why == UNCONFIRMED else "MANUAL", price=price or position.entry_price, market_at=market_at)
    entry.state, entry.cancel_why, entry.closed_at = CANCELLED, why, utcnow()
    return order


def cancel_by_hand(session: Session, who: Principal, order_pk: int, *, market_ms: int | None = None, ip: str = "") -> LimitEntry:
    """Take an entry off: it leaves the exchange with the next look; one that is being confirmed is closed at market.

    Raises ``NotFound``, ``NotWaiting``.
    """
    order = get_scoped(session, who, Order, order_pk, lock=True)
    entry = session.get(LimitEntry, order_pk, with_for_update=True)
    if entry is None or entry.state not in {PENDING, CONFIRMING}:
        raise NotWaiting
    if entry.state == CONFIRMING:
        position = session.get(Position, order.position_id) if order.position_id else None
        if position is None or position.status != "OPEN":
            raise NotWaiting
        _give_up(session, entry, position, HAND, price=None, market_at=from_ms(market_ms) if market_ms else None)
    else:
        entry.cancel_why, entry.asked_at = HAND, utcnow()
        if order.status == "PENDING" and order.attempt == 0 and order.job_id is None:
            close(order, CANCELLED, WHY[HAND])
            _ended(entry, order)
            session.add(order)
    session.add(entry)
    audit.record(
        session, who, "entry.cancel", f"order:{order.order_id}", detail={"symbol": order.symbol, "state": entry.state}, ip=ip,
        tenant_id=order.tenant_id,
    )  # fmt: skip
    return entry


def change_terms(session: Session, who: Principal, strategy_id: int, given: Mapping[str, object], *, ip: str = "") -> str:
    """How a strategy enters, from its next scan on: ``KEYS`` of ``resting_rules``. What waits keeps its terms. Returns its code.

    Raises ``NotAllowed``, ``NotFound``, ``InvalidInput``.
    """
    if who.kind != "admin":
        raise NotAllowed
    strategy = session.get(Strategy, strategy_id, with_for_update=True)
    if strategy is None:
        raise NotFound
    wanted = checked(given)
    before = {name: strategy.config.get(name) for name in KEYS}
    strategy.config = {name: value for name, value in strategy.config.items() if name not in KEYS} | wanted
    session.add(strategy)
    detail = {name: f"{before[name]} -> {wanted.get(name)}" for name in KEYS if before[name] != wanted.get(name)}
    audit.record(session, who, "strategy.entry", f"strategy:{strategy.code}", detail=detail, ip=ip)
    return strategy.code
