"""Whole series made of the strategies' one-bar steps: one line per symbol, NaN where a value is not defined yet."""

from __future__ import annotations

import numpy as np

from backend.strategies import kernels

NAN = np.nan


def ema(values: np.ndarray, period: int) -> np.ndarray:
    out = np.full(values.shape, NAN)
    for s, line in enumerate(values):
        value, total = NAN, 0.0
        for t, x in enumerate(line):
            value, total = kernels.mean_seeded(t + 1, period, 2.0 / (period + 1.0), value, total, x)
            out[s, t] = value
    return out


def rsi(close: np.ndarray, period: int) -> np.ndarray:
    """Defined from bar ``period`` (counted from 0)."""
    out = np.full(close.shape, NAN)
    for s, line in enumerate(close):
        gain, loss = 0.0, 0.0
        for t in range(1, len(line)):
            gain, loss = kernels.gain_loss_step(t, period, gain, loss, line[t] - line[t - 1])
            if t >= period:
                out[s, t] = kernels.rsi_value(gain, loss)
    return out


def atr(high: np.ndarray, low: np.ndarray, close: np.ndarray, period: int) -> np.ndarray:
    """The first bar has no previous close and is left out."""
    out = np.full(close.shape, NAN)
    for s in range(len(close)):
        value, total = NAN, 0.0
        for t in range(1, close.shape[1]):
            span = kernels.true_range(high[s, t], low[s, t], close[s, t - 1])
            value, total = kernels.mean_seeded(t, period, 1.0 / period, value, total, span)
            out[s, t] = value
    return out


def adx(high: np.ndarray, low: np.ndarray, close: np.ndarray, period: int) -> np.ndarray:
    """Defined from bar 2 * period - 1 (counted from 0)."""
    out = np.full(close.shape, NAN)
    for s in range(len(close)):
        plus, minus, value, dx = 0.0, 0.0, 0.0, 0.0
        for t in range(1, close.shape[1]):
            plus, minus = kernels.directional_step(
                t, period, plus, minus, high[s, t], low[s, t], high[s, t - 1], low[s, t - 1]
            )
            value, dx = kernels.adx_step(t, period, value, dx, plus, minus)
            if t >= 2 * period - 1:
                out[s, t] = value
    return out


def macd(close: np.ndarray, fast: int, slow: int, smoothing: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(macd, signal, histogram), all defined once the signal line is."""
    line, signal = np.full(close.shape, NAN), np.full(close.shape, NAN)
    for s, prices in enumerate(close):
        state = (NAN, NAN, NAN, 0.0, 0.0, 0.0)
        for t, x in enumerate(prices):
            state = kernels.macd_step(t + 1, fast, slow, smoothing, state, x)
            if t >= slow + smoothing - 2:
                line[s, t], signal[s, t] = state[0] - state[1], state[2]
    return line, signal, line - signal
