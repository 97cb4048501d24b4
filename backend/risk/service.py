"""Gather the facts of the risk rules for many accounts at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from sqlmodel import Session, col, select

from backend.bots.rules import BotConfig
from backend.models import ExchangeAccount, Position
from backend.risk.rules import OpenRisk, RiskFacts, RiskLimits, RiskScore, risk_score


def limits_of(config: BotConfig) -> RiskLimits:
    """The limits in a bot's settings."""
    return RiskLimits(config.daily_loss_limit, config.max_drawdown_pct)


def scores(
    session: Session, accounts: Iterable[ExchangeAccount], limits: Mapping[int, RiskLimits], market_at: datetime
) -> dict[int, RiskScore]:
    """Risk score by account id. ``limits`` is keyed by user id; "today" is the market clock's UTC day."""
    accounts = list(accounts)
    ids = [account.id for account in accounts if account.id is not None]
    day = market_at.replace(hour=0, minute=0, second=0, microsecond=0)
    open_risk: dict[int, list[OpenRisk]] = defaultdict(list)
    for row in session.exec(select(Position).where(col(Position.account_id).in_(ids), Position.status == "OPEN")).all():
        margin = row.quantity * row.avg_cost / max(row.leverage, 1)
        open_risk[row.account_id].append(OpenRisk(margin, row.position_side, row.leverage))
    recent: dict[int, list[tuple[Decimal, bool]]] = defaultdict(list)
    closed = session.exec(
        select(
            col(Position.account_id), col(Position.realized_pnl), col(Position.total_fee), col(Position.closed_market_at)
        )
        .where(
            col(Position.account_id).in_(ids),
            Position.status == "CLOSED",
            col(Position.closed_market_at) >= day - timedelta(days=2),
        )
        .order_by(col(Position.closed_market_at).desc())
    ).all()
    for account_id, pnl, fee, closed_at in closed:
        recent[account_id].append((pnl - fee, closed_at is not None and closed_at >= day))
    result: dict[int, RiskScore] = {}
    for account in accounts:
        assert account.id is not None
        trades = recent[account.id]
        facts = RiskFacts(
            equity_usdt=account.futures_balance,
            equity_peak_usdt=account.equity_peak,
            today_pnl_usdt=sum((pnl for pnl, today in trades if today), Decimal(0)),
            recent_pnl_usdt=[pnl for pnl, _ in trades],
            positions=open_risk[account.id],
        )
        result[account.id] = risk_score(facts, limits.get(account.user_id, RiskLimits()))
    return result
