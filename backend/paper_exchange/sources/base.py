"""What a price source offers, and the bars-in-arrays part that simulated and replayed markets share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from backend.market.rules import INTERVAL_MS, TICKS_PER_BAR, bar_path
from backend.paper_exchange.symbols import SymbolSpec

Floats = NDArray[np.float64]
DAY_MS = 86_400_000
FUNDING_MS = 8 * 3_600_000


@dataclass(frozen=True)
class Candles:
    """Bars of many symbols: ``times`` = open ms [T]; ``fields`` open, high, low, close, volume, each [T, S].

    NaN where a symbol has no bar. ``symbols`` gives the columns.
    """

    interval_ms: int
    symbols: tuple[str, ...]
    times: NDArray[np.int64]
    fields: tuple[Floats, Floats, Floats, Floats, Floats]


@dataclass(frozen=True)
class Place:
    """Where the market clock stands: the forming bar, its tick and whether the market has ended."""

    bar_open_ms: int
    tick: int
    done: bool


class Source(Protocol):
    """A market: contracts, a tick clock and candles. ``prices[i]`` belongs to ``symbols[i]``."""

    interval_ms: int
    symbols: tuple[str, ...]
    specs: dict[str, SymbolSpec]
    prices: Floats
    previous: Floats
    # False when the price jumped here (first tick of a bar, or polled), so nothing traded in between.
    continuous: bool

    async def open(self, saved: Mapping[str, Any] | None, snapshots: Mapping[int, bytes]) -> None: ...
    async def advance(self) -> bool: ...
    def place(self) -> Place: ...
    def market_ms(self) -> int: ...
    def state(self) -> dict[str, Any]: ...
    def take_snapshots(self) -> dict[int, bytes]: ...
    def funding_rate(self, symbol: str, time_ms: int) -> Decimal: ...
    async def candles(
        self, symbols: Sequence[str], interval_ms: int, since_ms: int | None, limit: int, forming: bool
    ) -> Candles: ...
    def day(self) -> tuple[Floats, Floats, Floats, Floats, Floats]: ...
    async def close(self) -> None: ...


def synthetic_funding(seed: int, symbol: str, time_ms: int) -> Decimal:
    """Funding rate of a simulated contract at a funding time: 1 bp on average, at most 7.5 bps either way."""
    digest = hashlib.blake2b(f"{seed}/{symbol}/{time_ms // FUNDING_MS}".encode(), digest_size=8).digest()
    uniform = sum(digest) / (8 * 255) - 0.5
    return Decimal(str(round(max(-0.00075, min(0.00075, 0.0001 + 0.002 * uniform)), 8)))


def aggregate(
    times: NDArray[np.int64], fields: Sequence[Floats], interval_ms: int
) -> tuple[NDArray[np.int64], tuple[Floats, Floats, Floats, Floats, Floats]]:
    """Sums bars up to a larger interval. Rows must be in time order; NaN cells count as absent."""
    o, h, low, c, v = fields
    if not len(times):
        return times, (o, h, low, c, v)
    buckets = times - times % interval_ms
    starts = np.flatnonzero(np.r_[True, buckets[1:] != buckets[:-1]])
    ends = np.r_[starts[1:], len(times)]
    opens, closes = o[starts].copy(), c[ends - 1].copy()
    for shift in range(1, int((ends - starts).max())):
        later, earlier = np.minimum(starts + shift, ends - 1), np.maximum(ends - 1 - shift, starts)
        opens = np.where(np.isnan(opens), o[later], opens)
        closes = np.where(np.isnan(closes), c[earlier], closes)
    volume = np.add.reduceat(np.nan_to_num(v), starts, axis=0)
    volume[np.isnan(closes)] = np.nan
    return buckets[starts], (
        opens,
        np.fmax.reduceat(h, starts, axis=0),
        np.fmin.reduceat(low, starts, axis=0),
        closes,
        volume,
    )


class ArrayMarket:
    """A market whose bars lie in arrays: rows before ``row`` are closed, ``row`` is forming at ``tick``.

    A subclass fills ``times`` and ``bars`` and, when it makes bars as it goes, extends them in ``_need_row``.
    """

    interval_ms: int
    symbols: tuple[str, ...]
    specs: dict[str, SymbolSpec]
    times: NDArray[np.int64]
    bars: tuple[Floats, Floats, Floats, Floats, Floats]

    def __init__(self) -> None:
        self.row = 0
        self.tick = 0
        self.done = False
        self.continuous = False
        self.prices: Floats = np.zeros(0)
        self.previous: Floats = np.zeros(0)
        self._path: tuple[Floats, Floats, Floats, Floats] | None = None

    def _need_row(self) -> bool:
        """Makes ``row`` readable; False when the market has ended."""
        return self.row < len(self.times)

    def _load_path(self) -> None:
        o, h, low, c = (field[self.row] for field in self.bars[:4])
        rising = c >= o
        first, last = bar_path(0, 1, 2, 3), bar_path(3, 1, 2, 0)
        up = [(o, h, low, c)[i] for i in first]
        down = [(c, h, low, o)[i] for i in last]
        p0, p1, p2, p3 = (np.where(rising, a, b) for a, b in zip(up, down, strict=True))
        self._path = (p0, p1, p2, p3)

    def _seat(self, row: int, tick: int) -> None:
        """Puts the clock on a bar and tick; prices of the tick before are what the bar itself tells."""
        self.row, self.tick = row, tick
        self._need_row()
        self._load_path()
        assert self._path is not None
        last_closes = self.bars[3][max(0, row - 1)]
        self.prices = np.where(np.isnan(self._path[0]), last_closes, self._path[0])
        self.previous = self.prices
        for step in range(1, tick + 1):
            self.previous = self.prices
            self.prices = np.where(np.isnan(self._path[step]), self.prices, self._path[step])
        self.continuous = tick > 0

    async def advance(self) -> bool:
        """Moves to the next tick; False when the market has ended (prices then stand still)."""
        if self.done:
            return False
        if self.tick + 1 < TICKS_PER_BAR:
            self.tick += 1
        else:
            self.row += 1
            if not self._need_row():
                self.row -= 1
                self.done = True
                return False
            self.tick = 0
            self._load_path()
        assert self._path is not None
        fresh = self._path[self.tick]
        self.previous = self.prices
        self.prices = np.where(np.isnan(fresh), self.previous, fresh)
        self.continuous = self.tick > 0
        return True

    def place(self) -> Place:
        """The forming bar and its tick."""
        return Place(int(self.times[self.row]), self.tick, self.done)

    def market_ms(self) -> int:
        """Market time of the present tick."""
        return int(self.times[self.row]) + self.tick * (self.interval_ms // TICKS_PER_BAR)

    def _forming(self) -> tuple[Floats, ...]:
        """The forming bar as seen so far."""
        assert self._path is not None
        seen = np.stack(self._path[: self.tick + 1])
        volume = self.bars[4][self.row] * ((self.tick + 1) / TICKS_PER_BAR)
        return seen[0], seen.max(axis=0), seen.min(axis=0), seen[-1], volume

    async def candles(
        self, symbols: Sequence[str], interval_ms: int, since_ms: int | None, limit: int, forming: bool
    ) -> Candles:
        """Up to ``limit`` bars: the first ones from ``since_ms`` on, or the last ones.

        ``forming`` adds the unfinished bar (as the venue's klines do); without it all bars are closed.
        """
        per = max(1, interval_ms // self.interval_ms)
        stop = self.row
        low_row = 0
        if since_ms is not None:
            low_row = int(np.searchsorted(self.times[:stop], since_ms - since_ms % interval_ms))
            stop = min(stop, low_row + (limit + 1) * per)
        else:
            low_row = max(0, stop - (limit + 1) * per)
        index = {name: i for i, name in enumerate(self.symbols)}
        columns = np.array([index[name] for name in symbols], dtype=np.intp)
        every = len(columns) == len(self.symbols)
        times = self.times[low_row:stop]
        fields = [f[low_row:stop] if every else f[low_row:stop][:, columns] for f in self.bars]
        if forming and stop == self.row:
            times = np.r_[times, self.times[self.row]]
            fields = [
                np.vstack([f, part if every else part[columns]])
                for f, part in zip(fields, self._forming(), strict=True)
            ]
        if interval_ms > self.interval_ms:
            times, summed = aggregate(times, fields, interval_ms)
            fields = list(summed)
            first = 1 if len(times) and self.times[low_row] > times[0] else 0
            end = len(times)
            if not forming and end and times[-1] + interval_ms > int(self.times[self.row]):
                end -= 1
            times, fields = times[first:end], [f[first:end] for f in fields]
        if since_ms is not None:
            begin = int(np.searchsorted(times, since_ms))
            cut = slice(begin, begin + limit)
        else:
            cut = slice(max(0, len(times) - limit), len(times))
        o, h, low, c, v = (f[cut] for f in fields)
        return Candles(interval_ms, tuple(symbols), times[cut], (o, h, low, c, v))

    def day(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Open, high, low, volume and quote volume of the last 24 hours per symbol, forming bar included."""
        start = max(0, self.row - DAY_MS // self.interval_ms + 1)
        now = self._forming()
        o, h, low, c, v = (np.vstack([f[start : self.row], part]) for f, part in zip(self.bars, now, strict=True))
        first = o[0].copy()
        for i in range(1, len(o)):
            if not np.isnan(first).any():
                break
            first = np.where(np.isnan(first), o[i], first)
        return (
            first,
            np.fmax.reduce(h, axis=0),
            np.fmin.reduce(low, axis=0),
            np.nansum(v, axis=0),
            np.nansum(v * c, axis=0),
        )

    def take_snapshots(self) -> dict[int, bytes]:
        """Generator states to be kept, made since the last call; a market read from files has none."""
        return {}

    async def close(self) -> None:
        """Frees what the source holds."""


def known_interval(interval_ms: int) -> int | None:
    """The supported interval within 1 % of a measured one."""
    return next((ms for ms in INTERVAL_MS.values() if abs(ms - interval_ms) <= ms * 0.01), None)
