"""Several monitors at once: one row per minute, and nobody's measurement is lost."""

from __future__ import annotations

from functools import partial

from sqlmodel import select

from backend.clock import utcnow
from backend.db import Database
from backend.models import Probe
from backend.monitoring import probes
from backend.monitoring.watch_rules import Reading
from tests.support.at_once import all_at_once


def test_monitors_that_begin_the_same_minute_make_one_row(database: Database) -> None:
    now = utcnow()

    def measure(value: int) -> None:
        readings = [Reading("database", name, True, value, "database_ms", 500) for name in ("one", "two")]
        database.run(lambda session: probes.note(session, readings, now))

    all_at_once(*(partial(measure, value) for value in (3, 5, 7, 11)))
    with database.reading() as session:
        rows = session.exec(select(Probe)).all()
    assert sorted((row.name, row.grain_s) for row in rows) == [
        (f"database:{name}:database_ms", grain_s) for name in ("one", "two") for grain_s in (probes.FINE_S, probes.ROUGH_S)
    ]
    assert {(row.least, row.most, row.total, row.count) for row in rows} == {(3, 11, 26, 4)}
