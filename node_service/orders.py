"""The venue-neutral facts an adapter reports: orders, stops, trades, balances, positions; and the adapter's interface.

Quantities are coins, prices quote currency, both `Decimal`. An adapter returns only what it has checked; whatever it
cannot believe it raises as `VenueError` with UNKNOWN_OUTCOME (writes) or RETRY_READ (reads).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from .exchange import AccountState, Gateway
from .figures import Market, plain
from .limits import Priority


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution. `fee` is positive when paid."""

    trade_id: str
    order_id: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_currency: str
    side: str
    time_ms: int
    maker: bool
    realized_pnl: Decimal | None = None
    market_time_ms: int | None = None

    def wire(self) -> dict[str, Any]:
        """The trade as it goes over the wire."""
        row: dict[str, Any] = {
            "trade_id": self.trade_id,
            "order_id": self.order_id,
            "price": plain(self.price),
            "quantity": plain(self.quantity),
            "fee": plain(self.fee),
            "fee_currency": self.fee_currency,
            "side": self.side,
            "time_ms": self.time_ms,
            "maker": self.maker,
        }
        if self.realized_pnl is not None:
            row["realized_pnl"] = plain(self.realized_pnl)
        if self.market_time_ms is not None:
            row["market_time_ms"] = self.market_time_ms
        return row


@dataclass(frozen=True, slots=True)
class OrderFact:
    """The state of one order at the venue.

    `status`: OPEN (resting, nothing filled), PARTIAL, FILLED, CANCELED, EXPIRED, REJECTED. `final` tells whether it
    can still change. An order that ended with a part filled is PARTIAL and final.
    """

    client_order_id: str
    exchange_order_id: str
    status: str
    final: bool
    quantity: Decimal
    filled: Decimal
    average: Decimal
    side: str
    time_ms: int
    market_time_ms: int | None = None


@dataclass(frozen=True, slots=True)
class StopFact:
    """The state of one conditional order: OPEN, TRIGGERED, CANCELED, EXPIRED or REJECTED.

    `kind` STOP_MARKET or TAKE_PROFIT_MARKET; `group` which of its lists the venue keeps it in, where cancelling says so.
    """

    client_order_id: str
    exchange_order_id: str
    status: str
    trigger_price: Decimal
    actual_order_id: str = ""
    closes_position: bool = False
    position_side: str = ""
    kind: str = "STOP_MARKET"
    group: str = ""


@dataclass(frozen=True, slots=True)
class PositionFact:
    """One open position."""

    symbol: str
    position_side: str
    quantity: Decimal
    entry_price: Decimal
    unrealized_pnl: Decimal | None
    leverage: int | None
    liquidation_price: Decimal | None

    def wire(self) -> dict[str, Any]:
        """The position as it goes over the wire; liquidation price 0 means cross margin far from it."""
        return {
            "symbol": self.symbol,
            "position_side": self.position_side,
            "quantity": plain(self.quantity),
            "entry_price": plain(self.entry_price),
            "unrealized_pnl": None if self.unrealized_pnl is None else plain(self.unrealized_pnl),
            "leverage": self.leverage,
            "liquidation_price": None if self.liquidation_price is None else plain(self.liquidation_price),
        }


@dataclass(frozen=True, slots=True)
class IncomeFact:
    """One line of the venue's income record. ``symbol`` is "" where it belongs to no contract we trade."""

    income_id: str
    income_type: str
    amount: Decimal
    currency: str
    symbol: str
    time_ms: int

    def wire(self) -> dict[str, Any]:
        """The line as it goes over the wire."""
        return {
            "income_id": self.income_id,
            "income_type": self.income_type,
            "amount": plain(self.amount),
            "currency": self.currency,
            "symbol": self.symbol,
            "time_ms": self.time_ms,
        }


@dataclass(frozen=True, slots=True)
class BalanceFact:
    """The USDT futures balance of an account."""

    balance: Decimal = Decimal(0)
    available: Decimal = Decimal(0)
    unrealized_pnl: Decimal = Decimal(0)
    margin_used: Decimal = Decimal(0)
    equity: Decimal = Decimal(0)

    def wire(self) -> dict[str, Any]:
        """The balance as it goes over the wire; `margin_ratio` is margin / equity, 0 to 1."""
        ratio = self.margin_used / self.equity if self.equity > 0 else Decimal(0)
        return {
            "balance": plain(self.balance),
            "available": plain(self.available),
            "frozen": plain(self.margin_used),
            "unrealized_pnl": plain(self.unrealized_pnl),
            "margin_used": plain(self.margin_used),
            "margin_ratio": plain(ratio.quantize(Decimal("0.000001"))),
            "equity": plain(self.equity),
        }


@dataclass(frozen=True, slots=True)
class MarketOrder:
    """What to send."""

    market: Market
    side: str
    position_side: str
    quantity: Decimal
    reduces: bool
    client_order_id: str


@dataclass(frozen=True, slots=True)
class LimitOrder(MarketOrder):
    """An order that rests at its price until it is filled or cancelled."""

    price: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class TriggerOrder(MarketOrder):
    """An order that becomes a market order at its trigger. `kind` STOP_MARKET or TAKE_PROFIT_MARKET."""

    trigger_price: Decimal = Decimal(0)
    kind: str = "STOP_MARKET"


@dataclass(frozen=True, slots=True)
class StopOrder:
    """A protective stop (or a take-profit) to place; without `quantity` it closes the whole position side."""

    market: Market
    position_side: str
    trigger_price: Decimal
    client_order_id: str
    quantity: Decimal | None = None
    kind: str = "STOP_MARKET"

    @property
    def side(self) -> str:
        """The side of the closing order."""
        return "SELL" if self.position_side == "LONG" else "BUY"


@dataclass(frozen=True, slots=True)
class Session:
    """One account during one request: gateway, remembered state and the key."""

    gateway: Gateway
    state: AccountState
    key: tuple[str, str, str] = field(repr=False)


class Adapter(Protocol):
    """What the executor needs of a venue. Every method raises `VenueError`."""

    async def prepare(self, market: Market, leverage: int | None, adding: bool) -> None: ...
    async def send_market(self, order: MarketOrder, priority: Priority) -> OrderFact: ...
    async def send_limit(self, order: LimitOrder, priority: Priority) -> OrderFact: ...
    async def send_trigger(self, order: TriggerOrder, priority: Priority) -> StopFact: ...
    async def cancel_order(self, market: Market, client_order_id: str) -> bool: ...
    async def send_stop(self, stop: StopOrder) -> StopFact: ...
    async def find_order(self, market: Market, client_order_id: str) -> OrderFact | None: ...
    async def find_stop(self, market: Market, client_order_id: str) -> StopFact | None: ...
    async def find_by_exchange_id(self, market: Market, order_id: str) -> OrderFact | None: ...
    async def open_stops(self, market: Market) -> list[StopFact]: ...
    async def cancel_stop(self, market: Market, client_order_id: str) -> bool: ...
    async def trades_of(self, market: Market, order_id: str) -> list[Trade]: ...
    async def recent_trades(self, market: Market, since_ms: int | None) -> list[Trade]: ...
    async def incomes(self, since_ms: int, limit: int) -> list[IncomeFact]: ...
    async def balance(self) -> BalanceFact: ...
    async def positions(self) -> list[PositionFact]: ...
    async def key_facts(self) -> dict[str, Any]: ...
