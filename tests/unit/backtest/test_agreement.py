"""The compiled engine gives the reference engine's trade list, on random markets and accounts."""

from __future__ import annotations

from decimal import Decimal as D

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.backtest.engine import run_reference
from backend.backtest.fast import run_fast, supports
from backend.backtest.rules import BacktestConfig, BacktestError
from backend.backtest.service import run_backtest
from backend.execution.rules import SizingSource, SymbolLimits
from backend.exits.rules import ExitConfig
from backend.signals.rules import GateConfig
from backend.strategies.base import CandleBatch, DecisionSeries
from tests.unit.backtest.markets import HOUR_MS, account
from tests.unit.strategies.candles import random_batch


def rounded(batch: CandleBatch, places: int = 2) -> CandleBatch:
    """The batch on a price grid, highs and lows still around open and close."""
    fields = (np.round(getattr(batch, name), places) for name in ("open", "high", "low", "close"))
    return CandleBatch(batch.symbols, batch.interval_ms, batch.open_time_ms, *fields, batch.volume)


def random_signals(batch: CandleBatch, seed: int, share: float) -> DecisionSeries:
    rng = np.random.default_rng(seed)
    shape = batch.close.shape
    direction = np.where(rng.random(shape) < share, rng.choice([-1, 1], shape), 0).astype(np.int8)
    direction[np.isnan(batch.close)] = 0
    distance = batch.close * rng.uniform(0.002, 0.03, shape) * direction
    with_levels = rng.random(shape) < 0.7
    return DecisionSeries(
        batch.symbols,
        batch.open_time_ms,
        direction,
        np.floor(rng.uniform(40, 100, shape)),
        batch.close,
        np.where(with_levels, batch.close - distance, np.nan),
        np.where(with_levels, batch.close + 2 * distance, np.nan),
        np.zeros(shape, dtype=np.int8),
        {"ma_gap_pct": rng.normal(0, 1, shape)},
    )


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    leverage=st.sampled_from([1, 3, 20]),
    slots=st.integers(1, 6),
    per_scan=st.integers(1, 4),
    cooldown=st.sampled_from([0, 30, 180]),
    slippage=st.sampled_from([D(0), D(2), D("7.5")]),
    missing=st.sampled_from([0.0, 0.1]),
    exits=st.sampled_from(
        [
            ExitConfig(),
            ExitConfig(stop_loss_roi_pct=D(4), trailing_start_roi_pct=D(2), trailing_distance_roi_pct=D(1)),
            ExitConfig(take_profit_roi_pct=D(9), max_hold_ms=5 * HOUR_MS, use_signal_levels=False),
            ExitConfig(trailing_start_roi_pct=None, trailing_distance_roi_pct=None, stop_loss_roi_pct=D(150)),
            ExitConfig(stop_loss_roi_pct=None),
        ]
    ),
)
def test_both_engines_agree_trade_by_trade(
    seed, leverage, slots, per_scan, cooldown, slippage, missing, exits
):
    batch = rounded(random_batch(seed, 5, 80, missing))
    series = random_signals(batch, seed, 0.15)
    config = account(
        sizing=SizingSource(capital=D(30_000), leverage=leverage, risk_mode=2),
        gates=GateConfig(max_positions=slots, max_opened_per_scan=per_scan),
        exits=exits,
        cooldown_minutes=cooldown,
        slippage_bps=slippage,
        taker_fee_bps=D(5),
        initial_balance_usdt=D(3_000),
        default_limits=SymbolLimits(tick_size=D("0.01"), step_size=D("0.001"), min_notional=D(5)),
    )
    slow, fast = run_reference(batch, series, config), run_fast(batch, series, config)
    assert fast.trades == slow.trades
    assert fast.balance_usdt == slow.balance_usdt
    np.testing.assert_allclose(fast.equity_usdt, slow.equity_usdt, atol=1e-4)


@pytest.mark.parametrize("code", ["composite_score", "market_regime"])
def test_strategies_give_the_same_trades_on_both_engines(code):
    batch = rounded(random_batch(21, 12, 700, 0.01))
    config = BacktestConfig(gates=GateConfig(min_score=40, long_min_score=40, ma_filter="off"))
    fast = run_backtest(batch, code, {}, config, engine="fast")
    slow = run_backtest(batch, code, {}, config, engine="reference")
    assert fast.trades == slow.trades
    assert len(fast.trades) > 20
    assert (fast.engine, slow.engine) == ("fast", "reference")
    # What happened is in the money: start plus every net result is the end.
    assert fast.balance_usdt == config.initial_balance_usdt + sum(trade.net_usdt for trade in fast.trades)


def test_accounts_the_compiled_engine_cannot_walk_take_the_reference():
    batch = rounded(random_batch(3, 2, 300))
    risky = BacktestConfig(risk_based=True)
    assert not supports(risky)
    assert run_backtest(batch, "composite_score", {}, risky).engine == "reference"
    with pytest.raises(BacktestError, match="reference"):
        run_backtest(batch, "composite_score", {}, risky, engine="fast")
