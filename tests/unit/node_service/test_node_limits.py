"""Budgets: never more than allowed, urgent work first, pauses kept."""

from __future__ import annotations

import asyncio
import time

import pytest

from node_service.limits import Budget, Priority, Throttled


async def test_a_part_is_kept_back_for_the_more_urgent() -> None:
    budget = Budget(100, 3600.0)
    await budget.take(80, Priority.OPEN, 0)
    with pytest.raises(Throttled):
        await budget.take(1, Priority.OPEN, 0)
    await budget.take(15, Priority.STOP, 0)
    with pytest.raises(Throttled):
        await budget.take(1, Priority.STOP, 0)
    await budget.take(5, Priority.CLOSE, 0)
    with pytest.raises(Throttled):
        await budget.take(1, Priority.CLOSE, 0)


async def test_waiters_go_by_urgency_then_by_arrival() -> None:
    budget = Budget(10, 0.2)
    await budget.take(10, Priority.CLOSE, 1)
    order: list[str] = []

    async def wait(name: str, priority: Priority) -> None:
        await budget.take(2, priority, 5)
        order.append(name)

    async with asyncio.TaskGroup() as group:
        for name, priority in (
            ("read", Priority.READ), ("open", Priority.OPEN), ("stop", Priority.STOP), ("close 1", Priority.CLOSE),
            ("close 2", Priority.CLOSE),
        ):  # fmt: skip
            group.create_task(wait(name, priority))
            await asyncio.sleep(0)
    assert order == ["close 1", "close 2", "stop", "open", "read"]


async def test_the_rate_is_never_exceeded() -> None:
    budget = Budget(20, 0.2)
    started = time.monotonic()
    await asyncio.gather(*(budget.take(1, Priority.CLOSE, 5) for _ in range(60)))
    assert time.monotonic() - started >= 0.39
    assert budget.used <= 20.001


async def test_a_wait_that_is_too_long_is_refused_at_once() -> None:
    budget = Budget(10, 60.0)
    await budget.take(10, Priority.CLOSE, 0)
    started = time.monotonic()
    with pytest.raises(Throttled) as caught:
        await budget.take(5, Priority.CLOSE, 15.0)
    assert time.monotonic() - started < 10  # refused before the time it was ready to wait
    assert 20 < caught.value.retry_after_s < 31


async def test_a_pause_stops_everyone() -> None:
    budget = Budget(1000, 1.0)
    budget.pause(0.15)
    started = time.monotonic()
    await budget.take(1, Priority.CLOSE, 1.0)
    assert time.monotonic() - started >= 0.14
    budget.pause(60)
    with pytest.raises(Throttled):
        await budget.take(1, Priority.CLOSE, 1.0)


async def test_what_the_venue_reports_counts() -> None:
    budget = Budget(100, 3600.0)
    budget.observe(100)
    with pytest.raises(Throttled):
        await budget.take(1, Priority.CLOSE, 0)
    budget.resize(200, 3600.0)
    await budget.take(50, Priority.CLOSE, 0)


async def test_an_impatient_waiter_leaves_no_trace() -> None:
    budget = Budget(10, 1.0)
    await budget.take(10, Priority.CLOSE, 0)
    task = asyncio.create_task(budget.take(5, Priority.CLOSE, 2.0))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.6)
    assert budget.used < 5
