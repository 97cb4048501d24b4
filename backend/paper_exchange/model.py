"""Accounts, positions, orders and bookings of the simulated exchange.

Amounts are signed coins, money is USDT, both Decimal. ``*_ms`` without "market" is wall time, as the venue
reports it; ``market_ms`` is the market clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from backend.paper_exchange.symbols import ZERO

OPEN_STATUSES = frozenset({"NEW", "PARTIALLY_FILLED"})
STOP_TYPES = frozenset({"STOP", "STOP_MARKET"})
PROFIT_TYPES = frozenset({"TAKE_PROFIT", "TAKE_PROFIT_MARKET"})
CONDITIONAL_TYPES = STOP_TYPES | PROFIT_TYPES | {"TRAILING_STOP_MARKET"}
LIMIT_CONDITIONALS = frozenset({"STOP", "TAKE_PROFIT"})


@dataclass(slots=True)
class Setting:
    """What an account chose for one symbol."""

    leverage: int = 20
    isolated: bool = False


@dataclass(slots=True)
class Position:
    """``amount`` is signed coins, ``cost`` the signed USDT paid for it, so entry = cost / amount and
    unrealised PnL = amount * price - cost on both sides. ``margin`` is the isolated margin, 0 when cross."""

    account_id: int
    symbol: str
    side: str
    amount: Decimal = ZERO
    cost: Decimal = ZERO
    margin: Decimal = ZERO
    update_ms: int = 0
    market_ms: int = 0

    @property
    def entry(self) -> Decimal:
        """Average entry price; 0 when flat."""
        return self.cost / self.amount if self.amount else ZERO

    def pnl(self, price: Decimal) -> Decimal:
        """Unrealised PnL in USDT at this price."""
        return self.amount * price - self.cost


@dataclass(slots=True)
class Order:
    """An order in the book or its history. ``waiting`` holds quantities still to be filled tick by tick."""

    order_id: int
    account_id: int
    symbol: str
    client_id: str
    side: str
    position_side: str
    kind: str
    qty: Decimal
    price: Decimal = ZERO
    tif: str = "GTC"
    reduce_only: bool = False
    status: str = "NEW"
    filled: Decimal = ZERO
    quote: Decimal = ZERO
    orig_kind: str = ""
    trigger: Decimal = ZERO
    close_position: bool = False
    algo_id: int = 0
    created_ms: int = 0
    update_ms: int = 0
    market_ms: int = 0
    waiting: list[Decimal] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def rest(self) -> Decimal:
        return self.qty - self.filled

    @property
    def is_buy(self) -> bool:
        return self.side == "BUY"


@dataclass(slots=True)
class Algo:
    """A conditional order; when its trigger is reached it sends the plain order ``actual_id``."""

    algo_id: int
    account_id: int
    symbol: str
    client_id: str
    side: str
    position_side: str
    kind: str
    qty: Decimal
    trigger: Decimal = ZERO
    price: Decimal = ZERO
    tif: str = "GTC"
    reduce_only: bool = False
    close_position: bool = False
    working_type: str = "CONTRACT_PRICE"
    callback_rate: Decimal = ZERO
    activate: Decimal = ZERO
    active: bool = False
    extreme: Decimal = ZERO
    status: str = "NEW"
    actual_id: int = 0
    actual_price: Decimal = ZERO
    created_ms: int = 0
    update_ms: int = 0
    trigger_ms: int = 0
    market_ms: int = 0

    @property
    def is_open(self) -> bool:
        return self.status == "NEW"

    @property
    def is_buy(self) -> bool:
        return self.side == "BUY"


@dataclass(slots=True)
class Trade:
    """One fill. ``fee`` is paid (negative = rebate), ``realized`` excludes it."""

    trade_id: int
    account_id: int
    symbol: str
    order_id: int
    side: str
    position_side: str
    price: Decimal
    qty: Decimal
    quote: Decimal
    realized: Decimal
    fee: Decimal
    maker: bool
    time_ms: int
    market_ms: int


@dataclass(slots=True)
class Income:
    """One booking on a wallet; a wallet is the sum of its bookings."""

    tran_id: int
    account_id: int
    symbol: str
    kind: str
    amount: Decimal
    trade_id: int
    info: str
    time_ms: int
    market_ms: int


@dataclass(slots=True)
class Account:
    """One futures account. ``orders`` and ``algos`` hold the open ones only."""

    account_id: int
    name: str
    api_key: str
    api_secret: str
    wallet: Decimal = ZERO
    dual: bool = False
    created_ms: int = 0
    update_ms: int = 0
    settings: dict[str, Setting] = field(default_factory=dict)
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    algos: dict[int, Algo] = field(default_factory=dict)

    def setting(self, symbol: str) -> Setting:
        """The account's choice for a symbol, the venue's default if it never chose."""
        found = self.settings.get(symbol)
        if found is None:
            found = self.settings[symbol] = Setting()
        return found

    def position(self, symbol: str, side: str) -> Position:
        """The position record, made flat when there is none."""
        found = self.positions.get((symbol, side))
        if found is None:
            found = self.positions[symbol, side] = Position(self.account_id, symbol, side)
        return found

    def held(self) -> list[Position]:
        """Positions that are not flat."""
        return [p for p in self.positions.values() if p.amount]
