"""One simulated exchange for the whole room; a fresh account and executor for each test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from node_service.executor import Executor
from tests.support.node import Trader
from tests.support.paper import PaperServer
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
