"""Closed trades of a person, an account or a tenant, read for analysis: most real kind of account, their capital and funding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.clock import to_ms
from backend.dashboards.performance import Analysis, Closed, analyse
from backend.dashboards.trade_figures import Period, RiskFigures, Statistics, Trade, risk_figures, statistics
from backend.identity.principal import Principal
from backend.identity.scope import scoped
from backend.models import AccountIncome, EquitySnapshot, Fill, Position
from backend.money import from_units
from backend.portfolio.record import MODES

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Which:
    """Of the closed positions one may see, those that match; None and "" ask for all. ``end`` is exclusive."""

    tenant_id: int | None = None
    account_id: int | None = None
    strategy_code: str = ""
    symbol: str = ""
    start: datetime | None = None
    end: datetime | None = None

    def conditions(self) -> list[Any]:
        """On ``Position``."""
        pairs = (
            (Position.tenant_id, self.tenant_id), (Position.account_id, self.account_id), (Position.strategy_code, self.strategy_code or None),
            (Position.symbol, self.symbol or None),
        )  # fmt: skip
        found: list[Any] = [column == value for column, value in pairs if value is not None]
        if self.start is not None:
            found.append(col(Position.closed_market_at) >= self.start)
        if self.end is not None:
            found.append(col(Position.closed_market_at) < self.end)
        return found


EVERYTHING = Which()


def analysis(session: Session, who: Principal, which: Which = EVERYTHING) -> tuple[str, Analysis | None]:
    """(mode, analysis); figures of simulated, paper and live accounts are never mixed. ("", None) before the first closed trade."""
    mode, rows = _closed(session, who, which)
    if not mode:
        return "", None
    accounts = {row.account_id for row in rows}
    paid = scoped(select(func.coalesce(func.sum(AccountIncome.amount), 0)), who, AccountIncome).where(
        AccountIncome.income_type == "FUNDING_FEE", col(AccountIncome.account_id).in_(accounts)
    )
    if which.start is not None:
        paid = paid.where(col(AccountIncome.at) >= which.start)
    if which.end is not None:
        paid = paid.where(col(AccountIncome.at) < which.end)
    return mode, analyse([_trade(row) for row in rows], _capital(session, accounts, which.start), from_units(int(session.exec(paid).one())))


def risk(session: Session, who: Principal, which: Which) -> tuple[str, RiskFigures | None]:
    """(mode, risk figures) of the same trades; ("", None) while there is none."""
    mode, rows = _closed(session, who, which)
    return mode, risk_figures([_trade(row) for row in rows], _capital(session, {row.account_id for row in rows}, which.start)) if mode else None


def trade_statistics(session: Session, who: Principal, which: Which, period: Period) -> tuple[str, list[Statistics]]:
    """(mode, a row per period), the newest first."""
    mode, rows = _closed(session, who, which)
    volumes = _volumes(session, [row.id or 0 for row in rows])
    trades = [
        Trade(_trade(row), to_ms(row.closed_market_at) - to_ms(row.opened_market_at), volumes.get(row.id or 0, Decimal(0)))
        for row in rows
        if row.closed_market_at is not None
    ]
    return mode, statistics(trades, period)


def _closed(session: Session, who: Principal, which: Which) -> tuple[str, list[Position]]:
    statement = scoped(select(Position), who, Position).where(Position.status != "OPEN", col(Position.closed_market_at).is_not(None))
    rows = list(session.exec(statement.where(*which.conditions())).all())
    known = {row.mode for row in rows}
    mode = next((name for name in MODES if name in known), "")
    return mode, [row for row in rows if row.mode == mode]


def _capital(session: Session, accounts: set[int], start: datetime | None) -> Decimal:
    """What the accounts began with, or had at ``start``."""
    first = select(func.min(EquitySnapshot.id)).where(col(EquitySnapshot.account_id).in_(accounts)).group_by(col(EquitySnapshot.account_id))
    if start is not None:
        first = first.where(col(EquitySnapshot.market_at) >= start)
    found = session.exec(select(col(EquitySnapshot.equity)).where(col(EquitySnapshot.id).in_(first))).all()
    return sum(found, Decimal(0))


def _trade(row: Position) -> Closed:
    assert row.closed_market_at is not None
    return Closed(row.symbol, row.strategy_code, to_ms(row.closed_market_at), row.closed_market_at, row.realized_pnl, row.total_fee)


def _volumes(session: Session, positions: Sequence[int]) -> dict[int, Decimal]:
    """What was bought and sold in each position. Summed here: SQLite would add the texts as floats."""
    found: dict[int, Decimal] = {}
    for start in range(0, len(positions), _CHUNK):
        some = positions[start : start + _CHUNK]
        fills = select(col(Fill.position_id), col(Fill.quantity), col(Fill.price)).where(col(Fill.position_id).in_(some))
        for number, quantity, price in session.exec(fills):
            found[number] = found.get(number, Decimal(0)) + quantity * price
    return found
