"""The present prices as Decimals, made only for the symbols somebody asks for."""

from __future__ import annotations

import math
from decimal import Decimal

from backend.paper_exchange.errors import refuse
from backend.paper_exchange.sources.base import Source
from backend.paper_exchange.symbols import ZERO


class Prices:
    """Exact view of a source's present and previous tick; ``refresh`` after every tick."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._index = {name: i for i, name in enumerate(source.symbols)}
        self._now: dict[str, Decimal] = {}
        self._before: dict[str, Decimal] = {}

    def refresh(self) -> None:
        """Forgets what was computed for the tick before."""
        self._now.clear()
        self._before.clear()

    def market_ms(self) -> int:
        """Market time, ms."""
        return self.source.market_ms()

    @property
    def continuous(self) -> bool:
        """Whether the price moved here through all prices in between."""
        return self.source.continuous

    def last(self, symbol: str) -> Decimal:
        """The present price; 0 when the symbol never traded."""
        found = self._now.get(symbol)
        if found is None:
            found = self._now[symbol] = self._exact(symbol, float(self.source.prices[self._index[symbol]]))
        return found

    def previous(self, symbol: str) -> Decimal:
        """The price one tick ago."""
        found = self._before.get(symbol)
        if found is None:
            value = float(self.source.previous[self._index[symbol]])
            found = self._before[symbol] = self._exact(symbol, value)
        return found

    def tradable(self, symbol: str) -> Decimal:
        """The present price, refusing a symbol that has none (-4140)."""
        price = self.last(symbol)
        if not price:
            raise refuse(-4140)
        return price

    def _exact(self, symbol: str, value: float) -> Decimal:
        return self.source.specs[symbol].price(value) if math.isfinite(value) and value > 0 else ZERO
