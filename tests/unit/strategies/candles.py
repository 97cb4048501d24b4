"""Hand-made and random candles for the strategy tests."""

from __future__ import annotations

import numpy as np

from backend.strategies.base import CandleBatch

HOUR_MS = 3_600_000
START_MS = 1_704_067_200_000  # 2024-01-01T00:00Z, start of a 4 h slot


def batch_of(opens, highs, lows, closes, volumes, symbols=None, start_ms=START_MS) -> CandleBatch:
    arrays = [np.atleast_2d(np.asarray(a, dtype=float)) for a in (opens, highs, lows, closes, volumes)]
    count, bars = arrays[0].shape
    names = symbols or tuple(f"S{i}/USDT" for i in range(count))
    return CandleBatch(names, HOUR_MS, start_ms + np.arange(bars) * HOUR_MS, *arrays)


def staircase(bars: int, first: float, step: float, volume: float = 10.0) -> CandleBatch:
    """Every bar opens at the last close and moves by ``step`` without a wick."""
    closes = first + step * np.arange(bars)
    opens = closes - step
    return batch_of(
        opens, np.maximum(opens, closes), np.minimum(opens, closes), closes, np.full(bars, volume)
    )


def flat(bars: int, price: float = 100.0, volume: float = 10.0) -> CandleBatch:
    line = np.full(bars, price)
    return batch_of(line, line, line, line, np.full(bars, volume))


def random_batch(seed: int, symbols: int, bars: int, missing: float = 0.0) -> CandleBatch:
    """A random walk with wicks and volumes; a share of bars is missing, some have no volume or no range."""
    rng = np.random.default_rng(seed)
    closes = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, (symbols, bars)), axis=1))
    opens = np.concatenate([closes[:, :1], closes[:, :-1]], axis=1)
    highs = np.maximum(opens, closes) * (1 + 0.004 * rng.random((symbols, bars)))
    lows = np.minimum(opens, closes) * (1 - 0.004 * rng.random((symbols, bars)))
    volumes = rng.lognormal(3, 1, (symbols, bars))
    if missing:
        quiet = rng.random((symbols, bars)) < missing
        volumes[quiet] = 0.0
        still = rng.random((symbols, bars)) < missing
        for array in (opens, highs, lows):
            array[still] = closes[still]
        gone = rng.random((symbols, bars)) < missing
        for array in (opens, highs, lows, closes, volumes):
            array[gone] = np.nan
    return batch_of(opens, highs, lows, closes, volumes)


def with_last(batch: CandleBatch, **changes: float) -> CandleBatch:
    """The batch with fields of the last bar of the first symbol replaced."""
    fields = {name: getattr(batch, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for name, value in changes.items():
        fields[name][0, -1] = value
    return CandleBatch(batch.symbols, batch.interval_ms, batch.open_time_ms, **fields)
