"""Hand-made candles and signals for the backtest tests."""

from __future__ import annotations

from decimal import Decimal as D

import numpy as np

from backend.backtest.rules import BacktestConfig
from backend.execution.rules import SizingSource, SymbolLimits
from backend.exits.rules import ExitConfig
from backend.signals.rules import GateConfig
from backend.strategies.base import CandleBatch, DecisionSeries

HOUR_MS = 3_600_000
START_MS = 1_704_067_200_000
QUARTER_MS = HOUR_MS // 4

NO_EXITS = ExitConfig(
    stop_loss_roi_pct=D(10),
    trailing_start_roi_pct=None,
    trailing_distance_roi_pct=None,
    max_hold_ms=None,
)


def market(**bars: list[tuple[float, float, float, float] | None]) -> CandleBatch:
    """``market(BTC=[(o, h, l, c), None, ...])``: one list per symbol, None where a bar is missing."""
    symbols = tuple(f"{name}/USDT" for name in bars)
    gone = (np.nan,) * 4
    values = np.array([[bar or gone for bar in rows] for rows in bars.values()], dtype=float)
    count = values.shape[1]
    times = START_MS + np.arange(count) * HOUR_MS
    fields = [values[:, :, column] for column in range(4)]
    return CandleBatch(symbols, HOUR_MS, times, *fields, np.ones(values.shape[:2]))


def signals(batch: CandleBatch, *entries: tuple) -> DecisionSeries:
    """Signals (symbol without quote, bar, side +1/-1, score, stop or None, target or None)."""
    shape = (len(batch.symbols), batch.bars)
    direction = np.zeros(shape, dtype=np.int8)
    score, stop, target = np.zeros(shape), np.full(shape, np.nan), np.full(shape, np.nan)
    for name, bar, side, points, *levels in entries:
        row = batch.symbols.index(f"{name}/USDT")
        direction[row, bar], score[row, bar] = side, points
        for array, level in zip((stop, target), levels, strict=False):
            array[row, bar] = np.nan if level is None else level
    return DecisionSeries(
        batch.symbols, batch.open_time_ms, direction, score, batch.close, stop, target,
        np.zeros(shape, dtype=np.int8), {},
    )  # fmt: skip


def account(**changes) -> BacktestConfig:
    """10 000 USDT, 1000 USDT per trade at 1x, no costs, tick 0.01, step 0.001."""
    values = {
        "sizing": SizingSource(capital=D(100_000), leverage=1, risk_mode=1),
        "gates": GateConfig(min_score=60, long_min_score=60, max_positions=5, max_opened_per_scan=3),
        "exits": NO_EXITS,
        "slippage_bps": D(0),
        "taker_fee_bps": D(0),
        "cooldown_minutes": 30,
        "default_limits": SymbolLimits(tick_size=D("0.01"), step_size=D("0.001")),
    }
    return BacktestConfig(**(values | changes))
