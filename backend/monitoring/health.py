"""Health: what is really asked before this process calls itself well."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, select

from backend.clock import utcnow
from backend.db import Database
from backend.live import Hub
from backend.models import JobRun

STALE = timedelta(seconds=90)


@dataclass(frozen=True)
class Health:
    """One part: ``ok``, a short word for people, and how long the answer took."""

    ok: bool
    detail: str
    latency_ms: float = 0.0


HealthCheck = Callable[[], Health]


def database_check(db: Database) -> HealthCheck:
    """Asks the database for 1."""

    def check() -> Health:
        started = time.perf_counter()
        try:
            with db.reading() as session:
                session.connection().execute(text("SELECT 1")).scalar_one()
        except (SQLAlchemyError, OSError):
            return Health(False, "does not answer")
        return Health(True, "ok", round((time.perf_counter() - started) * 1000, 2))

    return check


def scheduler_check(db: Database) -> HealthCheck:
    """Whether any scheduled job has started lately, in whichever process holds the timetable."""

    def check() -> Health:
        try:
            with db.reading() as session:
                return _scheduler(session)
        except (SQLAlchemyError, OSError):
            return Health(False, "unknown: the database does not answer")

    return check


def market_check(hub: Hub) -> HealthCheck:
    """Whether the market feed has published lately in this process (directly or through the bus). A replay that has
    reached its end is well."""

    def check() -> Health:
        if hub.snapshot("market").get("done"):
            return Health(True, "the replay has ended")
        age = hub.age_s("market")
        if age is None:
            return Health(False, "no market data yet")
        return Health(age < STALE.total_seconds(), f"last data {age:.0f} s ago")

    return check


def _scheduler(session: Session) -> Health:
    last = session.exec(select(func.max(JobRun.last_started_at))).one()
    if last is None:
        return Health(False, "no job has run yet")
    age = utcnow() - last
    return Health(age < STALE, f"last job {age.total_seconds():.0f} s ago")
