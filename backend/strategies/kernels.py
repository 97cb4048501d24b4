"""Indicators, compiled: one-bar steps, and passes over ``[symbols, bars]`` arrays built from them.

A *step* takes the state before a bar and returns the state after it, so that a full recompute and a bar by
bar update run the very same arithmetic and agree to the last bit. ``n`` counts the bars a symbol has had,
this one included. Values not defined yet are NaN.

Definitions follow Wilder and TA-Lib: EMA seeded with the simple mean of its first ``period`` values; RSI,
ATR and ADX smoothed by Wilder's 1/period; MACD with both averages seeded on the same bar; population
standard deviation in Bollinger bands. Where TA-Lib gives RSI 0 for a market that never moved, this gives 50.

Importing this module imports numba (about half a second): strategies do it on first use, through
``compiled``, which also says where machine code is cached.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
from __future__ import annotations

import math

import numpy as np
from numba import njit

NAN = math.nan


# One-bar steps ------------------------------------------------------------------------------------------


@njit(cache=True, error_model="numpy")
def usable(o, h, low, c):
    """Whether a bar exists: all four prices positive and finite."""
    return o > 0.0 and h > 0.0 and low > 0.0 and c > 0.0 and h < np.inf and o < np.inf and c < np.inf


@njit(cache=True, error_model="numpy")
def mean_seeded(n, period, alpha, value, total, x):
    """EMA or Wilder mean (by ``alpha``), seeded with the mean of the first ``period`` values.

    ``total`` holds the running sum while seeding. Returns (value, total).
    """
    if n > period:
        return (1.0 - alpha) * value + alpha * x, total
    total += x
    if n == period:
        return total / period, total
    return NAN, total


@njit(cache=True, error_model="numpy")
def true_range(h, low, previous_close):
    return max(h, previous_close) - min(low, previous_close)


@njit(cache=True, error_model="numpy")
def gain_loss_step(n, period, gain, loss, change):
    """Wilder's mean gain and mean loss. ``n`` counts changes; sums are kept in place while seeding."""
    # Half of (|x| + x) is x above zero, else 0: exact, and without a branch nobody can predict.
    up = 0.5 * (abs(change) + change)
    down = up - change
    if n > period:
        alpha = 1.0 / period
        keep = 1.0 - alpha
        return keep * gain + alpha * up, keep * loss + alpha * down
    gain += up
    loss += down
    if n == period:
        return gain / period, loss / period
    return gain, loss


@njit(cache=True, error_model="numpy")
def rsi_value(gain, loss):
    total = gain + loss
    return 100.0 * gain / total if total > 0.0 else 50.0


@njit(cache=True, error_model="numpy")
def directional_step(n, period, plus, minus, h, low, previous_high, previous_low):
    """Wilder's summed +DM and -DM; ``n`` counts changes. Seeded over period - 1 changes, as TA-Lib does."""
    up = h - previous_high
    down = previous_low - low
    plus_move = 0.5 * (abs(up) + up) * (up > down)
    minus_move = 0.5 * (abs(down) + down) * (down > up)
    if n >= period:
        keep = 1.0 - 1.0 / period
        return plus * keep + plus_move, minus * keep + minus_move
    return plus + plus_move, minus + minus_move


@njit(cache=True, error_model="numpy")
def adx_step(n, period, adx, last_dx, plus, minus):
    """ADX after a change. ``n`` counts changes: DX exists from ``period`` on, its mean ``period - 1`` later.

    ``adx`` holds the running sum while seeding. Returns (adx, last dx).
    """
    if n < period:
        return adx, last_dx
    total = plus + minus
    if total > 0.0:
        last_dx = 100.0 * abs(plus - minus) / total
    if n >= 2 * period:
        alpha = 1.0 / period
        return (1.0 - alpha) * adx + alpha * last_dx, last_dx
    adx += last_dx
    if n == 2 * period - 1:
        return adx / period, last_dx
    return adx, last_dx


@njit(cache=True, error_model="numpy")
def macd_step(n, fast_period, slow_period, signal_period, state, x):
    """MACD after a value. ``state`` = (fast, slow, signal, fast sum, slow sum, signal sum).

    The fast average is seeded on the ``fast_period`` values that end where the slow one is seeded.
    """
    fast, slow, signal, fast_sum, slow_sum, signal_sum = state
    late = slow_period - fast_period
    if n > late:
        fast, fast_sum = mean_seeded(n - late, fast_period, 2.0 / (fast_period + 1.0), fast, fast_sum, x)
    slow, slow_sum = mean_seeded(n, slow_period, 2.0 / (slow_period + 1.0), slow, slow_sum, x)
    if n >= slow_period:
        signal, signal_sum = mean_seeded(
            n - slow_period + 1, signal_period, 2.0 / (signal_period + 1.0), signal, signal_sum, fast - slow
        )
    return fast, slow, signal, fast_sum, slow_sum, signal_sum


@njit(cache=True, error_model="numpy")
def clip(x):
    """Held between -1 and 1; 0 where it is not a number."""
    if x >= 1.0:
        return 1.0
    if x <= -1.0:
        return -1.0
    return 0.0 if math.isnan(x) else x


@njit(cache=True, error_model="numpy")
def sum_of(values, count):
    """Sum of the first ``count`` entries, four at a time."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = count - count % 4
    for i in range(0, whole, 4):
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
    for i in range(whole, count):
        a += values[i]
    return (a + b) + (c + d)


@njit(cache=True, error_model="numpy")
def square_of(values, count, mean):
    """Sum of squared distances from ``mean`` of the first ``count`` entries, four at a time."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = count - count % 4
    for i in range(0, whole, 4):
        a += (values[i] - mean) ** 2
        b += (values[i + 1] - mean) ** 2
        c += (values[i + 2] - mean) ** 2
        d += (values[i + 3] - mean) ** 2
    for i in range(whole, count):
        a += (values[i] - mean) ** 2
    return (a + b) + (c + d)


@njit(cache=True, error_model="numpy")
def ring_mean(ring, size, position, count):
    """Mean of the last ``count`` values of a ring whose next write goes to ``position``."""
    total = 0.0
    start = position - count
    if start < 0:
        for place in range(start + size, size):
            total += ring[place]
        start = 0
    for place in range(start, position):
        total += ring[place]
    return total / count


@njit(cache=True, error_model="numpy")
def median_of(values, count):
    """Median of the first ``count`` (at least 1) entries, found by rank: no branch depends on the data."""
    high_rank = count // 2
    low_rank = high_rank if count % 2 == 1 else high_rank - 1
    low, high = 0.0, 0.0
    for i in range(count):
        x = values[i]
        below = 0
        same = 0
        for j in range(count):
            below += values[j] < x
            same += values[j] == x
        low = x if below <= low_rank < below + same else low
        high = x if below <= high_rank < below + same else high
    return 0.5 * (low + high)


@njit(cache=True, error_model="numpy")
def sort_into(values, count, scratch):
    """The first ``count`` entries in rising order, by insertion."""
    for i in range(count):
        x = values[i]
        j = i - 1
        while j >= 0 and scratch[j] > x:
            scratch[j + 1] = scratch[j]
            j -= 1
        scratch[j + 1] = x


@njit(cache=True, error_model="numpy")
def percentile_side(values, count, x, low_pct, high_pct):
    """-1 when ``x`` (one of the values) lies below their low percentile, +1 above the high one, else 0.

    Equal to comparing ``x`` with linearly interpolated percentiles, without sorting.
    """
    below = 0
    above = 0
    for i in range(count):
        v = values[i]
        below += v < x
        above += v > x
    span = count - 1
    if below * 100.0 > high_pct * span:
        return 1
    if above * 100.0 > (100.0 - low_pct) * span:
        return -1
    return 0


# Passes over [symbols, bars] ----------------------------------------------------------------------------


@njit(cache=True, error_model="numpy")
def sma(values, period):
    """Simple moving average; each mean is summed afresh, so that no error builds up."""
    out = np.full(values.shape, NAN)
    for s in range(values.shape[0]):
        for t in range(period - 1, values.shape[1]):
            total = 0.0
            for k in range(t - period + 1, t + 1):
                total += values[s, k]
            out[s, t] = total / period
    return out


@njit(cache=True, error_model="numpy")
def ema(values, period):
    out = np.full(values.shape, NAN)
    alpha = 2.0 / (period + 1.0)
    for s in range(values.shape[0]):
        value, total = NAN, 0.0
        for t in range(values.shape[1]):
            value, total = mean_seeded(t + 1, period, alpha, value, total, values[s, t])
            out[s, t] = value
    return out


@njit(cache=True, error_model="numpy")
def rsi(close, period):
    """Wilder's RSI, defined from bar ``period`` (counted from 0)."""
    out = np.full(close.shape, NAN)
    for s in range(close.shape[0]):
        gain, loss = 0.0, 0.0
        for t in range(1, close.shape[1]):
            gain, loss = gain_loss_step(t, period, gain, loss, close[s, t] - close[s, t - 1])
            if t >= period:
                out[s, t] = rsi_value(gain, loss)
    return out


@njit(cache=True, error_model="numpy")
def atr(high, low, close, period):
    """Wilder's ATR; the first bar has no previous close and is left out."""
    out = np.full(close.shape, NAN)
    for s in range(close.shape[0]):
        value, total = NAN, 0.0
        for t in range(1, close.shape[1]):
            span = true_range(high[s, t], low[s, t], close[s, t - 1])
            value, total = mean_seeded(t, period, 1.0 / period, value, total, span)
            out[s, t] = value
    return out


@njit(cache=True, error_model="numpy")
def adx(high, low, close, period):
    """Wilder's ADX, defined from bar 2 * period - 1 (counted from 0)."""
    out = np.full(close.shape, NAN)
    for s in range(close.shape[0]):
        plus, minus, value, dx = 0.0, 0.0, 0.0, 0.0
        for t in range(1, close.shape[1]):
            plus, minus = directional_step(
                t, period, plus, minus, high[s, t], low[s, t], high[s, t - 1], low[s, t - 1]
            )
            value, dx = adx_step(t, period, value, dx, plus, minus)
            if t >= 2 * period - 1:
                out[s, t] = value
    return out


@njit(cache=True, error_model="numpy")
def macd(close, fast_period, slow_period, signal_period):
    """(macd, signal, histogram), all defined once the signal line is."""
    line = np.full(close.shape, NAN)
    signal = np.full(close.shape, NAN)
    histogram = np.full(close.shape, NAN)
    first = slow_period + signal_period - 2
    for s in range(close.shape[0]):
        state = (NAN, NAN, NAN, 0.0, 0.0, 0.0)
        for t in range(close.shape[1]):
            state = macd_step(t + 1, fast_period, slow_period, signal_period, state, close[s, t])
            if t >= first:
                line[s, t] = state[0] - state[1]
                signal[s, t] = state[2]
                histogram[s, t] = line[s, t] - state[2]
    return line, signal, histogram


@njit(cache=True, error_model="numpy")
def bollinger(close, period, width):
    """(upper, middle, lower) with the population standard deviation."""
    upper = np.full(close.shape, NAN)
    middle = np.full(close.shape, NAN)
    lower = np.full(close.shape, NAN)
    for s in range(close.shape[0]):
        for t in range(period - 1, close.shape[1]):
            total = 0.0
            for k in range(t - period + 1, t + 1):
                total += close[s, k]
            mean = total / period
            square = 0.0
            for k in range(t - period + 1, t + 1):
                square += (close[s, k] - mean) ** 2
            spread = width * math.sqrt(square / period)
            middle[s, t] = mean
            upper[s, t] = mean + spread
            lower[s, t] = mean - spread
    return upper, middle, lower


@njit(cache=True, error_model="numpy")
def slope(values, period):
    """Slope per bar of the least-squares line through the last ``period`` values."""
    out = np.full(values.shape, NAN)
    centre = (period - 1) / 2.0
    square = period * (period * period - 1) / 12.0
    for s in range(values.shape[0]):
        for t in range(period - 1, values.shape[1]):
            base = values[s, t - period + 1]
            total = 0.0
            for k in range(period):
                total += (k - centre) * (values[s, t - period + 1 + k] - base)
            out[s, t] = total / square
    return out


@njit(cache=True, error_model="numpy")
def rolling_high(values, period):
    out = np.full(values.shape, NAN)
    for s in range(values.shape[0]):
        for t in range(period - 1, values.shape[1]):
            best = values[s, t - period + 1]
            for k in range(t - period + 2, t + 1):
                best = max(best, values[s, k])
            out[s, t] = best
    return out


@njit(cache=True, error_model="numpy")
def rolling_low(values, period):
    out = np.full(values.shape, NAN)
    for s in range(values.shape[0]):
        for t in range(period - 1, values.shape[1]):
            best = values[s, t - period + 1]
            for k in range(t - period + 2, t + 1):
                best = min(best, values[s, k])
            out[s, t] = best
    return out


@njit(cache=True, error_model="numpy")
def rolling_median(values, period):
    out = np.full(values.shape, NAN)
    for s in range(values.shape[0]):
        for t in range(period - 1, values.shape[1]):
            out[s, t] = median_of(values[s, t - period + 1 :], period)
    return out


@njit(cache=True, error_model="numpy")
def rolling_percentile(values, period, pct):
    """Linearly interpolated percentile of the last ``period`` values (the current one included)."""
    out = np.full(values.shape, NAN)
    scratch = np.empty(period)
    place = pct / 100.0 * (period - 1)
    lower = math.floor(place)
    upper = min(lower + 1, period - 1)
    for s in range(values.shape[0]):
        for t in range(period - 1, values.shape[1]):
            sort_into(values[s, t - period + 1 :], period, scratch)
            out[s, t] = scratch[lower] + (place - lower) * (scratch[upper] - scratch[lower])
    return out
