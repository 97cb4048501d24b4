"""SQL of the money hot path, sent through ``exec_driver_sql``.

A settlement is a dozen small statements; building and compiling each as an expression costs more than the database
needs to run it. So the fixed ones are plain SQL made once from the table definitions, with ``%s`` for parameters
(``?`` on SQLite). Errors are still SQLAlchemy's, so the edge's retry on deadlock works as everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Connection, CursorResult
from sqlmodel import Session, SQLModel

from backend.clock import utcnow

Row = Sequence[Any]


class Wire:
    """The session's connection with the two differences between the engines smoothed over."""

    __slots__ = ("connection", "sqlite")

    def __init__(self, session: Session) -> None:
        self.connection: Connection = session.connection()
        self.sqlite = self.connection.dialect.name == "sqlite"

    def run(self, sql: str, params: Row) -> CursorResult[Any]:
        """One statement with one row of parameters."""
        return self.connection.exec_driver_sql(_question_marks(sql) if self.sqlite else sql, tuple(params))

    def rows(self, sql: str, params: Row) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return cast(list[tuple[Any, ...]], self.run(sql, params).all())

    def first(self, sql: str, params: Row) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        return cast(tuple[Any, ...] | None, self.run(sql, params).first())

    def insert(self, sql: str, params: Row) -> int:
        """Insert one row and return its new id."""
        return int(self.run(sql, params).lastrowid)

    def insert_many(self, sql: str, rows: Sequence[Row]) -> None:
        """Insert rows in one statement: the MySQL driver joins them, SQLite has no round trip to save."""
        if len(rows) == 1:
            self.run(sql, rows[0])
        elif rows:
            self.connection.exec_driver_sql(_question_marks(sql) if self.sqlite else sql, [tuple(row) for row in rows])


@lru_cache(maxsize=256)
def _question_marks(sql: str) -> str:
    return sql.replace(" FORCE INDEX (PRIMARY)", "").replace(" FOR UPDATE", "").replace("%s", "?")


def insert_sql(model: type[SQLModel], *columns: str) -> str:
    """``INSERT`` into the model's table; every column named must exist."""
    table = model.__table__  # type: ignore[attr-defined]
    names = [table.c[column].name for column in columns]
    return f"INSERT INTO `{table.name}` (`{'`, `'.join(names)}`) VALUES ({', '.join(['%s'] * len(names))})"


@lru_cache(maxsize=64)
def marks(count: int) -> str:
    """``%s, %s, ...`` for an IN list."""
    return ", ".join(["%s"] * count)


def stamp(moment: datetime | None = None) -> str:
    """A UTC time as both engines store it, with microseconds."""
    return (moment or utcnow()).strftime("%Y-%m-%d %H:%M:%S.%f")
