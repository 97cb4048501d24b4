"""Login sessions: opened, resolved (from memory for two seconds), revoked.

A cookie and a bearer token are both only names of a row in ``login_session``; the row and the state of its owner
decide. Revoking, disabling and changing a password drop the remembered answer when the change commits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import event, update
from sqlmodel import Session, col, select

from backend.clock import to_ms, utcnow
from backend.db import Database, get_db
from backend.identity.principal import Kind, Principal
from backend.identity.rights import UNPROVEN, may
from backend.models import Admin, LoginSession, PlatformState, SecondFactor, Tenant, User
from backend.security.tokens import LIFETIME, new_token_id, token_hash

REMEMBER_S = 2.0
FACTOR_ROLES = "admin_factor_roles"
"""The name of the platform's state that holds them."""
COOKIE_LIFETIME: dict[str, timedelta] = {
    "admin": timedelta(hours=12),
    "tenant": timedelta(days=7),
    "agent": timedelta(days=7),
}
_MAX_REMEMBERED = 20_000


class _Memory:
    """Answers of the last two seconds. A change made while an answer was being read keeps it from being kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, tuple[Principal | None, float]] = {}
        self._generation = 0

    def get(self, hashed: str) -> tuple[bool, Principal | None, int]:
        with self._lock:
            answer = self._answers.get(hashed)
            if answer is not None and answer[1] > time.monotonic():
                return True, answer[0], self._generation
            return False, None, self._generation

    def put(self, hashed: str, principal: Principal | None, generation: int) -> None:
        with self._lock:
            if generation != self._generation:
                return
            if len(self._answers) >= _MAX_REMEMBERED:
                self._answers.clear()
            self._answers[hashed] = (principal, time.monotonic() + REMEMBER_S)

    def forget(self) -> None:
        with self._lock:
            self._generation += 1
            self._answers.clear()


_memory = _Memory()
_listeners: list[Callable[[], None]] = []


def forget_sessions() -> None:
    """Drop all remembered answers now; the next look-up of each session reads the database."""
    _memory.forget()
    for listener in list(_listeners):
        listener()


def on_sessions_changed(listener: Callable[[], None]) -> None:
    """Call ``listener`` (from any thread) whenever sessions were revoked in this process."""
    _listeners.append(listener)


def forget_after_commit(session: Session) -> None:
    """Have the remembered answers dropped once the caller's transaction has committed."""

    def dropped(_session: Any) -> None:
        forget_sessions()

    event.listen(session, "after_commit", dropped, once=True)


def open_session(
    session: Session,
    kind: Kind,
    subject_id: int,
    *,
    purpose: Literal["cookie", "bearer"],
    ip: str,
    user_agent: str,
) -> tuple[LoginSession, str]:
    """A new session row and its token id (the cookie value, or the ``jti`` of a bearer token)."""
    token_id = new_token_id()
    now = utcnow()
    row = LoginSession(
        token_hash=token_hash(purpose, token_id),
        kind=kind,
        subject_id=subject_id,
        user_agent=user_agent[:255],
        ip=ip[:64],
        created_at=now,
        expires_at=now + (LIFETIME if purpose == "bearer" else COOKIE_LIFETIME[kind]),
    )
    session.add(row)
    session.flush()
    return row, token_id


def resolve_session(sid: str, db: Database | None = None) -> Principal | None:
    """Who the cookie ``sid`` belongs to; None when it is unknown, expired, revoked or its owner is disabled."""
    return resolve(sid, "cookie", db)


def remembered(sid: str) -> tuple[bool, Principal | None]:
    """Whether ``resolve_session`` would answer from memory, and with whom: for callers on an event loop, who otherwise need a thread."""
    if not sid or len(sid) > 256:
        return True, None
    known, principal, _ = _memory.get(token_hash("cookie", sid))
    return known, principal


def resolve(token_id: str, purpose: Literal["cookie", "bearer"], db: Database | None = None) -> Principal | None:
    """``resolve_session`` for either kind of token id."""
    if not token_id or len(token_id) > 256:
        return None
    hashed = token_hash(purpose, token_id)
    known, principal, generation = _memory.get(hashed)
    if known:
        return principal
    with (db or get_db()).reading() as session:
        row = session.exec(select(LoginSession).where(LoginSession.token_hash == hashed)).first()
        principal = principal_of(session, row) if row else None
    _memory.put(hashed, principal, generation)
    return principal


def principal_of(session: Session, row: LoginSession) -> Principal | None:
    """The principal of a session row, or None when the session or its owner no longer counts."""
    if row.revoked_at is not None or row.expires_at <= utcnow():
        return None
    assert row.id is not None
    if row.kind == "admin":
        admin = session.get(Admin, row.subject_id)
        if admin is None or admin.status != 1:
            return None
        role = UNPROVEN if _factor_missing(session, admin) else admin.role
        return Principal("admin", row.subject_id, None, admin.nickname or admin.username, admin.username, role, row.id, row.scopes)
    seen: dict[str, Any] = {}
    if row.parent_id is not None:
        above = session.get(LoginSession, row.parent_id)
        admin_there = principal_of(session, above) if above is not None and above.kind == "admin" else None
        if admin_there is None or not may(admin_there.role, "people"):
            return None
        seen = {"seen_by": admin_there.email, "until_ms": to_ms(row.expires_at)}
    if row.kind == "tenant":
        tenant = session.get(Tenant, row.subject_id)
        if tenant is None or tenant.status != 1:
            return None
        return Principal("tenant", row.subject_id, row.subject_id, tenant.name, tenant.email, "tenant", row.id, row.scopes, **seen)
    user = session.get(User, row.subject_id)
    if user is None or user.status != 1:
        return None
    tenant = session.get(Tenant, user.tenant_id)
    if tenant is None or tenant.status != 1:
        return None
    return Principal("agent", row.subject_id, user.tenant_id, user.name or user.email, user.email, "agent", row.id, row.scopes, **seen)


def factor_roles(session: Session) -> frozenset[str]:
    """Roles of admins that need a second factor."""
    state = session.get(PlatformState, FACTOR_ROLES)
    return frozenset(str(role) for role in state.value.get("roles", [])) if state is not None else frozenset()


def _factor_missing(session: Session, admin: Admin) -> bool:
    if admin.role not in factor_roles(session):
        return False
    proven = select(SecondFactor.id).where(
        SecondFactor.kind == "admin", SecondFactor.subject_id == admin.id, col(SecondFactor.confirmed_at).is_not(None)
    )
    return session.exec(proven).first() is None


def still_valid(session: Session, session_ids: Iterable[int]) -> set[int]:
    """Those of the given sessions that still count, by the rules of ``principal_of``: the live hub asks for all its
    connections at once, every few seconds, so this costs two statements for 500 of them."""
    wanted = sorted(set(session_ids))
    valid: set[int] = set()
    for start in range(0, len(wanted), 500):
        rows = session.exec(
            select(LoginSession.id, LoginSession.kind, LoginSession.subject_id, LoginSession.parent_id).where(
                col(LoginSession.id).in_(wanted[start : start + 500]), col(LoginSession.revoked_at).is_(None), col(LoginSession.expires_at) > utcnow()
            )
        ).all()
        for kind in {kind for _, kind, _, _ in rows}:
            active = _active(session, kind, {subject for _, of, subject, _ in rows if of == kind})
            valid.update(number for number, of, subject, parent in rows if number and of == kind and parent is None and subject in active)
        for number, _, _, parent in rows:  # an admin who looks at the platform as somebody: few, and the admin must count, too
            row = session.get(LoginSession, number) if parent is not None else None
            if row is not None and number and principal_of(session, row) is not None:
                valid.add(number)
    return valid


def _active(session: Session, kind: str, ids: set[int]) -> set[int]:
    """Those who are not disabled, nor is the tenant they belong to."""
    if kind == "admin":
        found = select(Admin.id).where(col(Admin.id).in_(ids), Admin.status == 1)
    elif kind == "tenant":
        found = select(Tenant.id).where(col(Tenant.id).in_(ids), Tenant.status == 1)
    else:
        found = select(User.id).join(Tenant, col(Tenant.id) == User.tenant_id).where(col(User.id).in_(ids), User.status == 1, Tenant.status == 1)
    return {number for number in session.exec(found).all() if number is not None}


def revoke_session(session: Session, session_id: int) -> None:
    """End one session; a view of somebody else's account that was opened from it ends with it."""
    statement = update(LoginSession).where(col(LoginSession.id) == session_id, col(LoginSession.revoked_at).is_(None))
    session.exec(statement.values(revoked_at=utcnow()))
    forget_after_commit(session)


def revoke_all(session: Session, kind: Kind, subject_id: int, keep: int | None = None) -> None:
    """End every session of one person, except ``keep``."""
    statement = update(LoginSession).where(
        col(LoginSession.kind) == kind,
        col(LoginSession.subject_id) == subject_id,
        col(LoginSession.revoked_at).is_(None),
    )
    if keep is not None:
        statement = statement.where(col(LoginSession.id) != keep)
    session.exec(statement.values(revoked_at=utcnow()))
    forget_after_commit(session)
