"""The lines of a billing period: which trades, funding and corrections it counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import and_
from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.models import AccountIncome, BillingItem, Fill, Position, User
from backend.money import units_down

CORRECTED_FOR = timedelta(days=92)
"""How long a billed trade is compared with what is known of it: as long as exchanges keep their income records."""
_CHUNK = 500


def period_items(session: Session, user: User, start: datetime, end: datetime, since: datetime) -> list[BillingItem]:
    """The lines of [start, end), in the order of their time; not stored yet, ``period_id`` is 0.

    Counted is what became final before ``end`` and after ``since`` and is in no period yet: a trade that ended before
    ``start`` but was not known then is ``late``.
    """
    items = [
        *_trades(session, user, start, end, since),
        *_corrections(session, user, end),
        *_funding(session, user, start, end, since),
    ]
    return sorted(items, key=lambda item: (item.at, item.kind, item.source_id))


def _trades(session: Session, user: User, start: datetime, end: datetime, since: datetime) -> list[BillingItem]:
    billed = and_(
        col(BillingItem.user_id) == col(Position.user_id),
        col(BillingItem.kind) == "trade",
        col(BillingItem.source_id) == col(Position.id),
    )
    found = session.exec(
        select(Position)
        .join(BillingItem, billed, isouter=True)
        .where(Position.user_id == user.id, Position.status != "OPEN")
        .where(col(Position.closed_at) < end, col(Position.closed_at) >= since)
        .where(col(BillingItem.id).is_(None))
    ).all()
    foreign = _foreign_fees(session, [position.id for position in found if position.id is not None])
    items = []
    for position in found:
        pnl, fee = _result(position, foreign)
        item = _line(user, position, "trade", pnl, fee)
        item.late = item.at < start
        items.append(item)
    return items


def _corrections(session: Session, user: User, end: datetime) -> list[BillingItem]:
    """Differences of billed trades against what is known of them now."""
    known: dict[int, tuple[int, int]] = {}
    for source_id, pnl, fee in session.exec(
        select(BillingItem.source_id, BillingItem.pnl, BillingItem.fee)
        .where(BillingItem.user_id == user.id, col(BillingItem.kind).in_(("trade", "correction")))
        .where(col(BillingItem.at) >= end - CORRECTED_FOR)
    ):
        before = known.get(source_id, (0, 0))
        known[source_id] = (before[0] + pnl, before[1] + fee)
    items = []
    for chunk in _chunks(sorted(known)):
        foreign = _foreign_fees(session, chunk)
        for position in session.exec(select(Position).where(col(Position.id).in_(chunk))):
            assert position.id is not None
            pnl, fee = _result(position, foreign)
            more, costs = pnl - known[position.id][0], fee - known[position.id][1]
            if more or costs:
                item = _line(user, position, "correction", more, costs)
                item.late = True
                items.append(item)
    return items


def _funding(session: Session, user: User, start: datetime, end: datetime, since: datetime) -> list[BillingItem]:
    billed = and_(
        col(BillingItem.user_id) == col(AccountIncome.user_id),
        col(BillingItem.kind) == "funding",
        col(BillingItem.source_id) == col(AccountIncome.id),
    )
    found = session.exec(
        select(AccountIncome)
        .join(BillingItem, billed, isouter=True)
        .where(AccountIncome.user_id == user.id, AccountIncome.income_type == "FUNDING_FEE")
        .where(AccountIncome.currency == "USDT", col(BillingItem.id).is_(None))
        .where(col(AccountIncome.at) < end, col(AccountIncome.at) >= since)
    )
    return [
        BillingItem(
            period_id=0,
            tenant_id=user.tenant_id,
            user_id=user.id or 0,
            kind="funding",
            source_id=row.id or 0,
            symbol=row.symbol,
            at=row.at,
            late=row.at < start,
            funding=row.amount,
            amount=row.amount,
            created_at=utcnow(),
        )
        for row in found
    ]


def _line(user: User, position: Position, kind: str, pnl: int, fee: int) -> BillingItem:
    assert position.closed_at is not None
    return BillingItem(
        period_id=0,
        tenant_id=user.tenant_id,
        user_id=user.id or 0,
        kind=kind,
        source_id=position.id or 0,
        symbol=position.symbol,
        direction=position.position_side,
        mode=position.mode,
        entry_price=f"{position.entry_price:f}",
        exit_price="" if position.exit_price is None else f"{position.exit_price:f}",
        opened_at=position.opened_at,
        at=position.closed_at,
        pnl=pnl,
        fee=fee,
        amount=pnl - fee,
        created_at=utcnow(),
    )


def _result(position: Position, foreign: dict[int, Decimal]) -> tuple[int, int]:
    """Profit and fee of a trade in units. A fee taken in another coin is no USDT and is left out."""
    fee = position.total_fee - foreign.get(position.id or 0, Decimal(0))
    return units_down(position.realized_pnl), units_down(fee)


def _foreign_fees(session: Session, position_ids: Sequence[int]) -> dict[int, Decimal]:
    """Fees in other coins than USDT, by position."""
    sums: dict[int, Decimal] = defaultdict(Decimal)
    for chunk in _chunks(position_ids):
        rows = session.exec(
            select(Fill.position_id, col(Fill.fee)).where(col(Fill.position_id).in_(chunk), Fill.fee_currency != "USDT")
        )
        for position_id, fee in rows:
            sums[position_id] += fee
    return sums


def _chunks(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    return (numbers[start : start + _CHUNK] for start in range(0, len(numbers), _CHUNK))
