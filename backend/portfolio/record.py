"""Reading the public record: the closed trades of the most real kind of account there is."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.clock import to_ms
from backend.models import EquitySnapshot, Fill, Position
from backend.portfolio.record_rules import Record, Trade, margin_of, record_of

MODES = ("live", "testnet", "paper", "simulated")
"""Most real first: figures of different kinds are never mixed."""


def public_record(session: Session) -> Record | None:
    """The platform's record of its most real kind of account; None before the first closed trade."""
    known = set(session.exec(select(Position.mode).where(Position.status != "OPEN").distinct()).all())
    for mode in sorted(known, key=lambda name: MODES.index(name) if name in MODES else len(MODES)):
        found = record_of(mode, _capital(session, mode), _trades(session, mode))
        if found is not None:
            return found
    return None


def _capital(session: Session, mode: str) -> Decimal:
    """The first equity read of every account that has traded, added up."""
    traded = select(Position.account_id).where(Position.mode == mode, Position.status != "OPEN").distinct()
    first = (
        select(func.min(EquitySnapshot.id))
        .where(EquitySnapshot.mode == mode, col(EquitySnapshot.account_id).in_(traded))
        .group_by(col(EquitySnapshot.account_id))
    )
    rows = session.exec(select(EquitySnapshot).where(col(EquitySnapshot.id).in_(first))).all()
    return sum((row.equity for row in rows), Decimal(0))


def _trades(session: Session, mode: str) -> list[Trade]:
    opened = (
        select(Fill.position_id, func.sum(Fill.quantity).label("quantity"))
        .where(Fill.mode == mode, col(Fill.trade_type).in_(("OPEN", "ADD")))
        .group_by(col(Fill.position_id))
        .subquery()
    )
    statement = (
        select(Position, opened.c.quantity)
        .join(opened, opened.c.position_id == Position.id)
        .where(Position.mode == mode, Position.status != "OPEN", col(Position.closed_market_at).is_not(None))
    )
    trades: list[Trade] = []
    for row, quantity in session.exec(statement).all():
        at, net = row.closed_market_at, row.realized_pnl - row.total_fee
        assert at is not None
        tied = margin_of(row.entry_price, Decimal(quantity), row.leverage)
        trades.append(Trade(row.symbol, row.position_side, to_ms(at), net, net / tied if tied else Decimal(0), f"{at:%Y-%m}"))
    return trades
