"""One simulated exchange for the whole room; a fresh account and executor for each test."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from node_service.executor import Executor
from tests.support.node import Trader
from tests.support.paper import ROOT, PaperServer
from tests.support.venues import CASES, KINDS, RecordedAccount

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperServer]:
    with PaperServer(tmp_path_factory.mktemp("paper"), db=False) as server:
        yield server


@pytest.fixture
def venue(paper: PaperServer) -> Iterator[PaperServer]:
    """The exchange without faults, before and after."""
    paper.clear_faults()
    yield paper
    paper.clear_faults()


@pytest.fixture
def trader(venue: PaperServer) -> Trader:
    return Trader(venue, venue.account(f"node-{next(_numbers)}"))


@pytest.fixture
async def executor() -> AsyncIterator[Executor]:
    made = Executor(allow_venue_url=True)
    yield made
    await made.close()


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{'hedge' if case[1] else 'one-way'}")
async def account(request: pytest.FixtureRequest, executor: Executor) -> AsyncIterator[RecordedAccount]:
    """An account at every recorded venue, in each of its position modes."""
    code, hedge = request.param
    async with KINDS[code](hedge=hedge) as venue:
        venue.book.isolated = True
        yield RecordedAccount(venue, executor)


@pytest.fixture(scope="session")
def node_python() -> Path:
    """The interpreter of an environment with the node's own requirements; kept in .cache between runs."""
    requirements = ROOT / "node_service" / "requirements.txt"
    name = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    place = ROOT / ".cache" / f"node-venv-{name}"
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        uv = shutil.which("uv")
        if uv:
            commands = [
                [uv, "venv", "-q", "--python", sys.executable, str(place)],
                [uv, "pip", "install", "-q", "--python", str(python), "-r", str(requirements)],
            ]
        else:
            commands = [
                [sys.executable, "-m", "venv", str(place)],
                [str(python), "-m", "pip", "install", "-q", "-r", str(requirements)],
            ]
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
            if done.returncode and not os.environ.get("CI"):  # CI has a package index, and fails without
                pytest.skip(f"no package index gives the node's requirements to an environment of its own: {done.stderr[-300:]}")
            assert done.returncode == 0, done.stderr
        (place / "complete").touch()
    return python
