"""The compiled pass of ``market_regime``: one loop over symbols and bars, state carried in arrays.

See ``market_regime`` for the rule and ``composite_kernel`` for how state is carried.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
from __future__ import annotations

import math

import numpy as np
from numba import njit

from backend.strategies.kernels import (
    adx_step,
    directional_step,
    gain_loss_step,
    macd_step,
    mean_seeded,
    ring_mean,
    rsi_value,
    square_of,
    sum_of,
    true_range,
    usable,
)

EMA_FAST, EMA_MIDDLE, EMA_SLOW, WILDER = 10, 20, 50, 14
MACD_FAST, MACD_SLOW, MACD_SIGNAL = 12, 26, 9
BAND_WINDOW, VOLUME_WINDOW, CLOSE_WINDOW = 20, 20, 50
MIN_BARS = 60
SLOPE_BARS = 5
ATR_FLOOR = 0.01

RING_CLOSE, RING_BAND = 0, CLOSE_WINDOW
RING_VOLUME = RING_BAND + BAND_WINDOW
RING = RING_VOLUME + VOLUME_WINDOW

# Columns of ``settings``.
(
    ADX_TREND,
    ADX_RANGE,
    BAND_WIDTH,
    SQUEEZE,
    LEVERAGE,
    TP_PCT,
    SL_PCT,
    ATR_MODE,
    SL_ATR,
    TP_ATR,
    MACD_FILTER,
    VOLUME_FILTER,
    VOLUME_MIN_RATIO,
    RSI_FILTER,
    RSI_LOW,
    RSI_HIGH,
    COOLDOWN_BARS,
    SKIP_RANGING,
) = range(18)

# Places in the answer: ``out[symbol, bar, place]``.
(
    OUT_DIRECTION,
    OUT_SCORE,
    OUT_CLOSE,
    OUT_STOP,
    OUT_TARGET,
    OUT_STATUS,
    OUT_HEDGE,
    OUT_SHORT_STOP,
    OUT_SHORT_TARGET,
    OUT_REGIME,
    OUT_ADX_VOTE,
    OUT_BAND_VOTE,
    OUT_MA_VOTE,
    OUT_ADX,
    OUT_BANDWIDTH,
    OUT_MACD,
    OUT_VOLUME_RATIO,
    OUT_RSI,
    OUT_ATR,
    OUT_MA20,
    OUT_MA50,
    OUT_GAP,
    OUT_SLOPE,
) = range(23)


@njit(cache=True, error_model="numpy")
def unit(x):
    """Held between 0 and 1."""
    return min(1.0, max(0.0, x))


@njit(cache=True, error_model="numpy")
def adx_vote(adx, trend_at, range_at):
    """(vote, support 0-1): +1 trending, -1 ranging, 0 neither."""
    if adx >= trend_at:
        return 1.0, unit(adx / (2.0 * trend_at))
    if adx <= range_at:
        return -1.0, unit(1.0 - adx / (2.0 * range_at)) if range_at > 0.0 else 1.0
    return 0.0, 0.0


@njit(cache=True, error_model="numpy")
def band_vote(bandwidth, squeeze):
    """Narrow bands range, bands twice as wide as the squeeze trend."""
    if bandwidth <= squeeze:
        return -1.0, unit(1.0 - bandwidth / (2.0 * squeeze)) if squeeze > 0.0 else 1.0
    if bandwidth >= 2.0 * squeeze:
        return 1.0, unit(bandwidth / (4.0 * squeeze)) if squeeze > 0.0 else 1.0
    return 0.0, 0.0


@njit(cache=True, error_model="numpy")
def ma_vote(fast, middle, slow, atr):
    """(vote, support, side): averages in order trend to that side, tangled ones range."""
    spread = unit(abs(fast - slow) / (2.0 * atr)) if atr > 0.0 else 0.0
    if fast > middle > slow:
        return 1.0, spread, 1.0
    if fast < middle < slow:
        return 1.0, spread, -1.0
    return -1.0, 1.0 - spread, 0.0


@njit(cache=True, error_model="numpy")
def levels(close, side, atr, settings):
    """(stop loss, take profit) of one side, NaN where a price would not be positive."""
    if settings[ATR_MODE] > 0.0:
        down = settings[SL_ATR] * atr
        up = settings[TP_ATR] * atr
    else:
        down = close * settings[SL_PCT] / settings[LEVERAGE]
        up = close * settings[TP_PCT] / settings[LEVERAGE]
    stop = close - side * down
    target = close + side * up
    return (stop if stop > 0.0 else np.nan), (target if target > 0.0 else np.nan)


@njit(cache=True, error_model="numpy")
def refused(side, histogram, strength, settings):
    """Whether the MACD or RSI filter refuses this side (a hedge, side 0, passes both)."""
    if settings[MACD_FILTER] > 0.0 and side != 0.0 and histogram * side <= 0.0:
        return True
    if settings[RSI_FILTER] > 0.0:
        if side > 0.0 and strength > settings[RSI_HIGH]:
            return True
        if side < 0.0 and strength < settings[RSI_LOW]:
            return True
    return False


@njit(cache=True, error_model="numpy")
def scan(
    times, interval_ms, opens, highs, lows, closes, volumes, floats, counts, rings, settings, first, out
):
    """Advance every symbol over all bars; write the answers of bars ``first`` and later."""
    for s in range(opens.shape[0]):
        f = floats[s]
        k = counts[s]
        ring = rings[s]
        closes_ring = ring[RING_CLOSE:RING_BAND]
        band_ring = ring[RING_BAND:RING_VOLUME]
        volume_ring = ring[RING_VOLUME:]
        n, close_at, volume_at, last_signal = k[0], k[1], k[2], k[3]
        fast, fast_sum, middle, middle_sum, slow, slow_sum = f[0], f[1], f[2], f[3], f[4], f[5]
        atr, atr_sum, plus, minus, adx, dx = f[6], f[7], f[8], f[9], f[10], f[11]
        gain, loss, previous_high, previous_low, previous = f[12], f[13], f[14], f[15], f[16]
        lines = (f[17], f[18], f[19], f[20], f[21], f[22])
        for t in range(times.shape[0]):
            o, h, low, c = opens[s, t], highs[s, t], lows[s, t], closes[s, t]
            present = usable(o, h, low, c)
            volume = 0.0
            if present:
                v = volumes[s, t]
                volume = v if v > 0.0 and v < np.inf else 0.0
                n += 1
                fast, fast_sum = mean_seeded(n, EMA_FAST, 2.0 / (EMA_FAST + 1.0), fast, fast_sum, c)
                middle, middle_sum = mean_seeded(
                    n, EMA_MIDDLE, 2.0 / (EMA_MIDDLE + 1.0), middle, middle_sum, c
                )
                slow, slow_sum = mean_seeded(n, EMA_SLOW, 2.0 / (EMA_SLOW + 1.0), slow, slow_sum, c)
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
                closes_ring[close_at] = c
                close_at = close_at + 1 if close_at + 1 < CLOSE_WINDOW else 0
                band_ring[volume_at] = c
                volume_ring[volume_at] = volume
                volume_at = volume_at + 1 if volume_at + 1 < VOLUME_WINDOW else 0
            ready = present and n >= MIN_BARS
            direction, hedge, status, regime, score = 0.0, 0.0, 3.0, 0.0, 0.0
            waiting = last_signal > 0 and n - last_signal < settings[COOLDOWN_BARS]
            if ready and (t >= first or not waiting):
                # Signals are followed on every bar, because the cooldown counts from the last one.
                mean_volume = sum_of(volume_ring, VOLUME_WINDOW) / VOLUME_WINDOW
                volume_ratio = volume / mean_volume if mean_volume > 0.0 else 0.0
                thin = settings[VOLUME_FILTER] > 0.0 and volume_ratio < settings[VOLUME_MIN_RATIO]
                if thin and t < first:
                    continue
                histogram = lines[0] - lines[1] - lines[2]
                strength = rsi_value(gain, loss)
                mean = sum_of(band_ring, BAND_WINDOW) / BAND_WINDOW
                deviation = math.sqrt(square_of(band_ring, BAND_WINDOW, mean) / BAND_WINDOW)
                bandwidth = 2.0 * settings[BAND_WIDTH] * deviation / mean
                vote_adx, support_adx = adx_vote(adx, settings[ADX_TREND], settings[ADX_RANGE])
                vote_band, support_band = band_vote(bandwidth, settings[SQUEEZE])
                vote_ma, support_ma, side = ma_vote(fast, middle, slow, atr)
                trending = (vote_adx > 0.0) + (vote_band > 0.0) + (vote_ma > 0.0)
                ranging = (vote_adx < 0.0) + (vote_band < 0.0) + (vote_ma < 0.0)
                if trending >= 2:
                    regime = 1.0
                    if side == 0.0 and plus != minus:
                        side = 1.0 if plus > minus else -1.0
                    direction = side
                elif ranging >= 2:
                    regime = -1.0
                    hedge = 0.0 if settings[SKIP_RANGING] > 0.0 else 1.0
                if regime != 0.0 and t >= first:
                    weight, total = 0.0, 0.0
                    if vote_adx == regime:
                        weight, total = weight + 0.4, total + 0.4 * support_adx
                    if vote_band == regime:
                        weight, total = weight + 0.3, total + 0.3 * support_band
                    if vote_ma == regime:
                        weight, total = weight + 0.3, total + 0.3 * support_ma
                    score = math.floor(100.0 * total / weight + 1e-9)
                if direction != 0.0 or hedge != 0.0:
                    if waiting or thin or refused(direction, histogram, strength, settings):
                        direction, hedge, status = 0.0, 0.0, 4.0
                    else:
                        status, last_signal = 0.0, n
            if t < first:
                continue
            answer = out[s, t - first]
            answer[:] = np.nan
            answer[OUT_DIRECTION], answer[OUT_SCORE], answer[OUT_HEDGE] = 0.0, 0.0, 0.0
            if not present:
                answer[OUT_STATUS] = 1.0
                continue
            answer[OUT_CLOSE] = c
            if not ready:
                answer[OUT_STATUS] = 2.0
                continue
            answer[OUT_DIRECTION], answer[OUT_SCORE], answer[OUT_STATUS] = direction, score, status
            answer[OUT_HEDGE] = hedge
            floored = max(atr, ATR_FLOOR * c)
            if direction != 0.0:
                answer[OUT_STOP], answer[OUT_TARGET] = levels(c, direction, floored, settings)
            elif hedge != 0.0:
                answer[OUT_STOP], answer[OUT_TARGET] = levels(c, 1.0, floored, settings)
                answer[OUT_SHORT_STOP], answer[OUT_SHORT_TARGET] = levels(c, -1.0, floored, settings)
            answer[OUT_REGIME] = regime
            answer[OUT_ADX_VOTE], answer[OUT_BAND_VOTE], answer[OUT_MA_VOTE] = vote_adx, vote_band, vote_ma
            answer[OUT_ADX], answer[OUT_BANDWIDTH], answer[OUT_MACD] = adx, bandwidth, histogram
            answer[OUT_VOLUME_RATIO], answer[OUT_RSI], answer[OUT_ATR] = volume_ratio, strength, atr
            ma50 = sum_of(closes_ring, CLOSE_WINDOW) / CLOSE_WINDOW
            earlier = (
                close_at - SLOPE_BARS if close_at >= SLOPE_BARS else close_at - SLOPE_BARS + CLOSE_WINDOW
            )
            before = ring_mean(closes_ring, CLOSE_WINDOW, earlier, BAND_WINDOW)
            answer[OUT_MA20], answer[OUT_MA50] = mean, ma50
            answer[OUT_GAP] = (mean - ma50) / ma50 * 100.0
            answer[OUT_SLOPE] = (mean - before) / before * 100.0
        k[0], k[1], k[2], k[3] = n, close_at, volume_at, last_signal
        f[0], f[1], f[2], f[3], f[4], f[5] = fast, fast_sum, middle, middle_sum, slow, slow_sum
        f[6], f[7], f[8], f[9], f[10], f[11] = atr, atr_sum, plus, minus, adx, dx
        f[12], f[13], f[14], f[15], f[16] = gain, loss, previous_high, previous_low, previous
        f[17], f[18], f[19], f[20], f[21], f[22] = lines
