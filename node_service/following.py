"""One order on its way: sent as its kind wants, found again, and what follows when the venue has taken it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from .errors import VenueError
from .figures import Market
from .limits import Priority
from .lookups import drop_stop
from .messages import OrderTask
from .orders import Adapter, MarketOrder, OrderFact, StopFact, StopOrder
from .protection import close_now, collect_fill, place_stop, settled
from .results import Outcome, stop_wire
from .sizing import as_limit, as_trigger, rounded_price

log = logging.getLogger("node_service")


async def send(adapter: Adapter, market: Market, task: OrderTask, order: MarketOrder) -> OrderFact | StopFact:
    """Send it once, as its kind wants. Raises `VenueError`."""
    priority = Priority.OPEN if task.is_entry else Priority.CLOSE
    if task.price is not None:
        return await adapter.send_limit(as_limit(order, task.price), priority)
    if task.trigger_price is not None:
        return await adapter.send_trigger(as_trigger(order, task.trigger_price, task.order_type), priority)
    return await adapter.send_market(order, priority)


async def find(adapter: Adapter, market: Market, task: OrderTask) -> OrderFact | StopFact | None:
    """The order with its client id, None when the venue knows none. Raises `VenueError`."""
    if task.is_conditional:
        return await adapter.find_stop(market, task.client_order_id)
    return await adapter.find_order(market, task.client_order_id)


async def follow(
    adapter: Adapter, market: Market, task: OrderTask, fact: OrderFact | StopFact, outcome: Outcome
) -> None:
    """Follow a taken order: to its fill, or to rest. Protect an entry, drop the stop of a closed position."""
    if isinstance(fact, StopFact):
        outcome.status = "OPEN" if fact.status in ("OPEN", "TRIGGERED") else "REJECTED"
        outcome.exchange_order_id = fact.exchange_order_id
        if outcome.status == "REJECTED":
            outcome.error_code, outcome.error = "NOT_TAKEN", "The exchange did not keep the order."
        return
    if task.price is None:
        fact = await settled(adapter, market, fact)
    outcome.status = fact.status if fact.status in ("FILLED", "PARTIAL", "OPEN") else "REJECTED"
    if outcome.status == "REJECTED":
        outcome.error_code, outcome.error = "NOT_FILLED", "The exchange ended the order without a fill."
    protects = task.is_entry and task.stop_loss is not None and fact.filled > 0
    if protects and task.stop_client_order_id:
        outcome.fill, _ = await asyncio.gather(
            collect_fill(adapter, market, fact), _protect(adapter, market, task, fact, outcome)
        )
    else:
        outcome.fill = await collect_fill(adapter, market, fact)
    if task.is_entry and task.take_profit is not None and fact.filled > 0 and outcome.emergency_close is None:
        await _take_profit(adapter, market, task, outcome)
    if task.trade_type == "CLOSE" and task.stop_client_order_id and fact.status == "FILLED":
        outcome.stop = await drop_stop(adapter, market, task.stop_client_order_id)


async def _protect(adapter: Adapter, market: Market, task: OrderTask, fact: OrderFact, outcome: Outcome) -> None:
    assert task.stop_loss is not None
    stop = StopOrder(market, task.position_side, rounded_price(market, task.stop_loss), task.stop_client_order_id)
    try:
        outcome.stop = stop_wire(stop, await place_stop(adapter, stop))
    except VenueError as error:
        log.error("order %s has no stop (%s): closing it", task.client_order_id, error.error_code)
        outcome.stop = stop_wire(stop, None, error)
        fact = await _ended(adapter, market, fact)
        entry = MarketOrder(market, task.side, task.position_side, fact.filled, False, task.client_order_id)
        outcome.emergency_close = await close_now(adapter, market, entry, fact.filled, look_first=task.lookup)
        naked = outcome.emergency_close["status"] not in ("FILLED", "FLAT")
        outcome.error_code = "NAKED_POSITION" if naked else "STOP_FAILED"
        outcome.error = (
            "The stop could not be placed and the position could not be closed: close it at the exchange now."
            if naked
            else "The stop could not be placed, so the position was closed at once."
        )


async def _ended(adapter: Adapter, market: Market, fact: OrderFact) -> OrderFact:
    """What still rests must not fill behind an emergency close: it is taken off first."""
    if fact.final:
        return fact
    try:
        await adapter.cancel_order(market, fact.client_order_id)
        return await adapter.find_order(market, fact.client_order_id) or fact
    except VenueError:
        return fact


async def _take_profit(adapter: Adapter, market: Market, task: OrderTask, outcome: Outcome) -> None:
    """The other leg; a position without it is protected all the same, so a refusal is only reported."""
    assert task.take_profit is not None
    leg = replace(
        StopOrder(market, task.position_side, rounded_price(market, task.take_profit), task.take_profit_client_order_id),
        kind="TAKE_PROFIT_MARKET",
    )
    try:
        outcome.take_profit = stop_wire(leg, await place_stop(adapter, leg))
    except VenueError as error:
        outcome.take_profit = stop_wire(leg, None, error)
