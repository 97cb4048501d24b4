"""Redis for tests: a private server from the ``redis-server`` of this machine.

Where that is missing, ``IRONBULL_TEST_REDIS_URL`` (no database number) names a server that is there; it is emptied for
each test, and tests that stop or freeze Redis skip.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from tests.support.databases import free_port
from tests.support.programs import installed, program


class RedisServer:
    """Of our own, without any file on disk: a restart is empty."""

    def __init__(self) -> None:
        self._program = program("redis-server", instead="IRONBULL_TEST_REDIS_URL names no server")
        self.host, self.port, self.number = "127.0.0.1", free_port(), 0
        self._home = Path(tempfile.mkdtemp(prefix="ib-redis-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """With the database's number."""
        return f"redis://{self.host}:{self.port}/{self.number}"

    def start(self) -> None:
        """Returns when it answers."""
        self._process = subprocess.Popen(
            [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", str(self._home)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 20
        with self.client() as link:
            while True:
                try:
                    link.ping()
                    return
                except redis.RedisError:
                    assert self._process.poll() is None and time.monotonic() < deadline, "Redis did not start"
                    time.sleep(0.05)

    def client(self) -> redis.Redis:
        """A plain connection to look inside."""
        return redis.Redis(host=self.host, port=self.port, db=self.number, socket_timeout=5)

    def kill(self) -> None:
        """kill -9"""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def freeze(self) -> None:
        """It takes connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It answers again, also what was asked meanwhile."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """End it and its folder."""
        self.kill()
        shutil.rmtree(self._home, ignore_errors=True)


class GivenRedis(RedisServer):
    """One that is there, for tests that only use it; each process of a test run has a database of its own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 6379
        self.number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))

    def start(self) -> None:
        """Empty it."""
        with self.client() as link:
            link.flushdb()

    def kill(self) -> None:
        """Not this one."""
        program("redis-server", instead="the server of IRONBULL_TEST_REDIS_URL is not ours to stop")

    freeze = thaw = kill

    def remove(self) -> None:
        """Leave it empty."""
        self.start()


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A started server; ended and removed afterwards."""
    given = os.environ.get("IRONBULL_TEST_REDIS_URL", "")
    server = GivenRedis(given) if given and not installed("redis-server") else RedisServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def private_redis() -> Iterator[RedisServer]:
    """One server for one test."""
    with redis_server() as server:
        yield server
