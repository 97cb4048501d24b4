"""Real databases for tests: SQLite files and a private MariaDB server.

``IRONBULL_TEST_MYSQL_URL`` (``mysql+pymysql://user:password@host:port``, no database name) uses a server that is
already there. Without it a private server is started from the ``mariadbd`` on the path; where that is missing the
tests skip with a reason, and fail when ``CI`` is set.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from backend import migrations
from backend.db import Database
from backend.models import metadata
from tests.support.programs import program

_numbers = itertools.count(1)


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class MariaServer:
    """A MariaDB server of our own below ``home``, durable as in production; it can be killed and started again."""

    def __init__(self, home: Path, pool_mb: int = 64) -> None:
        self.home, self.port, self._pool_mb = home, free_port(), pool_mb
        self._process: subprocess.Popen[bytes] | None = None
        (home / "tmp").mkdir()
        subprocess.run(
            [program("mariadb-install-db"), "--no-defaults", *_as_root(), f"--datadir={home}/data", "--skip-test-db",
             "--auth-root-authentication-method=normal"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    @property
    def url(self) -> str:
        """Without a database name."""
        return f"mysql+pymysql://ironbull:ironbull@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it answers."""
        home = self.home
        self._process = subprocess.Popen(
            [program("mariadbd"), "--no-defaults", *_as_root(), f"--datadir={home}/data", f"--tmpdir={home}/tmp",
             f"--socket={home}/s.sock", f"--pid-file={home}/pid", f"--port={self.port}", "--bind-address=127.0.0.1",
             f"--innodb-buffer-pool-size={self._pool_mb}M", "--innodb-log-file-size=32M", "--innodb-flush-log-at-trx-commit=1",
             "--skip-log-bin", "--character-set-server=utf8mb4", "--collation-server=utf8mb4_unicode_ci",
             "--skip-name-resolve", "--max-connections=300"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _wait_until_up(self._process, f"{home}/s.sock")

    def kill(self) -> None:
        """kill -9"""
        assert self._process is not None
        self._process.kill()
        self._process.wait(20)

    def stop(self) -> None:
        """In good order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)


@contextmanager
def mariadb(pool_mb: int = 64) -> Iterator[MariaServer]:
    """A started server; ended and removed afterwards."""
    home = Path(tempfile.mkdtemp(prefix="ib-db-"))
    server: MariaServer | None = None
    try:
        server = MariaServer(home, pool_mb)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def private_mariadb() -> Iterator[str]:
    """A server of our own; yields its URL without a database name."""
    with mariadb() as server:
        yield server.url


def _as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


def _wait_until_up(server: subprocess.Popen[bytes], path: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with pymysql.connect(unix_socket=path, user="root") as connection, connection.cursor() as cursor:
                cursor.execute("CREATE USER IF NOT EXISTS 'ironbull'@'127.0.0.1' IDENTIFIED BY 'ironbull'")
                cursor.execute("GRANT ALL ON *.* TO 'ironbull'@'127.0.0.1' WITH GRANT OPTION")
            return
        except pymysql.err.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextmanager
def scratch_schema(server_url: str) -> Iterator[str]:
    """A new empty database on the server; yields its URL and drops it afterwards."""
    name = f"t_{os.getpid()}_{next(_numbers)}"
    _on_server(server_url, f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
    try:
        yield f"{server_url.rstrip('/')}/{name}"
    finally:
        _on_server(server_url, f"DROP DATABASE {name}")


def _on_server(server_url: str, sql: str) -> None:
    url = make_url(server_url)
    with (
        pymysql.connect(host=url.host, port=url.port or 3306, user=url.username, password=url.password or "") as link,
        link.cursor() as cursor,
    ):
        cursor.execute(sql)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[str]:
    """URL of a MySQL or MariaDB server, without a database name."""
    given = os.environ.get("IRONBULL_TEST_MYSQL_URL", "")
    if given:
        yield given
        return
    program("mariadbd", instead="IRONBULL_TEST_MYSQL_URL names no server")
    with private_mariadb() as url:
        yield url


@pytest.fixture(scope="session")
def _mariadb_tables(mariadb_server: str) -> Iterator[str]:
    with scratch_schema(mariadb_server) as url:
        migrations.upgrade(url)
        yield url


@pytest.fixture
def mariadb_url(_mariadb_tables: str) -> Iterator[str]:
    """URL of a MariaDB database with all tables, empty at the start of the test."""
    yield _mariadb_tables
    _empty(_mariadb_tables)


def _empty(url: str) -> None:
    database = Database(url)
    with database.engine.begin() as connection:
        # Rows of a test are few: deleting them is much faster than truncating tables.
        for table in metadata.sorted_tables:
            connection.execute(text(f"DELETE FROM `{table.name}`"))
    database.dispose()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrations.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, _sqlite_template: Path) -> str:
    """URL of a new SQLite file with all tables, made by the real migrations."""
    path = tmp_path / "ironbull.db"
    shutil.copyfile(_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "mariadb"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each test that asks for this runs once per engine."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database with all tables; the test runs on SQLite and on MariaDB."""
    made = Database(database_url)
    yield made
    made.dispose()


@pytest.fixture(params=["sqlite", "mariadb"])
def fresh_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """For tests that need many: each call closes the database before and gives an empty one with all tables."""
    made: list[Database] = []

    def fresh() -> Database:
        if made:
            made[-1].dispose()
        if request.param == "sqlite":
            path = tmp_path / f"fresh{len(made)}.db"
            shutil.copyfile(request.getfixturevalue("_sqlite_template"), path)
            url = f"sqlite:///{path}"
        else:
            url = request.getfixturevalue("mariadb_url")
            if made:
                _empty(url)
        made.append(Database(url))
        return made[-1]

    yield fresh
    if made:
        made[-1].dispose()


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """An empty SQLite database, for tests where the engine does not matter."""
    made = Database(sqlite_url)
    yield made
    made.dispose()
