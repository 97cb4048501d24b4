"""The scenario of ``test_cut_namespaces.py``; runs as root of a network namespace of its own (``unshare -rn``).

Centre and exchange live here, the node in a second namespace. One cable goes from the centre to the node and another from
the node to the exchange; the first is pulled in the middle of an execution.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from backend import migrations
from backend.db import Database
from node_service.client import Node, NodeClient
from tests.support.centre import Centre, make_centre
from tests.support.intents import enter, leave
from tests.support.paper import ROOT, PaperServer

SECRET = "n" * 40
PORT = 9101
CENTRE, NODE, EXCHANGE, NODE_OUT = "10.77.1.1", "10.77.1.2", "10.77.2.1", "10.77.2.2"


def ip(*words: str) -> None:
    """One ``ip`` command."""
    subprocess.run(["ip", *words], check=True)


class NodeBehindCables:
    """A node in a namespace of its own."""

    def __init__(self) -> None:
        # The wrapper waits until its cables are there: what comes after exec is the node alone.
        self._process = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", f'read go; exec "{sys.executable}" -m node_service'],
            cwd=ROOT, stdin=subprocess.PIPE,
            env={
                "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "IRONBULL_NODE_HOST": "0.0.0.0",
                "IRONBULL_NODE_PORT": str(PORT), "IRONBULL_NODE_CODE": "node-t", "IRONBULL_NODE_AUTH_SECRET": SECRET,
                "IRONBULL_NODE_ALLOW_VENUE_URL": "1",
            },
        )  # fmt: skip
        self._pid = str(self._process.pid)
        here, there = Path("/proc/self/ns/net"), Path(f"/proc/{self._pid}/ns/net")
        while there.readlink() == here.readlink():
            time.sleep(0.02)
        for cable, near, far in (("a", CENTRE, NODE), ("b", EXCHANGE, NODE_OUT)):
            ip("link", "add", f"here-{cable}", "type", "veth", "peer", "name", f"node-{cable}", "netns", self._pid)
            ip("addr", "add", f"{near}/24", "dev", f"here-{cable}")
            ip("link", "set", f"here-{cable}", "up")
            self._inside("addr", "add", f"{far}/24", "dev", f"node-{cable}")
            self._inside("link", "set", f"node-{cable}", "up")
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")
        self._process.stdin.close()

    def _inside(self, *words: str) -> None:
        subprocess.run(["nsenter", f"--net=/proc/{self._pid}/ns/net", "ip", *words], check=True)

    def pull(self) -> None:
        """The cable to the centre, at the node's end: bytes vanish, nobody is told."""
        self._inside("link", "set", "node-a", "down")

    def plug(self) -> None:
        """The cable is there again."""
        self._inside("link", "set", "node-a", "up")

    def end(self) -> None:
        """Stop the node."""
        self._process.terminate()
        self._process.wait(25)


async def scenario(folder: Path, cut_s: float) -> None:
    """The account of the centre goes on; the one behind the cut is filled once, known after the cut, and never sent twice."""
    url = f"sqlite:///{folder / 'ironbull.db'}"
    migrations.upgrade(url)
    db = Database(url)
    with PaperServer(folder, "--host", "0.0.0.0", "--venue-client-ids") as paper:
        paper.base_url = f"http://{EXCHANGE}:{paper.port}"
        node = NodeBehindCables()
        try:
            async with NodeClient() as client:
                while not (await client.health(Node("node-t", f"http://{NODE}:{PORT}", SECRET))).ok:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.1)
            centre = make_centre(db, paper, folder, accounts=2, node=(f"http://{NODE}:{PORT}", SECRET))
            await _cut_in_the_middle(centre, node, cut_s)
            await centre.stop_engine()
            centre.check_oracles()
        finally:
            node.end()
            db.dispose()


async def _cut_in_the_middle(centre: Centre, node: NodeBehindCables, cut_s: float) -> None:
    engine = centre.start_engine()
    await engine.refresh_prices()
    # The exchange takes its time with the answer: the cable goes while the node waits for it.
    centre.paper.faults(
        {"kind": "delay", "delay_ms": 2500, "when": "after", "method": "POST", "path": "/fapi/v1/order", "account": "agent-1"}
    )
    enter(centre)
    sending = asyncio.create_task(engine.dispatch())
    while len(centre.paper.dump(centre.paper_ids[1])["orders"]) == 0:  # noqa: ASYNC110 - another process tells
        await asyncio.sleep(0.05)
    node.pull()
    pulled_s = time.monotonic()
    centre.paper.clear_faults()
    while [one for one in centre.orders(node_id=None, trade_type="OPEN") if one.status != "FILLED"]:
        assert time.monotonic() - pulled_s < cut_s + 30, "the account of the centre was held up"
        await asyncio.sleep(0.05)
    while time.monotonic() - pulled_s < cut_s:
        [far] = [one for one in centre.orders(trade_type="OPEN") if one.node_id is not None]
        assert far.status in {"SENT", "UNKNOWN"}, far.status
        await asyncio.sleep(0.25)
    node.plug()
    await sending
    await _until_known(centre)
    [far] = [one for one in centre.orders(trade_type="OPEN") if one.node_id is not None]
    assert far.attempt == 1
    entries = [one for one in centre.exchange_orders() if one["type"] == "MARKET"]
    assert len(entries) == len({one["clientOrderId"] for one in entries}) == 2
    leave(centre)
    await engine.dispatch()
    await _until_known(centre)
    assert [position.status for position in centre.positions()] == ["CLOSED", "CLOSED"]


async def _until_known(centre: Centre) -> None:
    engine = centre.engine
    assert engine is not None
    deadline = time.monotonic() + 90
    while [one for one in centre.orders() if one.status not in {"FILLED", "OPEN", "CANCELLED"}]:
        assert time.monotonic() < deadline, [(one.trade_type, one.status, one.reason) for one in centre.orders()]
        await engine.dispatch()
        await engine.reconciler.run()
        await asyncio.sleep(0.3)


if __name__ == "__main__":
    ip("link", "set", "lo", "up")
    asyncio.run(scenario(Path(sys.argv[1]), float(sys.argv[2])))
