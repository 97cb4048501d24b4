"""Request bodies of the node, parsed strictly into frozen dataclasses, and the shape of one order's result.

Every refusal is a `ProtocolError` with a stable code; nothing of a request is executed unless all of it is valid.
Amounts are decimal strings or JSON numbers; NaN, infinities, signs, exponents in strings and unicode digits are
refused. Unknown extra fields are ignored, so fields can be added without breaking older nodes.
"""

from __future__ import annotations

import ipaddress
import secrets
import string
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from .protocol import ProtocolError
from .reader import Reader
from .venues import Venue, venue_of

_ALPHABET = string.ascii_lowercase + string.digits
ORDER_TYPES = ("MARKET", "LIMIT", "STOP_MARKET", "TAKE_PROFIT_MARKET")


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
    """One order for one account. Quantities in coins, prices in the quote currency.

    ``order_type`` MARKET; LIMIT at ``price``, resting until it is filled or cancelled; STOP_MARKET or TAKE_PROFIT_MARKET,
    which becomes a market order when ``trigger_price`` is reached.
    """

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
    order_type: str = "MARKET"
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    take_profit: Decimal | None = None
    take_profit_client_order_id: str = ""

    @property
    def is_conditional(self) -> bool:
        """Whether the order waits for its trigger."""
        return self.order_type in ("STOP_MARKET", "TAKE_PROFIT_MARKET")

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
    order_type = task.choice("order_type", ORDER_TYPES, "MARKET")
    limit = task.required_decimal("price") if order_type == "LIMIT" else None
    trigger = task.required_decimal("trigger_price") if order_type.endswith("_MARKET") else None
    take_profit_id = task.client_id("take_profit_client_order_id", required=False)
    return OrderTask(
        account=account,
        symbol=task.symbol("symbol") if task.has("symbol") else symbol,
        trade_type=trade_type,
        side=side,
        position_side=natural,
        quantity=quantity,
        amount_usdt=None if quantity is not None else amount,
        reference_price=limit or trigger or task.decimal("entry_price") or price,
        leverage=task.integer("leverage", None, 1, 200) or signal.integer("leverage", None, 1, 200),
        stop_loss=(stop_loss or None) if entry else None,
        client_order_id=task.client_id("client_order_id", required=False) or new_client_id(),
        stop_client_order_id=task.client_id("stop_client_order_id", required=False),
        expires_at_ms=task.integer("expires_at_ms", None),
        lookup=task.boolean("lookup", False),
        order_type=order_type,
        price=limit,
        trigger_price=trigger,
        # Without an id of its own no take-profit is placed: it could not be found again.
        take_profit=task.positive("take_profit", "FIELD_INVALID") if entry and take_profit_id else None,
        take_profit_client_order_id=take_profit_id,
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
