"""What the system monitor shows: measurements and their course, scheduled jobs, waiting work, and the business invariants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import func, or_
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from backend.clock import to_ms, utcnow
from backend.execution.nodes import is_online
from backend.models import ExecutionNode, JobRun, Lease, Order, Probe
from backend.monitoring.probes import FINE_S, ROUGH_S
from backend.monitoring.service import run_invariants
from backend.monitoring.watch_rules import AT_LEAST, CHECKS

SHOWN = ("services", "database", "redis", "nodes", "queues", "disk")
"""Checks that are drawn; jobs, leases and invariants have lists of their own."""


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


def measurements(session: Session, limits: Mapping[str, int], hours: int) -> list[dict[str, Any]]:
    """What was measured in the last hours (24 are kept): {id, check, subject, limit, bound, ok, value, at_ms, worst, points}. ``points`` are
    (at_ms, value), the worst of each minute, over more than two hours of each ten minutes."""
    shown = or_(*(col(Probe.name).like(f"{check}:%") for check in SHOWN))
    of_span = (col(Probe.grain_s) == (ROUGH_S if hours > 2 else FINE_S), col(Probe.at) >= utcnow() - timedelta(hours=hours), shown)
    columns = sa_select(col(Probe.name), col(Probe.seen_at), col(Probe.ok), col(Probe.value), col(Probe.least), col(Probe.most))
    found: dict[str, list[Any]] = {}
    for row in session.execute(columns.where(*of_span).order_by(col(Probe.at))):
        found.setdefault(row.name, []).append(row)
    rows = [_measured(name, course, limits) for name, course in found.items()]
    return sorted(rows, key=lambda row: (CHECKS.index(row["check"]), row["subject"], row["limit"]))


def _measured(name: str, course: list[Any], limits: Mapping[str, int]) -> dict[str, Any]:
    check, _, rest = name.partition(":")
    subject, _, limit = rest.rpartition(":")
    points = [(to_ms(row.seen_at), row.least if limit in AT_LEAST else row.most) for row in course]
    values = [value for _, value in points]
    last = course[-1]
    return {
        "id": name, "check": check, "subject": subject, "limit": limit, "bound": limits.get(limit, 0), "ok": last.ok, "value": last.value,
        "at_ms": to_ms(last.seen_at), "worst": min(values) if limit in AT_LEAST else max(values), "points": points,
    }  # fmt: skip


def nodes(session: Session) -> tuple[int, int]:
    """(online, in service)."""
    enabled = session.exec(select(ExecutionNode).where(ExecutionNode.status == 1)).all()
    return sum(1 for node in enabled if is_online(node)), len(enabled)


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
