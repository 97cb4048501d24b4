"""A stepped simulated exchange and a centre with two followers, for the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from backend.db import Database
from tests.support.centre import Centre, make_centre
from tests.support.paper import PaperServer


@pytest.fixture(scope="module")
def one_market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperServer]:
    """An exchange for all tests of a file."""
    with PaperServer(tmp_path_factory.mktemp("paper")) as server:
        yield server


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[PaperServer]:
    with PaperServer(tmp_path) as server:
        yield server


@pytest.fixture
async def centre(sqlite_database: Database, paper: PaperServer, tmp_path: Path) -> AsyncIterator[Centre]:
    made = make_centre(sqlite_database, paper, tmp_path, accounts=2)
    yield made
    await made.stop_engine()
    made.check_oracles()
