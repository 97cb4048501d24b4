"""The compiled pass of ``composite_score``: one loop over symbols and bars, state carried in arrays.

Start from zeroed state and pass all history, or keep the state and pass only the new bars: the same code
runs, so both give the same bits. See ``composite_score`` for the rule itself.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
from __future__ import annotations

import math

import numpy as np
from numba import njit

from backend.strategies.kernels import (
    adx_step,
    clip,
    directional_step,
    gain_loss_step,
    macd_step,
    mean_seeded,
    median_of,
    percentile_side,
    ring_mean,
    rsi_value,
    sum_of,
    true_range,
    usable,
)

FAST, SLOW, WILDER = 20, 50, 14
MACD_FAST, MACD_SLOW, MACD_SIGNAL = 12, 26, 9
VOLUME_WINDOW, RANGE_WINDOW, VOLATILITY_WINDOW = 20, 50, 500
HIGHER_MULTIPLE = 4
MIN_BARS, MIN_HIGHER_BARS = 200, 60
SLOPE_BARS = 5

# Columns of the carried state, per symbol.
FLOATS = 40
COUNTS = 8
RING_HIGH, RING_LOW, RING_CLOSE = 0, RANGE_WINDOW, 2 * RANGE_WINDOW
RING_VOLUME = 3 * RANGE_WINDOW
RING_VOLATILITY = RING_VOLUME + VOLUME_WINDOW
RING = RING_VOLATILITY + VOLATILITY_WINDOW

# Places in the answer: ``out[symbol, bar, place]``.
(
    OUT_DIRECTION,
    OUT_SCORE,
    OUT_CLOSE,
    OUT_STOP,
    OUT_TARGET,
    OUT_STATUS,
    OUT_TREND,
    OUT_MOMENTUM,
    OUT_VOLUME,
    OUT_POSITION,
    OUT_HIGHER,
    OUT_RAW,
    OUT_FACTOR,
    OUT_RSI,
    OUT_ADX,
    OUT_ATR,
    OUT_MACD,
    OUT_VOLUME_RATIO,
    OUT_MA20,
    OUT_MA50,
    OUT_GAP,
    OUT_SLOPE,
) = range(22)
ROWS = 22


@njit(cache=True, error_model="numpy")
def fold_score(trend, momentum, volume, position, higher, weights, factor):
    """(raw, direction, score) of the five parts; the score is the whole part of 100 * |raw| * factor.

    A billionth is added before cutting, so that 0.57 scores 57 although 100 * 0.57 is 56.99999999999999.
    """
    raw = (
        weights[0] * trend
        + weights[1] * momentum
        + weights[2] * volume
        + weights[3] * position
        + weights[4] * higher
    )
    direction = 1.0 if raw > 0.0 else (-1.0 if raw < 0.0 else 0.0)
    return raw, direction, min(100.0, math.floor(100.0 * abs(raw) * factor + 1e-9))


@njit(cache=True, error_model="numpy")
def volume_part(o, c, volume, median):
    """sign(close - open) * clip01(ln(volume / median) / ln 3); 0 where volume or its median is zero."""
    if volume <= median or median <= 0.0 or c == o:
        return 0.0
    size = min(1.0, math.log(volume / median) / math.log(3.0))
    return size if c > o else -size


@njit(cache=True, error_model="numpy")
def gap_part(fast, slow, atr):
    return clip((fast - slow) / (2.0 * atr)) if atr > 0.0 else 0.0


@njit(cache=True, error_model="numpy")
def higher_step(count, close, fast, slow, atr, fast_sum, slow_sum, atr_sum, previous, high, low):
    """One closed bar of the higher timeframe. ``count`` includes it."""
    fast, fast_sum = mean_seeded(count, FAST, 2.0 / (FAST + 1.0), fast, fast_sum, close)
    slow, slow_sum = mean_seeded(count, SLOW, 2.0 / (SLOW + 1.0), slow, slow_sum, close)
    if count > 1:
        span = true_range(high, low, previous)
        atr, atr_sum = mean_seeded(count - 1, WILDER, 1.0 / WILDER, atr, atr_sum, span)
    return fast, slow, atr, fast_sum, slow_sum, atr_sum


@njit(cache=True, error_model="numpy")
def scan(
    times, interval_ms, opens, highs, lows, closes, volumes, floats, counts, rings, settings, first, out
):
    """Advance every symbol over all bars; write the answers of bars ``first`` and later.

    ``settings`` = (5 weights, low pct, high pct, factor below, factor above, stop ATR, target ATR).
    """
    weights = settings[:5]
    low_pct, high_pct = settings[5], settings[6]
    factor_below, factor_above = settings[7], settings[8]
    stop_atr, target_atr = settings[9], settings[10]
    span_ms = interval_ms * HIGHER_MULTIPLE
    bars = times.shape[0]
    buckets = times // span_ms
    ends = (times + interval_ms) % span_ms == 0
    for s in range(opens.shape[0]):
        f = floats[s]
        k = counts[s]
        ring = rings[s]
        n, range_at, volume_at, volatility_at, higher_n, in_bucket, bucket = (
            k[0],
            k[1],
            k[2],
            k[3],
            k[4],
            k[5],
            k[6],
        )
        fast, fast_sum, slow, slow_sum = f[0], f[1], f[2], f[3]
        atr, atr_sum, plus, minus, adx, dx = f[4], f[5], f[6], f[7], f[8], f[9]
        gain, loss, previous_high, previous_low, previous = f[10], f[11], f[12], f[13], f[14]
        lines = (f[15], f[16], f[17], f[18], f[19], f[20])
        hfast, hslow, hatr = f[21], f[22], f[23]
        hfast_sum, hslow_sum, hatr_sum, hprevious = f[24], f[25], f[26], f[27]
        bucket_high, bucket_low, bucket_close = f[28], f[29], f[30]
        for t in range(bars):
            o, h, low, c = opens[s, t], highs[s, t], lows[s, t], closes[s, t]
            this_bucket = buckets[t]
            if in_bucket > 0 and this_bucket != bucket:
                # The bars that would have closed the higher bar never came.
                higher_n += 1
                hfast, hslow, hatr, hfast_sum, hslow_sum, hatr_sum = higher_step(
                    higher_n, bucket_close, hfast, hslow, hatr, hfast_sum, hslow_sum, hatr_sum,
                    hprevious, bucket_high, bucket_low,
                )  # fmt: skip
                hprevious = bucket_close
                in_bucket = 0
            present = usable(o, h, low, c)
            volume = 0.0
            if present:
                v = volumes[s, t]
                volume = v if v > 0.0 and v < np.inf else 0.0
                n += 1
                fast, fast_sum = mean_seeded(n, FAST, 2.0 / (FAST + 1.0), fast, fast_sum, c)
                slow, slow_sum = mean_seeded(n, SLOW, 2.0 / (SLOW + 1.0), slow, slow_sum, c)
                lines = macd_step(n, MACD_FAST, MACD_SLOW, MACD_SIGNAL, lines, c)
                if n > 1:
                    m = n - 1
                    span = true_range(h, low, previous)
                    atr, atr_sum = mean_seeded(m, WILDER, 1.0 / WILDER, atr, atr_sum, span)
                    gain, loss = gain_loss_step(m, WILDER, gain, loss, c - previous)
                    plus, minus = directional_step(
                        m, WILDER, plus, minus, h, low, previous_high, previous_low
                    )
                    adx, dx = adx_step(m, WILDER, adx, dx, plus, minus)
                previous_high, previous_low, previous = h, low, c
                ring[RING_HIGH + range_at] = h
                ring[RING_LOW + range_at] = low
                ring[RING_CLOSE + range_at] = c
                range_at = range_at + 1 if range_at + 1 < RANGE_WINDOW else 0
                ring[RING_VOLUME + volume_at] = volume
                volume_at = volume_at + 1 if volume_at + 1 < VOLUME_WINDOW else 0
                if n > WILDER:
                    ring[RING_VOLATILITY + volatility_at] = atr / c
                    volatility_at = volatility_at + 1 if volatility_at + 1 < VOLATILITY_WINDOW else 0
                if in_bucket == 0:
                    bucket_high, bucket_low = h, low
                else:
                    bucket_high, bucket_low = max(bucket_high, h), min(bucket_low, low)
                bucket, bucket_close = this_bucket, c
                in_bucket += 1
            if in_bucket > 0 and ends[t]:
                higher_n += 1
                hfast, hslow, hatr, hfast_sum, hslow_sum, hatr_sum = higher_step(
                    higher_n, bucket_close, hfast, hslow, hatr, hfast_sum, hslow_sum, hatr_sum,
                    hprevious, bucket_high, bucket_low,
                )  # fmt: skip
                hprevious = bucket_close
                in_bucket = 0
            if t < first:
                continue
            answer = out[s, t - first]
            answer[:] = np.nan
            answer[OUT_DIRECTION] = 0.0
            answer[OUT_SCORE] = 0.0
            if not present:
                answer[OUT_STATUS] = 1.0
                continue
            answer[OUT_CLOSE] = c
            if n < MIN_BARS or higher_n < MIN_HIGHER_BARS:
                answer[OUT_STATUS] = 2.0
                continue
            median = median_of(ring[RING_VOLUME:], VOLUME_WINDOW)
            top, bottom = ring[RING_HIGH], ring[RING_LOW]
            for i in range(1, RANGE_WINDOW):
                top = max(top, ring[RING_HIGH + i])
                bottom = min(bottom, ring[RING_LOW + i])
            strength = rsi_value(gain, loss)
            histogram = lines[0] - lines[1] - lines[2]
            trend = gap_part(fast, slow, atr) * min(1.0, adx / 30.0)
            momentum = 0.5 * clip((strength - 50.0) / 20.0)
            if atr > 0.0:
                momentum += 0.5 * clip(histogram / (0.5 * atr))
            part_volume = volume_part(o, c, volume, median)
            position = clip(2.0 * (c - bottom) / (top - bottom) - 1.0) if top > bottom else 0.0
            higher = gap_part(hfast, hslow, hatr)
            side = percentile_side(
                ring[RING_VOLATILITY:], min(n - WILDER, VOLATILITY_WINDOW), atr / c, low_pct, high_pct
            )
            factor = factor_above if side > 0 else (factor_below if side < 0 else 1.0)
            raw, direction, score = fold_score(
                trend, momentum, part_volume, position, higher, weights, factor
            )
            answer[OUT_DIRECTION] = direction
            answer[OUT_SCORE] = score
            answer[OUT_STATUS] = 0.0 if direction != 0.0 else 3.0
            answer[OUT_TREND], answer[OUT_MOMENTUM], answer[OUT_VOLUME] = trend, momentum, part_volume
            answer[OUT_POSITION], answer[OUT_HIGHER] = position, higher
            answer[OUT_RAW], answer[OUT_FACTOR] = raw, factor
            answer[OUT_RSI], answer[OUT_ADX], answer[OUT_ATR], answer[OUT_MACD] = (
                strength,
                adx,
                atr,
                histogram,
            )
            answer[OUT_VOLUME_RATIO] = volume / median if median > 0.0 else 0.0
            if direction != 0.0 and atr > 0.0:
                if stop_atr > 0.0 and c - direction * stop_atr * atr > 0.0:
                    answer[OUT_STOP] = c - direction * stop_atr * atr
                if target_atr > 0.0 and c + direction * target_atr * atr > 0.0:
                    answer[OUT_TARGET] = c + direction * target_atr * atr
            closes_ring = ring[RING_CLOSE:RING_VOLUME]
            ma20 = ring_mean(closes_ring, RANGE_WINDOW, range_at, 20)
            ma50 = sum_of(closes_ring, RANGE_WINDOW) / RANGE_WINDOW
            earlier = (
                range_at - SLOPE_BARS if range_at >= SLOPE_BARS else range_at - SLOPE_BARS + RANGE_WINDOW
            )
            before = ring_mean(closes_ring, RANGE_WINDOW, earlier, 20)
            answer[OUT_MA20], answer[OUT_MA50] = ma20, ma50
            answer[OUT_GAP] = (ma20 - ma50) / ma50 * 100.0
            answer[OUT_SLOPE] = (ma20 - before) / before * 100.0
        k[0], k[1], k[2], k[3], k[4], k[5], k[6] = (
            n,
            range_at,
            volume_at,
            volatility_at,
            higher_n,
            in_bucket,
            bucket,
        )
        f[0], f[1], f[2], f[3] = fast, fast_sum, slow, slow_sum
        f[4], f[5], f[6], f[7], f[8], f[9] = atr, atr_sum, plus, minus, adx, dx
        f[10], f[11], f[12], f[13], f[14] = gain, loss, previous_high, previous_low, previous
        f[15], f[16], f[17], f[18], f[19], f[20] = lines
        f[21], f[22], f[23] = hfast, hslow, hatr
        f[24], f[25], f[26], f[27] = hfast_sum, hslow_sum, hatr_sum, hprevious
        f[28], f[29], f[30] = bucket_high, bucket_low, bucket_close
