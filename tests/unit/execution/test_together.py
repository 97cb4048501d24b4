"""Small writes that are wanted at the same moment go into few transactions, and none suffers for another."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import OperationalError

from backend.execution.together import AT_ONCE, Together


class Work:
    """Doubles numbers, a batch at a time, when it is let; a negative one fails."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Event()
        self.may = asyncio.Event()

    async def __call__(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        self.begun.set()
        await self.may.wait()
        if min(items) < 0:
            raise ValueError(min(items))
        return [2 * item for item in items]


async def test_what_comes_meanwhile_goes_together() -> None:
    work = Work()
    together = Together(work)
    callers = [asyncio.create_task(together.do([number, number + 100])) for number in range(AT_ONCE)]
    await work.begun.wait()
    assert work.batches == [[0, 100]], "the first waits for nobody"
    work.may.set()
    assert await asyncio.gather(*callers) == [[2 * n, 2 * n + 200] for n in range(AT_ONCE)]
    assert [len(batch) for batch in work.batches] == [2, AT_ONCE, AT_ONCE - 2]
    assert await together.do([]) == [] and len(work.batches) == 3


async def test_one_that_fails_fails_alone() -> None:
    work = Work()
    together = Together(work)
    work.may.set()
    done = await asyncio.gather(*(together.do([number]) for number in (1, 2, -3, 4)), return_exceptions=True)
    assert [done[0], done[1], done[3]] == [[2], [4], [8]]
    assert isinstance(done[2], ValueError)
    assert work.batches == [[1], [2, -3, 4], [2], [-3], [4]]


async def test_a_database_that_is_away_is_away_for_all() -> None:
    tries = 0

    async def work(items: list[int]) -> list[int]:
        nonlocal tries
        tries += 1
        raise OperationalError("statement", {}, RuntimeError("gone"))

    together = Together(work)
    done = await asyncio.gather(*(together.do([number]) for number in range(4)), return_exceptions=True)
    assert {type(one) for one in done} == {OperationalError}
    assert tries == 2


async def test_who_leaves_in_the_middle_leaves_nobody_waiting() -> None:
    work = Work()
    together = Together(work)
    first, second, third = (asyncio.create_task(together.do([number])) for number in (1, 2, 3))
    await work.begun.wait()
    first.cancel()
    await asyncio.sleep(0)
    third.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    work.may.set()
    assert await second == [4]
    with pytest.raises(asyncio.CancelledError):
        await third
    assert work.batches[0] == [1] and all(1 not in batch for batch in work.batches[1:])
    assert await together.do([5]) == [10]
