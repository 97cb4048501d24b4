"""Signing in: throttled, in constant-ish time, never hashing a password inside a transaction.

Three steps, each its own transaction: reserve a try (refused when too many are on record), verify the password
with no transaction open, then open the session and give the tries back. A crash in between only costs a try.
"""

from __future__ import annotations

import hashlib
import ipaddress
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.db import Database
from backend.errors import BadCredentials, TooManyTries
from backend.identity import second_factor
from backend.identity.one_time import make_token
from backend.identity.principal import Kind, Principal
from backend.identity.sessions import open_session, principal_of
from backend.models import Admin, LoginSession, LoginTry, Tenant, User
from backend.security import audit
from backend.security.passwords import hash_password, needs_update, verify_password

WINDOW = timedelta(minutes=15)
PAIR_LIMIT = 5
SUBJECT_LIMIT = 20
ADDRESS_LIMIT = 50
_KNOWN_ADDRESS = timedelta(days=30)
_CANDIDATES = 3

_reserve_lock = threading.Lock()


@dataclass(frozen=True)
class _Candidate:
    subject_id: int
    password_hash: str


@dataclass(frozen=True)
class _Buckets:
    pair: str
    subject: str
    address: str

    def limits(self) -> tuple[tuple[str, int], ...]:
        return (self.pair, PAIR_LIMIT), (self.subject, SUBJECT_LIMIT), (self.address, ADDRESS_LIMIT)


def sign_in(
    db: Database,
    kind: Kind,
    identifier: str,
    password: str,
    *,
    ip: str,
    user_agent: str,
    purpose: Literal["cookie", "bearer"] = "cookie",
    tenant_id: int | None = None,
    code: str = "",
) -> tuple[Principal, str]:
    """The principal and the token id of its new session.

    ``identifier`` is the admin's user name or an e-mail address. An agent's address may exist at several tenants:
    ``tenant_id`` chooses one, else the first whose password fits. Raises ``BadCredentials`` (the same for an
    unknown name, a wrong password and a disabled account), ``TooManyTries`` and, when a second factor is set and ``code``
    is empty, ``SecondFactorNeeded`` with the one-time secret to go on with.
    """
    identifier = identifier.strip().lower()[:190]
    buckets = _buckets(kind, identifier, ip)
    candidates = _reserve_try(db, kind, identifier, tenant_id, buckets, ip=ip)
    # Every agent sign-in costs the same number of verifications only while addresses are unique; the padding
    # below makes an unknown name cost one, like a known one.
    chosen = None
    for candidate in candidates or [_Candidate(0, "")]:
        if verify_password(password, candidate.password_hash):
            chosen = candidate
            break

    def finish(session: Session) -> tuple[Principal, str] | str | None:
        if chosen is None:
            audit.record(session, None, f"sign_in.{kind}", ok=False, ip=ip, detail={"name": identifier})
            return None
        factor = second_factor.of(session, kind, chosen.subject_id)
        if factor is not None and not code:
            return make_token(session, "second", kind=kind, subject_id=chosen.subject_id)
        if factor is not None and not second_factor.accept(session, factor, code):
            audit.record(session, None, f"sign_in.{kind}", ok=False, ip=ip, detail={"name": identifier, "factor": "wrong"})
            return None
        row, token_id = open_session(session, kind, chosen.subject_id, purpose=purpose, ip=ip, user_agent=user_agent)
        principal = principal_of(session, row)
        if principal is None:  # disabled since the first step
            session.delete(row)
            return None
        _welcome(session, principal, chosen, password)
        session.exec(delete(LoginTry).where(col(LoginTry.bucket).in_([buckets.pair, buckets.subject])))
        audit.record(session, principal, f"sign_in.{kind}", ip=ip, detail={"session": row.id})
        return principal, token_id

    answer = db.run(finish)
    if answer is None:
        raise BadCredentials
    if isinstance(answer, str):
        raise second_factor.SecondFactorNeeded(secret=answer)
    return answer


def _reserve_try(
    db: Database, kind: Kind, identifier: str, tenant_id: int | None, buckets: _Buckets, *, ip: str
) -> list[_Candidate]:
    """Write the try before it is made, so that parallel tries cannot pass the limit together."""
    with db.reading() as session:
        candidates = _candidates(session, kind, identifier, tenant_id)
        trusted = _known_address(session, kind, candidates, ip)
        _check_limits(session, buckets, trusted)

    def reserve(session: Session) -> None:
        _check_limits(session, buckets, trusted)
        for bucket, _limit in buckets.limits():
            session.add(LoginTry(bucket=bucket))

    with _reserve_lock:
        db.run(reserve)
    return candidates


def _check_limits(session: Session, buckets: _Buckets, trusted: bool) -> None:
    since = utcnow() - WINDOW
    for bucket, limit in buckets.limits():
        # Strangers hammering a name must not lock out its owner, who signs in from an address seen before.
        if trusted and bucket == buckets.subject:
            continue
        count = select(func.count()).select_from(LoginTry).where(LoginTry.bucket == bucket, col(LoginTry.at) > since)
        if session.exec(count).one() >= limit:
            raise TooManyTries("Too many tries. Wait 15 minutes and try again.")


def _candidates(session: Session, kind: Kind, identifier: str, tenant_id: int | None) -> list[_Candidate]:
    rows: list[Admin] | list[Tenant] | list[User]
    if kind == "admin":
        rows = list(session.exec(select(Admin).where(func.lower(Admin.username) == identifier, Admin.status == 1)))
    elif kind == "tenant":
        rows = list(session.exec(select(Tenant).where(Tenant.email == identifier, Tenant.status == 1)))
    else:
        statement = (
            select(User)
            .join(Tenant, col(Tenant.id) == User.tenant_id)
            .where(User.email == identifier, User.status == 1, Tenant.status == 1)
            .order_by(col(User.id))
            .limit(_CANDIDATES)
        )
        if tenant_id is not None:
            statement = statement.where(User.tenant_id == tenant_id)
        rows = list(session.exec(statement))
    return [_Candidate(row.id or 0, row.password_hash) for row in rows if row.password_hash]


def _known_address(session: Session, kind: Kind, candidates: list[_Candidate], ip: str) -> bool:
    if not candidates or not ip:
        return False
    statement = select(LoginSession.id).where(
        LoginSession.kind == kind,
        col(LoginSession.subject_id).in_([candidate.subject_id for candidate in candidates]),
        LoginSession.ip == ip[:64],
        col(LoginSession.created_at) > utcnow() - _KNOWN_ADDRESS,
    )
    return session.exec(statement.limit(1)).first() is not None


def _welcome(session: Session, principal: Principal, chosen: _Candidate, password: str) -> None:
    model: Any = {"admin": Admin, "tenant": Tenant, "agent": User}[principal.kind]
    subject = session.get(model, principal.id)
    if subject is None:
        return
    if isinstance(subject, Admin):
        subject.last_login_at = utcnow()
    if needs_update(chosen.password_hash) and subject.password_hash == chosen.password_hash:
        subject.password_hash = hash_password(password)
    session.add(subject)


def _buckets(kind: Kind, identifier: str, ip: str) -> _Buckets:
    subject = hashlib.sha256(f"{kind}:{identifier}".encode()).hexdigest()[:40]
    address = address_of(ip)
    return _Buckets(f"pair:{subject}:{address}", f"subject:{subject}", f"address:{address}")


def address_of(ip: str) -> str:
    """The address an attacker holds: one IPv4 address, or a /64 of IPv6."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)
