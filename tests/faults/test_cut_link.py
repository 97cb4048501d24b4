"""The link between the centre and a node, a process of its own, is cut in the middle of an execution."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from backend.db import Database
from node_service.client import Node, NodeClient
from tests.support.centre import Centre, make_centre
from tests.support.cut_link import CutLink
from tests.support.faults import FULL
from tests.support.intents import enter
from tests.support.paper import ROOT, PaperServer, free_port

SECRET = "secret-of-the-node-behind-the-cut-link"
CUT_S = 60.0 if FULL else 3.0


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[PaperServer]:
    with PaperServer(tmp_path) as server:
        yield server


@pytest.fixture
async def node_port() -> AsyncIterator[int]:
    """A node as a process with an environment of its own."""
    port = free_port()
    child = subprocess.Popen(  # noqa: ASYNC220 - starting takes no time
        [sys.executable, "-m", "node_service"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"], "IRONBULL_NODE_PORT": str(port), "IRONBULL_NODE_CODE": "node-t",
            "IRONBULL_NODE_AUTH_SECRET": SECRET, "IRONBULL_NODE_ALLOW_VENUE_URL": "1",
        },
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    async with NodeClient() as client:
        deadline = time.monotonic() + 30
        while not (await client.health(Node("node-t", f"http://127.0.0.1:{port}", SECRET))).ok:
            assert child.poll() is None and time.monotonic() < deadline, "the node did not start"
            await asyncio.sleep(0.1)
    yield port
    child.terminate()
    child.wait(25)


@pytest.fixture
def link(node_port: int) -> Iterator[CutLink]:
    made = CutLink(node_port)
    yield made
    made.close()


@pytest.fixture
async def centre(sqlite_database: Database, paper: PaperServer, tmp_path: Path, link: CutLink) -> AsyncIterator[Centre]:
    made = make_centre(sqlite_database, paper, tmp_path, accounts=2, node=(f"http://127.0.0.1:{link.port}", SECRET))
    yield made
    await made.stop_engine()
    made.check_oracles()


@pytest.mark.timeout(240)
async def test_an_order_behind_a_cut_link_is_filled_once_and_never_sent_again(centre: Centre, link: CutLink) -> None:
    engine = centre.start_engine()
    await engine.refresh_prices()
    enter(centre)
    link.cut_after(b"/api/execute")
    sending = asyncio.create_task(engine.dispatch())
    while not link.cut.is_set():  # noqa: ASYNC110 - set by a thread
        await asyncio.sleep(0.02)
    ends_s = link.cut_at_s + CUT_S
    # The account of the centre is not held up by the one behind the cut.
    while [order for order in centre.orders(node_id=None, trade_type="OPEN") if order.status != "FILLED"]:
        assert time.monotonic() < ends_s
        await asyncio.sleep(0.05)
    [far] = [order for order in centre.orders(trade_type="OPEN") if order.node_id is not None]
    while time.monotonic() < ends_s:
        [row] = [order for order in centre.orders(trade_type="OPEN") if order.node_id is not None]
        assert row.status in {"SENT", "UNKNOWN"}, row.status
        await asyncio.sleep(min(0.5, max(0.0, ends_s - time.monotonic())))
    link.restore()
    await sending
    deadline = time.monotonic() + 30
    while True:
        await engine.reconciler.run()
        [row] = [order for order in centre.orders(trade_type="OPEN") if order.node_id is not None]
        if row.status == "FILLED":
            break
        assert time.monotonic() < deadline, row.status
        await asyncio.sleep(0.3)
    assert (row.attempt, row.client_order_id) == (1, far.client_order_id)
    entries = [one for one in centre.exchange_orders() if one["type"] == "MARKET"]
    assert len(entries) == len({one["clientOrderId"] for one in entries}) == 2
    assert len(centre.positions()) == 2
    if FULL:
        assert link.swallowed > 0
