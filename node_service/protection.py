"""What follows a fill: its protective stop, its trades, and the way out when the stop cannot be placed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from .errors import Reaction, VenueError
from .figures import Market, plain
from .limits import Priority
from .orders import Adapter, MarketOrder, OrderFact, StopFact, StopOrder, Trade

STOP_TRIES: Final = 3
CLOSE_TRIES: Final = 3
_TRADE_DELAYS_S: Final = (0.0, 0.1, 0.3, 0.8)
_LOOKUP_DELAYS_S: Final = (0.2, 0.8, 2.0)


def derived_id(client_order_id: str, purpose: str) -> str:
    """A client id that follows from another one: the same every time, valid on every venue."""
    digest = hashlib.sha256(f"{client_order_id}:{purpose}".encode()).digest()
    return "e" + base64.b32encode(digest).decode().lower().rstrip("=")[:25]


@dataclass(frozen=True, slots=True)
class Fill:
    """An order with its trades; `complete` when they add up to the filled quantity."""

    order: OrderFact
    trades: list[Trade]
    complete: bool

    def wire(self) -> dict[str, Any]:
        """The money part of a result."""
        currencies = {trade.fee_currency for trade in self.trades}
        fee = sum((trade.fee for trade in self.trades), Decimal(0))
        known = self.complete and len(currencies) == 1
        return {
            "order_id": self.order.client_order_id,
            "exchange_order_id": self.order.exchange_order_id,
            "filled_quantity": plain(self.order.filled),
            "filled_price": plain(self.order.average),
            "commission": plain(fee) if known else None,
            "commission_asset": currencies.pop() if known else None,
            "trades": [trade.wire() for trade in self.trades],
            "trades_complete": self.complete,
            "time_ms": self.order.time_ms,
            "market_time_ms": self.order.market_time_ms,
        }


async def collect_fill(adapter: Adapter, market: Market, order: OrderFact) -> Fill:
    """The order's trades, asked for until they add up to the filled quantity (they may lag a moment)."""
    trades: list[Trade] = []
    if order.filled == 0:
        return Fill(order, trades, True)
    for delay in _TRADE_DELAYS_S:
        await asyncio.sleep(delay)
        try:
            trades = await adapter.trades_of(market, order.exchange_order_id)
        except VenueError as error:
            if error.reaction is Reaction.STOP_BOT:
                break
            continue
        if sum((trade.quantity for trade in trades), Decimal(0)) == order.filled:
            return Fill(order, trades, True)
    return Fill(order, trades, False)


async def settled(adapter: Adapter, market: Market, order: OrderFact) -> OrderFact:
    """The order once it can no longer change, or its latest state after a few looks."""
    for delay in (0.1, 0.4, 1.0):
        if order.final:
            break
        await asyncio.sleep(delay)
        try:
            order = await adapter.find_by_exchange_id(market, order.exchange_order_id) or order
        except VenueError:
            continue
    return order


async def place_stop(adapter: Adapter, stop: StopOrder) -> StopFact:
    """A live stop for the position, within three tries; raises the last `VenueError`.

    Every try uses the same client id, which the venue takes only once among open orders, and after any doubt the
    stop is looked up first: two stops can never come to be. A stop that is already there counts as placed.
    """
    failure: VenueError | None = None
    for attempt in range(STOP_TRIES):
        if attempt:
            await asyncio.sleep(0.2 * attempt)
        try:
            fact = await adapter.send_stop(stop)
            if fact.status in ("OPEN", "TRIGGERED"):
                return fact
            failure = VenueError(Reaction.FIX_INPUT, "STOP_REFUSED", "The exchange did not keep the stop.")
        except VenueError as error:
            failure = error
        doubt = failure.reaction is Reaction.UNKNOWN_OUTCOME
        if doubt or failure.error_code in ("STOP_EXISTS", "DUPLICATE_CLIENT_ID"):
            found = await _existing_stop(adapter, stop, any_stop=not doubt)
            if found is not None:
                return found
        elif failure.error_code == "STOP_WOULD_TRIGGER" or failure.reaction is Reaction.STOP_BOT:
            break
    assert failure is not None
    raise failure


async def _existing_stop(adapter: Adapter, stop: StopOrder, *, any_stop: bool) -> StopFact | None:
    try:
        found = await adapter.find_stop(stop.market, stop.client_order_id)
        if found is not None and found.status in ("OPEN", "TRIGGERED"):
            return found
        if any_stop:
            for other in await adapter.open_stops(stop.market):
                if other.closes_position and (other.position_side, other.kind) == (stop.position_side, stop.kind):
                    return other
    except VenueError:
        return None
    return None


async def close_now(
    adapter: Adapter, market: Market, entry: MarketOrder, filled: Decimal, *, look_first: bool
) -> dict[str, Any]:
    """Close what an unprotected entry bought, at market; the result part `emergency_close`.

    With `look_first` an earlier process may have sent this close already; it is looked up before any is sent.
    `status` is FILLED, PARTIAL, OPEN, FLAT (nothing was left to close) or FAILED, which leaves a naked position and
    needs a person at once.
    """
    order = replace(
        entry,
        side="SELL" if entry.side == "BUY" else "BUY",
        quantity=filled,
        reduces=True,
        client_order_id=derived_id(entry.client_order_id, "close"),
    )
    outcome: dict[str, Any] = {
        "client_order_id": order.client_order_id,
        "status": "FAILED",
        "error_code": None,
    }
    for attempt in range(CLOSE_TRIES):
        if attempt:
            await asyncio.sleep(0.3 * attempt)
        fact: OrderFact | None
        try:
            fact = await adapter.find_order(market, order.client_order_id) if look_first else None
            fact = fact or await adapter.send_market(order, Priority.CLOSE)
        except VenueError as error:
            outcome["error_code"] = error.error_code
            if error.error_code == "POSITION_FLAT":
                return outcome | {"status": "FLAT"}
            if error.reaction in (Reaction.RETRY_AFTER, Reaction.RETRY_READ):
                continue
            if error.reaction is not Reaction.UNKNOWN_OUTCOME:
                if error.error_code == "POSITION_MODE":
                    continue
                break
            fact, certain = await look_up(adapter, market, order.client_order_id)
            if fact is None and not certain:
                break  # neither seen nor denied: a second close might open the opposite side in hedge mode
        if fact is not None:
            fill = await collect_fill(adapter, market, await settled(adapter, market, fact))
            return outcome | fill.wire() | {"status": fill.order.status, "error_code": None}
    return outcome


async def look_up(adapter: Adapter, market: Market, client_order_id: str) -> tuple[OrderFact | None, bool]:
    """An order after a doubtful send: (the order or None, whether the venue's denial can be believed).

    Denials count only when the last two, two seconds apart, agree.
    """
    denials = 0
    for delay in _LOOKUP_DELAYS_S:
        await asyncio.sleep(delay)
        try:
            found = await adapter.find_order(market, client_order_id)
        except VenueError:
            denials = 0
            continue
        if found is not None:
            return found, True
        denials += 1
    return None, denials >= 2
