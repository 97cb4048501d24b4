"""Profit share periods: what was billed, and how it follows from every trade."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.billing import statements
from backend.clock import to_ms
from backend.dashboards.lists.base import ANY_ID, Find, ListOf, Row, between, matching, paged, where
from backend.dashboards.lists.trading import person
from backend.identity.principal import Principal
from backend.identity.scope import scoped
from backend.models import BillingPeriod, Tenant, User
from backend.money import from_units
from backend.portfolio.queries import Listing

STATES = ("draft", "approved", "invoiced", "paid")
LINES = 300
_AMOUNTS = ("starting_c", "pnl", "unrealized", "ending_c", "c_bill", "high_before", "high_after", "fee")


def _statement(who: Principal, find: Find, *columns: Any) -> Any:
    statement = (
        select(*columns)
        .select_from(BillingPeriod)
        .join(User, col(User.id) == BillingPeriod.user_id, isouter=True)
        .join(Tenant, col(Tenant.id) == BillingPeriod.tenant_id, isouter=True)
    )
    filters = {"status": BillingPeriod.status, "tenant": BillingPeriod.tenant_id, "user": BillingPeriod.user_id}
    statement = between(where(scoped(statement, who, BillingPeriod), find, **filters), find, col(BillingPeriod.start_at))
    return matching(statement, find, col(User.name), col(User.email), col(BillingPeriod.invoice_no))


def periods(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Periods, newest first."""
    statement = _statement(who, find, BillingPeriod, User, Tenant.name)
    sorts = {"start_ms": col(BillingPeriod.start_at), "fee": col(BillingPeriod.fee), "pnl": col(BillingPeriod.pnl)}
    rows, total = paged(session, statement, find, sorts, col(BillingPeriod.id))
    return Listing([_row(*one) for one in rows], total)


def _row(row: BillingPeriod, user: User | None, tenant: str | None) -> Row:
    return {
        "id": row.id, "tenant": tenant or "", "user": person(user), "start_ms": to_ms(row.start_at), "end_ms": to_ms(row.end_at),
        "month": f"{row.start_at:%Y-%m}", "share_bp": row.share_bp, "trades": row.trades, "status": row.status,
        "invoice": row.invoice_no, "reference": row.payment_reference,
        **{name: from_units(getattr(row, name)) for name in _AMOUNTS},
    }  # fmt: skip


def totals(session: Session, who: Principal, find: Find) -> Row:
    """Count and sum of fees by state; the state chosen does not narrow it."""
    free = Find(find.search, {k: v for k, v in find.only.items() if k != "status"}, find.start, find.end)
    count, fee = func.count(), func.coalesce(func.sum(BillingPeriod.fee), 0)
    statement = _statement(who, free, BillingPeriod.status, count, fee).group_by(col(BillingPeriod.status))
    found: Row = {f"n_{state}": 0 for state in STATES} | {f"sum_{state}": from_units(0) for state in STATES}
    for state, number, amount in session.exec(statement).all():
        found |= {f"n_{state}": int(number), f"sum_{state}": from_units(int(amount))}
    return found


def period_detail(session: Session, who: Principal, period_id: int) -> Row:
    """The statement: the computation and its lines. Raises ``NotFound``."""
    found = statements.statement(session, who, period_id)
    lines = statements.rows(found)
    user, tenant = session.get(User, found.period.user_id), session.get(Tenant, found.period.tenant_id)
    return _row(found.period, user, tenant.name if tenant else "") | {
        "carry": found.bill.carry_forward,
        "share": found.bill.share,
        "formula": found.bill.formula(),
        "count": len(lines),
        "lines": lines[:LINES],
    }


PERIODS = ListOf(
    periods,
    ("admin", "tenant", "agent"),
    ("id", "tenant", "user", "month", "trades", "starting_c", "pnl", "unrealized", "ending_c", "high_before", "high_after",
     "share_bp", "fee", "status", "invoice", "reference"),
    ("start_ms", "fee", "pnl"),
    {"status": STATES, "tenant": ANY_ID, "user": ANY_ID},
    True,
    period_detail,
    totals,
)  # fmt: skip
