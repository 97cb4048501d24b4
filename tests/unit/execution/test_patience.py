"""Work that is waited for a little and then goes on by itself."""

from __future__ import annotations

import asyncio

import pytest

from backend.execution.patience import Late


async def after(event: asyncio.Event, error: Exception | None = None) -> None:
    await event.wait()
    if error is not None:
        raise error


async def test_what_is_slow_goes_on_and_its_accounts_are_known_until_it_ends() -> None:
    late, slow, quick = Late(), asyncio.Event(), asyncio.Event()
    quick.set()
    tasks = [late.begin(after(slow), {1, 2}), late.begin(after(quick), {3})]
    await late.wait(0.01, tasks)
    assert late.accounts == {1, 2}
    slow.set()
    await late.wait(None)
    assert late.accounts == frozenset()


async def test_a_late_failure_is_raised_at_the_next_wait_and_once() -> None:
    late, slow = Late(), asyncio.Event()
    task = late.begin(after(slow, ValueError("late")), {1})
    await late.wait(0.0, [task])
    slow.set()
    with pytest.raises(ValueError, match="late"):
        await late.wait(None)
    await late.wait(None)
    assert late.accounts == frozenset()


async def test_who_is_cancelled_takes_along_what_it_waits_for() -> None:
    late, other = Late(), Late()
    mine, others = late.begin(asyncio.sleep(3600), {1}), other.begin(asyncio.sleep(3600), {2})
    waits = asyncio.create_task(late.wait(None, [mine]))
    await asyncio.sleep(0)
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    assert mine.cancelled() and not others.done()
    await other.stop()
    assert others.cancelled() and other.accounts == frozenset()
