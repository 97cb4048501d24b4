"""The folder that `ironbull bundle-node` writes: started by its own script with PATH alone, it executes an order."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backend.execution.sealing import Sealer
from ironbull_app.bundle import BundleFailed, bundle
from node_service.client import Node, NodeClient
from node_service.enrol import write_config
from tests.integration.node_service.test_node_process import node_python
from tests.support.node import SECRET, Trader
from tests.support.paper import ROOT, free_port

__all__ = ["node_python"]


def test_the_folder_holds_the_node_and_nothing_of_the_centre(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ironbull_app.cli", "bundle-node", str(tmp_path / "out")],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {"start.sh", "README.md", "node.env.example", "ironbull-node.service", "node_service/app.py"} <= made
    assert not [name for name in made if name.endswith(".pyc") or name.startswith(("backend", "state", "pages"))]
    bundle(tmp_path / "out")  # an earlier bundle is replaced


def test_another_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(BundleFailed):
        bundle(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "keep"


@pytest.mark.slow
async def test_the_bundle_executes_a_sealed_order_with_path_alone(trader: Trader, node_python: Path, tmp_path: Path) -> None:
    place = bundle(tmp_path / "execution-node")
    (place / "venv").symlink_to(node_python.parent.parent)
    port = free_port()
    write_config(
        place / "node.env",
        {
            "IRONBULL_NODE_AUTH_SECRET": SECRET, "IRONBULL_NODE_CODE": "n1", "IRONBULL_NODE_PORT": str(port),
            "IRONBULL_NODE_ALLOW_VENUE_URL": "1",
        },
    )  # fmt: skip
    node = Node("n1", f"http://127.0.0.1:{port}", SECRET)
    log = (tmp_path / "log").open("wb")
    child = await asyncio.create_subprocess_exec(
        str(place / "start.sh"), env={"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )
    try:
        async with NodeClient(breaker_failures=1000) as client:
            deadline = time.monotonic() + 30
            while not (await client.health(node)).ok:
                assert child.returncode is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
                await asyncio.sleep(0.1)
            body = Sealer().body(node, trader.request(trader.task()))
            assert trader.credentials["api_secret"] not in str(body)
            reply = await client.send(node, "/api/execute", body)
            assert [row["status"] for row in reply.data["results"]] == ["FILLED"], reply
    finally:
        child.terminate()
        code = await child.wait()
        log.close()
    assert code == 0
    assert len(trader.orders()) == 1
