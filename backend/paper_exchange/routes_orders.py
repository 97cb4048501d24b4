"""Order routes, plain and conditional, and what became of the orders."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import orjson

from backend.paper_exchange import conditionals, desk
from backend.paper_exchange.errors import VenueError, refuse
from backend.paper_exchange.exchange import Exchange, wall_ms
from backend.paper_exchange.faults import of_kind
from backend.paper_exchange.http import SIGNED, Call, Route
from backend.paper_exchange.model import Algo, Order
from backend.paper_exchange.replies import ack_reply, algo_reply, order_reply, trade_reply
from backend.paper_exchange.requests import (
    check_price,
    check_qty,
    integer,
    limit_of,
    number,
    parse_order,
    spec_of,
    text,
)

WEEK_MS = 7 * 86_400_000
MAX_BATCH = 5
MAX_BATCH_CANCEL = 10


def _created(x: Exchange, call: Call, order_id: int, count: int = 1) -> None:
    """Order counters of the reply, and ids that a fault hides for a while."""
    for fault in of_kind(call.faults, "hide"):
        x.faults.hidden[order_id] = wall_ms() + fault.detail["hide_ms"]
    call.headers["x-mbx-order-count-1m"] = str(x.count_order(call.account.account_id, count))


def _place(x: Exchange, call: Call, params: dict[str, str]) -> dict[str, Any]:
    spec = spec_of(params, x.source.specs)
    request = parse_order(params, spec, call.account.dual, conditional=False)
    partial = next(of_kind(call.faults, "partial"), None)
    fractions = [Decimal(part) for part in partial.detail["fractions"]] if partial else []
    over_ticks = bool(partial and partial.detail.get("over_ticks"))
    order = desk.place(x.book, call.account, request, fractions, over_ticks=over_ticks)
    _created(x, call, order.order_id)
    return ack_reply(order, spec) if request.response == "ACK" else order_reply(order, spec)


def create_order(x: Exchange, call: Call) -> Any:
    return _place(x, call, call.params)


def test_order(x: Exchange, call: Call) -> Any:
    """All checks of a new order, then nothing."""
    spec = spec_of(call.params, x.source.specs)
    request = parse_order(call.params, spec, call.account.dual, conditional=False)
    desk.check_client_id(x.book, call.account, request.client_id)
    desk.check_order(x.book, call.account, request)
    return {}


def create_batch(x: Exchange, call: Call) -> Any:
    """Each order on its own: a refused one is ``{code, msg}`` at its place."""
    items = _json_list(call, "batchOrders", MAX_BATCH)
    out: list[dict[str, Any]] = []
    for item in items:
        if not isinstance(item, dict):
            raise refuse(-1130, "batchOrders")
        try:
            out.append(_place(x, call, {key: _as_text(value) for key, value in item.items()}))
        except VenueError as error:
            out.append(error.body())
    return out


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _json_list(call: Call, name: str, most: int) -> list[Any]:
    try:
        items = orjson.loads(text(call.params, name))
    except orjson.JSONDecodeError:
        raise refuse(-1130, name) from None
    if not isinstance(items, list) or not 1 <= len(items) <= most:
        raise refuse(-1130, name)
    return items


def _find(x: Exchange, call: Call, missing: int) -> Order:
    """The order named by orderId or origClientOrderId; refuses with ``missing`` when there is none."""
    spec = spec_of(call.params, x.source.specs)
    order_id, client = integer(call.params, "orderId"), call.params.get("origClientOrderId")
    if order_id is None and not client:
        raise refuse(-1102, "orderId")
    order = x.store.order(call.account.account_id, spec.symbol, order_id, client)
    if order is None or x.faults.is_hidden(order.order_id, wall_ms()):
        raise refuse(missing)
    return call.account.orders.get(order.order_id, order)


def query_order(x: Exchange, call: Call) -> Any:
    order = _find(x, call, -2013)
    return order_reply(order, x.source.specs[order.symbol], with_time=True)


def query_open_order(x: Exchange, call: Call) -> Any:
    order = _find(x, call, -2013)
    if not order.is_open:
        raise refuse(-2013)
    return order_reply(order, x.source.specs[order.symbol], with_time=True)


def cancel_order(x: Exchange, call: Call) -> Any:
    order = desk.cancel(x.book, _find(x, call, -2011))
    return order_reply(order, x.source.specs[order.symbol])


def amend_order(x: Exchange, call: Call) -> Any:
    order = _find(x, call, -2013)
    spec = x.source.specs[order.symbol]
    qty, price = number(call.params, "quantity"), number(call.params, "price")
    if qty is None or price is None:
        raise refuse(-1102, "price" if qty else "quantity")
    check_qty(spec, qty, is_market=False)
    check_price(spec, price)
    return order_reply(desk.amend(x.book, call.account, order, qty, price), spec)


def cancel_batch(x: Exchange, call: Call) -> Any:
    spec = spec_of(call.params, x.source.specs)
    params = {key.lower(): value for key, value in call.params.items()}
    name = "orderidlist" if "orderidlist" in params else "origclientorderidlist"
    call.params |= params
    out: list[dict[str, Any]] = []
    for item in _json_list(call, name, MAX_BATCH_CANCEL):
        order_id, client = (int(item), None) if name == "orderidlist" else (None, str(item))
        found = x.store.order(call.account.account_id, spec.symbol, order_id, client)
        order = call.account.orders.get(found.order_id) if found else None
        try:
            if order is None:
                raise refuse(-2011)
            out.append(order_reply(desk.cancel(x.book, order), spec))
        except VenueError as error:
            out.append(error.body())
    return out


def cancel_all(x: Exchange, call: Call) -> Any:
    spec = spec_of(call.params, x.source.specs)
    for order in [o for o in call.account.orders.values() if o.symbol == spec.symbol]:
        desk.cancel(x.book, order)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def _visible(x: Exchange, orders: Iterable[Order]) -> list[dict[str, Any]]:
    now = wall_ms()
    shown = (o for o in orders if not x.faults.is_hidden(o.order_id, now))
    return [order_reply(o, x.source.specs[o.symbol], with_time=True) for o in shown]


def open_orders(x: Exchange, call: Call) -> Any:
    orders: Iterable[Order] = call.account.orders.values()
    if call.params.get("symbol"):
        symbol = spec_of(call.params, x.source.specs).symbol
        orders = [o for o in orders if o.symbol == symbol]
    return _visible(x, orders)


def _window(call: Call, id_name: str, most: int = 1000) -> dict[str, int | None]:
    start, end = integer(call.params, "startTime"), integer(call.params, "endTime")
    if start is not None and end is not None:
        if start > end:
            raise VenueError(-1023, "Start time is greater than end time.")
        if end - start > WEEK_MS:
            raise VenueError(-4165, "Invalid time interval")
    return {
        "start_ms": start,
        "end_ms": end,
        "from_id": integer(call.params, id_name),
        "limit": limit_of(call.params, 500, most),
    }


def all_orders(x: Exchange, call: Call) -> Any:
    spec = spec_of(call.params, x.source.specs)
    return _visible(x, x.store.orders(call.account.account_id, spec.symbol, **_window(call, "orderId")))


def user_trades(x: Exchange, call: Call) -> Any:
    spec = spec_of(call.params, x.source.specs)
    window = _window(call, "fromId") | {"order_id": integer(call.params, "orderId")}
    now = wall_ms()
    rows = x.store.trades(call.account.account_id, spec.symbol, **window)
    return [trade_reply(t, spec) for t in rows if not x.faults.is_hidden(t.order_id, now)]


# --- conditional orders ---------------------------------------------------------------------------
def create_algo(x: Exchange, call: Call) -> Any:
    spec = spec_of(call.params, x.source.specs)
    request = parse_order(call.params, spec, call.account.dual, conditional=True)
    algo = conditionals.place_algo(x.book, call.account, request)
    _created(x, call, algo.algo_id)
    return algo_reply(algo, spec)


def _find_algo(x: Exchange, call: Call, missing: int) -> Algo:
    algo_id, client = integer(call.params, "algoId"), call.params.get("clientAlgoId")
    if algo_id is None and not client:
        raise refuse(-1102, "algoId")
    algo = x.store.algo(call.account.account_id, algo_id, client)
    if algo is None or x.faults.is_hidden(algo.algo_id, wall_ms()):
        raise refuse(missing)
    return call.account.algos.get(algo.algo_id, algo)


def query_algo(x: Exchange, call: Call) -> Any:
    algo = _find_algo(x, call, -2013)
    return algo_reply(algo, x.source.specs[algo.symbol])


def cancel_algo(x: Exchange, call: Call) -> Any:
    algo = conditionals.cancel_algo(x.book, _find_algo(x, call, -2011))
    return {"algoId": algo.algo_id, "clientAlgoId": algo.client_id, "code": "200", "msg": "success"}


def cancel_all_algos(x: Exchange, call: Call) -> Any:
    spec = spec_of(call.params, x.source.specs)
    for algo in [a for a in call.account.algos.values() if a.symbol == spec.symbol]:
        conditionals.cancel_algo(x.book, algo)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def _visible_algos(x: Exchange, algos: Iterable[Algo]) -> list[dict[str, Any]]:
    now = wall_ms()
    return [algo_reply(a, x.source.specs[a.symbol]) for a in algos if not x.faults.is_hidden(a.algo_id, now)]


def open_algos(x: Exchange, call: Call) -> Any:
    algos: Iterable[Algo] = call.account.algos.values()
    if call.params.get("symbol"):
        symbol = spec_of(call.params, x.source.specs).symbol
        algos = [a for a in algos if a.symbol == symbol]
    return _visible_algos(x, algos)


def all_algos(x: Exchange, call: Call) -> Any:
    spec = spec_of(call.params, x.source.specs)
    return _visible_algos(x, x.store.algos(call.account.account_id, spec.symbol, **_window(call, "algoId")))


def _open_weight(params: dict[str, str]) -> int:
    return 1 if params.get("symbol") else 40


ROUTES: dict[tuple[str, str], Route] = {
    ("POST", "/fapi/v1/order"): Route(create_order, SIGNED),
    ("POST", "/fapi/v1/order/test"): Route(test_order, SIGNED),
    ("PUT", "/fapi/v1/order"): Route(amend_order, SIGNED),
    ("GET", "/fapi/v1/order"): Route(query_order, SIGNED),
    ("DELETE", "/fapi/v1/order"): Route(cancel_order, SIGNED),
    ("POST", "/fapi/v1/batchOrders"): Route(create_batch, SIGNED, 5),
    ("DELETE", "/fapi/v1/batchOrders"): Route(cancel_batch, SIGNED),
    ("DELETE", "/fapi/v1/allOpenOrders"): Route(cancel_all, SIGNED),
    ("GET", "/fapi/v1/openOrder"): Route(query_open_order, SIGNED),
    ("GET", "/fapi/v1/openOrders"): Route(open_orders, SIGNED, _open_weight),
    ("GET", "/fapi/v1/allOrders"): Route(all_orders, SIGNED, 5),
    ("GET", "/fapi/v1/userTrades"): Route(user_trades, SIGNED, 5),
    ("POST", "/fapi/v1/algoOrder"): Route(create_algo, SIGNED),
    ("GET", "/fapi/v1/algoOrder"): Route(query_algo, SIGNED),
    ("DELETE", "/fapi/v1/algoOrder"): Route(cancel_algo, SIGNED),
    ("DELETE", "/fapi/v1/algoOpenOrders"): Route(cancel_all_algos, SIGNED),
    ("GET", "/fapi/v1/openAlgoOrders"): Route(open_algos, SIGNED, _open_weight),
    ("GET", "/fapi/v1/allAlgoOrders"): Route(all_algos, SIGNED, 5),
}
