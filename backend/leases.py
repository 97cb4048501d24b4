"""Leases in the database with a fencing token: who may act now.

The token only grows, so a process that was paused past its lease can be told from its successor. All times are
database times; the host clock is not asked.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlmodel import Session

from backend.errors import Conflict


class LeaseLost(Conflict):
    """Another process acts now. This one stops."""

    code = "lease_lost"


NOW_MS = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    "mysql": "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
}
_IGNORE = {"sqlite": "INSERT OR IGNORE", "mysql": "INSERT IGNORE"}


def dialect(session: Session) -> str:
    """sqlite | mysql: the key of ``NOW_MS``."""
    return "sqlite" if session.get_bind().dialect.name == "sqlite" else "mysql"


def acquire(session: Session, name: str, owner: str, ttl_ms: int) -> int | None:
    """Take the lease ``name`` when it is free or expired. Returns the fencing token, or None when another holds it."""
    kind = dialect(session)
    now = NOW_MS[kind]
    arguments = {"name": name, "owner": owner, "ttl": ttl_ms}
    taken = session.connection().execute(
        text(
            f"UPDATE lease SET token = token + 1, owner = :owner, expires_at_ms = {now} + :ttl "
            f"WHERE name = :name AND expires_at_ms <= {now}"
        ),
        arguments,
    )
    if taken.rowcount == 0:
        session.connection().execute(
            text(
                f"{_IGNORE[kind]} INTO lease (name, owner, token, expires_at_ms) "
                f"VALUES (:name, :owner, 1, {now} + :ttl)"
            ),
            arguments,
        )
    row = session.connection().execute(
        text(f"SELECT token FROM lease WHERE name = :name AND owner = :owner AND expires_at_ms > {now}"), arguments
    ).first()
    return int(row[0]) if row else None


def renew(session: Session, name: str, owner: str, token: int, ttl_ms: int) -> bool:
    """Prolong a lease that is still held. False means it is lost and work must stop."""
    now = NOW_MS[dialect(session)]
    result = session.connection().execute(
        text(
            f"UPDATE lease SET expires_at_ms = {now} + :ttl "
            f"WHERE name = :name AND owner = :owner AND token = :token AND expires_at_ms > {now}"
        ),
        {"name": name, "owner": owner, "token": token, "ttl": ttl_ms},
    )
    return result.rowcount == 1


def release(session: Session, name: str, owner: str, token: int) -> None:
    """Give the lease back. The row stays, so that the token never restarts."""
    session.connection().execute(
        text("UPDATE lease SET expires_at_ms = 0 WHERE name = :name AND owner = :owner AND token = :token"),
        {"name": name, "owner": owner, "token": token},
    )


def holds(session: Session, name: str, token: int) -> bool:
    """Whether ``token`` is still the valid one; asked inside the transaction that writes."""
    now = NOW_MS[dialect(session)]
    row = session.connection().execute(
        text(f"SELECT 1 FROM lease WHERE name = :name AND token = :token AND expires_at_ms > {now}"),
        {"name": name, "token": token},
    ).first()
    return row is not None


def require(session: Session, name: str, token: int | None) -> None:
    """Inside the transaction that writes: go on only while ``token`` is still the valid one. None asks nothing.

    Raises ``LeaseLost``: a process that was paused past its lease writes no intent and claims no order.
    """
    if token is not None and not holds(session, name, token):
        raise LeaseLost
