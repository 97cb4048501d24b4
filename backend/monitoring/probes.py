"""Measurements as they are kept: not one by one, but what each check measured per minute and per ten minutes.

A day of single measurements is some 170,000 rows; its charts need a few thousand points.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, insert, or_
from sqlmodel import Session, col, select

from backend.clock import from_ms, to_ms
from backend.leases import dialect
from backend.models import Probe
from backend.models.tables import table_of
from backend.monitoring.watch_rules import Reading

FINE_S, ROUGH_S = 60, 600
KEPT = {FINE_S: timedelta(hours=3), ROUGH_S: timedelta(days=31)}
"""Minutes are drawn for two hours, ten minutes for a day; the daily figures look back a month."""


def note(session: Session, readings: Sequence[Reading], now: datetime) -> None:
    """Add measurements (those with a limit) to the minute and the ten minutes they were made in; drop what is too old."""
    measured = [reading for reading in readings if reading.limit]
    if measured:
        known = _rows(session, measured, now)
        for reading in measured:
            for grain_s in KEPT:
                row = known[grain_s, reading.key]
                row.seen_at, row.ok, row.value = now, reading.ok, reading.value
                row.least, row.most = min(row.least, reading.value), max(row.most, reading.value)
                row.total, row.count = row.total + reading.value, row.count + 1
                session.add(row)
        session.flush()
    for grain_s, kept in KEPT.items():
        session.connection().execute(delete(Probe).where(col(Probe.grain_s) == grain_s, col(Probe.at) < now - kept))


def _rows(session: Session, measured: Sequence[Reading], now: datetime) -> dict[tuple[int, str], Probe]:
    """The rows these measurements belong to, by grain and name, locked. Two monitors may add to one, and make it at once."""
    starts = {grain_s: start_of(now, grain_s) for grain_s in KEPT}
    current = or_(*(and_(col(Probe.grain_s) == grain_s, col(Probe.at) == start) for grain_s, start in starts.items()))

    def read() -> dict[tuple[int, str], Probe]:
        rows = session.exec(select(Probe).where(current).order_by(col(Probe.id)).with_for_update()).all()
        return {(row.grain_s, row.name): row for row in rows}

    known = read()
    missing = [
        {"grain_s": grain_s, "at": start, "name": reading.key, "seen_at": now, "ok": reading.ok, "value": reading.value,
         "least": reading.value, "most": reading.value, "total": 0, "count": 0}
        for reading in measured
        for grain_s, start in starts.items()
        if (grain_s, reading.key) not in known
    ]  # fmt: skip
    if not missing:
        return known
    unless_there = "OR IGNORE" if dialect(session) == "sqlite" else "IGNORE"
    session.connection().execute(insert(table_of(Probe)).prefix_with(unless_there), missing)
    return read()


def start_of(at: datetime, grain_s: int) -> datetime:
    """The beginning of the minute, or ten minutes, that ``at`` is in."""
    ms = to_ms(at)
    return from_ms(ms - ms % (grain_s * 1000))
