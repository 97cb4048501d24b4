"""What the system monitor shows: scheduled jobs, waiting work, and the business invariants."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.clock import to_ms
from backend.models import JobRun, Lease, Order
from backend.monitoring.service import run_invariants


def jobs(session: Session) -> list[dict[str, Any]]:
    """The last run of every scheduled job, by name."""
    return [
        {
            "id": job.name, "runs": job.runs, "failures": job.failures, "took_ms": job.last_duration_ms, "error": job.last_error,
            "started_ms": to_ms(job.last_started_at) if job.last_started_at else 0,
            "ok_ms": to_ms(job.last_ok_at) if job.last_ok_at else 0,
        }
        for job in session.exec(select(JobRun).order_by(JobRun.name)).all()
    ]  # fmt: skip


def leases(session: Session) -> list[dict[str, Any]]:
    """Who may act: {name, owner, token, expires_ms}."""
    return [
        {"id": row.name, "owner": row.owner, "token": row.token, "expires_ms": row.expires_at_ms}
        for row in session.exec(select(Lease).order_by(Lease.name)).all()
    ]


def waiting(session: Session) -> dict[str, int]:
    """Orders by state that are not final."""
    rows = session.exec(
        select(Order.status, func.count())
        .where(col(Order.status).in_(("PENDING", "SENT", "UNKNOWN", "PARTIAL", "OPEN")))
        .group_by(col(Order.status))
    ).all()
    return {str(status): int(n) for status, n in rows}


def invariants(session: Session) -> list[dict[str, Any]]:
    """Every invariant, checked now."""
    return [
        {"id": one.name, "ok": one.ok, "checked": one.checked, "difference": one.difference} for one in run_invariants(session)
    ]
