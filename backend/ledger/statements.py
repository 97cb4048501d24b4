"""SQL of the money hot path, sent through the driver's cursor of the session's own connection.

A settlement is a dozen small statements; building, compiling and wrapping each costs more than the database needs to
run it. So the fixed ones are plain SQL made once from the table definitions, with ``%s`` for parameters (``?`` on
SQLite). They run inside the session's transaction, and errors become SQLAlchemy's, so the edge's retry on deadlock
works as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from types import NoneType
from typing import Any, cast

from pymysql.constants.SERVER_STATUS import SERVER_STATUS_NO_BACKSLASH_ESCAPES
from pymysql.converters import escape_string
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel

from backend.clock import utcnow
from backend.models.tables import table_of

Row = Sequence[Any]


class Wire:
    """The session's connection with the differences between the engines smoothed over.

    Make a new one after ``begin_nested``: a savepoint is set when the session is asked for its connection.
    """

    __slots__ = ("_cursor", "_error", "_said", "connection", "sqlite")

    def __init__(self, session: Session) -> None:
        self.connection: Connection = session.connection()
        self.sqlite = self.connection.dialect.name == "sqlite"
        self._cursor: Any = self.connection.connection.cursor()
        self._error = self.connection.dialect.loaded_dbapi.Error
        self._said = None if self.sqlite else _Literals(self._cursor.connection)

    def run(self, sql: str, params: Row) -> None:
        """One statement with one row of parameters."""
        if self._said is None:
            self._execute(_question_marks(sql), params, sql)
        else:
            self._execute(sql % tuple([self._said[type(one)](one) for one in params]), None, sql)

    def rows(self, sql: str, params: Row) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        self.run(sql, params)
        return cast(list[tuple[Any, ...]], self._cursor.fetchall())

    def first(self, sql: str, params: Row) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        self.run(sql, params)
        return cast(tuple[Any, ...] | None, self._cursor.fetchone())

    def insert(self, sql: str, params: Row) -> int:
        """Insert one row and return its new id."""
        self.run(sql, params)
        return int(self._cursor.lastrowid)

    def insert_many(self, sql: str, rows: Sequence[Row]) -> None:
        """Insert rows in one statement."""
        if not rows:
            return
        head, _, row = sql.rpartition(" VALUES ")
        if self._said is None:
            self.run(f"{head} VALUES {_repeated(row, len(rows))}", [value for one in rows for value in one])
        else:
            self._execute(f"{head} VALUES {self._said.rows(rows)}", None, sql)

    def insert_numbered(self, sql: str, rows: Sequence[Row]) -> list[int]:
        """Insert rows in one statement and return their new ids, in order.

        They are counted, not read back: the ids of one such statement have no gaps, whoever else inserts.
        """
        if not rows:
            return []
        self.insert_many(sql, rows)
        told, count = int(self._cursor.lastrowid), len(rows)
        if self.sqlite:
            # Of several rows SQLite tells the last id, MySQL the first one.
            return list(range(told - count + 1, told + 1))
        step = self._id_step() if count > 1 else 1
        return list(range(told, told + count * step, step))

    def _id_step(self) -> int:
        """How far apart the server sets ids; more than one in a cluster. Asked for once per connection."""
        known = self.connection.info
        if "id_step" not in known:
            row = self.first("SELECT @@auto_increment_increment", ())
            known["id_step"] = int(row[0]) if row else 1
        return int(known["id_step"])

    def _execute(self, said: str, params: Row | None, sql: str) -> None:
        """Send ``said``; an error names ``sql``, which holds no values: they may be secrets."""
        try:
            if params is None:
                self._cursor.execute(said)
            else:
                self._cursor.execute(said, params)
        except self._error as error:
            raise self._wrapped(error, sql) from error

    def _wrapped(self, error: Any, sql: str) -> Any:
        lost = self.connection.dialect.is_disconnect(error, cast(Any, self.connection.connection), self._cursor)
        if lost:
            self.connection.invalidate(error)
            # The server has probably gone: the other idle connections are not trusted either.
            self.connection.engine.dispose(close=False)
        return DBAPIError.instance(
            sql, (), error, self._error, connection_invalidated=lost, dialect=self.connection.dialect
        )


class _Literals(dict[type, Callable[[Any], str]]):
    """How a value is written in MySQL, by its type: the driver's own rules without its calls per value.

    Whole numbers, texts and NULL are nearly all there is, and a batch writes thousands; anything else is left to the
    driver, and so are texts on a server whose mode gives the backslash no meaning.
    """

    def __init__(self, connection: Any) -> None:
        self.escape = connection.escape
        plain = not connection.server_status & SERVER_STATUS_NO_BACKSLASH_ESCAPES
        super().__init__({int: str, str: _Texts().__getitem__ if plain else connection.escape, NoneType: _null})

    def __missing__(self, _: type) -> Callable[[Any], str]:
        return cast(Callable[[Any], str], self.escape)

    def rows(self, rows: Sequence[Row]) -> str:
        """Rows of values, column by column: nearly every column holds values of one type, which are written in one go."""
        columns: list[Iterable[str]] = []
        for column in zip(*rows, strict=True):
            kinds = set(map(type, column))
            columns.append(map(self[kinds.pop()], column) if len(kinds) == 1 else [self[type(one)](one) for one in column])
        return "(" + "), (".join(map(", ".join, zip(*columns, strict=True))) + ")"


class _Texts(dict[str, str]):
    """Texts as they are written. The rows of a batch share most of them: currency, time, remark."""

    def __missing__(self, value: str) -> str:
        written = self[value] = f"'{escape_string(value)}'"
        return written


def _null(_: None) -> str:
    return "NULL"


@lru_cache(maxsize=64)
def _repeated(row: str, count: int) -> str:
    return ", ".join([row] * count)


@lru_cache(maxsize=256)
def _question_marks(sql: str) -> str:
    return sql.replace(" FORCE INDEX (PRIMARY)", "").replace(" FOR UPDATE", "").replace("%s", "?")


def insert_sql(model: type[SQLModel], *columns: str) -> str:
    """``INSERT`` into the model's table; every column named must exist."""
    table = table_of(model)
    names = [table.c[column].name for column in columns]
    return f"INSERT INTO `{table.name}` (`{'`, `'.join(names)}`) VALUES ({', '.join(['%s'] * len(names))})"


@lru_cache(maxsize=64)
def marks(count: int) -> str:
    """``%s, %s, ...`` for an IN list."""
    return ", ".join(["%s"] * count)


def stamp(moment: datetime | None = None) -> str:
    """A UTC time as both engines store it, with microseconds."""
    return (moment or utcnow()).astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
