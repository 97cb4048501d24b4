"""Binance USD-M replies turned into facts, or refused: wrong symbol, impossible numbers, unknown states."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from .errors import Kind, bad_reply
from .figures import Market, number, signed_number
from .orders import IncomeFact, OrderFact, PositionFact, StopFact, Trade
from .venues import SymbolError, canonical_symbol

_ORDER_STATUS: Final = {
    "NEW": ("OPEN", False),
    "PARTIALLY_FILLED": ("PARTIAL", False),
    "FILLED": ("FILLED", True),
    "CANCELED": ("CANCELED", True),
    "EXPIRED": ("EXPIRED", True),
    "EXPIRED_IN_MATCH": ("EXPIRED", True),
    "REJECTED": ("REJECTED", True),
}
_STOP_STATUS: Final = {
    "NEW": "OPEN",
    "TRIGGERING": "OPEN",
    "TRIGGERED": "TRIGGERED",
    "FINISHED": "TRIGGERED",
    "CANCELED": "CANCELED",
    "EXPIRED": "EXPIRED",
    "REJECTED": "REJECTED",
}


def as_dict(value: Any, kind: Kind) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise bad_reply(kind, "not a JSON object")
    return value


def as_list(value: Any, kind: Kind) -> list[Any]:
    if not isinstance(value, list):
        raise bad_reply(kind, "not a JSON list")
    return value


def _id(value: Any, what: str, kind: Kind) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str) or str(value) in ("", "0"):
        raise bad_reply(kind, f"{what} is missing")
    return str(value)


def _named(row: Mapping[str, Any], field: str, market: Market, kind: Kind, expected: str | None) -> str:
    """The client order id of a row, which must be about this symbol and, where one is expected, that id."""
    found = _id(row.get(field), "client order id", kind)
    if row.get("symbol") != market.venue_id or (expected is not None and found != expected):
        raise bad_reply(kind, "it is about another order")
    return found


def _milliseconds(value: Any) -> int:
    return value if isinstance(value, int) and 0 < value < 10**14 else 0


def order_fact(
    reply: Any, market: Market, kind: Kind, client_order_id: str | None, quantity: Decimal | None
) -> OrderFact:
    """A believable order out of a reply; `client_order_id` and `quantity` are what it must be about."""
    row = as_dict(reply, kind)
    status = _ORDER_STATUS.get(row.get("status", ""))
    if status is None:
        raise bad_reply(kind, "unknown order status")
    found_id = _named(row, "clientOrderId", market, kind, client_order_id)
    size = number(row.get("origQty"), "quantity", kind)
    filled = number(row.get("executedQty"), "filled quantity", kind)
    # The venue may shrink a reducing order to what is left of the position, never enlarge one.
    if filled > size or (quantity is not None and size > quantity):
        raise bad_reply(kind, "quantities do not fit")
    average = number(row.get("avgPrice"), "average price", kind, positive=True) if filled else Decimal(0)
    name, final = status
    if name == "FILLED" and filled != size:
        raise bad_reply(kind, "filled, but not all of it")
    if filled and name in ("CANCELED", "EXPIRED", "OPEN"):
        name = "PARTIAL"
    return OrderFact(
        client_order_id=found_id,
        exchange_order_id=_id(row.get("orderId"), "order id", kind),
        status=name,
        final=final,
        quantity=size,
        filled=filled,
        average=average,
        side=str(row.get("side", "")),
        time_ms=_milliseconds(row.get("updateTime")) or _milliseconds(row.get("time")),
        market_time_ms=_milliseconds(row.get("marketTime")) or None,
    )


def stop_fact(reply: Any, market: Market, kind: Kind, client_order_id: str | None) -> StopFact:
    row = as_dict(reply, kind)
    status = _STOP_STATUS.get(row.get("algoStatus", ""))
    if status is None:
        raise bad_reply(kind, "unknown stop status")
    found_id = _named(row, "clientAlgoId", market, kind, client_order_id)
    actual = str(row.get("actualOrderId") or "")
    return StopFact(
        client_order_id=found_id,
        exchange_order_id=_id(row.get("algoId"), "order id", kind),
        status=status,
        trigger_price=number(row.get("triggerPrice"), "trigger price", kind),
        actual_order_id="" if actual == "0" else actual,
        closes_position=str(row.get("closePosition", "")).lower() == "true",
        position_side="LONG" if row.get("side") == "SELL" else "SHORT",
        kind="TAKE_PROFIT_MARKET" if str(row.get("orderType", "")).startswith("TAKE_PROFIT") else "STOP_MARKET",
    )


def trade_of(value: Any, market: Market) -> Trade:
    row = as_dict(value, Kind.READ)
    if row.get("symbol") != market.venue_id or row.get("side") not in ("BUY", "SELL"):
        raise bad_reply(Kind.READ, "a trade of another symbol")
    pnl = row.get("realizedPnl")
    return Trade(
        trade_id=_id(row.get("id"), "trade id", Kind.READ),
        order_id=_id(row.get("orderId"), "order id", Kind.READ),
        price=number(row.get("price"), "price", Kind.READ, positive=True),
        quantity=number(row.get("qty"), "quantity", Kind.READ, positive=True),
        fee=signed_number(row.get("commission"), "commission", Kind.READ),
        fee_currency=str(row.get("commissionAsset", "")),
        side=row["side"],
        time_ms=_milliseconds(row.get("time")),
        maker=row.get("maker") is True,
        realized_pnl=None if pnl is None else signed_number(pnl, "realised profit", Kind.READ),
        market_time_ms=_milliseconds(row.get("marketTime")) or None,
    )


def income_of(value: Any) -> IncomeFact:
    """One line of the income record. An id is unique together with the type: a trade's fee and profit share one."""
    row = as_dict(value, Kind.READ)
    kind = row.get("incomeType")
    if not isinstance(kind, str) or not kind or row.get("tranId") in (None, ""):
        raise bad_reply(Kind.READ, "an income line without type or id")
    try:
        symbol = canonical_symbol(str(row.get("symbol") or ""))
    except SymbolError:
        symbol = ""
    return IncomeFact(
        income_id=str(row["tranId"]),
        income_type=kind,
        amount=signed_number(row.get("income"), "income", Kind.READ),
        currency=str(row.get("asset", "")),
        symbol=symbol,
        time_ms=_milliseconds(row.get("time")),
    )


def position_of(row: Mapping[str, Any]) -> PositionFact | None:
    """An open position, or None for a flat row or a contract we do not trade (a delivery future)."""
    amount = signed_number(row.get("positionAmt"), "position size", Kind.READ)
    if amount == 0:
        return None
    try:
        symbol = canonical_symbol(str(row.get("symbol", "")))
    except SymbolError:
        return None
    side = row.get("positionSide")
    if side not in ("LONG", "SHORT"):
        side = "LONG" if amount > 0 else "SHORT"
    notional = abs(signed_number(row.get("notional", "0"), "notional", Kind.READ))
    margin = signed_number(row.get("initialMargin", "0"), "margin", Kind.READ)
    return PositionFact(
        symbol=symbol,
        position_side=str(side),
        quantity=abs(amount),
        entry_price=number(row.get("entryPrice"), "entry price", Kind.READ, positive=True),
        unrealized_pnl=signed_number(row.get("unRealizedProfit", "0"), "unrealised profit", Kind.READ),
        leverage=int((notional / margin).to_integral_value()) if margin > 0 else None,
        liquidation_price=number(row.get("liquidationPrice", "0"), "liquidation price", Kind.READ),
    )
