from __future__ import annotations

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from backend.strategies.base import CandleBatch, CandleOrderError
from backend.strategies.composite_score import CompositeScore
from backend.strategies.market_regime import MarketRegime, RegimeParams
from backend.strategies.registry import UnknownStrategy, all_strategies, get_strategy, parse_params
from tests.unit.strategies.candles import HOUR_MS, random_batch, staircase

CASES = [
    (CompositeScore(), None),
    (MarketRegime(), RegimeParams(skip_ranging=False, macd_filter=False, cooldown_bars=5)),
]


def same(left, right):
    """Bit for bit, NaN where NaN."""
    for spec in fields(left):
        ours, theirs = getattr(left, spec.name), getattr(right, spec.name)
        if isinstance(ours, np.ndarray):
            assert_array_equal(ours, theirs, err_msg=spec.name)
        elif isinstance(ours, dict):
            assert ours.keys() == theirs.keys()
            for name, values in ours.items():
                assert_array_equal(values, theirs[name], err_msg=name)
        else:
            assert ours == theirs


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    bars=st.integers(1, 420),
    missing=st.sampled_from([0.0, 0.05, 0.6]),
    cuts=st.lists(st.integers(1, 419), max_size=6),
)
def test_updates_equal_a_full_recompute_to_the_last_bit(seed, bars, missing, cuts):
    batch = random_batch(seed, 3, bars, missing)
    marks = sorted({0, bars, *(cut for cut in cuts if cut < bars)})
    for strategy, params in CASES:
        state = strategy.start(batch.symbols, batch.interval_ms, params)
        for start, stop in pairwise(marks):
            latest = state.advance(batch.slice(start, stop))
        same(latest, strategy.evaluate(batch, params))


@pytest.mark.parametrize(("strategy", "params"), CASES)
def test_a_series_is_the_scans_of_its_bars(strategy, params):
    batch = random_batch(11, 4, 330, missing=0.03)
    series = strategy.evaluate_all(batch, params)
    state = strategy.start(batch.symbols, batch.interval_ms, params)
    for bar in range(batch.bars):
        same(state.advance(batch.slice(bar, bar + 1)), series.at(bar))
    assert (series.direction != 0).any()


@pytest.mark.parametrize(("strategy", "params"), CASES)
def test_symbols_do_not_influence_each_other(strategy, params):
    batch = random_batch(12, 5, 320, missing=0.03)
    whole = strategy.evaluate(batch, params)
    alone = strategy.evaluate(batch.pick(["S3/USDT"]), params)
    assert alone.score[0] == whole.score[3]
    assert alone.direction[0] == whole.direction[3]


def test_missing_columns_are_allowed_and_time_never_goes_back():
    batch = staircase(300, 1000.0, 1.0)
    state = CompositeScore().start(batch.symbols, HOUR_MS, None)
    state.advance(batch.slice(0, 250))
    state.advance(batch.slice(260, 261))  # ten bars never came
    with pytest.raises(CandleOrderError):
        state.advance(batch.slice(260, 261))
    with pytest.raises(CandleOrderError):
        state.advance(batch.slice(255, 258))
    with pytest.raises(CandleOrderError):
        state.advance(batch.slice(5, 5))
    assert state.last_open_ms == int(batch.open_time_ms[260])


def test_a_state_belongs_to_its_symbols_and_interval():
    batch = staircase(10, 100.0, 1.0)
    with pytest.raises(ValueError, match="other symbols"):
        CompositeScore().start(("X/USDT",), HOUR_MS, None).advance(batch)
    with pytest.raises(ValueError, match="ms long"):
        CompositeScore().start(batch.symbols, 2 * HOUR_MS, None).advance(batch)


def test_candles_out_of_order_or_off_the_grid_are_refused():
    ones = np.ones((1, 2))
    for times in ([HOUR_MS, HOUR_MS], [2 * HOUR_MS, HOUR_MS], [0, HOUR_MS + 1]):
        with pytest.raises(CandleOrderError):
            CandleBatch(("A",), HOUR_MS, np.array(times), ones, ones, ones, ones, ones)
    with pytest.raises(ValueError, match="shape"):
        CandleBatch(("A",), HOUR_MS, np.array([0]), ones, ones, ones, ones, ones)


def test_registry():
    assert {strategy.code for strategy in all_strategies()} >= {"composite_score", "market_regime"}
    assert get_strategy("market_regime").timeframe == "1h"
    with pytest.raises(UnknownStrategy, match="composite_score"):
        get_strategy("martingale")
    assert parse_params("market_regime", {"leverage": 5}).leverage == 5
    for strategy in all_strategies():
        assert all(item["help"] for item in strategy.params_type.describe())
