"""What the system monitor shows: measurements and their course, scheduled jobs, waiting work, and the business invariants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import String, cast, func
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from backend.clock import to_ms, utcnow
from backend.execution.nodes import is_online
from backend.models import ExecutionNode, JobRun, Lease, Order, Probe
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
    since = utcnow() - timedelta(hours=hours)
    # "2026-11-21 12:3" is ten minutes, one figure more is one, in every database.
    step = func.substr(cast(col(Probe.at), String), 1, 15 if hours > 2 else 16)
    parts = sa_select(col(Probe.name), func.max(Probe.at), func.max(Probe.value), func.min(Probe.value), func.max(Probe.id))
    found: dict[str, list[tuple[int, int]]] = {}
    newest: dict[str, int] = {}
    for name, at, most, least, last_id in session.execute(parts.where(col(Probe.at) >= since).group_by(Probe.name, step).order_by(func.max(Probe.at))):
        check, limit = name.partition(":")[0], name.rpartition(":")[2]
        if check in SHOWN:
            found.setdefault(name, []).append((to_ms(at), least if limit in AT_LEAST else most))
            newest[name] = max(last_id, newest.get(name, 0))
    last = {row.name: row for row in session.exec(select(Probe).where(col(Probe.id).in_(newest.values()))).all()}
    rows = [_measured(last[name], points, limits) for name, points in found.items() if name in last]
    return sorted(rows, key=lambda row: (CHECKS.index(row["check"]), row["subject"], row["limit"]))


def _measured(row: Probe, points: list[tuple[int, int]], limits: Mapping[str, int]) -> dict[str, Any]:
    check, _, rest = row.name.partition(":")
    subject, _, limit = rest.rpartition(":")
    values = [value for _, value in points]
    return {
        "id": row.name, "check": check, "subject": subject, "limit": limit, "bound": limits.get(limit, 0), "ok": row.ok, "value": row.value,
        "at_ms": to_ms(row.at), "worst": min(values) if limit in AT_LEAST else max(values), "points": points,
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
