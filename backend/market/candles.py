"""A rolling window of closed candles for all watched symbols, kept current bar by bar."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.errors import IronBullError

_FIELDS = ("open", "high", "low", "close", "volume")


class BadMarketData(IronBullError):
    """The market data source sent something that is not a candle table. Nothing was stored; the next poll asks again."""

    code = "bad_market_data"
    status = 502


@dataclass(frozen=True)
class Bars:
    """Closed bars of many symbols in time order; values are ``[bar][symbol]``, NaN where a symbol has none."""

    interval_ms: int
    symbols: tuple[str, ...]
    times_ms: tuple[int, ...]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Bars:
        """From the bulk feed's JSON. Raises ``BadMarketData`` when a part is missing or has the wrong shape."""
        try:
            symbols = tuple(str(name) for name in body["symbols"])
            times = tuple(int(value) for value in body["times"])
            columns = {name: _table(body[name], len(times), len(symbols)) for name in _FIELDS}
            return cls(int(body["interval_ms"]), symbols, times, **columns)
        except (KeyError, TypeError, ValueError) as error:
            raise BadMarketData() from error


def _table(rows: Sequence[Sequence[float | None]], bars: int, symbols: int) -> NDArray[np.float64]:
    table = np.array([[math.nan if v is None else float(v) for v in row] for row in rows], dtype=np.float64)
    if bars == 0:
        return np.empty((0, symbols))
    if table.shape != (bars, symbols):
        raise ValueError("candle table has the wrong shape")
    return table


def _clean(bars: Bars) -> Bars:
    """A bar that cannot be (not positive, high below low, not finite) is treated as missing, whole."""
    columns = [getattr(bars, name).copy() for name in _FIELDS]
    o, h, low, c, v = columns
    with np.errstate(invalid="ignore"):
        good = (o > 0) & (h > 0) & (low > 0) & (c > 0) & (v >= 0) & (h >= low) & (h >= o) & (h >= c)
        good &= (low <= o) & (low <= c) & np.isfinite(h) & np.isfinite(v)
    for column in columns:
        column[~good] = np.nan
    return Bars(bars.interval_ms, bars.symbols, bars.times_ms, o, h, low, c, v)


class CandleWindow:
    """The last ``capacity`` closed bars. Gaps in time become NaN bars; repeats and late bars are ignored."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.interval_ms = 0
        self.symbols: tuple[str, ...] = ()
        self._times: NDArray[np.int64] = np.empty(2 * capacity, dtype=np.int64)
        self._data: NDArray[np.float64] = np.empty((5, 0, 2 * capacity))
        self._start = 0
        self._end = 0

    def __len__(self) -> int:
        return self._end - self._start

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """Opening times of the bars held, oldest first."""
        return self._times[self._start : self._end]

    @property
    def last_ms(self) -> int | None:
        """Opening time of the newest closed bar, None while empty."""
        return int(self._times[self._end - 1]) if len(self) else None

    def extend(self, bars: Bars) -> int:
        """Add newer bars. Returns how many bars were added, padding included."""
        if not bars.times_ms:
            return 0
        bars = _clean(bars)
        if bars.symbols != self.symbols or bars.interval_ms != self.interval_ms:
            self._adopt(bars)
        table = np.stack([getattr(bars, name) for name in _FIELDS])
        empty = np.full((5, len(self.symbols)), np.nan)
        added = 0
        for index, time_ms in enumerate(bars.times_ms):
            last = self.last_ms
            if last is not None:
                if time_ms <= last:
                    continue
                missing = min((time_ms - last) // self.interval_ms - 1, self.capacity)
                for step in range(missing, 0, -1):
                    self._push(time_ms - step * self.interval_ms, empty)
                added += max(missing, 0)
            self._push(time_ms, table[:, index])
            added += 1
        return added

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Contiguous ``[symbol, bar]`` copies by field name."""
        return {name: np.ascontiguousarray(self._data[i, :, self._start : self._end]) for i, name in enumerate(_FIELDS)}

    def _adopt(self, bars: Bars) -> None:
        """New symbol list or first use: keep what is known of each symbol."""
        known = {symbol: row for row, symbol in enumerate(self.symbols)}
        data = np.full((5, len(bars.symbols), 2 * self.capacity), np.nan)
        if bars.interval_ms == self.interval_ms:
            for row, symbol in enumerate(bars.symbols):
                if symbol in known:
                    data[:, row] = self._data[:, known[symbol]]
        else:
            self._start = self._end = 0
        self.symbols, self.interval_ms, self._data = bars.symbols, bars.interval_ms, data

    def _push(self, time_ms: int, row: NDArray[np.float64]) -> None:
        if self._end == len(self._times):
            count = len(self)
            self._times[:count] = self._times[self._start : self._end].copy()
            self._data[:, :, :count] = self._data[:, :, self._start : self._end].copy()
            self._start, self._end = 0, count
        self._times[self._end] = time_ms
        self._data[:, :, self._end] = row
        self._end += 1
        self._start = max(self._start, self._end - self.capacity)
