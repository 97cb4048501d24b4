"""Request bodies of the node, parsed strictly into frozen dataclasses, and the shape of one order's result.

Every refusal is a `ProtocolError` with a stable code; nothing of a request is executed unless all of it is valid.
Amounts are decimal strings or JSON numbers; NaN, infinities, signs, exponents in strings and unicode digits are
refused. Unknown extra fields are ignored, so fields can be added without breaking older nodes.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import string
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from .protocol import ProtocolError
from .venues import SymbolError, Venue, canonical_symbol, valid_client_id, venue_of

_DECIMAL = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")
_ALPHABET = string.ascii_lowercase + string.digits
MAX_TASKS = 5_000
_MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class AccountRef:
    """Whose account on which venue, and the key to it. `repr` shows no credentials."""

    account_id: int
    tenant_id: int
    user_id: int
    venue: Venue
    sandbox: bool
    base_url: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    passphrase: str = field(repr=False)
    sealed: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OrderTask:
    """One market order for one account. Quantities in coins, prices in the quote currency."""

    account: AccountRef
    symbol: str
    trade_type: str  # OPEN | ADD | CLOSE | REDUCE
    side: str  # BUY | SELL
    position_side: str  # LONG | SHORT
    quantity: Decimal | None
    amount_usdt: Decimal | None
    reference_price: Decimal | None
    leverage: int | None
    stop_loss: Decimal | None
    client_order_id: str
    stop_client_order_id: str
    expires_at_ms: int | None
    lookup: bool

    @property
    def is_entry(self) -> bool:
        """Whether the order opens or enlarges a position."""
        return self.trade_type in ("OPEN", "ADD")


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """One order to look up by client id."""

    symbol: str
    client_order_id: str
    conditional: bool


@dataclass(frozen=True, slots=True)
class StopTask:
    """A protective stop that closes the whole position side, or `quantity` of it."""

    account: AccountRef
    symbol: str
    position_side: str
    trigger_price: Decimal
    client_order_id: str
    quantity: Decimal | None


def new_client_id() -> str:
    """A random client order id, for requests of old callers that send none."""
    return "q" + "".join(secrets.choice(_ALPHABET) for _ in range(25))


class Reader:
    """Typed access to one JSON object; every complaint names the field."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise ProtocolError("FIELD_INVALID", 422, f"{where} must be a JSON object.")
        self._value = value
        self._where = where

    def name(self, key: str) -> str:
        """The field's name as the sender knows it."""
        return f"{self._where}.{key}" if self._where else key

    def has(self, key: str) -> bool:
        """Whether the field is present and not null or empty."""
        return self._value.get(key) not in (None, "")

    def _get(self, key: str, default: Any) -> Any:
        value = self._value.get(key)
        if value is not None:
            return value
        if default is _MISSING:
            raise ProtocolError("FIELD_MISSING", 422, f"{self.name(key)} is required.")
        return default

    def _bad(self, key: str, what: str) -> ProtocolError:
        return ProtocolError("FIELD_INVALID", 422, f"{self.name(key)} must be {what}.")

    def text(self, key: str, default: Any = _MISSING, limit: int = 512) -> str:
        value = self._get(key, default)
        if not isinstance(value, str) or len(value) > limit or "\x00" in value:
            raise self._bad(key, f"a text of at most {limit} characters")
        return value

    def integer(self, key: str, default: Any = _MISSING, low: int = 0, high: int = 2**53) -> Any:
        value = self._get(key, default)
        if value is default:
            return value
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._bad(key, f"a whole number from {low} to {high}")
        return value

    def boolean(self, key: str, default: bool) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self._bad(key, "true or false")
        return value

    def choice(self, key: str, allowed: tuple[str, ...], default: Any = _MISSING) -> str:
        value = self._get(key, default)
        if not isinstance(value, str) or value.upper() not in allowed:
            raise self._bad(key, "one of " + ", ".join(allowed))
        return value.upper()

    def decimal(self, key: str) -> Decimal | None:
        """A number greater than or equal to zero, or None when absent."""
        value = self._get(key, None)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self._bad(key, "a decimal number")
        text = value if isinstance(value, str) else format(Decimal(repr(value)), "f")
        if not _DECIMAL.fullmatch(text) or not text.isascii():
            raise self._bad(key, "a positive decimal number with at most 18 digits on either side")
        return Decimal(text)

    def positive(self, key: str, code: str) -> Decimal | None:
        """Like `decimal`, refusing zero with `code`."""
        value = self.decimal(key)
        if value is not None and value == 0:
            raise ProtocolError(code, 422, f"{self.name(key)} must be greater than zero.")
        return value

    def required_decimal(self, key: str) -> Decimal:
        value = self.positive(key, "FIELD_INVALID")
        if value is None:
            raise ProtocolError("FIELD_MISSING", 422, f"{self.name(key)} is required.")
        return value

    def symbol(self, key: str) -> str:
        try:
            return canonical_symbol(self.text(key, limit=64))
        except SymbolError as error:
            raise ProtocolError("UNKNOWN_SYMBOL", 422, f"{self.name(key)}: {error}.") from None

    def client_id(self, key: str, required: bool = True) -> str:
        text = self.text(key, _MISSING if required else "")
        if (text or required) and not valid_client_id(text):
            raise ProtocolError(
                "CLIENT_ID_INVALID", 422, f"{self.name(key)} must be 26-28 of [a-z0-9], not beginning with t."
            )
        return text

    def objects(self, key: str, limit: int = MAX_TASKS) -> list[Reader]:
        value = self._get(key, _MISSING)
        if not isinstance(value, list) or len(value) > limit:
            raise self._bad(key, f"a list of at most {limit} objects")
        return [Reader(item, f"{self.name(key)}[{index}]") for index, item in enumerate(value)]

    def texts(self, key: str, default: list[str], limit: int = 500) -> list[str]:
        value = self._get(key, default)
        if not isinstance(value, list) or len(value) > limit or not all(isinstance(item, str) for item in value):
            raise self._bad(key, f"a list of at most {limit} texts")
        return value

    def symbols(self, key: str, default: list[str] | None = None) -> list[str]:
        if default is None and not self.has(key):
            raise ProtocolError("FIELD_MISSING", 422, f"{self.name(key)} is required.")
        try:
            return [canonical_symbol(item) for item in self.texts(key, default or [])]
        except SymbolError as error:
            raise ProtocolError("UNKNOWN_SYMBOL", 422, f"{self.name(key)}: {error}.") from None


# --- parsing ------------------------------------------------------------------------------------------------------


def parse_account(task: Reader, *, sandbox: bool, exchange_url: str = "") -> AccountRef:
    """The account part of a TaskItem. Credentials come in plain or in `sealed`, which the executor opens."""
    name = task.text("exchange", limit=32)
    try:
        venue = venue_of(name)
    except LookupError:
        raise ProtocolError("UNKNOWN_EXCHANGE", 422, f"{task.name('exchange')}: no such exchange here.") from None
    if task.choice("market_type", ("FUTURE", "SWAP", "SPOT"), "FUTURE") == "SPOT":
        raise ProtocolError("MARKET_TYPE_UNSUPPORTED", 422, "This node trades USDT perpetuals only.")
    sealed = task.text("sealed", "", limit=4096)
    return AccountRef(
        account_id=task.integer("account_id"),
        tenant_id=task.integer("tenant_id", 0),
        user_id=task.integer("user_id", 0),
        venue=venue,
        sandbox=task.boolean("sandbox", sandbox),
        base_url=_checked_url(task.text("base_url", exchange_url), task.name("base_url")),
        api_key="" if sealed else _key(task, "api_key"),
        api_secret="" if sealed else _key(task, "api_secret", limit=8192),
        passphrase=task.text("passphrase", ""),
        sealed=sealed,
    )


def _key(task: Reader, name: str, limit: int = 512) -> str:
    value = task.text(name, limit=limit).strip()
    if not value:
        raise ProtocolError("FIELD_MISSING", 422, f"{task.name(name)} is required.")
    return value


def _checked_url(text: str, where: str) -> str:
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ProtocolError("FIELD_INVALID", 422, f"{where} must be an http(s) address without user or query.")
    try:  # cloud metadata lives on link-local addresses; nothing to trade there
        if ipaddress.ip_address(parts.hostname).is_link_local:
            raise ProtocolError("FIELD_INVALID", 422, f"{where} points to a link-local address.")
    except ValueError:
        pass
    return text.rstrip("/")


def parse_execute(body: dict[str, Any]) -> list[OrderTask]:
    """The orders of `POST /api/execute`."""
    root = Reader(body, "")
    signal = Reader(body.get("signal") if body.get("signal") is not None else {}, "signal")
    if not signal.has("symbol"):
        raise ProtocolError("FIELD_MISSING", 400, "signal.symbol required")
    symbol = signal.symbol("symbol")
    price = signal.decimal("entry_price") or None
    shared_amount = root.positive("amount_usdt", "ZERO_AMOUNT")
    sandbox, url = root.boolean("sandbox", True), root.text("exchange_url", "")
    orders = [
        _parse_order(
            task,
            signal,
            parse_account(task, sandbox=sandbox, exchange_url=url),
            symbol=symbol,
            price=price,
            shared_amount=shared_amount,
        )
        for task in root.objects("tasks")
    ]
    if any(order.quantity is None and order.reference_price is None for order in orders):
        raise ProtocolError("FIELD_MISSING", 400, "signal.entry_price required")
    return orders


def _parse_order(
    task: Reader,
    signal: Reader,
    account: AccountRef,
    *,
    symbol: str,
    price: Decimal | None,
    shared_amount: Decimal | None,
) -> OrderTask:
    types = ("OPEN", "CLOSE", "ADD", "REDUCE")
    trade_type = task.choice("trade_type", types, signal.choice("signal_type", types, "OPEN"))
    side = task.choice("side", ("BUY", "SELL"), signal.choice("side", ("BUY", "SELL"), "BUY"))
    entry = trade_type in ("OPEN", "ADD")
    natural = "LONG" if (side == "BUY") == entry else "SHORT"
    if task.choice("position_side", ("LONG", "SHORT"), natural) != natural:
        raise ProtocolError(
            "SIDE_MISMATCH",
            422,
            f"{task.name('position_side')}: {trade_type} with {side} concerns a {natural} position.",
        )
    if task.boolean("reduce_only", not entry) == entry:
        raise ProtocolError("SIDE_MISMATCH", 422, f"{task.name('reduce_only')} contradicts trade_type {trade_type}.")
    quantity = task.positive("quantity", "ZERO_QUANTITY")
    amount = task.positive("amount_usdt", "ZERO_AMOUNT") or shared_amount or Decimal(100)
    stop_loss = task.decimal("stop_loss") if task.has("stop_loss") else signal.decimal("stop_loss")
    return OrderTask(
        account=account,
        symbol=task.symbol("symbol") if task.has("symbol") else symbol,
        trade_type=trade_type,
        side=side,
        position_side=natural,
        quantity=quantity,
        amount_usdt=None if quantity is not None else amount,
        reference_price=task.decimal("entry_price") or price,
        leverage=task.integer("leverage", None, 1, 200) or signal.integer("leverage", None, 1, 200),
        stop_loss=(stop_loss or None) if entry else None,
        client_order_id=task.client_id("client_order_id", required=False) or new_client_id(),
        stop_client_order_id=task.client_id("stop_client_order_id", required=False),
        expires_at_ms=task.integer("expires_at_ms", None),
        lookup=task.boolean("lookup", False),
    )


def parse_close(body: dict[str, Any]) -> OrderTask:
    """The flat body of `POST /api/close-position`."""
    root = Reader(body, "")
    account = parse_account(root, sandbox=root.boolean("sandbox", True))
    side = root.choice("side", ("BUY", "SELL"))
    natural = "LONG" if side == "SELL" else "SHORT"
    if root.choice("position_side", ("LONG", "SHORT"), natural) != natural:
        raise ProtocolError("SIDE_MISMATCH", 422, f"{side} closes a {natural} position.")
    key = "close_quantity" if root.has("close_quantity") else "quantity"
    quantity, amount = root.positive(key, "ZERO_QUANTITY"), root.positive("amount_usdt", "ZERO_AMOUNT")
    price = root.decimal("price") or None
    if quantity is None and (amount is None or price is None):
        raise ProtocolError("FIELD_MISSING", 422, "close_quantity is required (or amount_usdt with price).")
    return OrderTask(
        account=account,
        symbol=root.symbol("symbol"),
        trade_type="CLOSE",
        side=side,
        position_side=natural,
        quantity=quantity,
        amount_usdt=amount,
        reference_price=price,
        leverage=None,
        stop_loss=None,
        client_order_id=root.client_id("client_order_id", required=False) or new_client_id(),
        stop_client_order_id=root.client_id("stop_client_order_id", required=False),
        expires_at_ms=root.integer("expires_at_ms", None),
        lookup=root.boolean("lookup", False),
    )


def account_tasks(body: dict[str, Any]) -> list[tuple[AccountRef, Reader]]:
    """Accounts of the requests whose `tasks` carry no order, with the reader for their further fields."""
    root = Reader(body, "")
    sandbox, url = root.boolean("sandbox", True), root.text("exchange_url", "")
    return [(parse_account(task, sandbox=sandbox, exchange_url=url), task) for task in root.objects("tasks")]


def parse_queries(task: Reader) -> list[OrderQuery]:
    """The look-ups of one account in `POST /api/query-orders`."""
    return [
        OrderQuery(item.symbol("symbol"), item.text("client_order_id", limit=36), item.boolean("conditional", False))
        for item in task.objects("queries", limit=500)
    ]


def parse_stop(account: AccountRef, task: Reader) -> StopTask:
    """One task of `POST /api/place-stop`."""
    return StopTask(
        account=account,
        symbol=task.symbol("symbol"),
        position_side=task.choice("position_side", ("LONG", "SHORT")),
        trigger_price=task.required_decimal("trigger_price"),
        client_order_id=task.client_id("client_order_id"),
        quantity=task.positive("quantity", "ZERO_QUANTITY"),
    )
