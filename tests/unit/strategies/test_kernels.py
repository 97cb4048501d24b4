from __future__ import annotations

import numpy as np
import pytest
import talib
from numpy.testing import assert_allclose

from backend.strategies import kernels
from tests.unit.strategies.candles import random_batch

BATCH = random_batch(7, 3, 400)


def agree(ours, reference, rtol=1e-9):
    for row, expected in zip(ours, reference, strict=True):
        assert_allclose(row, expected, rtol=rtol, atol=0, equal_nan=True)


def each(function, *arrays, **options):
    return [function(*rows, **options) for rows in zip(*arrays, strict=True)]


def test_averages_and_oscillators_agree_with_ta_lib():
    high, low, close = BATCH.high, BATCH.low, BATCH.close
    agree(kernels.sma(close, 20), each(talib.SMA, close, timeperiod=20))
    agree(kernels.ema(close, 20), each(talib.EMA, close, timeperiod=20))
    agree(kernels.rsi(close, 14), each(talib.RSI, close, timeperiod=14))
    agree(kernels.atr(high, low, close, 14), each(talib.ATR, high, low, close, timeperiod=14))
    agree(kernels.adx(high, low, close, 14), each(talib.ADX, high, low, close, timeperiod=14))


def test_macd_and_bands_agree_with_ta_lib():
    close = BATCH.close
    for ours, reference in zip(
        kernels.macd(close, 12, 26, 9), zip(*each(talib.MACD, close), strict=True), strict=True
    ):
        # The histogram is a small difference of large numbers: compare against the price, not itself.
        for row, expected in zip(ours, reference, strict=True):
            assert_allclose(row, expected, rtol=1e-9, atol=1e-11, equal_nan=True)
    for ours, reference in zip(
        kernels.bollinger(close, 20, 2.0),
        zip(*each(talib.BBANDS, close, timeperiod=20), strict=True),
        strict=True,
    ):
        agree(ours, reference)


def test_slope_of_a_line_and_against_ta_lib():
    line = 3.0 + 0.25 * np.arange(50.0)[None, :]
    assert_allclose(kernels.slope(line, 20)[0, 19:], 0.25, rtol=1e-12)
    for ours, expected in zip(
        kernels.slope(BATCH.close, 20), each(talib.LINEARREG_SLOPE, BATCH.close, timeperiod=20), strict=True
    ):
        assert_allclose(ours, expected, rtol=1e-9, atol=1e-10, equal_nan=True)


def test_ema_by_hand():
    # Seed (1 + 2 + 3) / 3 = 2, then alpha 1/2: 2 + (4 - 2) / 2 = 3, 3 + (9 - 3) / 2 = 6.
    assert_allclose(
        kernels.ema(np.array([[1.0, 2, 3, 4, 9]]), 3)[0], [np.nan, np.nan, 2, 3, 6], equal_nan=True
    )


def test_rsi_by_hand():
    # Changes +1, +1, -1, then 0: gains 2/3 and loss 1/3 -> 66.67; Wilder keeps the ratio on no change.
    close = np.array([[10.0, 11, 12, 11, 11]])
    assert_allclose(kernels.rsi(close, 3)[0, 3:], [200 / 3, 200 / 3])
    assert kernels.rsi(np.full((1, 5), 7.0), 3)[0, -1] == 50.0
    assert kernels.rsi(np.array([[1.0, 2, 3, 4]]), 3)[0, -1] == 100.0


def test_atr_counts_gaps():
    # Bars without range, gaps of 2 and 4: true ranges 2 and 4, mean 3.
    price = np.array([[10.0, 12, 8]])
    assert kernels.atr(price, price, price, 2)[0, -1] == 3.0


@pytest.mark.parametrize("period", [5, 6])
def test_windows_agree_with_numpy(period):
    values = np.round(BATCH.close[:, :80], 0)  # rounded, so that there are ties
    windows = np.lib.stride_tricks.sliding_window_view(values, period, axis=1)
    first = period - 1
    assert_allclose(kernels.rolling_median(values, period)[:, first:], np.median(windows, axis=2))
    assert_allclose(kernels.rolling_high(values, period)[:, first:], windows.max(axis=2))
    assert_allclose(kernels.rolling_low(values, period)[:, first:], windows.min(axis=2))
    assert_allclose(
        kernels.rolling_percentile(values, period, 90.0)[:, first:], np.percentile(windows, 90, axis=2)
    )


def test_percentile_side_is_comparison_with_interpolated_percentiles():
    rng = np.random.default_rng(3)
    for count in (1, 2, 11, 57, 500):
        values = np.round(rng.random(count) * 40)
        low, high = np.percentile(values, [10, 90])
        for x in values:
            expected = 1 if x > high else (-1 if x < low else 0)
            assert kernels.percentile_side(values, count, x, 10.0, 90.0) == expected
