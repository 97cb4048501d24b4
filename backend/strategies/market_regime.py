"""``market_regime``: is the market trending or ranging, and which way?

Three votes on closed bars (at least 60):

* ADX14: at or above ``adx_trend`` trending, at or below ``adx_range`` ranging, between: no vote;
* Bollinger bandwidth (upper - lower) / middle: at or below ``squeeze`` ranging, from twice that trending;
* EMA 10/20/50: in order (either way) trending, tangled ranging.

Two or more trending votes give a signal in the direction of the averages (of +DM against -DM where they are
tangled). Two or more ranging votes give a *hedge*: a long and a short leg, each with its own stop loss and
take profit. The score is the weighted mean (0.4, 0.3, 0.3) of how strongly the agreeing votes speak.

A signal must pass the MACD filter (histogram on its side), the volume filter (volume at least
``volume_min_ratio`` of its 20-bar mean), the RSI filter when on, and ``cooldown_bars`` since the symbol's
last signal. A hedge needs the volume filter and the cooldown only.

``skip_ranging`` is on by default: a hedge pays commission on both legs and needs an account in hedge mode.

Stop loss and take profit: ``margin_pct`` puts them where the margin at ``leverage`` has lost ``sl_pct`` or
won ``tp_pct`` (1.2 is 120 %): at 20x, 1.5 % and 6 % from the close. ``atr`` uses ATR multiples, the ATR
being at least 1 % of the price.

Missing bars are left out of every window; a bar without volume has volume ratio 0; a market that never
moves ranges.
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
from backend.strategies.incremental import HEDGE_ROWS, CarriedState, ScanLayout, start_state

LAYOUT = ScanLayout(
    floats=24,
    counts=4,
    ring=90,
    rows=(
        *HEDGE_ROWS,
        "regime",
        "adx_vote",
        "band_vote",
        "ma_vote",
        "adx",
        "bandwidth",
        "macd_histogram",
        "volume_ratio",
        "rsi",
        "atr",
        "ma20",
        "ma50",
        "ma_gap_pct",
        "ma_slope_pct",
    ),
)


@dataclass(frozen=True)
class RegimeParams(StrategyParams):
    """Thresholds of the votes, the filters, and the exits."""

    adx_trend: float = param(25.0, "ADX from which a market trends", low=1, high=100)
    adx_range: float = param(15.0, "ADX up to which a market ranges", low=0, high=100)
    bollinger_width: float = param(2.0, "Width of the bands in standard deviations", low=0.1, high=10)
    squeeze: float = param(0.02, "Bandwidth (share of the price) up to which a market ranges", low=0, high=1)
    sl_tp_mode: str = param("margin_pct", "How exits are placed", choices=("margin_pct", "atr"))
    leverage: int = param(20, "Leverage the margin percentages refer to", low=1, high=125)
    tp_pct: float = param(1.20, "Take profit, share of the margin (1.2 is 120 %)", low=0.01, high=50)
    sl_pct: float = param(0.30, "Stop loss, share of the margin", low=0.01, high=1)
    sl_atr: float = param(1.2, "Stop loss in ATR (mode atr)", low=0.1, high=20)
    tp_atr: float = param(4.5, "Take profit in ATR (mode atr)", low=0.1, high=50)
    macd_filter: bool = param(True, "Ask for the MACD histogram on the signal's side")
    volume_filter: bool = param(True, "Ask for enough volume")
    volume_min_ratio: float = param(1.0, "Least volume, as a ratio of its 20-bar mean", low=0, high=20)
    rsi_filter: bool = param(False, "Refuse longs above and shorts below the RSI bounds")
    rsi_low: float = param(30.0, "RSI below which no short is opened", low=0, high=100)
    rsi_high: float = param(70.0, "RSI above which no long is opened", low=0, high=100)
    cooldown_bars: int = param(12, "Bars between two signals of a symbol", low=0, high=1000)
    skip_ranging: bool = param(True, "Give no hedge signal in a ranging market")

    def check(self) -> None:
        if self.adx_range >= self.adx_trend:
            raise ParameterError(
                f"adx_range ({self.adx_range:g}) must be below adx_trend ({self.adx_trend:g})."
            )
        if self.rsi_low >= self.rsi_high:
            raise ParameterError(f"rsi_low ({self.rsi_low:g}) must be below rsi_high ({self.rsi_high:g}).")


class MarketRegime:
    """See the module's description."""

    code: ClassVar[str] = "market_regime"
    name: ClassVar[str] = "Market regime"
    description: ClassVar[str] = (
        "ADX, Bollinger bandwidth and the order of the averages vote: trending markets are followed."
    )
    timeframe: ClassVar[str] = "1h"
    warmup_bars: ClassVar[int] = 60
    params_type: ClassVar[type[StrategyParams]] = RegimeParams

    def start(
        self, symbols: Sequence[str], interval_ms: int, params: RegimeParams | None = None
    ) -> CarriedState:
        p = params or RegimeParams()
        settings = (
            p.adx_trend,
            p.adx_range,
            p.bollinger_width,
            p.squeeze,
            p.leverage,
            p.tp_pct,
            p.sl_pct,
            p.sl_tp_mode == "atr",
            p.sl_atr,
            p.tp_atr,
            p.macd_filter,
            p.volume_filter,
            p.volume_min_ratio,
            p.rsi_filter,
            p.rsi_low,
            p.rsi_high,
            p.cooldown_bars,
            p.skip_ranging,
        )
        return start_state(symbols, interval_ms, settings, LAYOUT, _load)

    def evaluate(self, batch: CandleBatch, params: RegimeParams | None = None) -> Decisions:
        return self.start(batch.symbols, batch.interval_ms, params).advance(batch)

    def evaluate_all(self, batch: CandleBatch, params: RegimeParams | None = None) -> DecisionSeries:
        return self.start(batch.symbols, batch.interval_ms, params).advance_all(batch)


def _load() -> Callable[..., None]:
    return load_scan("regime_kernel")
