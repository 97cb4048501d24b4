"""Closed trades in figures, per period and as risk. Pure: sums of money are Decimal, ratios are floats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

import numpy as np

from backend.dashboards.performance import DAYS, Closed, analyse, daily_returns, streaks

Period = Literal["daily", "weekly", "monthly", "all"]
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Trade:
    """A closed trade with how long it was held (market time) and what was bought and sold in it (USDT)."""

    closed: Closed
    held_ms: int
    volume: Decimal


@dataclass(frozen=True, slots=True)
class Statistics:
    """Trades closed in one period. Losses are positive amounts; ratios are None where nothing was lost or nothing decided."""

    period_start: datetime
    total: int
    winning: int
    losing: int
    break_even: int
    win_rate: float | None
    total_profit: Decimal
    total_loss: Decimal
    net_profit: Decimal
    avg_profit: Decimal | None
    avg_loss: Decimal | None
    max_profit: Decimal
    max_loss: Decimal
    profit_loss_ratio: float | None
    profit_factor: float | None
    avg_holding_hours: float
    max_holding_hours: float
    max_consecutive_wins: int
    max_consecutive_losses: int
    total_volume: Decimal
    total_fee: Decimal


@dataclass(frozen=True, slots=True)
class RiskFigures:
    """Fractions of the starting capital; value at risk and its mean beyond are losses of one day, positive."""

    days: int
    total_return: float
    annualized_return: float
    daily_volatility: float
    annualized_volatility: float
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float
    max_drawdown_duration_days: int
    current_drawdown: float
    var_95: float
    var_99: float
    cvar_95: float


def statistics(trades: Sequence[Trade], period: Period) -> list[Statistics]:
    """One row per period in which a trade closed, the newest first. Weeks begin on Monday; all times are UTC."""
    periods: dict[datetime, list[Trade]] = {}
    for trade in sorted(trades, key=lambda one: one.closed.closed_ms):
        periods.setdefault(_start(trade.closed.at, period), []).append(trade)
    return [_of(start, some) for start, some in sorted(periods.items(), reverse=True)]


def risk_figures(trades: Sequence[Closed], capital: Decimal) -> RiskFigures | None:
    """Risk of the daily results; None without a trade or a known capital."""
    found = analyse(trades, capital)
    if found is None:
        return None
    daily = daily_returns(trades, capital)
    spread = float(daily.std(ddof=1)) if len(daily) > 1 else 0.0
    at_95, at_99 = (max(0.0, -float(np.quantile(daily, share))) for share in (0.05, 0.01))
    tail = daily[daily <= np.quantile(daily, 0.05)]
    return RiskFigures(
        days=found.days, total_return=found.total, annualized_return=found.total * DAYS / found.days, daily_volatility=spread,
        annualized_volatility=spread * float(np.sqrt(DAYS)), sharpe=found.sharpe, sortino=found.sortino, calmar=found.calmar,
        max_drawdown=found.drawdown, max_drawdown_duration_days=found.drawdown_days, current_drawdown=found.curve[-1].drawdown,
        var_95=at_95, var_99=at_99, cvar_95=max(0.0, -float(tail.mean())),
    )  # fmt: skip


def _start(at: datetime, period: Period) -> datetime:
    if period == "all":
        return datetime.fromtimestamp(0, UTC)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "weekly":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == "monthly" else day


def _of(start: datetime, trades: Sequence[Trade]) -> Statistics:
    nets = [one.closed.net for one in trades]
    won, lost = [net for net in nets if net > 0], [-net for net in nets if net < 0]
    profit, loss = sum(won, Decimal(0)), sum(lost, Decimal(0))
    mean_won, mean_lost = profit / len(won) if won else None, loss / len(lost) if lost else None
    held = [one.held_ms for one in trades]
    wins, losses = streaks(nets)
    return Statistics(
        period_start=start, total=len(nets), winning=len(won), losing=len(lost), break_even=len(nets) - len(won) - len(lost),
        win_rate=len(won) / (len(won) + len(lost)) if won or lost else None,
        total_profit=profit, total_loss=loss, net_profit=profit - loss, avg_profit=mean_won, avg_loss=mean_lost,
        max_profit=max(won, default=Decimal(0)), max_loss=max(lost, default=Decimal(0)),
        profit_loss_ratio=float(mean_won / mean_lost) if mean_won and mean_lost else None,
        profit_factor=float(profit / loss) if loss else None,
        avg_holding_hours=sum(held) / len(held) / HOUR_MS, max_holding_hours=max(held) / HOUR_MS,
        max_consecutive_wins=wins, max_consecutive_losses=losses,
        total_volume=sum((one.volume for one in trades), Decimal(0)), total_fee=sum((one.closed.fee for one in trades), Decimal(0)),
    )  # fmt: skip
