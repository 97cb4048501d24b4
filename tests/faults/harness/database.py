"""The platform's database with a gate at every commit: crash before or after it, deadlock, a lost answer, a restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymysql
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from backend.db import Database
from tests.faults.harness.loop import PROCESS


def refused(code: int, text: str) -> OperationalError:
    """The error the driver raises for a code of the server."""
    return OperationalError("statement", {}, pymysql.err.OperationalError(code, text))


class FaultyDatabase(Database):
    """The database of all processes of a run; used for one run after the other, as what it compiled is dear."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._world: Any = None
        event.listen(self.engine, "connect", self._connected)

    def begin(self, world: Any) -> None:
        """A new run: the file below was replaced."""
        self.dispose()
        self._world = world

    def _connected(self, connection: Any, _record: Any) -> None:
        connection.create_function("julianday", -1, self._world.clocks.julianday)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        process = PROCESS.get()
        self._world.database_answers()
        with super().transaction() as session:
            raw = session.connection().connection.dbapi_connection
            try:
                if process is not None and self._world.read_only():
                    raw.execute("PRAGMA query_only=ON")
                yield session
                self._world.step(process, "commit")
                self._world.may_deadlock()
                session.flush()
            finally:
                raw.execute("PRAGMA query_only=OFF")
        self._world.step(process, "committed")
        self._world.may_lose_commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        self._world.database_answers()
        with super().reading() as session:
            yield session
