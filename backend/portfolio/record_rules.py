"""The public record: what closed trades came to, computed from trades alone. Pure and exact.

Results are after trading fees and before funding and profit share. The return relates to the capital that was there when an
account was first read, so deposits and withdrawals never look like profit or loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)
BEST = 10
POINTS = 240


@dataclass(frozen=True, slots=True)
class Trade:
    """One closed position. ``closed_ms`` is market time, ``net`` USDT after fees, ``roi`` net over margin as a ratio."""

    symbol: str
    side: str
    closed_ms: int
    net: Decimal
    roi: Decimal
    month: str


@dataclass(frozen=True, slots=True)
class Month:
    """One calendar month (``YYYY-MM``, UTC): its result and the return on the starting capital, as a ratio."""

    name: str
    net: Decimal
    ratio: Decimal


@dataclass(frozen=True, slots=True)
class Record:
    """Ratios are fractions (0.1 = 10 %). ``curve`` is (market ms, return so far); ``drawdown`` is 0 or negative."""

    mode: str
    capital: Decimal
    trades: int
    won: int
    net: Decimal
    total: Decimal
    drawdown: Decimal
    first_ms: int
    last_ms: int
    months: tuple[Month, ...]
    best: tuple[Trade, ...]
    worst: tuple[Trade, ...]
    curve: tuple[tuple[int, Decimal], ...]

    @property
    def months_won(self) -> int:
        """Months that ended above zero."""
        return sum(1 for month in self.months if month.net > 0)


def margin_of(entry: Decimal, quantity: Decimal, leverage: int) -> Decimal:
    """What a position tied up when it was opened."""
    return entry * quantity / max(leverage, 1)


def record_of(mode: str, capital: Decimal, trades: Sequence[Trade]) -> Record | None:
    """The record of ``trades`` on ``capital`` USDT; None where there is no trade or no known capital."""
    if not trades or capital <= 0:
        return None
    rows = sorted(trades, key=lambda trade: trade.closed_ms)
    total = peak = drop = ZERO
    curve: list[tuple[int, Decimal]] = [(rows[0].closed_ms, ZERO)]
    months: dict[str, Decimal] = {}
    for row in rows:
        total += row.net
        peak = max(peak, total)
        drop = min(drop, (total - peak) / (capital + peak))
        curve.append((row.closed_ms, total / capital))
        months[row.month] = months.get(row.month, ZERO) + row.net
    step = max(1, -(-len(curve) // POINTS))
    thin = curve[::step] if (len(curve) - 1) % step == 0 else [*curve[::step], curve[-1]]
    ranked = sorted(rows, key=lambda trade: trade.roi)
    losers = [row for row in ranked if row.net < 0]
    winners = [row for row in reversed(ranked) if row.net > 0]
    return Record(
        mode=mode,
        capital=capital,
        trades=len(rows),
        won=sum(1 for row in rows if row.net > 0),
        net=total,
        total=total / capital,
        drawdown=drop,
        first_ms=rows[0].closed_ms,
        last_ms=rows[-1].closed_ms,
        months=tuple(Month(name, net, net / capital) for name, net in months.items()),
        best=tuple(winners[:BEST]),
        worst=tuple(losers[:BEST]),
        curve=tuple(thin),
    )
