"""The agent's analytics, read: closed trades of the most real kind of account, their capital and funding."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.clock import to_ms
from backend.dashboards.performance import Analysis, Closed, analyse
from backend.identity.principal import Principal
from backend.identity.scope import scoped
from backend.models import AccountIncome, EquitySnapshot, Position
from backend.money import from_units
from backend.portfolio.record import MODES


def analysis(session: Session, who: Principal) -> tuple[str, Analysis | None]:
    """(mode, analysis); figures of simulated, paper and live accounts are never mixed. ("", None) before the first closed trade."""
    closed = scoped(select(Position), who, Position).where(Position.status != "OPEN", col(Position.closed_market_at).is_not(None))
    rows = list(session.exec(closed).all())
    known = {row.mode for row in rows}
    mode = next((name for name in MODES if name in known), "")
    if not mode:
        return "", None
    rows = [row for row in rows if row.mode == mode]
    accounts = {row.account_id for row in rows}
    first = (
        select(func.min(EquitySnapshot.id)).where(col(EquitySnapshot.account_id).in_(accounts)).group_by(col(EquitySnapshot.account_id))
    )
    capital = sum((row.equity for row in session.exec(select(EquitySnapshot).where(col(EquitySnapshot.id).in_(first))).all()), Decimal(0))
    paid = scoped(select(func.coalesce(func.sum(AccountIncome.amount), 0)), who, AccountIncome).where(
        AccountIncome.income_type == "FUNDING_FEE", col(AccountIncome.account_id).in_(accounts)
    )
    trades = [
        Closed(row.symbol, row.strategy_code, to_ms(row.closed_market_at), row.closed_market_at, row.realized_pnl, row.total_fee)
        for row in rows
        if row.closed_market_at is not None
    ]
    return mode, analyse(trades, capital, from_units(int(session.exec(paid).one())))
