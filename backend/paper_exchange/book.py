"""The exchange's live state and the only place that books on it: fills, incomes, expiries.

Everything is synchronous, so one request or one tick is atomic within the event loop. What was touched
collects in ``changes`` until the store has written it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from backend.paper_exchange.config import PaperConfig
from backend.paper_exchange.margin import Summary, summarize
from backend.paper_exchange.model import Account, Algo, Income, Order, Position, Trade
from backend.paper_exchange.prices import Prices
from backend.paper_exchange.symbols import ZERO, SymbolSpec, money

# Ids begin high so that all have the same length: clients sort them as texts.
FIRST_ID = 1_000_000_001


@dataclass
class Changes:
    """Touched records, each once, in the order they were first touched."""

    accounts: dict[int, Account] = field(default_factory=dict)
    positions: dict[tuple[int, str, str], Position] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    algos: dict[int, Algo] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    incomes: list[Income] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.accounts or self.positions or self.orders or self.algos or self.trades or self.incomes)


class Book:
    """All accounts of one exchange with their open orders and positions."""

    def __init__(
        self, config: PaperConfig, specs: Mapping[str, SymbolSpec], prices: Prices, wall_ms: Callable[[], int]
    ) -> None:
        self.config = config
        self.specs = specs
        self.prices = prices
        self.wall_ms = wall_ms
        self.accounts: dict[int, Account] = {}
        self.by_key: dict[str, Account] = {}
        self.by_name: dict[str, Account] = {}
        self.open_orders: dict[str, dict[int, Order]] = {}
        self.open_algos: dict[str, dict[int, Algo]] = {}
        # Conditional orders whose plain order still works in the book.
        self.triggered: dict[int, Algo] = {}
        # Dead-man switch: (account id, symbol) -> wall ms at which its orders are cancelled.
        self.countdowns: dict[tuple[int, str], int] = {}
        self.next_order_id = FIRST_ID
        self.next_trade_id = FIRST_ID
        self.next_tran_id = FIRST_ID
        self.changes = Changes()
        # Answers whether a client id was ever used; the store knows the closed orders.
        self.client_id_used: Callable[[int, str], bool] = lambda _account_id, _client_id: False

    # --- accounts ---------------------------------------------------------------------------------
    def adopt(self, account: Account) -> None:
        """Takes an account into the live state (a new one, or one read from the store)."""
        self.accounts[account.account_id] = account
        self.by_key[account.api_key] = account
        self.by_name[account.name] = account
        for order in account.orders.values():
            self.open_orders.setdefault(order.symbol, {})[order.order_id] = order
        for algo in account.algos.values():
            self.open_algos.setdefault(algo.symbol, {})[algo.algo_id] = algo

    def open_account(self, name: str, balance: Decimal) -> Account:
        """The account of that name; a new one is funded with ``balance`` USDT as a TRANSFER."""
        known = self.by_name.get(name)
        if known is not None:
            return known
        account = Account(
            account_id=max(self.accounts, default=0) + 1,
            name=name,
            api_key=secrets.token_hex(32),
            api_secret=secrets.token_hex(32),
            created_ms=self.wall_ms(),
        )
        self.adopt(account)
        self.touch(account)
        if balance:
            self.book_income(account, "", "TRANSFER", balance, info="TRANSFER")
        return account

    def touch(self, account: Account) -> None:
        """Marks an account as changed."""
        account.update_ms = self.wall_ms()
        self.changes.accounts[account.account_id] = account

    def summary(self, account: Account) -> Summary:
        """The account's margin at the present prices."""
        return summarize(account, self.specs, self.prices.last)

    # --- bookings ---------------------------------------------------------------------------------
    def book_income(
        self, account: Account, symbol: str, kind: str, amount: Decimal, *, trade_id: int = 0, info: str = ""
    ) -> Income:
        """Adds a booking to the wallet; every change of a wallet goes through here."""
        income = Income(
            self.next_tran_id, account.account_id, symbol, kind, amount, trade_id, info,
            self.wall_ms(), self.prices.market_ms(),
        )  # fmt: skip
        self.next_tran_id += 1
        account.wallet += amount
        self.changes.incomes.append(income)
        self.touch(account)
        return income

    def add_order(self, account: Account, order: Order) -> None:
        """Records a new order; an open one joins the book."""
        order.created_ms = order.update_ms = self.wall_ms()
        order.market_ms = self.prices.market_ms()
        self.next_order_id += 1
        account.orders[order.order_id] = order
        self.open_orders.setdefault(order.symbol, {})[order.order_id] = order
        self.changes.orders[order.order_id] = order

    def set_status(self, order: Order, status: str) -> None:
        """Changes an order's status; a closed order leaves the book."""
        order.status = status
        order.update_ms = self.wall_ms()
        order.market_ms = self.prices.market_ms()
        self.changes.orders[order.order_id] = order
        if not order.is_open:
            self.accounts[order.account_id].orders.pop(order.order_id, None)
            self.open_orders[order.symbol].pop(order.order_id, None)
            source = self.triggered.pop(order.algo_id, None)
            if source is not None:
                self.set_algo_status(source, "FINISHED")

    def add_algo(self, account: Account, algo: Algo) -> None:
        """Records a new conditional order."""
        algo.created_ms = algo.update_ms = self.wall_ms()
        algo.market_ms = self.prices.market_ms()
        self.next_order_id += 1
        account.algos[algo.algo_id] = algo
        self.open_algos.setdefault(algo.symbol, {})[algo.algo_id] = algo
        self.changes.algos[algo.algo_id] = algo

    def set_algo_status(self, algo: Algo, status: str) -> None:
        """Changes a conditional order's status; one that no longer waits leaves the book."""
        algo.status = status
        algo.update_ms = self.wall_ms()
        algo.market_ms = self.prices.market_ms()
        self.changes.algos[algo.algo_id] = algo
        if not algo.is_open:
            self.accounts[algo.account_id].algos.pop(algo.algo_id, None)
            self.open_algos.get(algo.symbol, {}).pop(algo.algo_id, None)

    def fill(self, account: Account, order: Order, qty: Decimal, price: Decimal, *, maker: bool) -> Trade:
        """Trades ``qty`` of an order at ``price``: position, realised PnL, fee, status.

        When the position became flat, the orders that could only close it expire.
        """
        now, market = self.wall_ms(), self.prices.market_ms()
        position = account.position(order.symbol, order.position_side)
        setting = account.setting(order.symbol)
        before = position.amount
        opening, realized = qty, ZERO
        if before and (before > 0) != order.is_buy:
            closing = min(abs(before), qty)
            opening = qty - closing
            realized = self._reduce(position, closing, price)
        if opening:
            signed = opening if order.is_buy else -opening
            position.amount += signed
            position.cost += signed * price
            if setting.isolated:
                position.margin += money(opening * price / setting.leverage)
        position.update_ms, position.market_ms = now, market
        self.changes.positions[account.account_id, position.symbol, position.side] = position

        quote = qty * price
        rate = self.config.maker_fee_bps if maker else self.config.taker_fee_bps
        fee = money(quote * rate / 10_000)
        trade = Trade(
            self.next_trade_id, account.account_id, order.symbol, order.order_id, order.side,
            order.position_side, price, qty, quote, realized, fee, maker, now, market,
        )  # fmt: skip
        self.next_trade_id += 1
        self.changes.trades.append(trade)
        if realized:
            self.book_income(account, order.symbol, "REALIZED_PNL", realized, trade_id=trade.trade_id)
        if fee:
            self.book_income(account, order.symbol, "COMMISSION", -fee, trade_id=trade.trade_id)
        self.touch(account)
        order.filled += qty
        order.quote += quote
        self.set_status(order, "FILLED" if order.filled >= order.qty else "PARTIALLY_FILLED")
        if before and (not position.amount or (position.amount > 0) != (before > 0)):
            self.expire_closers(account, position, was_long=before > 0)
        if not position.amount:
            del account.positions[position.symbol, position.side]
        return trade

    def _reduce(self, position: Position, closing: Decimal, price: Decimal) -> Decimal:
        """Takes ``closing`` off a position and returns the realised PnL, rounded to what is booked."""
        size = abs(position.amount)
        sign = 1 if position.amount > 0 else -1
        if closing == size:
            cost, margin = position.cost, position.margin
        else:
            cost = money(position.cost * closing / size)
            margin = money(position.margin * closing / size)
        position.amount -= sign * closing
        position.cost -= cost
        position.margin -= margin
        return money(sign * closing * price - cost)

    def expire_closers(self, account: Account, position: Position, was_long: bool) -> None:
        """Expires what could only have closed a position that is gone."""
        side = "SELL" if was_long else "BUY"
        flat = not position.amount

        def closes(item: Order | Algo) -> bool:
            if item.symbol != position.symbol or item.position_side != position.side:
                return False
            if item.position_side != "BOTH":
                return item.side == side
            return item.reduce_only and (flat or item.side == side)

        for algo in [a for a in account.algos.values() if closes(a)]:
            self.set_algo_status(algo, "EXPIRED")
        for order in [o for o in account.orders.values() if closes(o)]:
            order.waiting.clear()
            self.set_status(order, "EXPIRED")
