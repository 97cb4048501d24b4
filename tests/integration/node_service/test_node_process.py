"""The node as it ships: its folder alone, an environment of its own, started and stopped as a process."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node_service.client import Node, NodeClient
from tests.support.node import SECRET, Trader
from tests.support.paper import ROOT, free_port

FOREIGN = ("sqlalchemy", "sqlmodel", "redis", "reflex", "pydantic", "fastapi", "pyreqwest", "numpy", "structlog")


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that holds a copy of the folder and nothing else of the project."""
    place = tmp_path_factory.mktemp("shipped")
    shutil.copytree(ROOT / "node_service", place / "node_service", ignore=shutil.ignore_patterns("__pycache__"))
    return place


def environment(**settings: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **settings}


class Process:
    """A running node process."""

    def __init__(self, python: Path, place: Path, **settings: str) -> None:
        self.port = free_port()
        self.node = Node("n1", f"http://127.0.0.1:{self.port}", SECRET)
        self._log = place / f"node-{self.port}.log"
        with self._log.open("wb") as log:
            self.child = subprocess.Popen(
                [str(python), "-m", "node_service"],
                cwd=place,
                env=environment(
                    IRONBULL_NODE_PORT=str(self.port),
                    IRONBULL_NODE_CODE="n1",
                    IRONBULL_NODE_AUTH_SECRET=SECRET,
                    IRONBULL_NODE_ALLOW_VENUE_URL="1",
                    **settings,
                ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def ready(self, client: NodeClient) -> dict[str, object]:
        """Wait for a signed health answer."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            assert self.child.poll() is None, self.log
            reply = await NodeClient.health(client, self.node)
            if reply.ok:
                return reply.data
            await asyncio.sleep(0.05)
        raise AssertionError(f"not ready: {self.log}")

    @property
    def log(self) -> str:
        """What the process wrote."""
        return self._log.read_text()

    @property
    def memory_mb(self) -> float:
        """Resident memory."""
        pages = int(Path(f"/proc/{self.child.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(25)


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for process in started:
        if process.child.poll() is None:
            process.child.kill()
            process.child.wait(10)


@pytest.mark.slow
async def test_the_folder_alone_trades_with_its_own_requirements(
    shipped: Path, node_python: Path, trader: Trader, processes: list[Process]
) -> None:
    question = f"import importlib.util as u; print([n for n in {FOREIGN!r} if u.find_spec(n)])"
    found = await asyncio.to_thread(
        subprocess.run,
        [str(node_python), "-c", question],
        cwd=shipped,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"
    process = Process(node_python, shipped)
    processes.append(process)
    async with NodeClient(breaker_failures=1000) as client:
        health = await process.ready(client)
        assert (health["status"], health["node_code"]) == ("ok", "n1")
        task = trader.task(stop_loss=f"{trader.price * 0.95:.1f}", stop_client_order_id="q" + "a" * 25)
        reply = await client.send(process.node, "/api/execute", trader.request(task))
        [result] = reply.data["results"]
        assert (result["status"], result["stop"]["status"]) == ("FILLED", "OPEN")
        assert process.memory_mb < 110
    assert process.stop() == 0
    for secret in (SECRET, trader.credentials["api_key"], trader.credentials["api_secret"]):
        assert secret not in process.log
    assert len(trader.orders()) == 1


async def test_stopping_lets_a_running_order_end(trader: Trader, shipped: Path, processes: list[Process]) -> None:
    process = Process(Path(sys.executable), shipped)
    processes.append(process)
    async with NodeClient(breaker_failures=1000) as client:
        await process.ready(client)
        await client.send(process.node, "/api/execute", trader.request(trader.task()))
        trader.venue.faults({"kind": "delay", "delay_ms": 700, "path": "/fapi/v1/order", "method": "POST", "times": 1})
        running = asyncio.create_task(client.send(process.node, "/api/execute", trader.request(trader.task())))
        await asyncio.sleep(0.3)
        process.child.send_signal(signal.SIGTERM)
        reply = await running
    assert reply.data["results"][0]["status"] == "FILLED"
    assert await asyncio.to_thread(process.child.wait, 20) == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "IRONBULL_NODE_AUTH_SECRET must be set"),
        ({"IRONBULL_NODE_AUTH_SECRET": "short"}, "at least 16 characters"),
        ({"IRONBULL_NODE_AUTH_SECRET": SECRET, "IRONBULL_NODE_PORT": "many"}, "cannot be read"),
        ({"IRONBULL_NODE_AUTH_SECRET": SECRET, "IRONBULL_NODE_ALLOWED_IPS": "10.0.0.0/99"}, "cannot be read"),
    ],
)
def test_a_node_that_is_not_safe_does_not_start(settings: dict[str, str], words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "node_service"],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr


def test_one_exchange_of_ccxt_is_imported_and_the_rest_stays_reachable() -> None:
    program = """
import sys
from node_service.slim_ccxt import load_exchange
cls = load_exchange("binanceusdm")
loaded = [name for name in sys.modules if name.startswith("ccxt.async_support.") and name.count(".") == 2]
import ccxt, ccxt.async_support as aio
assert aio.binanceusdm is cls and len(ccxt.exchanges) > 90 and issubclass(ccxt.NetworkError, ccxt.BaseError)
assert aio.okx.__name__ == "okx" and ccxt.kraken().id == "kraken"
import ccxt.async_support.gate
assert isinstance(aio.gate, type)
try:
    load_exchange("nowhere")
except LookupError:
    print(len(loaded))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 6
