"""Indicators, compiled, as one-bar steps: what the scans of the strategies are made of.

A *step* takes the state before a bar and returns the state after it, so that a full recompute and a bar by
bar update run the very same arithmetic and agree to the last bit. ``n`` counts the bars a symbol has had,
this one included. Values not defined yet are NaN.

Definitions follow Wilder and TA-Lib: EMA seeded with the simple mean of its first ``period`` values; RSI,
ATR and ADX smoothed by Wilder's 1/period; MACD with both averages seeded on the same bar. Where TA-Lib gives
RSI 0 for a market that never moved, this gives 50.

Importing this module imports numba (about half a second): strategies do it on first use, through
``compiled``, which also says where machine code is cached.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
from __future__ import annotations

import math

import numpy as np
from numba import njit

NAN = math.nan


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
