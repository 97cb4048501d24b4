"""Measurements as they are kept: not one by one, but what each check measured per minute and per ten minutes.

A day of single measurements is some 170,000 rows; its charts need a few thousand points.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, or_
from sqlmodel import Session, col, select

from backend.clock import from_ms, to_ms
from backend.models import Probe
from backend.monitoring.watch_rules import Reading

FINE_S, ROUGH_S = 60, 600
KEPT = {FINE_S: timedelta(hours=3), ROUGH_S: timedelta(days=31)}
"""Minutes are drawn for two hours, ten minutes for a day; the daily figures look back a month."""


def note(session: Session, readings: Sequence[Reading], now: datetime) -> None:
    """Add measurements (those with a limit) to the minute and the ten minutes they were made in; drop what is too old."""
    measured = [reading for reading in readings if reading.limit]
    if measured:
        starts = {grain_s: start_of(now, grain_s) for grain_s in KEPT}
        current = or_(*(and_(col(Probe.grain_s) == grain_s, col(Probe.at) == start) for grain_s, start in starts.items()))
        # Two monitors may add to the same row.
        known = {(row.grain_s, row.name): row for row in session.exec(select(Probe).where(current).with_for_update()).all()}
        for reading in measured:
            for grain_s, start in starts.items():
                row = known.get((grain_s, reading.key))
                if row is None:
                    row = Probe(
                        grain_s=grain_s, at=start, name=reading.key, seen_at=now, least=reading.value, most=reading.value, total=0, count=0
                    )  # fmt: skip
                    known[grain_s, reading.key] = row
                row.seen_at, row.ok, row.value = now, reading.ok, reading.value
                row.least, row.most = min(row.least, reading.value), max(row.most, reading.value)
                row.total, row.count = row.total + reading.value, row.count + 1
                session.add(row)
        session.flush()
    for grain_s, kept in KEPT.items():
        session.connection().execute(delete(Probe).where(col(Probe.grain_s) == grain_s, col(Probe.at) < now - kept))


def start_of(at: datetime, grain_s: int) -> datetime:
    """The beginning of the minute, or ten minutes, that ``at`` is in."""
    ms = to_ms(at)
    return from_ms(ms - ms % (grain_s * 1000))
