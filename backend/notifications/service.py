"""In-app notifications: written in the transaction of the event they speak of, read by their one audience."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.identity.scope import scoped
from backend.models import Notification
from backend.portfolio.queries import Listing, Window


def notify_agent(
    session: Session, tenant_id: int, user_id: int, type_: str, title: str, *, message: str = "", link: str = ""
) -> Notification:
    """A message to one agent. Types: trade_open, trade_close, risk_alert, billing, system."""
    row = Notification(
        audience="agent",
        tenant_id=tenant_id,
        user_id=user_id,
        type=type_,
        title=title[:160],
        message=message[:500],
        link=link[:160],
    )
    session.add(row)
    return row


def notifications(
    session: Session, who: Principal, *, unread: bool = False, window: Window | None = None
) -> Listing[Notification]:
    """The person's own notifications, newest first."""
    window = window or Window(limit=20)
    statement = _own(select(Notification), who)
    if unread:
        statement = statement.where(col(Notification.is_read).is_(False))
    total = session.exec(select(func.count()).select_from(statement.subquery())).one()
    page = statement.order_by(col(Notification.id).desc()).limit(min(max(window.limit, 1), 500)).offset(window.offset)
    return Listing(list(session.exec(page).all()), int(total))


def unread_count(session: Session, who: Principal) -> int:
    """How many of them are unread."""
    statement = _own(select(func.count()).select_from(Notification), who).where(col(Notification.is_read).is_(False))
    return int(session.exec(statement).one())


def mark_read(session: Session, who: Principal, notification_id: int) -> Notification:
    """Mark one as read; again changes nothing. Raises ``NotFound``."""
    row: Notification | None = session.exec(
        _own(select(Notification), who).where(Notification.id == notification_id)
    ).first()
    if row is None:
        raise NotFound
    if not row.is_read:
        row.is_read, row.read_at = True, utcnow()
        session.add(row)
        session.flush()
    return row


def mark_all_read(session: Session, who: Principal) -> int:
    """Mark all as read; returns how many were not."""
    statement = _own(update(Notification), who).where(col(Notification.is_read).is_(False))
    result = session.connection().execute(statement.values(is_read=True, read_at=utcnow()))
    return int(result.rowcount)


def _own(statement: Any, who: Principal) -> Any:
    if who.kind == "admin":
        return statement.where(Notification.audience == "platform")
    return scoped(statement, who, Notification).where(Notification.audience == who.kind)
