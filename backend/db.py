"""Engine and sessions. The edge opens a session here; nobody below the edge commits.

SQLite runs in WAL mode with one writer at a time in the process: ``transaction()`` takes a lock before it
begins IMMEDIATE, so writers queue fairly instead of starving each other. MySQL and MariaDB run at READ COMMITTED;
rows that are changed are locked with SELECT ... FOR UPDATE in id order.
"""

from __future__ import annotations

import asyncio
import random
import re
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import pymysql
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool
from sqlmodel import Session

from backend.errors import Unavailable

T = TypeVar("T")

_RETRYABLE_MYSQL = {1205, 1213}
_AWAY_MYSQL = {0, 1040, 1053, 1077, 1079, 1080, 1129, 1152, 1158, 1159, 1160, 1161, 1927, *range(2000, 2062)}
"""Connections refused, cut or used up, and a server that is ending; 2000 and more are the driver's own."""
_UNWRITABLE_MYSQL = {3, 1021, 1036, 1114, 1290, 1792}
_UNWRITABLE_SQLITE = re.compile("database or disk is full|readonly database")
_SAVEPOINT_GONE = re.compile(r"1305.*SAVEPOINT \w+ does not exist")
_MAX_TRIES = 5
_IDLE_S = 1.0


class CannotWrite(Unavailable):
    """Nothing can be saved: the database's disk is full, or it may only be read. Nothing was changed; free space and try again."""

    code = "database_cannot_write"


class DatabaseAway(Unavailable):
    """The platform's database does not answer. Nothing was changed; positions and their stops are on the exchange. Try again shortly."""

    code = "database_away"


AWAY = (OperationalError, InterfaceError, DisconnectionError, PoolTimeout)
"""What a lost database raises; ``is_away`` tells it from a full disk and a deadlock."""


def is_away(error: BaseException) -> bool:
    """Whether the database itself could not be reached, or gave no connection in time; not that a statement failed there."""
    if not isinstance(error, AWAY):
        return False
    if not isinstance(error, DBAPIError):
        return True
    original = error.orig
    if original is None or error.connection_invalidated:
        return error.connection_invalidated
    if original.args and isinstance(original.args[0], int):
        return original.args[0] in _AWAY_MYSQL
    return "unable to open database" in str(original)


class Database:
    """One engine with its two ways in: ``transaction`` to write, ``reading`` to read."""

    def __init__(self, url: str) -> None:
        self.url: URL = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _make_engine(self.url)
        self._writer = _TurnLock()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits when the block ends and rolls back when it raises. Raises ``CannotWrite``."""
        try:
            if self.is_sqlite:
                # The turn ends with the commit: what a session does to close is done beside the next writer.
                with self._session() as session, self._writer:
                    _begin_immediate(session)
                    yield from _commit_or_rollback(session)
            else:
                with self._session() as session:
                    yield from _commit_or_rollback(session)
        except DBAPIError as error:
            if _unwritable(error):
                raise CannotWrite from error
            raise

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for reads; anything written in it is rolled back."""
        with self._session() as session:
            if self.is_sqlite:
                session.connection().exec_driver_sql("BEGIN")
            try:
                yield session
            finally:
                # What was read stays readable after the session; a rollback alone would expire it.
                session.expunge_all()
                session.rollback()

    def run(self, work: Callable[[Session], T]) -> T:
        """Run ``work(session)`` as one transaction, again on deadlock or lock timeout (at most 5 tries)."""
        for attempt in range(1, _MAX_TRIES + 1):
            try:
                with self.transaction() as session:
                    return work(session)
            except OperationalError as error:
                if attempt == _MAX_TRIES or not _retryable(error):
                    raise
                time.sleep(random.uniform(0.005, 0.02) * 2**attempt)
        raise AssertionError("unreachable")

    async def arun(self, work: Callable[[Session], T]) -> T:
        """``run`` in a worker thread, for async edges."""
        return await asyncio.to_thread(self.run, work)

    async def aread(self, work: Callable[[Session], T]) -> T:
        """``work(session)`` in a reading session in a worker thread."""

        def call() -> T:
            with self.reading() as session:
                return work(session)

        return await asyncio.to_thread(call)

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _session(self) -> Session:
        return Session(self.engine, expire_on_commit=False, autoflush=False)


class _TurnLock:
    """A lock that is handed on in the order of asking; a plain one lets the last holder take it again and again."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        with ExitStack() as interrupted:
            interrupted.callback(self._leave, turn)
            turn.acquire()
            interrupted.pop_all()

    def _leave(self, turn: threading.Lock) -> None:
        """Stop waiting: out of the queue, or a turn that was just given goes on to the next."""
        with self._guard:
            given = turn not in self._waiting
            if not given:
                self._waiting.remove(turn)
        if given:
            self.__exit__()

    def __exit__(self, *_: object) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False


def _commit_or_rollback(session: Session) -> Iterator[Session]:
    with ExitStack() as failed:
        failed.callback(session.rollback)
        yield session
        failed.pop_all()
    with ExitStack() as failed:
        # What a failed commit leaves on the connection is not known: it is not used again.
        failed.callback(session.invalidate)
        session.commit()
        failed.pop_all()


def _begin_immediate(session: Session) -> None:
    """Take SQLite's lock, by the driver's own cursor: every write pays for this statement."""
    connection = session.connection()
    try:
        connection.connection.cursor().execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        raise DBAPIError.instance("BEGIN IMMEDIATE", (), error, sqlite3.Error, dialect=connection.dialect) from error


def _unwritable(error: DBAPIError) -> bool:
    original = error.orig
    if original is None:
        return False
    if original.args and original.args[0] in _UNWRITABLE_MYSQL:
        return True
    return _UNWRITABLE_SQLITE.search(str(original)) is not None


def _retryable(error: DBAPIError) -> bool:
    original = error.orig
    if original is None:
        return False
    if original.args and original.args[0] in _RETRYABLE_MYSQL:
        return True
    # A deadlock inside a savepoint: the server rolled the whole transaction back, and leaving the savepoint says so.
    return "database is locked" in str(original) or _SAVEPOINT_GONE.search(str(original)) is not None


def _make_engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=8,
            max_overflow=24,
            # Values of a failing statement may be secrets; they never reach a log.
            hide_parameters=True,
            connect_args={"check_same_thread": False},
        )
        event.listen(engine, "connect", _sqlite_pragmas)
        return engine
    engine = create_engine(
        url,
        pool_size=10,
        max_overflow=20,
        hide_parameters=True,
        # Every way through this file ends in a commit or a rollback: no second one when a connection goes back.
        pool_reset_on_return=None,
        pool_recycle=1800,
        isolation_level="READ COMMITTED",
        connect_args={"charset": "utf8mb4", "connect_timeout": 5},
    )
    event.listen(engine, "checkin", _note_return)
    event.listen(engine, "checkout", _ping_when_idle)
    return engine


def _note_return(_connection: Any, record: Any) -> None:
    record.info["returned_s"] = time.monotonic()


def _ping_when_idle(connection: Any, record: Any, _proxy: Any) -> None:
    """A connection used a moment ago is taken as alive; one that rested is asked first and replaced when gone."""
    if time.monotonic() - record.info.get("returned_s", time.monotonic()) < _IDLE_S:
        return
    try:
        connection.ping(reconnect=False)
    except (pymysql.Error, OSError) as error:
        raise DisconnectionError from error


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: writers begin IMMEDIATE.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON", "cache_size=-8000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


_default: Database | None = None
_default_lock = threading.Lock()


def get_db() -> Database:
    """The database of this process, by the settings."""
    global _default
    with _default_lock:
        if _default is None:
            from backend.settings import get_settings

            settings = get_settings()
            settings.home.mkdir(parents=True, exist_ok=True)
            _default = Database(settings.sqlalchemy_url)
        return _default


def transaction() -> Any:
    """``get_db().transaction()``"""
    return get_db().transaction()


def reading() -> Any:
    """``get_db().reading()``"""
    return get_db().reading()
