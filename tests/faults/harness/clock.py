"""Virtual clocks for everything that asks for the time, and seeded randomness for everything that makes a name.

Every process may see another wall clock (skew). What is replaced is where the standard library gets time and chance from;
the code under test is untouched.
"""

from __future__ import annotations

import random
import secrets
import ssl
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any
from unittest import mock

from tests.faults.harness.loop import PROCESS, VirtualTime

START_MS = 1_800_000_000_000


class Clocks:
    """The clocks of one run."""

    def __init__(self, virtual: VirtualTime) -> None:
        self.virtual = virtual

    def wall_ms(self) -> float:
        """What the wall clock of the running process shows."""
        process = PROCESS.get()
        return START_MS + self.virtual.now * 1000 + (process.skew_ms if process is not None else 0)

    def julianday(self, *_: Any) -> float:
        """SQLite's own clock; the database is a machine of its own and has the right time."""
        return 2440587.5 + (START_MS + self.virtual.now * 1000) / 86_400_000


def _virtual_datetime(clocks: Clocks) -> type[datetime]:
    class Virtual(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.fromtimestamp(clocks.wall_ms() / 1000, tz or UTC)

        @classmethod
        def fromtimestamp(cls, timestamp: float, tz: Any = None) -> datetime:
            return datetime.fromtimestamp(timestamp, tz)

    return Virtual


@cache
def _tls() -> ssl.SSLContext:
    """Reading the list of authorities takes longer than a run."""
    return ssl.create_default_context()


@contextmanager
def virtual_world(clocks: Clocks, rng: random.Random) -> Iterator[None]:
    """Inside, time is virtual and chance is seeded."""

    def hexes(nbytes: int | None = None) -> str:
        return rng.randbytes(nbytes or 32).hex()

    def names(nbytes: int | None = None) -> str:
        return rng.randbytes(nbytes or 32).hex()[: (nbytes or 32) * 4 // 3]

    state = random.getstate()
    random.seed(rng.random())
    with ExitStack() as stack:
        for target, value in (
            ("time", lambda: clocks.wall_ms() / 1000),
            ("time_ns", lambda: int(clocks.wall_ms() * 1e6)),
            ("monotonic", lambda: clocks.virtual.now),
            ("sleep", clocks.virtual.advance),
        ):
            stack.enter_context(mock.patch.object(time, target, value))
        stack.enter_context(mock.patch.object(secrets, "token_hex", hexes))
        stack.enter_context(mock.patch.object(secrets, "token_urlsafe", names))
        stack.enter_context(mock.patch.object(uuid, "uuid4", lambda: uuid.UUID(bytes=rng.randbytes(16), version=4)))
        tls = _tls()
        stack.enter_context(mock.patch.object(ssl, "create_default_context", lambda **_: tls))
        stack.enter_context(mock.patch("backend.clock.datetime", _virtual_datetime(clocks)))
        try:
            yield
        finally:
            random.setstate(state)
