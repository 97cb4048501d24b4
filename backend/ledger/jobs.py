"""Scheduled work of the ledger."""

from __future__ import annotations

from sqlalchemy import insert, select
from sqlmodel import Session

from backend.clock import utcnow
from backend.ledger.queries import BalanceDifference, balance_differences
from backend.models import Notification
from backend.models.tables import table_of
from backend.money import format_units


def verify_balances(session: Session) -> list[BalanceDifference]:
    """Recompute every balance from its entries; alert the platform's admins about each one that differs."""
    different = balance_differences(session)
    for one in different:
        alert(
            session,
            f"Ledger balance of {one.name} differs",
            f"Account {one.account_id} holds {format_units(one.balance)} but its entries sum to "
            f"{format_units(one.entries)}. Stop withdrawals and compare with the last backup.",
        )
    return different


def alert(session: Session, title: str, message: str, type_: str = "ledger") -> bool:
    """A notification to the platform's admins, unless the same one is still unread. Returns whether it was new."""
    table = table_of(Notification)
    title = title[:160]
    known = session.execute(
        select(table.c.id)
        .where(table.c.audience == "platform", table.c.type == type_, table.c.title == title)
        .where(table.c.is_read.is_(False))
        .limit(1)
    ).first()
    if known is None:
        values = {"audience": "platform", "type": type_, "title": title, "message": message[:500]}
        session.execute(insert(table).values(link="", is_read=False, created_at=utcnow(), **values))
    return known is None
