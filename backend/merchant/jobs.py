"""What the timetable calls."""

from __future__ import annotations

from sqlalchemy import delete
from sqlmodel import Session, col

from backend.clock import utcnow
from backend.merchant.repeats import KEPT
from backend.models import MerchantCall, MerchantNonce


def prune(session: Session) -> None:
    """Forget nonces whose time has passed and stored answers older than a week."""
    now = utcnow()
    connection = session.connection()
    connection.execute(delete(MerchantNonce).where(col(MerchantNonce.expires_at) < now))
    connection.execute(delete(MerchantCall).where(col(MerchantCall.created_at) < now - KEPT))
