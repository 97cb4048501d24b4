"""Yardsticks of the money path: the comparable SQL through bare drivers."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
from sqlalchemy.engine import make_url

from backend.ledger.statements import stamp

_numbers = itertools.count(1)


@contextmanager
def raw_connection(url: str) -> Iterator[pymysql.connections.Connection[Any]]:
    """Bare PyMySQL at the isolation the platform uses."""
    parts = make_url(url)
    connection = pymysql.connect(
        host=parts.host, port=parts.port or 3306, user=parts.username, password=parts.password or "",
        database=parts.database,
    )  # fmt: skip
    connection.cursor().execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    try:
        yield connection
    finally:
        connection.close()


class RawSettle:
    """The yardstick: idempotent header, 6 ledger rows in one insert, 4 balance updates in id order, commit."""

    def __init__(self, connection: Any) -> None:
        self.connection, self.cursor = connection, connection.cursor()
        run = self.cursor.execute
        run("CREATE TABLE IF NOT EXISTS raw_header (id BIGINT AUTO_INCREMENT PRIMARY KEY, k VARCHAR(64) UNIQUE)")
        run("CREATE TABLE IF NOT EXISTS raw_row (id BIGINT AUTO_INCREMENT PRIMARY KEY, h BIGINT, a BIGINT, v BIGINT)")
        run("CREATE TABLE IF NOT EXISTS raw_balance (id BIGINT PRIMARY KEY, v BIGINT)")
        run("INSERT IGNORE INTO raw_balance VALUES (1, 0), (2, 0), (3, 0), (4, 0)")
        connection.commit()

    def settle(self) -> None:
        """One settlement of the yardstick."""
        run = self.cursor.execute
        run("INSERT INTO raw_header (k) VALUES (%s)", (f"settle:{next(_numbers)}",))
        header = self.cursor.lastrowid
        row = "(%s, %s, %s)"
        values = [part for n in range(6) for part in (header, n % 4 + 1, 5 if n % 2 else -5)]
        run("INSERT INTO raw_row (h, a, v) VALUES " + ", ".join([row] * 6), values)
        for account in range(1, 5):
            run("UPDATE raw_balance SET v = v + %s WHERE id = %s", (5, account))
        self.connection.commit()

    def duplicate(self) -> None:
        """A header whose key is taken."""
        try:
            self.cursor.execute("INSERT INTO raw_header (k) VALUES ('taken')")
        except pymysql.err.IntegrityError:
            self.connection.rollback()


class RawSqlite:
    """The same rows through bare sqlite3: header, 6 entries, 4 balances, durable commit."""

    def __init__(self, path: Path) -> None:
        self.link = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self.link.execute(f"PRAGMA {pragma}")
        self.link.executescript(
            "CREATE TABLE header (id INTEGER PRIMARY KEY, k TEXT UNIQUE, kind TEXT, at TEXT);"
            "CREATE TABLE entry (id INTEGER PRIMARY KEY, h INTEGER, a INTEGER, v INTEGER, after INTEGER);"
            "CREATE INDEX entry_h ON entry (h); CREATE INDEX entry_a ON entry (a, id);"
            "CREATE TABLE balance (id INTEGER PRIMARY KEY, v INTEGER);"
            "INSERT INTO balance VALUES (1, 0), (2, 0), (3, 0), (4, 0);"
        )

    def settle(self) -> None:
        """One transaction of the yardstick."""
        run = self.link.execute
        run("BEGIN IMMEDIATE")
        header = run("INSERT INTO header (k, kind, at) VALUES (?, 'move', ?)", (str(next(_numbers)), stamp())).lastrowid
        for number in range(6):
            run("INSERT INTO entry (h, a, v, after) VALUES (?, ?, ?, ?)", (header, number % 4 + 1, 5, number))
        for account in range(1, 5):
            run("UPDATE balance SET v = v + ? WHERE id = ?", (5, account))
        run("COMMIT")
