"""Made-up markets with trends, ranges and jumps, for tests that need more candles than a hand can write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

START_MS = 1_700_006_400_000  # on the hour, and on the four-hour grid
HOUR_MS = 3_600_000


def random_market(symbols: int, bars: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """OHLCV arrays ``[symbol, bar]`` of 1 h bars; prices on a 4-decimal grid, each open equal to the close before."""
    rng = np.random.default_rng(seed)
    drift = np.zeros((symbols, bars))
    for row in range(symbols):
        bar = 0
        while bar < bars:
            length = int(rng.integers(20, 90))
            drift[row, bar : bar + length] = rng.choice([-1.0, 0.0, 0.0, 1.0]) * rng.uniform(0.001, 0.005)
            bar += length
    moves = drift + rng.normal(0, 0.006, (symbols, bars)) + rng.normal(0, 0.002, (1, bars))
    close = np.round(rng.uniform(5, 500, (symbols, 1)) * np.exp(np.cumsum(moves, axis=1)), 4)
    opens = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
    reach = np.abs(rng.normal(0, 0.004, (2, symbols, bars)))
    high = np.round(np.maximum(opens, close) * (1 + reach[0]), 4)
    low = np.round(np.minimum(opens, close) * (1 - reach[1]), 4)
    volume = np.round(rng.lognormal(8, 0.5, (symbols, bars)) * (1 + 40 * np.abs(moves)), 2)
    return {"open": opens, "high": high, "low": low, "close": close, "volume": volume}


def names(symbols: int) -> list[str]:
    """Binance style symbol names."""
    return [f"T{index:02d}USDT" for index in range(symbols)]


def write_csv(path: Path, market: dict[str, NDArray[np.float64]]) -> Path:
    """One file of ``symbol,timestamp,open,high,low,close,volume`` rows, time ascending within each symbol."""
    count, bars = market["close"].shape
    lines = ["symbol,timestamp,open,high,low,close,volume"]
    for row, name in enumerate(names(count)):
        for bar in range(bars):
            values = ",".join(str(market[field][row, bar]) for field in ("open", "high", "low", "close", "volume"))
            lines.append(f"{name},{START_MS + bar * HOUR_MS},{values}")
    path.write_text("\n".join(lines) + "\n")
    return path
