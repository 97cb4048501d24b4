"""What is asked and done about orders that already exist: look-ups, stops placed or cancelled later."""

from __future__ import annotations

from typing import Any

from .accounts import Accounts
from .errors import Reaction, VenueError
from .figures import Market, plain
from .messages import AccountRef, OrderQuery, StopTask
from .orders import Adapter, StopOrder
from .protection import collect_fill, place_stop, settled
from .protocol import ProtocolError
from .results import stop_wire, too_early
from .sizing import rounded_price, rounded_quantity
from .taken import TakenIds

Wire = dict[str, Any]


async def query_one(accounts: Accounts, taken: TakenIds, account: AccountRef, query: OrderQuery) -> Wire:
    """What the venue says about one client id; `found` is null when that cannot be known now."""
    row: Wire = {
        "symbol": query.symbol,
        "client_order_id": query.client_order_id,
        "conditional": query.conditional,
        "found": None,
        "status": None,
        "final": False,
        "filled_quantity": "0",
        "filled_price": "0",
        "trades": [],
        "error_code": None,
        "error": None,
    }
    entry = taken.get(account.account_id, query.client_order_id)
    if entry is not None and entry.running is not None:
        return row | {"error_code": "IN_FLIGHT", "error": "The order is being worked on right now."}
    try:
        adapter = accounts.adapter(account)
        market = await accounts.market(account, query.symbol)
        found = await _look(adapter, market, query)
    except VenueError as error:
        return row | {
            "error_code": error.error_code,
            "error": error.sentence,
            "reaction": str(error.reaction),
        }
    except ProtocolError as error:
        return row | {"error_code": error.code, "error": error.message}
    if not found and entry is not None and entry.in_doubt:
        early = too_early()
        return row | {"error_code": early.error_code, "error": early.sentence}
    return row | (found or {"found": False})


async def place_one(accounts: Accounts, task: StopTask) -> Wire:
    """One live protective stop, placed if it is not there yet."""
    base: Wire = {
        "account_id": task.account.account_id,
        "symbol": task.symbol,
        "success": False,
        "error": None,
    }
    try:
        adapter = accounts.adapter(task.account)
        market = await accounts.market(task.account, task.symbol)
        quantity = None if task.quantity is None else rounded_quantity(market, task.quantity)
        price = rounded_price(market, task.trigger_price)
        stop = StopOrder(market, task.position_side, price, task.client_order_id, quantity)
        wire = stop_wire(stop, await place_stop(adapter, stop))
    except VenueError as error:
        # Refused for good, or worth another try with the same id: both leave the position without a stop for now.
        again = error.reaction in (Reaction.UNKNOWN_OUTCOME, Reaction.RETRY_AFTER, Reaction.RETRY_READ)
        return base | {
            "stop": {
                "client_order_id": task.client_order_id,
                "exchange_order_id": None,
                "status": "UNKNOWN" if again else "FAILED",
                "trigger_price": plain(task.trigger_price),
                "error_code": error.error_code,
            },
            "error_code": error.error_code,
            "error": error.sentence,
        }
    except ProtocolError as error:
        return base | {"stop": None, "error_code": error.code, "error": error.message}
    return base | {"success": True, "stop": wire, "error_code": None}


async def cancel_one(accounts: Accounts, account: AccountRef, symbols: list[str], ids: list[str]) -> Wire:
    """Cancel conditional orders of one account: these ids, or all of each symbol."""
    by_symbol: dict[str, int] = {}
    errors: list[Wire] = []
    for symbol in symbols:
        by_symbol[symbol] = 0
        try:
            adapter = accounts.adapter(account)
            market = await accounts.market(account, symbol)
            wanted = ids or [stop.client_order_id for stop in await adapter.open_stops(market)]
            for client_order_id in wanted:
                by_symbol[symbol] += await adapter.cancel_stop(market, client_order_id)
        except VenueError as error:
            errors.append({"symbol": symbol, "error_code": error.error_code, "error": error.sentence})
        except ProtocolError as error:
            errors.append({"symbol": symbol, "error_code": error.code, "error": error.message})
    return {
        "account_id": account.account_id,
        "success": not errors,
        "cancelled": sum(by_symbol.values()),
        "errors": errors,
        "by_symbol": by_symbol,
    }


async def cancel_orders(accounts: Accounts, account: AccountRef, queries: list[OrderQuery]) -> Wire:
    """Take resting orders of one account off the venue. `cancelled` false: there was nothing to cancel; null: not known."""
    rows: list[Wire] = []
    for query in queries:
        row: Wire = {"symbol": query.symbol, "client_order_id": query.client_order_id, "cancelled": None, "error_code": None}
        try:
            adapter = accounts.adapter(account)
            market = await accounts.market(account, query.symbol)
            cancel = adapter.cancel_stop if query.conditional else adapter.cancel_order
            row["cancelled"] = await cancel(market, query.client_order_id)
        except VenueError as error:
            row |= {"error_code": error.error_code, "error": error.sentence}
        except ProtocolError as error:
            row |= {"error_code": error.code, "error": error.message}
        rows.append(row)
    return {"account_id": account.account_id, "success": all(row["error_code"] is None for row in rows), "orders": rows}


async def _look(adapter: Adapter, market: Market, query: OrderQuery) -> Wire:
    """The venue's answer about one client id; empty when it knows none."""
    if not query.conditional:
        fact = await adapter.find_order(market, query.client_order_id)
        if fact is None:
            return {}
        fill = await collect_fill(adapter, market, fact)
        return {"found": True, "status": fact.status, "final": fact.final, "side": fact.side, **fill.wire()}
    stop = await adapter.find_stop(market, query.client_order_id)
    if stop is None:
        return {}
    row: Wire = {
        "found": True,
        "status": stop.status,
        "final": stop.status != "OPEN",
        "exchange_order_id": stop.exchange_order_id,
        "trigger_price": plain(stop.trigger_price),
    }
    if stop.status == "TRIGGERED" and stop.actual_order_id:
        actual = await adapter.find_by_exchange_id(market, stop.actual_order_id)
        if actual is not None:
            fill = await collect_fill(adapter, market, await settled(adapter, market, actual))
            row |= fill.wire() | {
                "side": actual.side,
                "actual_status": fill.order.status,
                "final": fill.order.final,
            }
    return row


async def drop_stop(adapter: Adapter, market: Market, client_order_id: str) -> Wire:
    """Cancel the stop of a position that is closed; the venue may have done so already."""
    row: Wire = {"client_order_id": client_order_id, "exchange_order_id": None, "trigger_price": None}
    try:
        await adapter.cancel_stop(market, client_order_id)
    except VenueError as error:
        return row | {"status": "FAILED", "error_code": error.error_code}
    return row | {"status": "CANCELED"}
