"""What closed trades say about themselves. Pure: numpy for the statistics, which are ratios and not money.

Daily returns are the results of a market day (UTC) over the starting capital; days without a trade count as zero. Sharpe and Sortino
are per year of 365 days without a risk-free rate; Calmar is the yearly return over the largest drawdown. None where a figure has no
meaning: fewer than two days, no losing day, no drawdown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np

DAYS = 365
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Closed:
    """One closed position; money in USDT, ``closed_ms`` market time."""

    symbol: str
    strategy: str
    closed_ms: int
    at: datetime
    gross: Decimal
    fee: Decimal

    @property
    def net(self) -> Decimal:
        """After trading fees."""
        return self.gross - self.fee


@dataclass(frozen=True, slots=True)
class Group:
    """Trades that share a symbol, a strategy, a weekday (0 = Monday) or an hour (UTC)."""

    name: str
    trades: int
    won: int
    net: Decimal


@dataclass(frozen=True, slots=True)
class Day:
    """A market day (UTC): capital plus all results until its end, the highest value until then, and how far below it. USDT, fraction."""

    day_ms: int
    equity: float
    peak: float
    drawdown: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """Ratios are fractions. ``fee_share`` and ``funding_share`` relate to the sum of winning results before fees."""

    trades: int
    days: int
    total: float
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    drawdown: float
    drawdown_days: int
    win_streak: int
    loss_streak: int
    fee_share: float | None
    funding_share: float | None
    by_symbol: tuple[Group, ...]
    by_strategy: tuple[Group, ...]
    by_weekday: tuple[Group, ...]
    by_hour: tuple[Group, ...]
    curve: tuple[Day, ...]


def analyse(trades: Sequence[Closed], capital: Decimal, funding: Decimal = Decimal(0)) -> Analysis | None:
    """Everything at once; None where there is no trade or no known capital. ``funding``: received (+) or paid (-)."""
    if not trades or capital <= 0:
        return None
    rows = sorted(trades, key=lambda trade: trade.closed_ms)
    daily = daily_returns(rows, capital)
    drop, longest = _drawdown(daily)
    total = float(daily.sum())
    yearly = total * DAYS / len(daily)
    gains = sum((row.gross for row in rows if row.gross > 0), Decimal(0))
    win, loss = streaks([row.net for row in rows])
    return Analysis(
        trades=len(rows),
        days=len(daily),
        total=total,
        sharpe=_ratio(daily, float(daily.std(ddof=1)) if len(daily) > 1 else 0.0),
        sortino=_ratio(daily, float(np.sqrt(np.mean(np.minimum(daily, 0.0) ** 2)))),
        calmar=yearly / -drop if drop < 0 and len(daily) > 1 else None,
        drawdown=drop,
        drawdown_days=longest,
        win_streak=win,
        loss_streak=loss,
        fee_share=float(sum((row.fee for row in rows), Decimal(0)) / gains) if gains else None,
        funding_share=float(-funding / gains) if gains else None,
        by_symbol=_groups(rows, lambda row: row.symbol),
        by_strategy=_groups(rows, lambda row: row.strategy),
        by_weekday=_groups(rows, lambda row: str(row.at.weekday()), by_name=True),
        by_hour=_groups(rows, lambda row: f"{row.at.hour:02d}", by_name=True),
        curve=_curve(daily, rows[0].closed_ms // DAY_MS, float(capital)),
    )


def daily_returns(trades: Sequence[Closed], capital: Decimal) -> np.ndarray:
    """Net results over the capital by market day, from the first trade's day to the last one's; trades in any order."""
    first = min(trade.closed_ms for trade in trades) // DAY_MS
    daily = np.zeros(max(trade.closed_ms for trade in trades) // DAY_MS - first + 1)
    for trade in trades:
        daily[trade.closed_ms // DAY_MS - first] += float(trade.net / capital)
    return daily


def _curve(daily: np.ndarray, first: int, capital: float) -> tuple[Day, ...]:
    equity = capital * (1.0 + np.cumsum(daily))
    peak = np.maximum.accumulate(np.maximum(equity, capital))
    begin = Day((first - 1) * DAY_MS, capital, capital, 0.0)
    return begin, *(
        Day((first + n) * DAY_MS, float(value), float(high), min(0.0, float((value - high) / high)))
        for n, (value, high) in enumerate(zip(equity, peak, strict=True))
    )


def _ratio(daily: np.ndarray, spread: float) -> float | None:
    if len(daily) < 2 or spread <= 1e-15:
        return None
    return float(daily.mean()) / spread * float(np.sqrt(DAYS))


def _drawdown(daily: np.ndarray) -> tuple[float, int]:
    """(largest drop from a peak, as a negative fraction of it; longest run of days below a peak)."""
    equity = 1.0 + np.cumsum(daily)
    peak = np.maximum.accumulate(np.maximum(equity, 1.0))
    below = equity < peak - 1e-12
    longest = run = 0
    for under in below:
        run = run + 1 if under else 0
        longest = max(longest, run)
    return min(0.0, float(np.min((equity - peak) / peak))), longest


def streaks(nets: Sequence[Decimal]) -> tuple[int, int]:
    """The longest runs of gains and of losses, in the order given."""
    best = {1: 0, -1: 0}
    run, before = 0, 0
    for net in nets:
        sign = (net > 0) - (net < 0)
        run = run + 1 if sign == before and sign else 1
        before = sign
        if sign:
            best[sign] = max(best[sign], run)
    return best[1], best[-1]


def _groups(rows: Sequence[Closed], key: Callable[[Closed], str], *, by_name: bool = False) -> tuple[Group, ...]:
    found: dict[str, list[Closed]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    groups = [
        Group(name, len(some), sum(1 for one in some if one.net > 0), sum((one.net for one in some), Decimal(0)))
        for name, some in found.items()
    ]
    return tuple(sorted(groups, key=(lambda group: group.name) if by_name else (lambda group: -group.net)))
