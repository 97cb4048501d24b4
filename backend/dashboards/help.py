"""What the help pages show of the reader's own: the last billing period and the symbols offered."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from backend.dashboards.lists.periods import period_detail
from backend.dashboards.marks import marks
from backend.identity.principal import Principal
from backend.identity.scope import scoped
from backend.models import BillingPeriod, Strategy, TenantStrategy


def last_period(session: Session, who: Principal) -> dict[str, Any] | None:
    """The latest period the reader may see, as its statement; None before the first."""
    latest = scoped(select(BillingPeriod), who, BillingPeriod).order_by(
        col(BillingPeriod.start_at).desc(), col(BillingPeriod.id).desc()
    )
    found = session.exec(latest.limit(1)).first()
    return period_detail(session, who, found.id or 0) if found is not None else None


def traded_symbols(session: Session, who: Principal) -> list[dict[str, Any]]:
    """{id, name, timeframe, symbols} of each strategy in service; for merchants and agents only those their merchant offers.

    A strategy without a list of its own trades all the market has, as the scan does.
    """
    market = sorted(marks())
    statement = select(Strategy).where(Strategy.status == 1).order_by(col(Strategy.id))
    if who.kind != "admin":
        offered = select(TenantStrategy.strategy_id).where(
            TenantStrategy.tenant_id == who.tenant_id, TenantStrategy.status == 1
        )
        statement = statement.where(col(Strategy.id).in_(offered))
    return [
        {"id": str(one.id), "name": one.name, "timeframe": one.timeframe, "symbols": sorted(one.symbols) or market}
        for one in session.exec(statement)
    ]
