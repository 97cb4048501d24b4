"""A market made from a seed: trends and ranges, volatility clusters, shocks shared by all contracts.

Bars are made in blocks of one day. The randomness of block n depends on (seed, n) only and the state at each
block's start is kept, so the market can be continued anywhere by making the last month of blocks again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from backend.market.rules import INTERVAL_MS
from backend.paper_exchange.config import PaperConfig
from backend.paper_exchange.sources.base import ArrayMarket, Floats, synthetic_funding
from backend.paper_exchange.sources.catalogue import listing
from backend.paper_exchange.symbols import make_spec

BLOCK_BARS = 96
HISTORY_BLOCKS = 30
INTERVAL = INTERVAL_MS["15m"]

_FACTOR_VOL = 0.0016
_SWITCH_CHANCE = 1 / 110
_PULL_HOME = 0.0004
_PULL_RANGE = 0.03
_TREND = 0.11


@dataclass
class _State:
    """Generator state at a block's start: per symbol log price, its range anchor, log volatility, regime
    (-1, 0, +1); and the same of the common factor in the last two cells of ``factor``."""

    log_price: Floats
    anchor: Floats
    vol: Floats
    regime: Floats
    factor: Floats

    def pack(self) -> bytes:
        return np.concatenate([self.log_price, self.anchor, self.vol, self.regime, self.factor]).tobytes()

    @classmethod
    def unpack(cls, blob: bytes, size: int) -> _State:
        flat = np.frombuffer(blob, dtype=np.float64).copy()
        if len(flat) != 4 * size + 2:
            raise ValueError("a saved market state does not fit the number of contracts")
        a, b, c, d = (flat[i * size : (i + 1) * size] for i in range(4))
        return cls(a, b, c, d, flat[4 * size :])


class SimulatedSource(ArrayMarket):
    """The default market: about 150 contracts on 15-minute bars, a month of history, no end."""

    interval_ms = INTERVAL

    def __init__(self, config: PaperConfig) -> None:
        super().__init__()
        self.seed = config.seed
        self.start_ms = config.start_ms - config.start_ms % 86_400_000
        wanted = [(symbol, price) for symbol, price in listing() if config.symbols is None or symbol in config.symbols][
            : config.max_symbols
        ]
        if not wanted:
            raise ValueError("none of the configured symbols exists in the simulated market")
        self.symbols = tuple(symbol for symbol, _ in wanted)
        home = np.array([price for _, price in wanted])
        rank = np.arange(len(home))
        traits = np.random.default_rng([self.seed, 0xA11])
        self._home = np.log(home * np.exp(traits.normal(0, 0.05, len(home))))
        self._beta = np.clip(0.85 + 0.3 * np.sqrt(rank / 150) + traits.normal(0, 0.12, len(home)), 0.6, 1.6)
        self._own_vol = np.clip(
            0.0009 + 0.0028 * np.sqrt(rank / 150) * traits.lognormal(0, 0.2, len(home)), 0.0008, 0.0045
        )
        self._turnover = 9e7 / (1 + rank) ** 0.8
        ticks = [_tick_for(price) for price in home]
        # Ticks are powers of ten; dividing by their inverse gives the float nearest to the decimal price.
        self._per_unit = np.array([float(1 / tick) for tick in ticks])
        self.specs = {
            symbol: make_spec(symbol, price, tick) for (symbol, price), tick in zip(wanted, ticks, strict=True)
        }
        self._first_block = 0
        self._end: _State | None = None
        self._snapshots: dict[int, bytes] = {}

    async def open(self, saved: Mapping[str, Any] | None, snapshots: Mapping[int, bytes]) -> None:
        """Starts after a month of history, or where a saved clock stands."""
        bar = int(saved["bar"]) if saved else HISTORY_BLOCKS * BLOCK_BARS
        tick = int(saved["tick"]) if saved else 0
        if saved:
            self.start_ms = int(saved["start_ms"])
        current = bar // BLOCK_BARS
        first = max(0, current - HISTORY_BLOCKS)
        known = [block for block in snapshots if block <= first]
        begin = max(known, default=0)
        state = _State.unpack(snapshots[begin], len(self.symbols)) if known else self._genesis()
        parts: list[tuple[Floats, ...]] = []
        for block in range(begin, current + 1):
            if block >= first:
                self._snapshots[block] = state.pack()
            made = self._make_block(block, state)
            if block >= first:
                parts.append(made)
        self._end = state
        self._first_block = first
        o, h, low, c, v = (np.concatenate(fields) for fields in zip(*parts, strict=True))
        self.bars = (o, h, low, c, v)
        self._set_times()
        self._seat(bar - first * BLOCK_BARS, tick)

    def _set_times(self) -> None:
        begin = self.start_ms + (self._first_block - HISTORY_BLOCKS) * BLOCK_BARS * INTERVAL
        self.times = begin + np.arange(len(self.bars[0]), dtype=np.int64) * INTERVAL

    def _need_row(self) -> bool:
        if self.row < len(self.times):
            return True
        assert self._end is not None
        block = self._first_block + len(self.times) // BLOCK_BARS
        self._snapshots[block] = self._end.pack()
        made = self._make_block(block, self._end)
        surplus = len(self.times) - HISTORY_BLOCKS * BLOCK_BARS
        o, h, low, c, v = (np.concatenate([old[surplus:], new]) for old, new in zip(self.bars, made, strict=True))
        self.bars = (o, h, low, c, v)
        self._first_block += surplus // BLOCK_BARS
        self.row -= surplus
        self._set_times()
        return True

    def state(self) -> dict[str, Any]:
        """What ``open`` needs to continue here."""
        return {
            "bar": self._first_block * BLOCK_BARS + self.row,
            "tick": self.tick,
            "start_ms": self.start_ms,
        }

    def take_snapshots(self) -> dict[int, bytes]:
        """Block states made since the last call, by block number."""
        out, self._snapshots = self._snapshots, {}
        return out

    def funding_rate(self, symbol: str, time_ms: int) -> Decimal:
        """Rate paid at the funding time that ``time_ms`` belongs to."""
        return synthetic_funding(self.seed, symbol, time_ms)

    def _genesis(self) -> _State:
        size = len(self.symbols)
        return _State(self._home.copy(), self._home.copy(), np.zeros(size), np.zeros(size), np.zeros(2))

    def _make_block(self, block: int, state: _State) -> tuple[Floats, ...]:
        """One day of bars (five arrays [96, S]); moves ``state`` to the block's end."""
        size, bars = len(self.symbols), BLOCK_BARS
        rng = np.random.default_rng([self.seed, 1 + block])
        noise = rng.standard_normal((bars, size))
        vol_noise = rng.standard_normal((bars, size)) * 0.14
        switch = rng.random((bars, size)) < _SWITCH_CHANCE
        fresh = rng.choice(np.array([-1.0, 0.0, 1.0]), (bars, size), p=[0.3, 0.4, 0.3])
        jumps = np.where(rng.random((bars, size)) < 1 / 1500, rng.standard_normal((bars, size)) * 6, 0.0)
        common = rng.standard_normal((bars, 2))
        shock = np.where(rng.random(bars) < 1 / 350, rng.standard_normal(bars) * 6, 0.0)
        turn, turn_to = rng.random(bars) < 1 / 160, rng.choice(np.array([-1.0, 0.0, 1.0]), bars)

        log_close, sigma = np.empty((bars, size)), np.empty((bars, size))
        price, anchor, vol, regime = state.log_price, state.anchor, state.vol, state.regime
        factor_vol, factor_regime = state.factor
        starts = price.copy()
        for i in range(bars):
            if turn[i]:
                factor_regime = turn_to[i]
            factor_vol = 0.985 * factor_vol + 0.1 * common[i, 1] + 0.15 * abs(shock[i])
            scale = _FACTOR_VOL * math.exp(min(factor_vol, 1.6))
            factor = scale * common[i, 0] + _FACTOR_VOL * (shock[i] + 0.05 * factor_regime)
            hit = switch[i]
            if hit.any():
                regime = np.where(hit, fresh[i], regime)
                anchor = np.where(hit, price, anchor)
            vol = 0.98 * vol + vol_noise[i]
            own = self._own_vol * np.exp(np.minimum(vol, 1.6))
            ranging = regime == 0
            price = (
                price
                + self._beta * factor
                + own * (noise[i] + jumps[i] + _TREND * regime)
                - ranging * _PULL_RANGE * (price - anchor)
                - _PULL_HOME * (price - self._home)
            )
            log_close[i] = price
            sigma[i] = np.sqrt((self._beta * scale) ** 2 + own**2)
        state.log_price, state.anchor, state.vol, state.regime = price, anchor, vol, regime
        state.factor = np.array([factor_vol, factor_regime])
        return self._shape_bars(rng, starts, log_close, sigma)

    def _shape_bars(
        self, rng: np.random.Generator, starts: Floats, log_close: Floats, sigma: Floats
    ) -> tuple[Floats, ...]:
        """Opens with now and then a gap, highs and lows as of a Brownian bridge, volume that follows moves."""
        shape = log_close.shape
        gaps = np.where(rng.random(shape) < 0.03, rng.standard_normal(shape) * 0.3, 0.0) * sigma
        log_open = np.vstack([starts, log_close[:-1]]) + gaps
        move = log_close - log_open
        reach = 1.4 * sigma**2
        high = log_open + (move + np.sqrt(move**2 - reach * np.log(rng.random(shape)))) / 2
        low = log_open + (move - np.sqrt(move**2 - reach * np.log(rng.random(shape)))) / 2
        o, h, lo, c = (
            np.maximum(np.round(np.exp(x) * self._per_unit), 1) / self._per_unit
            for x in (log_open, high, low, log_close)
        )
        h, lo = np.maximum(h, np.maximum(o, c)), np.minimum(lo, np.minimum(o, c))
        surge = np.exp(rng.standard_normal(shape) * 0.35) * (0.5 + np.minimum(np.abs(move) / sigma, 5))
        volume = np.round(self._turnover * surge * (sigma / 0.003) / 96 / c, 3)
        return o, h, lo, c, volume


def _tick_for(price: float) -> Decimal:
    """A price unit of 0.1 to 1 bp: BTC 0.1, SOL 0.01, DOGE 0.00001."""
    return Decimal(1).scaleb(math.floor(math.log10(price)) - 4 if price < 10_000 else -1)
