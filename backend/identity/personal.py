"""What people do about their own account: sessions and devices, tokens for their programs, name, language, time zone."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.errors import InvalidInput, NotFound
from backend.identity.principal import Principal
from backend.identity.sessions import revoke_all, revoke_session
from backend.models import Admin, LoginSession, Tenant, User
from backend.security import audit
from backend.security.tokens import token_hash

COLOURS = ("std", "cn", "colourblind")
"""Of gains and losses: green and red, red and green, blue and orange."""
TOKEN_PREFIX = "ibt_"  # noqa: S105 - a name, not a secret
SCOPES = ("read", "read write")
MAX_TOKENS = 20
MAX_DAYS = 366
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Device:
    """One open session, or one token with its ``label`` and ``scopes``."""

    id: int
    label: str
    scopes: str
    user_agent: str
    ip: str
    created_at: datetime
    expires_at: datetime
    current: bool


def devices(session: Session, who: Principal) -> list[Device]:
    """Open sessions and tokens of the person, newest first."""
    statement = (
        select(LoginSession)
        .where(LoginSession.kind == who.kind, LoginSession.subject_id == who.id, col(LoginSession.revoked_at).is_(None))
        .where(col(LoginSession.expires_at) > utcnow())
        .order_by(col(LoginSession.id).desc())
        .limit(_SHOWN)
    )
    return [
        Device(
            row.id or 0, row.label, row.scopes, row.user_agent, row.ip, row.created_at, row.expires_at,
            row.id == who.session_id,
        )
        for row in session.exec(statement).all()
    ]  # fmt: skip


def end_device(session: Session, who: Principal, session_id: int, *, ip: str = "") -> None:
    """End one of the person's own sessions or tokens. Raises ``NotFound`` (also for somebody else's)."""
    row = session.get(LoginSession, session_id)
    if row is None or (row.kind, row.subject_id) != (who.kind, who.id):
        raise NotFound
    revoke_session(session, session_id)
    audit.record(session, who, "session.revoke", f"session:{session_id}", ip=ip)


def end_others(session: Session, who: Principal, *, ip: str = "") -> None:
    """End every session and token but the present one."""
    revoke_all(session, who.kind, who.id, keep=who.session_id)
    audit.record(session, who, "session.revoke_others", f"{who.kind}:{who.id}", ip=ip)


def make_token(session: Session, who: Principal, label: str, scopes: str, days: int, *, ip: str = "") -> str:
    """A token for a program, shown now and never again. Ends like a session: revoked, or with a new password.

    Raises ``InvalidInput``.
    """
    name = label.strip()
    if not 1 <= len(name) <= 60 or not name.isprintable():
        raise InvalidInput("Give the token a name of 1 to 60 characters.")
    if scopes not in SCOPES or not 1 <= days <= MAX_DAYS:
        raise InvalidInput(f"Choose a scope, and 1 to {MAX_DAYS} days.")
    if sum(bool(device.label) for device in devices(session, who)) >= MAX_TOKENS:
        raise InvalidInput("You have 20 tokens. Revoke one first.")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    row = LoginSession(
        token_hash=token_hash("bearer", secret), kind=who.kind, subject_id=who.id, label=name, scopes=scopes, ip=ip[:64],
        expires_at=utcnow() + timedelta(days=days),
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(session, who, "api_key.make", f"session:{row.id}", detail={"name": name, "scopes": scopes}, ip=ip)
    return secret


def profile(session: Session, who: Principal) -> dict[str, str]:
    """{name, email, locale, time_zone, language, colours}; ``language`` and ``colours`` are "" until they were chosen. Admins and tenants have
    no time zone of their own."""
    row = _row(session, who)
    colours = str(row.settings.get("colours", ""))
    if isinstance(row, User):
        zone = str(row.settings.get("time_zone", "UTC"))
        chosen = row.locale if "time_zone" in row.settings else ""
        return {"name": row.name, "email": row.email, "locale": row.locale, "time_zone": zone, "language": chosen, "colours": colours}
    language = str(row.settings.get("language", ""))
    return {"name": who.name, "email": who.email, "locale": language, "time_zone": "", "language": language, "colours": colours}


def save_profile(session: Session, who: Principal, *, name: str, locale: str = "", time_zone: str = "", colours: str = "std") -> None:
    """Change language ("": the browser's, not for agents, who get mails), the colours of gains and losses, the shown name (a merchant's is the
    platform's to change), and for agents the time zone. Raises ``InvalidInput``."""
    from backend.identity.service import normal_name

    row = _row(session, who)
    shown = normal_name(name, 64, required=False)
    agent = isinstance(row, User)
    if locale not in ("en", "zh", *([] if agent else [""])) or (agent and time_zone not in available_timezones()):
        raise InvalidInput("Choose a language and a time zone from the lists." if agent else "Choose a language from the list.")
    if colours not in COLOURS:
        raise InvalidInput(f"The colours are one of {', '.join(COLOURS)}.")
    if isinstance(row, User):
        row.name, row.locale = shown, locale
        row.settings = {**row.settings, "time_zone": time_zone, "colours": colours}
    else:
        row.settings = {**row.settings, "language": locale, "colours": colours}
    if isinstance(row, Admin):
        row.nickname = shown
    session.add(row)
    session.flush()
    audit.record(session, who, "profile.save", f"{who.kind}:{who.id}")


def toured(session: Session, who: Principal) -> bool:
    """Whether this agent has seen the tour, or skipped it; true for those who have none."""
    row = _row(session, who)
    return not isinstance(row, User) or bool(row.settings.get("toured"))


def remember_tour(session: Session, who: Principal) -> None:
    """The agent need not be shown the tour again."""
    row = _row(session, who)
    if isinstance(row, User) and not row.settings.get("toured"):
        row.settings = {**row.settings, "toured": True}
        session.add(row)
        session.flush()


def _row(session: Session, who: Principal) -> Any:
    model: Any = {"admin": Admin, "tenant": Tenant, "agent": User}[who.kind]
    row = session.get(model, who.id)
    if row is None:
        raise NotFound
    return row
