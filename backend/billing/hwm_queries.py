"""Lists of billing periods, and what must hold for them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.billing import hwm
from backend.billing.hwm_rules import DRAFT
from backend.billing.lists import MoneyFilter, Row, Who, listing
from backend.models import BillingItem, BillingPeriod
from backend.money import exact_units
from backend.monitoring.rules import Invariant
from backend.portfolio.queries import Listing, Window


@dataclass(frozen=True, kw_only=True)
class PeriodFilter(MoneyFilter):
    """Of billing periods."""

    status: str | None = None


def periods(session: Session, who: Who, find: PeriodFilter, window: Window) -> Listing[Row]:
    """Billing periods, the latest first, each with its agent's e-mail."""
    return listing(session, who, BillingPeriod, find, window)


def check_periods(session: Session) -> Invariant:
    """Every period follows from its lines and from the one before, and approved ones never changed."""
    wrong: list[str] = []
    sums: dict[int, int] = {
        period_id: int(total)
        for period_id, total in session.exec(
            select(BillingItem.period_id, func.sum(BillingItem.amount)).group_by(col(BillingItem.period_id))
        )
    }
    before: BillingPeriod | None = None
    count = 0
    ordered = select(BillingPeriod).order_by(col(BillingPeriod.user_id), col(BillingPeriod.start_at))
    for row in session.exec(ordered):
        count += 1
        assert row.id is not None
        if before is None or before.user_id != row.user_id:
            start = (0, 0)
        else:
            start = (before.ending_c, before.high_after)
            if row.start_at < before.end_at:
                wrong.append(f"period {row.id} overlaps period {before.id}")
        if (row.starting_c, row.high_before) != start:
            wrong.append(f"period {row.id} does not start where the one before ended")
        if row.pnl != sums.get(row.id, 0):
            wrong.append(f"period {row.id} is not the sum of its lines")
        found = hwm.bill_of(row)
        figures = (found.cumulative, found.billable, found.high, found.invoice)
        if (row.ending_c, row.c_bill, row.high_after, row.fee) != tuple(map(exact_units, figures)):
            wrong.append(f"period {row.id} does not follow from its figures")
        if row.status != DRAFT and row.digest != hwm.digest(session, row):
            wrong.append(f"period {row.id} was changed after its approval")
        before = row
    return Invariant("billing periods follow from their trades", not wrong, count, "; ".join(wrong[:5]))
