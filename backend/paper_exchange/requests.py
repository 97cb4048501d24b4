"""Reads an order out of request parameters and refuses what the venue refuses. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from backend.paper_exchange.errors import VenueError, refuse
from backend.paper_exchange.model import CONDITIONAL_TYPES, LIMIT_CONDITIONALS
from backend.paper_exchange.symbols import ZERO, SymbolSpec

CLIENT_ID = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
_CLIENT_ID = re.compile(r"[\.A-Z:/a-z0-9_-]{1,36}")
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_NUMBER_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_INTEGER = re.compile(r"[0-9]{1,19}")
TIFS = frozenset({"GTC", "IOC", "FOK", "GTX", "GTE_GTC", "GTD"})
PLAIN_TYPES = frozenset({"LIMIT", "MARKET"})
MAX_PRICE = Decimal(10) ** 9

Params = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A well-formed order, plain or conditional; money checks come later."""

    symbol: str
    side: str
    position_side: str
    kind: str
    qty: Decimal
    price: Decimal
    tif: str
    reduce_only: bool
    client_id: str | None
    response: str
    trigger: Decimal = ZERO
    close_position: bool = False
    callback_rate: Decimal = ZERO
    activate: Decimal = ZERO
    working_type: str = "CONTRACT_PRICE"

    @property
    def is_buy(self) -> bool:
        return self.side == "BUY"


def text(params: Params, name: str) -> str:
    """A mandatory parameter (-1102 without it)."""
    value = params.get(name)
    if not value:
        raise refuse(-1102, name)
    return value


def number(params: Params, name: str) -> Decimal | None:
    """A decimal parameter, None when absent. Signs, exponents, NaN and the like are refused (-1100)."""
    value = params.get(name)
    if value is None or value == "":
        return None
    if value.startswith("-") and _NUMBER.fullmatch(value[1:]):
        return -Decimal(value[1:])
    if not _NUMBER.fullmatch(value) or not value.isascii():
        raise refuse(-1100, name, _NUMBER_RANGE)
    try:
        return Decimal(value)
    except InvalidOperation:
        raise refuse(-1100, name, _NUMBER_RANGE) from None


def integer(params: Params, name: str, default: int | None = None) -> int | None:
    """A non-negative whole number parameter."""
    value = params.get(name)
    if value is None or value == "":
        return default
    if not _INTEGER.fullmatch(value) or not value.isascii():
        raise refuse(-1100, name, "^[0-9]{1,20}$")
    return int(value)


def limit_of(params: Params, default: int, most: int) -> int:
    """The ``limit`` parameter, capped (-1130 when zero)."""
    limit = integer(params, "limit", default)
    assert limit is not None
    if limit < 1:
        raise refuse(-1130, "limit")
    return min(limit, most)


def flag(params: Params, name: str) -> bool:
    """A true/false parameter, False when absent."""
    value = params.get(name, "").lower()
    if value not in ("", "true", "false"):
        raise refuse(-1130, name)
    return value == "true"


def client_id(params: Params, name: str) -> str | None:
    """A client order id, None when absent."""
    value = params.get(name)
    if value is None or value == "":
        return None
    if len(value) > 36:
        raise VenueError(-4015, "Client order id length should be less than 36 chars")
    if not _CLIENT_ID.fullmatch(value) or not value.isascii():
        raise refuse(-1100, name, CLIENT_ID)
    return value


def spec_of(params: Params, specs: Mapping[str, SymbolSpec]) -> SymbolSpec:
    """The contract a request names (-1102, -1121)."""
    spec = specs.get(text(params, "symbol").upper())
    if spec is None:
        raise refuse(-1121)
    return spec


def check_price(spec: SymbolSpec, price: Decimal) -> Decimal:
    """A limit or trigger price on the symbol's tick."""
    if price <= 0:
        raise refuse(-4001)
    if price > MAX_PRICE:
        raise refuse(-4002)
    if -int(price.normalize().as_tuple().exponent) > spec.price_dp:
        raise refuse(-1111)
    if price % spec.tick:
        raise refuse(-4014)
    return price


def check_qty(spec: SymbolSpec, qty: Decimal, is_market: bool) -> Decimal:
    """A quantity on the symbol's step."""
    if qty <= 0:
        raise refuse(-4003)
    if -int(qty.normalize().as_tuple().exponent) > spec.qty_dp:
        raise refuse(-1111)
    if qty % spec.step:
        raise refuse(-4023)
    if qty > (spec.market_max_qty if is_market else spec.max_qty):
        raise refuse(-4005)
    return qty


def _position_side(params: Params, dual: bool) -> str:
    side = params.get("positionSide") or "BOTH"
    if side not in ("BOTH", "LONG", "SHORT"):
        raise refuse(-1130, "positionSide")
    if dual == (side == "BOTH"):
        raise refuse(-4061)
    return side


def parse_order(params: Params, spec: SymbolSpec, dual: bool, conditional: bool) -> OrderRequest:
    """The order in ``params``: plain ones for ``/order``, conditional ones for ``/algoOrder``."""
    side = text(params, "side").upper()
    if side not in ("BUY", "SELL"):
        raise refuse(-1117)
    kind = text(params, "type").upper()
    if conditional and params.get("algoType") != "CONDITIONAL":
        raise refuse(-1102 if not params.get("algoType") else -1130, "algoType")
    if not conditional and kind in CONDITIONAL_TYPES:
        raise refuse(-4120)
    if kind not in (CONDITIONAL_TYPES if conditional else PLAIN_TYPES):
        raise refuse(-1116)
    position_side = _position_side(params, dual)
    reduce_only = flag(params, "reduceOnly")
    if dual and params.get("reduceOnly"):
        raise refuse(-1106, "reduceonly")
    response = params.get("newOrderRespType") or "ACK"
    if response not in ("ACK", "RESULT"):
        raise refuse(-1136)
    tif = (params.get("timeInForce") or "").upper()
    if tif and tif not in TIFS:
        raise refuse(-1115)
    close_position = conditional and flag(params, "closePosition")
    is_limit = kind == "LIMIT" or kind in LIMIT_CONDITIONALS
    price = ZERO
    if is_limit:
        given = number(params, "price")
        if given is None:
            raise refuse(-1102, "price")
        price = check_price(spec, given)
        if kind == "LIMIT" and not tif:
            raise refuse(-1102, "timeInForce")
    qty = number(params, "quantity")
    if close_position:
        if kind not in ("STOP_MARKET", "TAKE_PROFIT_MARKET"):
            raise refuse(-4136, kind, "true")
        if qty:
            raise refuse(-4137)
        qty = ZERO
    elif qty is None:
        raise refuse(-1102, "quantity")
    else:
        qty = check_qty(spec, qty, is_market=not is_limit)
    trigger, callback_rate, activate = _trigger_fields(params, spec, kind)
    return OrderRequest(
        symbol=spec.symbol,
        side=side,
        position_side=position_side,
        kind=kind,
        qty=qty,
        price=price,
        tif=tif or "GTC",
        reduce_only=reduce_only or close_position,
        client_id=client_id(params, "clientAlgoId" if conditional else "newClientOrderId"),
        response=response,
        close_position=close_position,
        trigger=trigger,
        callback_rate=callback_rate,
        activate=activate,
    )


def _trigger_fields(params: Params, spec: SymbolSpec, kind: str) -> tuple[Decimal, Decimal, Decimal]:
    """(trigger price, callback rate in %, activation price), each 0 where it does not apply."""
    if kind not in CONDITIONAL_TYPES:
        return ZERO, ZERO, ZERO
    if kind == "TRAILING_STOP_MARKET":
        rate = number(params, "callbackRate")
        if rate is None:
            raise refuse(-1102, "callbackRate")
        if not Decimal("0.1") <= rate <= 10:
            raise VenueError(-2007, "Invalid callBack rate.")
        activate = number(params, "activatePrice")
        return ZERO, rate, check_price(spec, activate) if activate else ZERO
    trigger = number(params, "triggerPrice")
    if trigger is None:
        raise refuse(-1102, "triggerprice")
    return check_price(spec, trigger), ZERO, ZERO
