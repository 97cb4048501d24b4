"""What the timetable calls for identity."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete
from sqlmodel import Session, col

from backend.clock import utcnow
from backend.identity.sign_in import purge_tries
from backend.models import LoginSession

_KEEP = timedelta(days=30)


def purge(session: Session) -> dict[str, int]:
    """Remove old sign-in tries and sessions that ended more than 30 days ago."""
    old = session.exec(delete(LoginSession).where(col(LoginSession.expires_at) < utcnow() - _KEEP))
    return {"tries": purge_tries(session), "sessions": int(old.rowcount)}
