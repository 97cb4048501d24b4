"""``composite_score``: how strongly trend, momentum, volume, range and the higher timeframe point one way.

On closed 1 h bars (at least 200) and the 4 h bars built from them (at least 60), Wilder's RSI, ATR and ADX:

* T = clip((EMA20 - EMA50) / (2 ATR14)) * min(1, ADX14 / 30)                       trend
* M = 0.5 clip((RSI14 - 50) / 20) + 0.5 clip(MACD histogram / (0.5 ATR14))         momentum
* V = sign(close - open) * clip01(ln(volume / median20) / ln 3)                    volume
* P = clip(2 (close - low50) / (high50 - low50) - 1)                               place in its range
* H = clip((EMA20 - EMA50) / (2 ATR14)) on 4 h                                     higher timeframe

raw = 0.30 T + 0.25 M + 0.15 V + 0.10 P + 0.20 H, each part in [-1, 1]; the sign is the direction. The score
is the whole part of 100 |raw| R, where R is 1 while ATR / close lies within the 10th to 90th percentile of
its last 500 bars (fewer while history is short), 0.7 above and 0.6 below. Stop loss and take profit are ATR
multiples from the close. Because every part points somewhere, a falling market scores as a short, never as
a "cheap" long.

Missing bars are left out of every window; a bar without volume counts as volume zero; a market that never
moves gives no direction. A 4 h bar is made of the 1 h bars of its UTC slot that exist.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from backend.strategies.base import (
    CandleBatch,
    Decisions,
    DecisionSeries,
    ParameterError,
    StrategyParams,
    param,
)
from backend.strategies.compiled import load_scan
from backend.strategies.incremental import CarriedState, ScanLayout, start_state

LAYOUT = ScanLayout(
    floats=40,
    counts=8,
    ring=670,
    rows=(
        "trend",
        "momentum",
        "volume",
        "position",
        "higher",
        "raw",
        "volatility_factor",
        "rsi",
        "adx",
        "atr",
        "macd_histogram",
        "volume_ratio",
        "ma20",
        "ma50",
        "ma_gap_pct",
        "ma_slope_pct",
    ),
)


@dataclass(frozen=True)
class CompositeParams(StrategyParams):
    """Weights of the five parts (they must add up to 1), the volatility gate, and the exits."""

    trend_weight: float = param(0.30, "Weight of the trend part", low=0, high=1)
    momentum_weight: float = param(0.25, "Weight of the momentum part", low=0, high=1)
    volume_weight: float = param(0.15, "Weight of the volume part", low=0, high=1)
    position_weight: float = param(0.10, "Weight of the place in the 50-bar range", low=0, high=1)
    higher_weight: float = param(0.20, "Weight of the higher timeframe's trend", low=0, high=1)
    volatility_low_pct: float = param(10.0, "Below this percentile a market is too quiet", low=0, high=50)
    volatility_high_pct: float = param(90.0, "Above this percentile it is too wild", low=50, high=100)
    quiet_factor: float = param(0.6, "Score factor of a quiet market", low=0, high=1)
    wild_factor: float = param(0.7, "Score factor of a wild market", low=0, high=1)
    stop_atr: float = param(1.5, "Stop loss distance in ATR (0: none)", low=0, high=20)
    take_profit_atr: float = param(3.0, "Take profit distance in ATR (0: none)", low=0, high=50)

    def check(self) -> None:
        total = sum(self.weights())
        if abs(total - 1.0) > 1e-9:
            raise ParameterError(f"The five weights must add up to 1, not {total:g}.")

    def weights(self) -> tuple[float, float, float, float, float]:
        return (
            self.trend_weight,
            self.momentum_weight,
            self.volume_weight,
            self.position_weight,
            self.higher_weight,
        )


class CompositeScore:
    """See the module's description."""

    code: ClassVar[str] = "composite_score"
    name: ClassVar[str] = "Composite score"
    description: ClassVar[str] = (
        "Trend, momentum, volume, range and the 4 h trend vote for a direction; agreement is the score."
    )
    timeframe: ClassVar[str] = "1h"
    warmup_bars: ClassVar[int] = 243
    params_type: ClassVar[type[StrategyParams]] = CompositeParams

    def start(
        self, symbols: Sequence[str], interval_ms: int, params: CompositeParams | None = None
    ) -> CarriedState:
        chosen = params or CompositeParams()
        settings = (
            *chosen.weights(),
            chosen.volatility_low_pct,
            chosen.volatility_high_pct,
            chosen.quiet_factor,
            chosen.wild_factor,
            chosen.stop_atr,
            chosen.take_profit_atr,
        )
        return start_state(symbols, interval_ms, settings, LAYOUT, _load)

    def evaluate(self, batch: CandleBatch, params: CompositeParams | None = None) -> Decisions:
        return self.start(batch.symbols, batch.interval_ms, params).advance(batch)

    def evaluate_all(self, batch: CandleBatch, params: CompositeParams | None = None) -> DecisionSeries:
        return self.start(batch.symbols, batch.interval_ms, params).advance_all(batch)


def _load() -> Callable[..., None]:
    return load_scan("composite_kernel")
