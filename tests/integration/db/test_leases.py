"""One holder at a time, a token that only grows, a stale holder that cannot write (D10)."""

from __future__ import annotations

import time

from backend import leases
from backend.db import Database


def test_one_holder_and_a_growing_token(database: Database) -> None:
    first = database.run(lambda s: leases.acquire(s, "engine", "a", 60_000))
    assert first == 1
    assert database.run(lambda s: leases.acquire(s, "engine", "b", 60_000)) is None
    assert database.run(lambda s: leases.renew(s, "engine", "a", 1, 60_000))
    database.run(lambda s: leases.release(s, "engine", "a", 1))
    assert database.run(lambda s: leases.acquire(s, "engine", "b", 60_000)) == 2


def test_a_paused_holder_is_fenced_out(database: Database) -> None:
    stale = database.run(lambda s: leases.acquire(s, "engine", "a", 150))
    assert stale == 1
    time.sleep(0.25)
    fresh = database.run(lambda s: leases.acquire(s, "engine", "b", 60_000))
    assert fresh == 2
    assert not database.run(lambda s: leases.renew(s, "engine", "a", 1, 60_000))
    assert not database.run(lambda s: leases.holds(s, "engine", 1))
    assert database.run(lambda s: leases.holds(s, "engine", 2))
    database.run(lambda s: leases.release(s, "engine", "a", 1))
    assert database.run(lambda s: leases.holds(s, "engine", 2)), "a stale release changes nothing"
