"""Jobs of the timetable run at once because somebody asked: written here, taken by whichever process holds the timetable."""

from __future__ import annotations

from sqlmodel import Session

from backend.clock import to_ms, utcnow
from backend.errors import InvalidInput
from backend.identity import rights
from backend.identity.principal import Principal
from backend.models import JobRun, PlatformState
from backend.security import audit

NAME = "asked_jobs"
SCAN = "scan"
"""The engine's own look at the candles, before its time; no job of the timetable."""
OFFERED = {SCAN: "scan", "sync_balances": "balance", "sync_incomes": "trades", "verify_balances": "books", "retry_pools": "pools", "monitor": "monitor"}
"""What may be asked for, and what it is called at the doors."""


def ask(session: Session, who: Principal, job: str, *, ip: str = "") -> None:
    """Have a job run at once. Raises ``InvalidInput``, ``RoleMayNot``."""
    rights.require(who, "settings", changing=True)
    if job not in OFFERED:
        raise InvalidInput(f"The job is one of {', '.join(OFFERED)}.")
    row = session.get(PlatformState, NAME, with_for_update=True) or PlatformState(name=NAME)
    row.value = {**row.value, job: to_ms(utcnow())}
    row.updated_at = utcnow()
    session.add(row)
    audit.record(session, who, "job.ask", f"job:{job}", ip=ip)


def take(session: Session) -> list[str]:
    """The jobs asked for since the last time; they are not answered again."""
    row = session.get(PlatformState, NAME)
    if row is None or not row.value:
        return []
    row = session.get_one(PlatformState, NAME, with_for_update=True, populate_existing=True)
    names = [name for name in row.value if name in OFFERED]
    row.value, row.updated_at = {}, utcnow()
    session.add(row)
    return names


def outcome(session: Session, job: str) -> dict[str, object]:
    """{job, runs, failures, last_ok_at, took_ms, error} of the last run."""
    row = session.get(JobRun, job)
    if row is None:
        return {"job": job, "runs": 0, "failures": 0, "last_ok_at": None, "took_ms": 0, "error": ""}
    return {"job": job, "runs": row.runs, "failures": row.failures, "last_ok_at": row.last_ok_at, "took_ms": row.last_duration_ms, "error": row.last_error}
