"""A book of the simulated exchange on a hand-written market, without HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from backend.market.rules import INTERVAL_MS
from backend.paper_exchange.book import Book
from backend.paper_exchange.conditionals import place_algo
from backend.paper_exchange.config import PaperConfig
from backend.paper_exchange.desk import place
from backend.paper_exchange.model import Account, Algo, Order
from backend.paper_exchange.prices import Prices
from backend.paper_exchange.requests import parse_order
from backend.paper_exchange.sources.base import ArrayMarket
from backend.paper_exchange.symbols import make_spec
from backend.paper_exchange.ticks import on_tick

Bar = tuple[float, float, float, float]
START_MS = 1_735_689_600_000
WALL_MS = 1_800_000_000_000


class WrittenMarket(ArrayMarket):
    """Hourly bars as given; the first bar is the present one."""

    interval_ms = INTERVAL_MS["1h"]

    def __init__(self, bars: Mapping[str, Sequence[Bar]], tick: str) -> None:
        super().__init__()
        self.symbols = tuple(bars)
        table = np.array([list(rows) for rows in bars.values()], dtype=np.float64)
        o, h, low, c = (np.ascontiguousarray(table[:, :, i].T) for i in range(4))
        self.bars = (o, h, low, c, np.full_like(o, 1000.0))
        self.times = START_MS + np.arange(len(o), dtype=np.int64) * self.interval_ms
        self.specs = {name: make_spec(name, float(o[0, i]), Decimal(tick)) for i, name in enumerate(self.symbols)}
        self.rate = Decimal("0.0001")
        self._seat(0, 0)

    async def open(self, saved: Any, snapshots: Any) -> None:
        return None

    def state(self) -> dict[str, Any]:
        return {}

    def funding_rate(self, symbol: str, time_ms: int) -> Decimal:
        return self.rate


class Bench:
    """A book with one funded account. ``go`` walks ticks, ``buy``/``sell`` send orders by parameters."""

    def __init__(
        self, bars: Mapping[str, Sequence[Bar]], balance: str = "10000", tick: str = "0.01", **config: Any
    ) -> None:
        config.setdefault("slippage_bps", Decimal(0))
        self.market = WrittenMarket(bars, tick)
        self.prices = Prices(self.market)
        self.book = Book(PaperConfig(**config), self.market.specs, self.prices, lambda: WALL_MS)
        self.account = self.book.open_account("trader", Decimal(balance))
        self.symbol = self.market.symbols[0]

    async def go(self, ticks: int = 1) -> None:
        """Walks the market."""
        for _ in range(ticks):
            before = self.market.market_ms()
            assert await self.market.advance()
            self.prices.refresh()
            on_tick(self.book, before)

    def order(self, side: str, qty: str, account: Account | None = None, **params: str) -> Order:
        """A plain order, MARKET unless a price is given."""
        who = account or self.account
        full = {"symbol": self.symbol, "side": side, "quantity": qty, "type": "MARKET", **params}
        if "price" in params:
            full |= {"type": "LIMIT", "timeInForce": params.get("timeInForce", "GTC")}
        spec = self.market.specs[full["symbol"]]
        return place(self.book, who, parse_order(full, spec, who.dual, conditional=False))

    def algo(self, side: str, kind: str, **params: str) -> Algo:
        """A conditional order."""
        full = {"symbol": self.symbol, "side": side, "type": kind, "algoType": "CONDITIONAL", **params}
        spec = self.market.specs[full["symbol"]]
        request = parse_order(full, spec, self.account.dual, conditional=True)
        return place_algo(self.book, self.account, request)

    def amount(self, side: str = "BOTH", symbol: str | None = None) -> Decimal:
        """Signed size of a position."""
        held = self.account.positions.get((symbol or self.symbol, side))
        return held.amount if held else Decimal(0)
