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
from ironbull_app import executable
from ironbull_app.bundle import BundleFailed, bundle
from node_service.client import Node, NodeClient
from node_service.enrol import write_config
from node_service.venues import VENUES
from tests.support.faults import FULL
from tests.support.node import SECRET, Trader
from tests.support.paper import ROOT, free_port


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
    await executes_an_order(place / "start.sh", place / "node.env", trader, tmp_path)


def test_what_the_one_file_packs_is_all_that_the_venues_need(tmp_path: Path) -> None:
    """The quick half: the shortened library alone can load every venue of the table, and holds no other."""
    entry = executable.stage(tmp_path / "sources")
    names = [venue.ccxt_id for venue in VENUES.values()]
    code = (
        "import sys; sys.path.insert(0, '.')\n"
        "import ccxt.async_support as library\n"
        "assert library.__file__.startswith(sys.argv[1]), library.__file__\n"
        f"assert all(getattr(library, name)().describe()['id'] for name in {names})\n"
        "assert not hasattr(library, 'kraken')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(entry.parent)],
        cwd=entry.parent, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    size = sum(path.stat().st_size for path in (entry.parent / "ccxt").rglob("*.py"))
    assert size < 20_000_000


def test_without_the_packer_the_command_says_how_to_get_it(tmp_path: Path) -> None:
    """In an environment where PyInstaller cannot be found."""
    code = (
        "import sys, typer.testing\n"
        "sys.modules['PyInstaller'] = None  # as if it were not installed\n"
        "from ironbull_app.cli import app\n"
        "done = typer.testing.CliRunner().invoke(app, ['bundle-node', sys.argv[1], '--executable'])\n"
        "print(done.output); sys.exit(done.exit_code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1 and "make setup-dev" in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not FULL, reason="packing takes a minute and a half of CPU: make faults does it")
async def test_the_one_file_executes_a_sealed_order_with_path_alone(trader: Trader, tmp_path: Path) -> None:
    place = await asyncio.to_thread(executable.build, tmp_path / "out")
    await executes_an_order(place, tmp_path / "node.env", trader, tmp_path, IRONBULL_NODE_CONFIG=str(tmp_path / "node.env"))


async def executes_an_order(start: Path, config: Path, trader: Trader, folder: Path, **env: str) -> None:
    """Start a node with PATH alone, send it one sealed order, end it."""
    port = free_port()
    write_config(
        config,
        {
            "IRONBULL_NODE_AUTH_SECRET": SECRET, "IRONBULL_NODE_CODE": "n1", "IRONBULL_NODE_PORT": str(port),
            "IRONBULL_NODE_ALLOW_VENUE_URL": "1",
        },
    )  # fmt: skip
    node = Node("n1", f"http://127.0.0.1:{port}", SECRET)
    with (folder / "log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(
            str(start), env={"PATH": os.environ["PATH"], **env}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        async with NodeClient(breaker_failures=1000) as client:
            deadline = time.monotonic() + 60
            while not (await client.health(node)).ok:
                assert child.returncode is None and time.monotonic() < deadline, (folder / "log").read_text()
                await asyncio.sleep(0.1)
            body = Sealer().body(node, trader.request(trader.task()))
            assert trader.credentials["api_secret"] not in str(body)
            reply = await client.send(node, "/api/execute", body)
            assert [row["status"] for row in reply.data["results"]] == ["FILLED"], reply
    finally:
        child.terminate()
        code = await child.wait()
    assert code == 0
    assert len(trader.orders()) == 1
