"""Secrets that work once: made, looked up by hash, used up."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any, Literal

from sqlmodel import Session, col, delete, select

from backend.clock import utcnow
from backend.errors import InvalidInput
from backend.identity.principal import Kind
from backend.models import OneTimeToken

Purpose = Literal["sign_up", "reset", "second"]
LIFETIME: dict[Purpose, timedelta] = {
    "sign_up": timedelta(hours=24),
    "reset": timedelta(hours=1),
    "second": timedelta(minutes=5),
}
_KEPT = timedelta(days=7)


class LinkUsed(InvalidInput):
    """The link is not valid any more. Ask for a new one."""

    code = "link_used"


def make_token(
    session: Session, purpose: Purpose, *, kind: Kind = "agent", subject_id: int = 0, detail: dict[str, Any] | None = None
) -> str:
    """A fresh secret, kept as its hash. Old rows are swept along the way."""
    now = utcnow()
    session.exec(delete(OneTimeToken).where(col(OneTimeToken.expires_at) < now - _KEPT))
    secret = secrets.token_urlsafe(32)
    session.add(
        OneTimeToken(
            token_hash=_hash(purpose, secret), purpose=purpose, kind=kind, subject_id=subject_id, detail=detail or {},
            expires_at=now + LIFETIME[purpose],
        )
    )  # fmt: skip
    session.flush()
    return secret


def open_token(session: Session, purpose: Purpose, secret: str) -> OneTimeToken:
    """The unused, unexpired row of a secret, locked. Raises ``LinkUsed``."""
    statement = select(OneTimeToken).where(OneTimeToken.token_hash == _hash(purpose, secret)).with_for_update()
    row = session.exec(statement).first() if 0 < len(secret) <= 200 else None
    if row is None or row.used_at is not None or row.expires_at <= utcnow():
        raise LinkUsed
    return row


def use_up(session: Session, row: OneTimeToken) -> None:
    """The secret works no more; what it carried is forgotten."""
    row.used_at, row.detail = utcnow(), {}
    session.add(row)
    session.flush()


def _hash(purpose: str, secret: str) -> str:
    return hashlib.sha256(f"one-time:{purpose}:{secret}".encode()).hexdigest()
