"""The platform's database with a gate at every commit: crash before or after it, deadlock, a lost answer, a restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymysql
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from backend.db import Database
from tests.faults.harness.loop import PROCESS


def refused(code: int, text: str) -> OperationalError:
    """The error the driver raises for a code of the server."""
    return OperationalError("statement", {}, pymysql.err.OperationalError(code, text))


class FaultyDatabase(Database):
    """A process's own way to the database."""

    def __init__(self, url: str, world: Any) -> None:
        super().__init__(url)
        self._world = world
        world.clocks.give_to(self.engine)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        process = PROCESS.get()
        self._world.database_answers()
        with super().transaction() as session:
            yield session
            self._world.step(process, "commit")
            self._world.may_deadlock()
        self._world.step(process, "committed")
        self._world.may_lose_commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        self._world.database_answers()
        with super().reading() as session:
            yield session
