from __future__ import annotations

import math

import numpy as np
import pytest
import talib
from numpy.testing import assert_allclose

from backend.strategies.base import (
    STATUS_NO_BAR,
    STATUS_NO_DIRECTION,
    STATUS_SIGNAL,
    STATUS_WARMING_UP,
    ParameterError,
)
from backend.strategies.composite_kernel import fold_score
from backend.strategies.composite_score import CompositeParams, CompositeScore
from tests.unit.strategies.candles import (
    HOUR_MS,
    START_MS,
    batch_of,
    flat,
    random_batch,
    staircase,
    with_last,
)

STRATEGY = CompositeScore()
WEIGHTS = np.array([0.30, 0.25, 0.15, 0.10, 0.20])
ANY_VOLATILITY = CompositeParams(volatility_low_pct=0.0, volatility_high_pct=100.0)


def test_the_published_example():
    raw, direction, score = fold_score(0.6, 0.4, 0.5, 0.7, 0.5, WEIGHTS, 1.0)
    assert math.isclose(raw, 0.525)
    assert (direction, score) == (1.0, 52.0)
    assert fold_score(-0.6, -0.4, -0.5, -0.7, -0.5, WEIGHTS, 1.0)[1:] == (-1.0, 52.0)
    assert fold_score(0.6, 0.4, 0.5, 0.7, 0.5, WEIGHTS, 0.7)[2] == 36.0  # 36.75 cut
    assert fold_score(0.0, 0.0, 0.0, 0.0, 0.0, WEIGHTS, 1.0)[1:] == (0.0, 0.0)


def test_a_score_on_a_whole_number_is_not_lost_to_binary_fractions():
    assert math.floor(100.0 * 0.57) == 56
    assert fold_score(1.0, 1.0, 0.0, 0.2, 0.0, WEIGHTS, 1.0)[2] == 57.0


def test_rising_staircase_worked_out_by_hand():
    """One up per hour without wicks: every part can be said without a computer.

    True range 1, +DM 1, ADX 100. A moving average of a line lags it by (n - 1) / 2, so EMA20 - EMA50 is
    24.5 - 9.5 = 15 -> T 1. RSI 100, MACD constant, histogram 0 -> M 0.5. Constant volume -> V 0. Close is the
    50-bar high -> P 1. On 4 h the gap is 60 over an ATR of 4 -> H 1. raw .3 + .125 + .1 + .2 = .725.
    """
    decision = STRATEGY.evaluate(staircase(300, 1000.0, 1.0), ANY_VOLATILITY)
    parts = {name: float(values[0]) for name, values in decision.components.items()}
    expected = {
        "trend": 1.0,
        "momentum": 0.5,
        "volume": 0.0,
        "position": 1.0,
        "higher": 1.0,
        "raw": 0.725,
        "volatility_factor": 1.0,
        "rsi": 100.0,
        "adx": 100.0,
        "atr": 1.0,
        "macd_histogram": 0.0,
        "volume_ratio": 1.0,
        "ma20": 1289.5,
        "ma50": 1274.5,
        "ma_gap_pct": 15.0 / 1274.5 * 100.0,
        "ma_slope_pct": 5.0 / 1284.5 * 100.0,
    }
    for name, value in expected.items():
        assert_allclose(parts[name], value, atol=1e-9, err_msg=name)
    assert (decision.direction[0], decision.score[0], decision.status[0]) == (1, 72.0, STATUS_SIGNAL)
    assert_allclose((decision.close[0], decision.stop_loss[0], decision.take_profit[0]), (1299, 1297.5, 1302))


def test_falling_staircase_is_the_mirror_image_a_short():
    decision = STRATEGY.evaluate(staircase(300, 1000.0, -1.0), ANY_VOLATILITY)
    assert (decision.direction[0], decision.score[0]) == (-1, 72.0)
    assert_allclose((decision.stop_loss[0], decision.take_profit[0]), (701 + 1.5, 701 - 3.0))


def test_three_times_the_volume_adds_its_whole_weight_to_a_rising_bar():
    batch = with_last(staircase(300, 1000.0, 1.0), volume=30.0)
    decision = STRATEGY.evaluate(batch, ANY_VOLATILITY)
    assert_allclose(decision.components["volume"][0], 1.0)
    assert decision.score[0] == 87.0  # .725 + .15


def test_quiet_and_wild_markets_are_marked_down():
    # A rising line has an ever smaller ATR per cent: the last is the lowest of its window -> 0.6.
    quiet = STRATEGY.evaluate(staircase(300, 1000.0, 1.0), CompositeParams())
    assert quiet.components["volatility_factor"][0] == 0.6
    assert quiet.score[0] == 43.0  # .725 * .6 = .435
    wild = STRATEGY.evaluate(staircase(300, 1000.0, -1.0), CompositeParams())
    assert wild.components["volatility_factor"][0] == 0.7
    assert wild.score[0] == 50.0  # .725 * .7 = .5075


def test_warm_up_needs_two_hundred_bars_and_sixty_higher_ones():
    batch = staircase(260, 1000.0, 1.0)
    series = STRATEGY.evaluate_all(batch, ANY_VOLATILITY)
    assert (series.status[0, :239] == STATUS_WARMING_UP).all()
    assert (series.status[0, 239:] == STATUS_SIGNAL).all()  # the 60th 4 h bar closes with bar 239


def test_any_alignment_is_ready_after_the_promised_bars():
    for shift in range(4):
        full = staircase(STRATEGY.warmup_bars, 1000.0, 1.0)
        shifted = batch_of(
            full.open, full.high, full.low, full.close, full.volume, start_ms=START_MS + shift * HOUR_MS
        )
        assert STRATEGY.evaluate(shifted, ANY_VOLATILITY).status[0] == STATUS_SIGNAL


def test_a_market_that_never_moves_has_no_direction():
    decision = STRATEGY.evaluate(flat(300))
    assert (decision.direction[0], decision.score[0], decision.status[0]) == (0, 0.0, STATUS_NO_DIRECTION)
    assert np.isnan(decision.stop_loss[0])


def test_missing_last_bar_and_bars_that_are_no_bars():
    good = staircase(300, 1000.0, 1.0)
    for field, value in (("close", np.nan), ("open", 0.0), ("low", -1.0), ("high", np.inf)):
        decision = STRATEGY.evaluate(with_last(good, **{field: value}))
        assert (decision.direction[0], decision.status[0]) == (0, STATUS_NO_BAR)


@pytest.mark.parametrize("volume", [0.0, np.nan, -3.0, np.inf])
def test_a_bar_without_volume_says_nothing_about_volume(volume):
    decision = STRATEGY.evaluate(with_last(staircase(300, 1000.0, 1.0), volume=volume), ANY_VOLATILITY)
    assert (decision.components["volume"][0], decision.score[0]) == (0.0, 72.0)
    assert STRATEGY.evaluate(staircase(300, 1000.0, 1.0, volume=0.0), ANY_VOLATILITY).score[0] == 72.0


def test_a_symbol_without_any_bar_does_not_disturb_the_others():
    good = staircase(300, 1000.0, 1.0)
    gone = np.full_like(good.close, np.nan)
    both = batch_of(
        *(np.vstack([gone, getattr(good, name)]) for name in ("open", "high", "low", "close", "volume"))
    )
    decision = STRATEGY.evaluate(both, ANY_VOLATILITY)
    assert list(decision.status) == [STATUS_NO_BAR, STATUS_SIGNAL]
    assert decision.score[1] == 72.0


def naive_parts(batch, row):
    """The rule once more, written with TA-Lib and numpy on one symbol."""
    o, h, low, c = batch.open[row], batch.high[row], batch.low[row], batch.close[row]
    volume = batch.volume[row]
    atr = talib.ATR(h, low, c, 14)
    gap = (talib.EMA(c, 20)[-1] - talib.EMA(c, 50)[-1]) / (2 * atr[-1])
    trend = np.clip(gap, -1, 1) * min(1, talib.ADX(h, low, c, 14)[-1] / 30)
    histogram = talib.MACD(c)[2][-1]
    momentum = 0.5 * np.clip((talib.RSI(c, 14)[-1] - 50) / 20, -1, 1)
    momentum += 0.5 * np.clip(histogram / (0.5 * atr[-1]), -1, 1)
    ratio = volume[-1] / np.median(volume[-20:])
    part = np.sign(c[-1] - o[-1]) * np.clip(np.log(ratio) / np.log(3), 0, 1)
    bottom, top = low[-50:].min(), h[-50:].max()
    position = np.clip(2 * (c[-1] - bottom) / (top - bottom) - 1, -1, 1)
    whole = len(c) // 4 * 4
    h4, l4, c4 = (
        h[:whole].reshape(-1, 4).max(axis=1),
        low[:whole].reshape(-1, 4).min(axis=1),
        c[:whole].reshape(-1, 4)[:, -1].copy(),
    )
    higher = np.clip(
        (talib.EMA(c4, 20)[-1] - talib.EMA(c4, 50)[-1]) / (2 * talib.ATR(h4, l4, c4, 14)[-1]), -1, 1
    )
    share = (atr / c)[-500:]
    share = share[~np.isnan(share)]
    quiet, wild = np.percentile(share, [10, 90])
    factor = 0.7 if share[-1] > wild else (0.6 if share[-1] < quiet else 1.0)
    raw = 0.3 * trend + 0.25 * momentum + 0.15 * part + 0.1 * position + 0.2 * higher
    return trend, momentum, part, position, higher, raw, factor


@pytest.mark.parametrize("bars", [243, 301, 700])
def test_random_markets_agree_with_an_independent_reading_of_the_rule(bars):
    batch = random_batch(bars, 8, bars)
    decision = STRATEGY.evaluate(batch)
    names = ("trend", "momentum", "volume", "position", "higher", "raw", "volatility_factor")
    for row in range(len(batch.symbols)):
        expected = naive_parts(batch, row)
        ours = [decision.components[name][row] for name in names]
        assert_allclose(ours, expected, rtol=1e-9, atol=1e-9)
        assert decision.direction[row] == np.sign(expected[5])
        assert decision.score[row] == math.floor(100 * abs(expected[5]) * expected[6] + 1e-9)


def test_parameters_are_checked_in_words():
    assert CompositeParams.from_mapping({"stop_atr": "2"}).stop_atr == 2.0
    with pytest.raises(ParameterError, match="add up to 1"):
        CompositeParams.from_mapping({"trend_weight": 0.5})
    with pytest.raises(ParameterError, match="stop_atr must be at most 20"):
        CompositeParams.from_mapping({"stop_atr": 21})
    with pytest.raises(ParameterError, match="Unknown parameter 'stop'"):
        CompositeParams.from_mapping({"stop": 1})
    with pytest.raises(ParameterError, match="must be a number"):
        CompositeParams.from_mapping({"stop_atr": "wide"})
    with pytest.raises(ParameterError, match="finite"):
        CompositeParams.from_mapping({"stop_atr": "nan"})


def test_no_stop_and_no_target_when_switched_off():
    decision = STRATEGY.evaluate(
        staircase(300, 1000.0, 1.0), CompositeParams(stop_atr=0.0, take_profit_atr=0.0)
    )
    assert np.isnan(decision.stop_loss[0]) and np.isnan(decision.take_profit[0])
