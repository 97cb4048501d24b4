"""What differs between exchanges: a table, plus symbol and client id rules. Shared code reads it, nothing branches.

Symbols: the canonical form is `BTC/USDT`; ccxt names the linear perpetual `BTC/USDT:USDT`; venues have native forms
(`BTCUSDT`, `BTC-USDT-SWAP`, `BTC_USDT`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal

_QUOTES = ("USDT", "USDC", "BUSD", "USD", "BTC", "ETH", "BNB")
_CANONICAL = re.compile(r"[A-Z0-9]{1,24}/[A-Z]{3,6}")
_CLIENT_ID = re.compile(r"[a-su-z0-9][a-z0-9]{25,27}")


class SymbolError(ValueError):
    """The text is no symbol we can read."""


@dataclass(frozen=True, slots=True)
class Venue:
    """One row of the difference table."""

    code: str  # our name: binance, okx, gate, bybit, bitget
    ccxt_id: str  # class in ccxt.async_support
    native: bool = False  # has an adapter that reads raw replies; the others go through ccxt's unified calls
    weight_per_minute: int = 2400  # request weight per egress address
    orders_per_10s: int = 300  # per account
    orders_per_minute: int = 1200  # per account
    fills_in_reply: bool = True  # a market order's reply carries the filled quantity; else ask until it does
    hedge_reduce_only: bool = True  # in hedge mode reduceOnly may be sent together with the side
    position_side_lower: bool = False
    max_client_id: int = 36
    needs_passphrase: bool = False
    order_params: dict[str, str] = field(default_factory=dict)
    taker_fee_rate: Decimal = Decimal("0.0005")


VENUES: dict[str, Venue] = {
    "binance": Venue("binance", "binanceusdm", native=True, hedge_reduce_only=False, taker_fee_rate=Decimal("0.0004")),
    "okx": Venue(
        "okx",
        "okx",
        weight_per_minute=1200,
        orders_per_10s=250,
        fills_in_reply=False,
        position_side_lower=True,
        max_client_id=32,
        needs_passphrase=True,
        order_params={"tdMode": "isolated"},
    ),
    "gate": Venue("gate", "gate", weight_per_minute=1200, orders_per_10s=200, max_client_id=28),
    "bybit": Venue("bybit", "bybit", weight_per_minute=1200, orders_per_10s=100, fills_in_reply=False),
    "bitget": Venue(
        "bitget",
        "bitget",
        weight_per_minute=1200,
        orders_per_10s=100,
        fills_in_reply=False,
        needs_passphrase=True,
    ),
}

_ALIASES = {"binanceusdm": "binance", "binance_futures": "binance", "gateio": "gate", "okex": "okx"}


def venue_of(name: str) -> Venue:
    """The row for an exchange name or alias; raises `LookupError` when we do not trade there."""
    code = name.strip().lower()
    code = _ALIASES.get(code, code)
    if code not in VENUES:
        raise LookupError(f"no venue named {name!r}")
    return VENUES[code]


def canonical_symbol(text: str) -> str:
    """`BTC/USDT` from any usual writing: `BTC/USDT:USDT`, `btc-usdt`, `BTC_USDT`, `BTC-USDT-SWAP`, `BTCUSDT`.

    Raises `SymbolError` when no quote currency can be told.
    """
    symbol = text.strip().upper()
    symbol = symbol.removesuffix("-SWAP").partition(":")[0].replace("-", "/").replace("_", "/")
    if "/" not in symbol:
        for quote in _QUOTES:
            if symbol.endswith(quote) and len(symbol) > len(quote):
                symbol = f"{symbol[: -len(quote)]}/{quote}"
                break
    if not _CANONICAL.fullmatch(symbol):
        raise SymbolError(f"{text[:40]!r} is not a symbol like BTC/USDT")
    return symbol


def ccxt_symbol(canonical: str) -> str:
    """`BTC/USDT:USDT`: ccxt's name of the linear perpetual."""
    return f"{canonical}:{canonical.partition('/')[2]}"


def binance_id(canonical: str) -> str:
    """`BTCUSDT`."""
    return canonical.replace("/", "")


def valid_client_id(text: str) -> bool:
    """Whether `text` is an id that every venue takes unchanged: 26-28 of [a-z0-9], not beginning with t.

    Gate prefixes ids with `t-` unless they begin with t; okx takes letters and digits only, gate 28 characters.
    """
    return _CLIENT_ID.fullmatch(text) is not None
