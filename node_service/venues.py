"""What differs between exchanges: a table, plus symbol and client id rules. Shared code reads it, nothing branches.

Symbols: the canonical form is `BTC/USDT`; ccxt names the linear perpetual `BTC/USDT:USDT`; venues have native forms
(`BTCUSDT`, `BTC-USDT-SWAP`, `BTC_USDT`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_QUOTES = ("USDT", "USDC", "BUSD", "USD", "BTC", "ETH", "BNB")
_CANONICAL = re.compile(r"[A-Z0-9]{1,24}/[A-Z]{3,6}")
_CLIENT_ID = re.compile(r"[a-su-z0-9][a-z0-9]{25,27}")


class SymbolError(ValueError):
    """The text is no symbol we can read."""


@dataclass(frozen=True, slots=True)
class Venue:
    """One row of the difference table: facts of a venue's perpetuals. How its words look is in `dialects`."""

    code: str  # our name
    ccxt_id: str  # class in ccxt.async_support
    name: str  # as people write it
    native: bool = False  # has an adapter of its own; the others share `VenueAccount`
    proven: bool = False  # tried against a whole exchange over the wire, not only against recorded shapes
    weight_per_minute: int = 1200  # request weight per egress address
    orders_per_10s: int = 100  # per account
    orders_per_minute: int = 1200  # per account
    hedge_mode: bool = True  # accounts may hold both sides of a symbol at once
    mode_per_symbol: bool = False  # one-way or hedge is a setting of each symbol, else of the account
    contracts: bool = False  # sizes are whole contracts of `Market.contract_size` coins, else coins
    settle: str = "USDT"  # what its perpetuals are quoted and settled in; our BTC/USDT is its BTC/<settle>
    id_field: str = "id"  # where ccxt's market tells the name that requests and replies use
    passphrase: bool = False  # a key has a third part
    key_fields: tuple[str, ...] = ("apiKey", "secret", "password")  # ccxt's names of a key's parts
    isolated_by: str = "order"  # what makes a position isolated: order | symbol | leverage | account
    leverage_per_side: bool = False  # in hedge mode each side has its own
    fills_in_reply: bool = False  # a market order's reply carries the fill; else it is asked for
    average_in_order: bool = True  # an order read later tells its average price; else its trades do
    market_needs_price: bool = False  # a market order is a limit order far enough from the price
    client_id_form: str = "plain"  # plain | t- (prefixed) | hex (0x and 128 bits)
    max_client_id: int = 36
    stop_is_order: bool = False  # a stop shares the ids and look-ups of orders, else it has its own
    stop_client_id: bool = True  # a stop can be looked up by our id; else lists are searched
    trades_by_order: bool = True  # `trades of one order` can be asked; else recent trades are filtered
    key_report: bool = True  # the venue tells what a key may do
    ccxt_options: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)  # code or part of the text -> our error code
    unsure: frozenset[str] = frozenset()  # codes after which the venue itself does not know what happened


VENUES: dict[str, Venue] = {
    "binance": Venue(
        "binance",
        "binanceusdm",
        "Binance",
        native=True,
        proven=True,
        weight_per_minute=2400,
        orders_per_10s=300,
        isolated_by="symbol",
        fills_in_reply=True,
    ),
    "okx": Venue(
        "okx",
        "okx",
        "OKX",
        orders_per_10s=250,
        contracts=True,
        passphrase=True,
        leverage_per_side=True,
        max_client_id=32,
        ccxt_options={"fetchMarkets": {"types": ["swap"]}},
        errors={
            "51008": "INSUFFICIENT_FUNDS",
            "51004": "POSITION_LIMIT",
            "51016": "DUPLICATE_CLIENT_ID",
            "51020": "BELOW_MINIMUM",
            "51023": "POSITION_FLAT",
            "51169": "POSITION_FLAT",
            "51277": "STOP_WOULD_TRIGGER",
            "51280": "STOP_WOULD_TRIGGER",
            "51400": "ORDER_NOT_FOUND",
            "51401": "ORDER_NOT_FOUND",
            "51402": "ORDER_NOT_FOUND",
            "51410": "ORDER_NOT_FOUND",
            "51603": "ORDER_NOT_FOUND",
            "51000": "BAD_REQUEST",
            "51121": "BAD_SIZE",
            "51202": "BAD_SIZE",
            "59107": "MARGIN_MODE_LOCKED",
            "50102": "CLOCK_SKEW",
            "50110": "KEY_INVALID",
            "50113": "SECRET_WRONG",
        },
        unsure=frozenset({"50001", "50004", "50026"}),
    ),
    "gate": Venue(
        "gate",
        "gate",
        "Gate",
        orders_per_10s=200,
        contracts=True,
        isolated_by="leverage",
        fills_in_reply=True,
        client_id_form="t-",
        max_client_id=28,
        stop_client_id=False,
        ccxt_options={
            "fetchMarkets": {"types": ["swap"]},
            "swap": {"fetchMarkets": {"settlementCurrencies": ["usdt"]}},
        },
        errors={
            "ORDER_NOT_FOUND": "ORDER_NOT_FOUND",
            "AUTO_ORDER_NOT_FOUND": "ORDER_NOT_FOUND",
            "ORDER_FINISHED": "ORDER_NOT_FOUND",
            "INSUFFICIENT_AVAILABLE": "INSUFFICIENT_FUNDS",
            "BALANCE_NOT_ENOUGH": "INSUFFICIENT_FUNDS",
            "POSITION_NOT_FOUND": "POSITION_FLAT",
            "POSITION_EMPTY": "POSITION_FLAT",
            "EMPTY_POSITION": "POSITION_FLAT",
            "REDUCE_ONLY_FAIL": "POSITION_FLAT",
            "INCREASE_POSITION": "POSITION_FLAT",
            "REDUCE_EXCEEDED": "POSITION_FLAT",
            "REPEATED_CREATION": "DUPLICATE_CLIENT_ID",
            "AUTO_TRIGGER_PRICE_LESS_LAST": "STOP_WOULD_TRIGGER",
            "AUTO_TRIGGER_PRICE_GREATE_LAST": "STOP_WOULD_TRIGGER",
            "RISK_LIMIT_EXCEEDED": "POSITION_LIMIT",
            "SIZE_TOO_SMALL": "BAD_SIZE",
            "SIZE_TOO_LARGE": "BAD_SIZE",
            "LEVERAGE_TOO_HIGH": "BAD_LEVERAGE",
            "USER_NOT_FOUND": "ACCOUNT_INACTIVE",
            "INVALID_KEY": "KEY_INVALID",
            "INVALID_SIGNATURE": "SECRET_WRONG",
            "REQUEST_EXPIRED": "CLOCK_SKEW",
        },
        unsure=frozenset({"SERVER_ERROR", "INTERNAL"}),
    ),
    "bybit": Venue(
        "bybit",
        "bybit",
        "Bybit",
        mode_per_symbol=True,
        isolated_by="account",
        stop_is_order=True,
        ccxt_options={"fetchMarkets": {"types": ["linear"]}},
        errors={
            "110001": "ORDER_NOT_FOUND",
            "110008": "ORDER_NOT_FOUND",
            "110010": "ORDER_NOT_FOUND",
            "170213": "ORDER_NOT_FOUND",
            "110004": "INSUFFICIENT_FUNDS",
            "110007": "INSUFFICIENT_FUNDS",
            "110012": "INSUFFICIENT_FUNDS",
            "110017": "POSITION_FLAT",
            "110025": "POSITION_MODE",
            "110043": "ALREADY_SET",
            "110013": "BAD_LEVERAGE",
            "110072": "DUPLICATE_CLIENT_ID",
            "110092": "STOP_WOULD_TRIGGER",
            "110093": "STOP_WOULD_TRIGGER",
            "110094": "BELOW_MINIMUM",
            "10002": "CLOCK_SKEW",
            "10003": "KEY_INVALID",
            "10004": "SECRET_WRONG",
            "10010": "KEY_INVALID",
            "33004": "KEY_INVALID",
        },
        unsure=frozenset({"10000", "10016"}),
    ),
    "bitget": Venue(
        "bitget",
        "bitget",
        "Bitget",
        passphrase=True,
        isolated_by="symbol",
        leverage_per_side=True,
        max_client_id=64,
        ccxt_options={"fetchMarkets": {"types": ["swap"]}, "uta": False},
        errors={
            "40109": "ORDER_NOT_FOUND",
            "40768": "ORDER_NOT_FOUND",
            "43001": "ORDER_NOT_FOUND",
            "43025": "ORDER_NOT_FOUND",
            "40762": "INSUFFICIENT_FUNDS",
            "43012": "INSUFFICIENT_FUNDS",
            "22002": "POSITION_FLAT",
            "43023": "POSITION_FLAT",
            "40786": "DUPLICATE_CLIENT_ID",
            "40774": "POSITION_MODE",
            "40797": "BAD_LEVERAGE",
            "40830": "STOP_WOULD_TRIGGER",
            "40832": "STOP_WOULD_TRIGGER",
            "40834": "STOP_WOULD_TRIGGER",
            "40836": "STOP_WOULD_TRIGGER",
            "45110": "BELOW_MINIMUM",
            "45117": "MARGIN_MODE_LOCKED",
            "45115": "BAD_SIZE",
            "40006": "KEY_INVALID",
            "40009": "SECRET_WRONG",
            "40008": "CLOCK_SKEW",
            "40012": "SECRET_WRONG",
            "40018": "KEY_INVALID",
        },
        unsure=frozenset({"40010", "40015", "40725", "45001"}),
    ),
    "hyperliquid": Venue(
        "hyperliquid",
        "hyperliquid",
        "Hyperliquid",
        hedge_mode=False,
        settle="USDC",
        id_field="baseName",
        key_fields=("walletAddress", "privateKey"),
        isolated_by="leverage",
        fills_in_reply=True,
        average_in_order=False,
        market_needs_price=True,
        client_id_form="hex",
        stop_is_order=True,
        trades_by_order=False,
        key_report=False,
        ccxt_options={"fetchMarkets": {"types": ["swap"]}, "builderFee": False, "refSet": True},
        errors={
            "Insufficient margin": "INSUFFICIENT_FUNDS",
            "Reduce only order would increase": "POSITION_FLAT",
            "Order was never placed, already canceled": "ORDER_NOT_FOUND",
            "must have minimum value": "BELOW_MINIMUM",
            "Order has invalid size": "BAD_SIZE",
            "Order has zero size": "BAD_SIZE",
            "Invalid TP/SL price": "STOP_WOULD_TRIGGER",
            "could not immediately match": "NOT_FILLABLE",
            "does not exist": "KEY_INVALID",
            "Invalid leverage": "BAD_LEVERAGE",
            "Duplicate nonce": "CLOCK_SKEW",
        },
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


def venue_client_id(venue: Venue, text: str) -> str:
    """Our id as the venue writes it; an id that is already in that form stays as it is."""
    if venue.client_id_form == "t-" and not text.startswith("t-"):
        return f"t-{text}"
    if venue.client_id_form == "hex" and not text.startswith("0x"):
        return "0x" + hashlib.sha256(text.encode()).hexdigest()[:32]
    return text
