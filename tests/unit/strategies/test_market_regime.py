from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from backend.strategies.base import (
    STATUS_FILTERED,
    STATUS_NO_BAR,
    STATUS_NO_DIRECTION,
    STATUS_SIGNAL,
    STATUS_WARMING_UP,
    ParameterError,
)
from backend.strategies.market_regime import MarketRegime, RegimeParams
from tests.unit.strategies.candles import batch_of, flat, random_batch, staircase, with_last

STRATEGY = MarketRegime()
NO_MACD = RegimeParams(macd_filter=False)


def test_rising_staircase_worked_out_by_hand():
    """ADX 100; bandwidth 4 * sqrt(399 / 12) / (close - 9.5) = 0.1243, above twice the squeeze; averages in
    order, 20 apart with an ATR of 1: three full votes for a long."""
    decision = STRATEGY.evaluate(staircase(96, 100.0, 1.0), NO_MACD)
    parts = {name: float(values[0]) for name, values in decision.components.items()}
    assert_allclose(parts["bandwidth"], 4 * np.sqrt(399 / 12) / 185.5)
    assert (parts["adx_vote"], parts["band_vote"], parts["ma_vote"], parts["regime"]) == (1, 1, 1, 1)
    assert (decision.direction[0], decision.score[0], decision.status[0]) == (1, 100.0, STATUS_SIGNAL)
    # 20x: 30 % of margin is 1.5 % of the price, 120 % is 6 %.
    assert_allclose((decision.stop_loss[0], decision.take_profit[0]), (195 * 0.985, 195 * 1.06))


def test_falling_staircase_is_a_short():
    decision = STRATEGY.evaluate(staircase(96, 400.0, -1.0), RegimeParams(macd_filter=False, leverage=10))
    assert decision.direction[0] == -1
    assert_allclose((decision.stop_loss[0], decision.take_profit[0]), (305 * 1.03, 305 * 0.88))


def test_atr_mode_uses_at_least_one_per_cent_of_the_price():
    decision = STRATEGY.evaluate(staircase(96, 100.0, 1.0), RegimeParams(macd_filter=False, sl_tp_mode="atr"))
    # ATR 1 is below 1 % of 195: 1.95 is used.
    assert_allclose((decision.stop_loss[0], decision.take_profit[0]), (195 - 1.2 * 1.95, 195 + 4.5 * 1.95))


def test_the_strength_is_the_weighted_mean_of_the_agreeing_votes():
    # ADX 100 with a trend threshold of 80 speaks with 100 / 160 = 0.625; the others fully.
    params = RegimeParams(macd_filter=False, adx_trend=80.0)
    decision = STRATEGY.evaluate(staircase(96, 100.0, 1.0), params)
    assert decision.score[0] == 85.0  # 0.4 * 0.625 + 0.3 + 0.3
    # With a squeeze of 0.1 the bands (0.1243) do not vote: (0.4 * 0.625 + 0.3) / 0.7 = 0.7857.
    params = RegimeParams(macd_filter=False, adx_trend=80.0, squeeze=0.1)
    decision = STRATEGY.evaluate(staircase(96, 100.0, 1.0), params)
    assert (decision.components["band_vote"][0], decision.score[0]) == (0.0, 78.0)


def test_filters():
    # The MACD of a line is constant, its histogram 0: on neither side.
    assert STRATEGY.evaluate(staircase(96, 100.0, 1.0)).status[0] == STATUS_FILTERED
    rising = with_last(staircase(96, 100.0, 1.0), close=200.0, high=200.0)
    assert STRATEGY.evaluate(rising).direction[0] == 1
    thin = with_last(staircase(96, 100.0, 1.0), volume=9.0)
    assert STRATEGY.evaluate(thin, NO_MACD).status[0] == STATUS_FILTERED
    assert STRATEGY.evaluate(thin, RegimeParams(macd_filter=False, volume_filter=False)).direction[0] == 1
    hot = RegimeParams(macd_filter=False, rsi_filter=True)
    assert STRATEGY.evaluate(staircase(96, 100.0, 1.0), hot).status[0] == STATUS_FILTERED
    assert STRATEGY.evaluate(staircase(96, 400.0, -1.0), hot).status[0] == STATUS_FILTERED


def test_cooldown_counts_bars_since_the_symbol_s_last_signal():
    series = STRATEGY.evaluate_all(staircase(100, 100.0, 1.0), NO_MACD)
    assert (series.status[0, :59] == STATUS_WARMING_UP).all()
    assert_array_equal(np.flatnonzero(series.direction[0]), [59, 71, 83, 95])
    each = STRATEGY.evaluate_all(staircase(100, 100.0, 1.0), RegimeParams(macd_filter=False, cooldown_bars=0))
    assert_array_equal(np.flatnonzero(each.direction[0]), np.arange(59, 100))


def test_a_still_market_ranges_and_is_skipped_by_default():
    decision = STRATEGY.evaluate(flat(80))
    assert (decision.components["regime"][0], decision.score[0]) == (-1.0, 100.0)
    assert (decision.direction[0], decision.status[0]) == (0, STATUS_NO_DIRECTION)
    assert decision.hedge is not None and not decision.hedge[0]


def test_a_hedge_gives_each_side_its_own_exits():
    decision = STRATEGY.evaluate(flat(60), RegimeParams(skip_ranging=False))
    assert decision.hedge is not None and decision.hedge[0]
    assert decision.short_stop_loss is not None and decision.short_take_profit is not None
    assert (decision.direction[0], decision.status[0]) == (0, STATUS_SIGNAL)
    assert_allclose((decision.stop_loss[0], decision.take_profit[0]), (98.5, 106.0))
    assert_allclose((decision.short_stop_loss[0], decision.short_take_profit[0]), (101.5, 94.0))


def test_a_market_without_volume_is_filtered():
    decision = STRATEGY.evaluate(flat(60, volume=0.0), RegimeParams(skip_ranging=False))
    assert decision.status[0] == STATUS_FILTERED


def test_missing_bars_are_left_out_as_if_they_had_never_been():
    full = random_batch(5, 1, 200)
    keep = np.ones(200, dtype=bool)
    keep[[20, 21, 90, 150]] = False
    fields = ("open", "high", "low", "close", "volume")
    holes = batch_of(*(np.where(keep, getattr(full, name), np.nan) for name in fields))
    dense = batch_of(*(getattr(full, name)[:, keep] for name in fields))
    ours, expected = STRATEGY.evaluate_all(holes, NO_MACD), STRATEGY.evaluate_all(dense, NO_MACD)
    assert_array_equal(ours.score[:, keep], expected.score)
    assert_array_equal(ours.direction[:, keep], expected.direction)
    assert (ours.status[:, ~keep] == STATUS_NO_BAR).all()


def test_parameters_are_checked_in_words():
    with pytest.raises(ParameterError, match="adx_range"):
        RegimeParams(adx_range=30.0)
    with pytest.raises(ParameterError, match="one of margin_pct, atr"):
        RegimeParams.from_mapping({"sl_tp_mode": "guess"})
    with pytest.raises(ParameterError, match="whole number"):
        RegimeParams.from_mapping({"leverage": 2.5})
    with pytest.raises(ParameterError, match="true or false"):
        RegimeParams.from_mapping({"macd_filter": "perhaps"})
    assert RegimeParams.from_mapping({"macd_filter": "off", "leverage": "10"}) == RegimeParams(
        macd_filter=False, leverage=10
    )
