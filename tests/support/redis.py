"""A private Redis server for tests. ``IRONBULL_TEST_REDIS_URL`` uses one that is there, where none is stopped or slowed."""

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

import pytest
import redis

from tests.support.databases import free_port


class RedisServer:
    """Of our own, without any file on disk: a restart is empty."""

    def __init__(self) -> None:
        if shutil.which("redis-server") is None:
            reason = "redis-server is not installed"
            if os.environ.get("CI") and not os.environ.get("IRONBULL_TEST_REDIS_URL"):
                pytest.fail(reason)
            pytest.skip(reason)
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._home = Path(tempfile.mkdtemp(prefix="ib-redis-"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
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
        return redis.Redis(port=self.port, socket_timeout=5)

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


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A started server; ended and removed afterwards."""
    server = RedisServer()
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
