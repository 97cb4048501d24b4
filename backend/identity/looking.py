"""An admin looks at the platform as a tenant or an agent sees it: for support, read-only, for half an hour, audited.

The session is a row of its own below the admin's session: it ends with that one, and when its time is over.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.errors import InvalidInput, NotAllowed, NotFound
from backend.identity import rights
from backend.identity.principal import Kind, Principal
from backend.identity.sessions import forget_after_commit, open_session
from backend.models import LoginSession, Tenant, User
from backend.security import audit

LIFE = timedelta(minutes=30)
START, END = "support.look", "support.end"


class NotLooking(NotAllowed):
    """You are not looking at another person's account."""

    code = "not_looking"


class Looker(NamedTuple):
    """Who is written into the audit log: the admin, not the person looked at."""

    kind: str
    id: int
    tenant_id: int | None


def look(session: Session, who: Principal, kind: str, subject_id: int, reason: str, *, ip: str = "", user_agent: str = "") -> str:
    """A read-only session as a tenant or an agent; its cookie. Raises ``NotAllowed``, ``NotFound``, ``InvalidInput``."""
    if who.kind != "admin" or kind not in ("tenant", "agent"):
        raise NotAllowed
    rights.require(who, "people", changing=True)
    reason = " ".join(reason.split())[:200]
    if len(reason) < 3:
        raise InvalidInput("Say why you look at this account; the reason is kept.")
    of: Kind = "tenant" if kind == "tenant" else "agent"
    tenant_id = _tenant_of(session, of, subject_id)
    row, sid = open_session(session, of, subject_id, purpose="cookie", ip=ip, user_agent=user_agent)
    row.parent_id, row.expires_at = who.session_id, utcnow() + LIFE
    session.add(row)
    session.flush()
    detail = {"reason": reason, "session": row.id, "until": row.expires_at.isoformat(timespec="seconds")}
    audit.record(session, who, START, f"{of}:{subject_id}", detail=detail, ip=ip, tenant_id=tenant_id)
    return sid


def end(session: Session, who: Principal, *, ip: str = "") -> int:
    """End the look of this read-only session; the id of the admin's own session. Raises ``NotLooking``."""
    row = session.get(LoginSession, who.session_id) if who.read_only else None
    if row is None or row.parent_id is None:
        raise NotLooking
    _finish(session, row, "ended", ip)
    return row.parent_id


def note_ended(session: Session) -> int:
    """Write down looks that ended by themselves: time over, or the admin signed out. Returns how many."""
    rows = session.exec(
        select(LoginSession).where(col(LoginSession.parent_id).is_not(None), col(LoginSession.revoked_at).is_(None)).with_for_update()
    ).all()
    count, now = 0, utcnow()
    for row in rows:
        above = session.get(LoginSession, row.parent_id)
        if row.expires_at <= now:
            _finish(session, row, "time is over")
        elif above is None or above.revoked_at is not None or above.expires_at <= now:
            _finish(session, row, "the admin signed out")
        else:
            continue
        count += 1
    return count


def _finish(session: Session, row: LoginSession, how: str, ip: str = "") -> None:
    above = session.get(LoginSession, row.parent_id)
    row.revoked_at = utcnow()
    session.add(row)
    actor = Looker("admin", above.subject_id, None) if above is not None else None
    of: Kind = "tenant" if row.kind == "tenant" else "agent"
    user = session.get(User, row.subject_id) if of == "agent" else None
    tenant_id = user.tenant_id if user is not None else row.subject_id if of == "tenant" else None
    audit.record(session, actor, END, f"{of}:{row.subject_id}", detail={"session": row.id, "how": how}, ip=ip, tenant_id=tenant_id)
    forget_after_commit(session)


def _tenant_of(session: Session, kind: Kind, subject_id: int) -> int:
    """The tenant concerned. Raises ``NotFound`` for somebody who could not sign in either."""
    if kind == "tenant":
        tenant = session.get(Tenant, subject_id)
        if tenant is None or tenant.status != 1:
            raise NotFound
        return subject_id
    user = session.get(User, subject_id)
    tenant = session.get(Tenant, user.tenant_id) if user is not None else None
    if user is None or tenant is None or user.status != 1 or tenant.status != 1 or user.is_root:
        raise NotFound
    return user.tenant_id
