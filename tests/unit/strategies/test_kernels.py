from __future__ import annotations

import numpy as np
import pytest
import talib
from numpy.testing import assert_allclose

from backend.strategies import kernels
from tests.unit.strategies import passes
from tests.unit.strategies.candles import random_batch

BATCH = random_batch(7, 3, 400)


def agree(ours, reference, rtol=1e-9):
    for row, expected in zip(ours, reference, strict=True):
        assert_allclose(row, expected, rtol=rtol, atol=0, equal_nan=True)


def each(function, *arrays, **options):
    return [function(*rows, **options) for rows in zip(*arrays, strict=True)]


def test_averages_and_oscillators_agree_with_ta_lib():
    high, low, close = BATCH.high, BATCH.low, BATCH.close
    agree(passes.ema(close, 20), each(talib.EMA, close, timeperiod=20))
    agree(passes.rsi(close, 14), each(talib.RSI, close, timeperiod=14))
    agree(passes.atr(high, low, close, 14), each(talib.ATR, high, low, close, timeperiod=14))
    agree(passes.adx(high, low, close, 14), each(talib.ADX, high, low, close, timeperiod=14))


def test_macd_agrees_with_ta_lib():
    close = BATCH.close
    for ours, reference in zip(
        passes.macd(close, 12, 26, 9), zip(*each(talib.MACD, close), strict=True), strict=True
    ):
        # The histogram is a small difference of large numbers: compare against the price, not itself.
        for row, expected in zip(ours, reference, strict=True):
            assert_allclose(row, expected, rtol=1e-9, atol=1e-11, equal_nan=True)


def test_ema_by_hand():
    # Seed (1 + 2 + 3) / 3 = 2, then alpha 1/2: 2 + (4 - 2) / 2 = 3, 3 + (9 - 3) / 2 = 6.
    assert_allclose(
        passes.ema(np.array([[1.0, 2, 3, 4, 9]]), 3)[0], [np.nan, np.nan, 2, 3, 6], equal_nan=True
    )


def test_rsi_by_hand():
    # Changes +1, +1, -1, then 0: gains 2/3 and loss 1/3 -> 66.67; Wilder keeps the ratio on no change.
    close = np.array([[10.0, 11, 12, 11, 11]])
    assert_allclose(passes.rsi(close, 3)[0, 3:], [200 / 3, 200 / 3])
    assert passes.rsi(np.full((1, 5), 7.0), 3)[0, -1] == 50.0
    assert passes.rsi(np.array([[1.0, 2, 3, 4]]), 3)[0, -1] == 100.0


def test_atr_counts_gaps():
    # Bars without range, gaps of 2 and 4: true ranges 2 and 4, mean 3.
    price = np.array([[10.0, 12, 8]])
    assert passes.atr(price, price, price, 2)[0, -1] == 3.0


@pytest.mark.parametrize("count", [1, 5, 6, 23])
def test_windows_agree_with_numpy(count):
    for values in np.round(BATCH.close, 0):  # rounded, so that there are ties
        window = values[:count]
        assert kernels.median_of(values, count) == np.median(window)
        assert_allclose(kernels.sum_of(values, count), window.sum(), rtol=1e-12)
        mean = window.mean()
        assert_allclose(kernels.square_of(values, count, mean) / count, window.var(), rtol=1e-12, atol=1e-12)


def test_percentile_side_is_comparison_with_interpolated_percentiles():
    rng = np.random.default_rng(3)
    for count in (1, 2, 11, 57, 500):
        values = np.round(rng.random(count) * 40)
        low, high = np.percentile(values, [10, 90])
        for x in values:
            expected = 1 if x > high else (-1 if x < low else 0)
            assert kernels.percentile_side(values, count, x, 10.0, 90.0) == expected
