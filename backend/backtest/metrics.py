"""How good a run was: returns, risk, trades. Pure; ratios are floats, money stays exact until divided.

Percent units, a year of 365 days, no risk-free rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.backtest.rules import Trade

DAY_MS = 86_400_000
YEAR_DAYS = 365.0


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures of one run. ``profit_factor`` is None when there was profit and no loss (infinite)."""

    return_pct: float
    annualised_return_pct: float
    volatility_pct: float
    sharpe: float
    sortino: float
    calmar: float
    max_drawdown_pct: float
    max_drawdown_bars: int
    current_drawdown_pct: float
    var_95_pct: float
    cvar_95_pct: float
    trades: int
    wins: int
    losses: int
    win_rate_pct: float
    long_trades: int
    short_trades: int
    long_net_usdt: Decimal
    short_net_usdt: Decimal
    net_usdt: Decimal
    fees_usdt: Decimal
    average_win_usdt: float
    average_loss_usdt: float
    profit_loss_ratio: float
    profit_factor: float | None
    expectancy_usdt: float

    def as_dict(self) -> dict[str, Any]:
        return {
            name: format(value, "f") if isinstance(value, Decimal) else value
            for name, value in asdict(self).items()
        }


def total_return_pct(start: float, end: float) -> float:
    return (end - start) / start * 100.0 if start > 0 else 0.0


def annualised_pct(return_pct: float, days: float) -> float:
    """(1 + R)^(365 / days) - 1; -100 once everything is lost."""
    growth = 1.0 + return_pct / 100.0
    if days <= 0:
        return 0.0
    if growth <= 0:
        return -100.0
    exponent = YEAR_DAYS / days * math.log(growth)
    return math.expm1(min(exponent, 700.0)) * 100.0


def sample_std(values: NDArray[np.float64]) -> float:
    return float(np.std(values, ddof=1)) if len(values) >= 2 else 0.0


def downside_std(returns: NDArray[np.float64]) -> float:
    """Around 0, over the losing days only."""
    losing = returns[returns < 0]
    return math.sqrt(float((losing**2).sum()) / (len(losing) - 1)) if len(losing) >= 2 else 0.0


def drawdown(equity: NDArray[np.float64]) -> tuple[float, int, float]:
    """(largest drawdown per cent, bars from its peak to its trough, drawdown now per cent)."""
    if len(equity) == 0:
        return 0.0, 0, 0.0
    peaks = np.maximum.accumulate(equity)
    safe = np.where(peaks > 0, peaks, 1.0)
    depth = np.where(peaks > 0, (peaks - equity) / safe * 100.0, 0.0)
    trough = int(depth.argmax())
    peak = int(equity[: trough + 1].argmax())
    return float(depth[trough]), trough - peak if depth[trough] > 0 else 0, float(depth[-1])


def value_at_risk(returns: NDArray[np.float64], confidence: float = 0.95) -> tuple[float, float]:
    """(VaR, CVaR) of daily returns in their own unit; (0, 0) with fewer than ten."""
    if len(returns) < 10:
        return 0.0, 0.0
    ordered = np.sort(returns)
    index = int((1.0 - confidence) * len(ordered) + 1e-9)
    return float(ordered[index]), float(ordered[: index + 1].mean())


def daily_returns(
    times_ms: NDArray[np.int64], equity: NDArray[np.float64], start: float
) -> NDArray[np.float64]:
    """Relative change of the last equity of each UTC day, the first day against ``start``."""
    if len(equity) == 0:
        return np.zeros(0)
    days = times_ms // DAY_MS
    last = np.append(np.flatnonzero(np.diff(days)), len(days) - 1)
    closing = np.concatenate([[start], equity[last]])
    before = closing[:-1]
    change: NDArray[np.float64] = np.where(
        before > 0, np.diff(closing) / np.where(before > 0, before, 1.0), 0.0
    )
    return change


def measure(
    times_ms: NDArray[np.int64],
    equity: NDArray[np.float64],
    start_usdt: float,
    trades: Sequence[Trade],
) -> Metrics:
    """All figures of a run. ``equity`` is sampled at each bar's end, at ``times_ms``."""
    end = float(equity[-1]) if len(equity) else start_usdt
    days = (int(times_ms[-1]) - int(times_ms[0])) / DAY_MS if len(times_ms) > 1 else 0.0
    total = total_return_pct(start_usdt, end)
    yearly = annualised_pct(total, days)
    returns = daily_returns(times_ms, equity, start_usdt)
    volatility = sample_std(returns) * math.sqrt(YEAR_DAYS) * 100.0
    downside = downside_std(returns) * math.sqrt(YEAR_DAYS) * 100.0
    deepest, length, current = drawdown(equity)
    var, cvar = value_at_risk(returns)
    nets = [trade.net_usdt for trade in trades]
    wins = [net for net in nets if net > 0]
    losses = [-net for net in nets if net < 0]
    won, lost = float(sum(wins, Decimal(0))), float(sum(losses, Decimal(0)))
    average_win = won / len(wins) if wins else 0.0
    average_loss = lost / len(losses) if losses else 0.0
    share = len(wins) / len(nets) if nets else 0.0
    factor = won / lost if lost > 0 else (None if won > 0 else 0.0)
    longs = [trade.net_usdt for trade in trades if trade.side == "LONG"]
    shorts = [trade.net_usdt for trade in trades if trade.side == "SHORT"]
    return Metrics(
        return_pct=total,
        annualised_return_pct=yearly,
        volatility_pct=volatility,
        sharpe=yearly / volatility if volatility > 0 else 0.0,
        sortino=yearly / downside if downside > 0 else 0.0,
        calmar=yearly / deepest if deepest > 0 else 0.0,
        max_drawdown_pct=deepest,
        max_drawdown_bars=length,
        current_drawdown_pct=current,
        var_95_pct=var * 100.0,
        cvar_95_pct=cvar * 100.0,
        trades=len(nets),
        wins=len(wins),
        losses=len(losses),
        win_rate_pct=share * 100.0,
        long_trades=len(longs),
        short_trades=len(shorts),
        long_net_usdt=sum(longs, Decimal(0)),
        short_net_usdt=sum(shorts, Decimal(0)),
        net_usdt=sum(nets, Decimal(0)),
        fees_usdt=sum((trade.fees_usdt for trade in trades), Decimal(0)),
        average_win_usdt=average_win,
        average_loss_usdt=average_loss,
        profit_loss_ratio=average_win / average_loss if average_loss > 0 else 0.0,
        profit_factor=factor,
        expectancy_usdt=share * average_win - (len(losses) / len(nets) if nets else 0.0) * average_loss,
    )
