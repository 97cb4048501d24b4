"""Our own routes under ``/paper``: clock, bulk candles, accounts, faults. No real exchange has them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import orjson

from backend.market.rules import INTERVAL_MS
from backend.paper_exchange.errors import VenueError, refuse
from backend.paper_exchange.exchange import Exchange
from backend.paper_exchange.faults import BadFault, read_fault
from backend.paper_exchange.http import CONTROL, Call, Route
from backend.paper_exchange.model import Account
from backend.paper_exchange.replies import (
    algo_reply,
    balance_rows,
    income_reply,
    order_reply,
    position_risk,
    trade_reply,
)
from backend.paper_exchange.requests import integer
from backend.paper_exchange.routes_private import PERMISSIONS

MAX_STEPS = 100_000
MAX_BARS = 5_000
MAX_BALANCE = Decimal(10) ** 12


def _bad(message: str, status: int = 400) -> VenueError:
    return VenueError(-1130, message, status)


def _json(call: Call) -> Any:
    if not call.body:
        return {}
    try:
        return orjson.loads(call.body)
    except orjson.JSONDecodeError:
        raise _bad("The body is not JSON.") from None


def _object(call: Call) -> dict[str, Any]:
    data = _json(call)
    if not isinstance(data, dict):
        raise _bad("The body must be a JSON object.")
    return data


def get_clock(x: Exchange, _: Call) -> Any:
    return x.clock()


def post_clock(x: Exchange, call: Call) -> Any:
    data = _object(call)
    mode, speed = data.get("mode"), data.get("speed")
    if speed is not None and (isinstance(speed, bool) or not isinstance(speed, int | float)):
        raise _bad("speed must be a number.")
    try:
        x.set_clock(mode, speed)
    except (ValueError, TypeError) as error:
        raise _bad(str(error)) from None
    return x.clock()


async def post_step(x: Exchange, call: Call) -> Any:
    ticks = _object(call).get("ticks", 1)
    if isinstance(ticks, bool) or not isinstance(ticks, int) or not 1 <= ticks <= MAX_STEPS:
        raise _bad(f"ticks must be a whole number from 1 to {MAX_STEPS}.")
    await x.step(ticks)
    return x.clock()


async def get_bars(x: Exchange, call: Call) -> Any:
    """Closed bars of all symbols: rows are times, columns symbols, null where a symbol has none."""
    interval_ms = INTERVAL_MS.get(call.params.get("interval", "1h"))
    if interval_ms is None or interval_ms < x.source.interval_ms:
        raise refuse(-1120)
    limit = integer(call.params, "limit", 500)
    assert limit is not None
    names = list(x.source.symbols)
    if call.params.get("symbols"):
        names = call.params["symbols"].split(",")
        if any(name not in x.source.specs for name in names):
            raise refuse(-1121)
    since = integer(call.params, "since_ms")
    found = await x.source.candles(names, interval_ms, since, max(1, min(limit, MAX_BARS)), forming=False)
    keys = ("open", "high", "low", "close", "volume")
    rows = {key: np.ascontiguousarray(field) for key, field in zip(keys, found.fields, strict=True)}
    return {"interval_ms": interval_ms, "symbols": names, "times": np.ascontiguousarray(found.times), **rows}


def get_prices(x: Exchange, _: Call) -> Any:
    prices = {name: f"{price:f}" for name in x.source.symbols if (price := x.prices.last(name))}
    return {"market_ms": x.source.market_ms(), "prices": prices}


def post_account(x: Exchange, call: Call) -> Any:
    data = _object(call)
    name, balance = data.get("name"), data.get("balance_usdt", "10000")
    if not isinstance(name, str) or not 1 <= len(name) <= 200:
        raise _bad("name must be a text of 1 to 200 characters.")
    try:
        amount = Decimal(str(balance))
    except InvalidOperation:
        raise _bad("balance_usdt must be a number.") from None
    if isinstance(balance, bool) or not amount.is_finite() or not 0 <= amount <= MAX_BALANCE:
        raise _bad(f"balance_usdt must lie between 0 and {MAX_BALANCE}.")
    permissions = data.get("permissions", {})
    if not isinstance(permissions, dict) or not all(
        key in PERMISSIONS and isinstance(value, bool) for key, value in permissions.items()
    ):
        raise _bad(f"permissions must be an object of true or false under {', '.join(sorted(PERMISSIONS))}.")
    account = x.book.open_account(name, amount.quantize(Decimal("1e-8")))
    if permissions:
        x.store.set_meta(f"permissions:{account.account_id}", orjson.dumps(permissions).decode())
    return {"account_id": account.account_id, "api_key": account.api_key, "api_secret": account.api_secret}


def _named(x: Exchange, call: Call) -> Account:
    part = call.params.get("account_id", "")
    account = x.book.accounts.get(int(part)) if part.isdecimal() else x.book.by_name.get(part)
    if account is None:
        raise _bad("There is no such account.", 404)
    return account


def get_dump(x: Exchange, call: Call) -> Any:
    """Everything of one account, in the venue's shapes."""
    account, specs = _named(x, call), x.source.specs
    number, summary = account.account_id, x.book.summary(account)
    return {
        "account_id": number,
        "name": account.name,
        "market_ms": x.source.market_ms(),
        "dual_side": account.dual,
        "orders": [order_reply(o, specs[o.symbol], True) for o in x.store.orders(number, None)],
        "algo_orders": [algo_reply(a, specs[a.symbol]) for a in x.store.algos(number, None)],
        "trades": [trade_reply(t, specs[t.symbol]) for t in x.store.trades(number, None)],
        "positions": [position_risk(account, p, summary, specs, x.prices, version=2) for p in account.held()],
        "balances": balance_rows(account, summary),
        "income": [income_reply(i) for i in x.store.incomes(number, None)],
    }


def post_faults(x: Exchange, call: Call) -> Any:
    data = _json(call)
    listed = data if isinstance(data, list) else data.get("faults", [data]) if isinstance(data, dict) else None
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise _bad("The body must be a fault object or a list of them.")
    try:
        for fault in [read_fault(item) for item in listed]:
            x.faults.add(fault)
    except BadFault as error:
        raise _bad(str(error)) from None
    return get_faults(x, call)


def get_faults(x: Exchange, _: Call) -> Any:
    return {"faults": [fault.describe() for fault in x.faults.active]}


def delete_faults(x: Exchange, _: Call) -> Any:
    x.faults.clear()
    return {"faults": []}


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/paper/clock"): Route(get_clock),
    ("POST", "/paper/clock"): Route(post_clock, CONTROL),
    ("POST", "/paper/step"): Route(post_step, CONTROL),
    ("GET", "/paper/bars"): Route(get_bars),
    ("GET", "/paper/prices"): Route(get_prices),
    ("POST", "/paper/accounts"): Route(post_account, CONTROL),
    ("GET", "/paper/accounts/{id}/dump"): Route(get_dump, CONTROL),
    ("GET", "/paper/faults"): Route(get_faults, CONTROL),
    ("POST", "/paper/faults"): Route(post_faults, CONTROL),
    ("DELETE", "/paper/faults"): Route(delete_faults, CONTROL),
}
