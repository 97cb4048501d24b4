"""Risk score of one account, 0 to 10, from its own trading. Pure.

Drawdown over 5/10/15 % gives 1/2/3; two losses in a row 1, three or more 2; the largest position over 30/40 % of the
margin in use 1/2 (with at least three positions); one-sidedness over 70/85 % 1/2; mean leverage over 3 gives 1; a
breached daily loss limit at least 7; a breached maximum drawdown at least 8. From 7 on no entries are opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

NO_ENTRIES_FROM = 7


@dataclass(frozen=True, slots=True)
class OpenRisk:
    """One open position: margin in USDT, side and leverage."""

    margin_usdt: Decimal
    position_side: str
    leverage: int


@dataclass(frozen=True, slots=True)
class RiskFacts:
    """What the score is made of. ``recent_pnl_usdt`` are the net results of closed trades, newest first."""

    equity_usdt: Decimal
    equity_peak_usdt: Decimal
    today_pnl_usdt: Decimal
    recent_pnl_usdt: Sequence[Decimal]
    positions: Sequence[OpenRisk]


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """Limits of one agent. Zero switches a limit off."""

    daily_loss_limit_usdt: Decimal = Decimal(200)
    max_drawdown_pct: Decimal = Decimal(20)


@dataclass(frozen=True, slots=True)
class RiskScore:
    """The score with the sentence that explains it."""

    score: int
    reason: str = ""

    @property
    def band(self) -> str:
        """LOW, MEDIUM, HIGH or CRITICAL."""
        return "LOW" if self.score <= 3 else "MEDIUM" if self.score <= 6 else "HIGH" if self.score <= 8 else "CRITICAL"

    @property
    def allows_entries(self) -> bool:
        """Whether new positions may be opened."""
        return self.score < NO_ENTRIES_FROM


def drawdown_pct(facts: RiskFacts) -> Decimal:
    """Loss from the peak in percent; 0 without a peak."""
    if facts.equity_peak_usdt <= 0:
        return Decimal(0)
    return max(Decimal(0), (facts.equity_peak_usdt - facts.equity_usdt) / facts.equity_peak_usdt * 100)


def _steps(value: Decimal, bounds: Sequence[int]) -> int:
    return sum(value > bound for bound in bounds)


def losses_in_a_row(pnl_usdt: Sequence[Decimal]) -> int:
    """Length of the losing streak that lasts until now."""
    count = 0
    for pnl in pnl_usdt:
        if pnl >= 0:
            break
        count += 1
    return count


def risk_score(facts: RiskFacts, limits: RiskLimits) -> RiskScore:
    """The score of an account now."""
    drawdown = drawdown_pct(facts)
    score = _steps(drawdown, (5, 10, 15))
    score += {0: 0, 1: 0, 2: 1}.get(losses_in_a_row(facts.recent_pnl_usdt), 2)
    margin = sum((p.margin_usdt for p in facts.positions), Decimal(0))
    if margin > 0 and len(facts.positions) >= 3:
        largest = max(p.margin_usdt for p in facts.positions) / margin * 100
        score += _steps(largest, (30, 40))
        longs = sum((p.margin_usdt for p in facts.positions if p.position_side == "LONG"), Decimal(0)) / margin * 100
        score += _steps(max(longs, 100 - longs), (70, 85))
    if facts.positions and sum(p.leverage for p in facts.positions) > 3 * len(facts.positions):
        score += 1
    reason = ""
    if 0 < limits.daily_loss_limit_usdt <= -facts.today_pnl_usdt:
        score, reason = max(score, 7), "daily loss limit reached"
    if 0 < limits.max_drawdown_pct <= drawdown:
        score, reason = max(score, 8), "maximum drawdown reached"
    score = min(score, 10)
    if not reason and score >= NO_ENTRIES_FROM:
        reason = f"risk score {score} of 10"
    return RiskScore(score, reason)
