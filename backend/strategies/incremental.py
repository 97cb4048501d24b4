"""Indicator state carried from bar to bar: one new closed bar updates every symbol at once.

A strategy is a compiled *scan* over ``[symbols, bars]`` that reads and writes carried state. A full
recompute is that scan over empty state and all bars; an update is the same scan over kept state and the
new bars. Both run the same arithmetic in the same order, so they agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backend.strategies.base import (
    CandleBatch,
    CandleOrderError,
    Decisions,
    DecisionSeries,
    FloatArray,
)

# Rows every scan writes first, in this order; components follow.
COMMON_ROWS = ("direction", "score", "close", "stop_loss", "take_profit", "status")
HEDGE_ROWS = ("hedge", "short_stop_loss", "short_take_profit")


@dataclass(frozen=True, slots=True)
class ScanLayout:
    """Sizes of a scan's state per symbol and the names of its answer rows after ``COMMON_ROWS``."""

    floats: int
    counts: int
    ring: int
    rows: tuple[str, ...]


@dataclass
class CarriedState:
    """State of one strategy over a fixed list of symbols (implements ``StrategyState``).

    ``load`` imports the compiled scan; it is called at the first bar, so that building a state costs nothing.
    """

    symbols: tuple[str, ...]
    interval_ms: int
    settings: FloatArray
    layout: ScanLayout
    load: Callable[[], Callable[..., None]]
    last_open_ms: int | None = None
    _arrays: tuple[Any, Any, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        count = len(self.symbols)
        self._arrays = (
            np.zeros((count, self.layout.floats)),
            np.zeros((count, self.layout.counts), dtype=np.int64),
            np.zeros((count, self.layout.ring)),
        )

    def advance(self, batch: CandleBatch) -> Decisions:
        """Take in the next closed bars and decide at the last. Raises ``CandleOrderError`` on old bars."""
        out = self._run(batch, max(batch.bars - 1, 0))
        return _decisions(self.symbols, int(batch.open_time_ms[-1]), self.layout, out)

    def advance_all(self, batch: CandleBatch) -> DecisionSeries:
        """Take in the next closed bars and decide at each of them."""
        return _series(self.symbols, batch, self.layout, self._run(batch, 0))

    def _run(self, batch: CandleBatch, first: int) -> FloatArray:
        if batch.symbols != self.symbols:
            raise ValueError("The candles are for other symbols than this state: start a new one.")
        if batch.interval_ms != self.interval_ms:
            raise ValueError(
                f"The candles are {batch.interval_ms} ms long, this state {self.interval_ms} ms."
            )
        if batch.bars == 0:
            raise CandleOrderError("There is no candle to decide at.")
        if self.last_open_ms is not None and int(batch.open_time_ms[0]) <= self.last_open_ms:
            raise CandleOrderError(
                f"Candle {int(batch.open_time_ms[0])} is not after {self.last_open_ms}, already taken in."
            )
        rows = len(COMMON_ROWS) + len(self.layout.rows)
        out = np.empty((len(self.symbols), batch.bars - first, rows))
        self.load()(
            batch.open_time_ms,
            self.interval_ms,
            batch.open,
            batch.high,
            batch.low,
            batch.close,
            batch.volume,
            *self._arrays,
            self.settings,
            first,
            out,
        )
        self.last_open_ms = int(batch.open_time_ms[-1])
        return out


def _decisions(symbols: tuple[str, ...], bar_open_ms: int, layout: ScanLayout, out: FloatArray) -> Decisions:
    named = dict(zip(COMMON_ROWS + layout.rows, out[:, 0, :].T, strict=True))
    return Decisions(symbols=symbols, bar_open_ms=bar_open_ms, **_fields(named))


def _series(
    symbols: tuple[str, ...], batch: CandleBatch, layout: ScanLayout, out: FloatArray
) -> DecisionSeries:
    named = dict(zip(COMMON_ROWS + layout.rows, np.moveaxis(out, 2, 0), strict=True))
    return DecisionSeries(symbols=symbols, open_time_ms=batch.open_time_ms, **_fields(named))


def _fields(named: dict[str, FloatArray]) -> dict[str, Any]:
    values: dict[str, Any] = {name: named.pop(name) for name in COMMON_ROWS}
    values["direction"] = values["direction"].astype(np.int8)
    values["status"] = values["status"].astype(np.int8)
    if "hedge" in named:
        values["hedge"] = named.pop("hedge") > 0.0
        for name in HEDGE_ROWS[1:]:
            values[name] = named.pop(name)
    values["components"] = named
    return values


def start_state(
    symbols: Sequence[str],
    interval_ms: int,
    settings: Sequence[float],
    layout: ScanLayout,
    load: Callable[[], Callable[..., None]],
) -> CarriedState:
    """Empty state of a compiled scan for these symbols."""
    return CarriedState(tuple(symbols), interval_ms, np.array(settings, dtype=np.float64), layout, load)
