"""A floor for the scan: the composite score's indicators as plain compiled loops over one symbol at a time.

Nothing a product needs is in here: no missing bars, no state to carry, no parts kept for a panel. Written
from the formulas alone, so that it also checks the product's values.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def _ema(x, n, out):
    total = 0.0
    for i in range(n):
        total += x[i]
    out[n - 1] = total / n
    a = 2.0 / (n + 1)
    for i in range(n, len(x)):
        out[i] = out[i - 1] * (1 - a) + a * x[i]


@njit(cache=True, error_model="numpy")
def _last_atr(h, low, c, n, out):
    total = 0.0
    for i in range(1, len(c)):
        tr = max(h[i], c[i - 1]) - min(low[i], c[i - 1])
        if i <= n:
            total += tr
            if i == n:
                out[i] = total / n
        else:
            out[i] = (out[i - 1] * (n - 1) + tr) / n


@njit(cache=True, error_model="numpy")
def floor_scan(o, h, low, c, v, raws, factors):
    """raw and volatility factor of every symbol at the last bar; bars start on a 4 h slot."""
    count, bars = c.shape
    fast, slow = np.empty(bars), np.empty(bars)
    e12, e26, signal = np.empty(bars), np.empty(bars), np.empty(bars)
    atr = np.empty(bars)
    slots = bars // 4
    c4, h4, l4 = np.empty(slots), np.empty(slots), np.empty(slots)
    f4, s4, a4 = np.empty(slots), np.empty(slots), np.empty(slots)
    share = np.empty(500)
    for s in range(count):
        cs, hs, ls = c[s], h[s], low[s]
        _ema(cs, 20, fast)
        _ema(cs, 50, slow)
        _ema(cs[14:], 12, e12[14:])
        _ema(cs, 26, e26)
        for i in range(25, bars):
            e12[i] -= e26[i]
        _ema(e12[25:], 9, signal[25:])
        _last_atr(hs, ls, cs, 14, atr)
        gain, loss, plus, minus, adx = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(1, bars):
            change = cs[i] - cs[i - 1]
            up = 0.5 * (abs(change) + change)
            down = up - change
            rise, fall = hs[i] - hs[i - 1], ls[i - 1] - ls[i]
            pm = 0.5 * (abs(rise) + rise) * (rise > fall)
            mm = 0.5 * (abs(fall) + fall) * (fall > rise)
            if i <= 14:
                gain += up / 14
                loss += down / 14
            else:
                gain = (gain * 13 + up) / 14
                loss = (loss * 13 + down) / 14
            if i < 14:
                plus += pm
                minus += mm
                continue
            plus += pm - plus / 14
            minus += mm - minus / 14
            total = plus + minus
            dx = 100.0 * abs(plus - minus) / total if total > 0.0 else 0.0
            adx = adx + dx / 14 if i < 28 else (adx * 13 + dx) / 14
        for i in range(slots):
            c4[i] = cs[4 * i + 3]
            h4[i] = max(hs[4 * i], hs[4 * i + 1], hs[4 * i + 2], hs[4 * i + 3])
            l4[i] = min(ls[4 * i], ls[4 * i + 1], ls[4 * i + 2], ls[4 * i + 3])
        _ema(c4, 20, f4)
        _ema(c4, 50, s4)
        _last_atr(h4, l4, c4, 14, a4)
        last = bars - 1
        trend = min(1.0, max(-1.0, (fast[last] - slow[last]) / (2 * atr[last]))) * min(1.0, adx / 30)
        strength = 100 * gain / (gain + loss)
        momentum = 0.5 * min(1.0, max(-1.0, (strength - 50) / 20))
        momentum += 0.5 * min(1.0, max(-1.0, (e12[last] - signal[last]) / (0.5 * atr[last])))
        ordered = np.sort(v[s, last - 19 :])
        ratio = v[s, last] / (0.5 * (ordered[9] + ordered[10]))
        part = min(1.0, max(0.0, math.log(ratio) / math.log(3.0))) if ratio > 0 else 0.0
        part *= np.sign(cs[last] - o[s, last])
        top, bottom = hs[last - 49 :].max(), ls[last - 49 :].min()
        position = 2 * (cs[last] - bottom) / (top - bottom) - 1
        higher = min(1.0, max(-1.0, (f4[slots - 1] - s4[slots - 1]) / (2 * a4[slots - 1])))
        seen = min(500, bars - 14)
        for i in range(seen):
            share[i] = atr[last - i] / cs[last - i]
        below = (share[:seen] < share[0]).sum()
        above = (share[:seen] > share[0]).sum()
        factors[s] = 0.7 if below > 0.9 * (seen - 1) else (0.6 if above > 0.9 * (seen - 1) else 1.0)
        raws[s] = 0.3 * trend + 0.25 * momentum + 0.15 * part + 0.1 * position + 0.2 * higher
