"""Tells workers over Redis that there is a job to look at. Never waits, never raises: the job row is there anyway."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

import structlog
from taskiq import AsyncTaskiqDecoratedTask, TaskiqError

from backend.queue.broker import GONE, StreamBroker
from backend.queue.rules import LANES, Lane

log = structlog.get_logger("wake")

ANSWER_S = 0.5
"""Slower than this, Redis is no help: the workers ask the database more often instead."""
PING_S = 1.0
WAITING_KEPT = 10_000
TOGETHER = 16

Look = Callable[[Lane, int], Awaitable[None]]


class Waker:
    """One broker per lane. ``healthy`` says whether wake-ups arrive; ``wake`` only notes what to send.

    ``send`` and ``watch`` are loops that the owner runs, and starts again when they fail.
    """

    def __init__(self, url: str, look: Look, *, prefix: str = "ironbull:jobs", idle_ms: int = 10_000) -> None:
        self.brokers: dict[Lane, StreamBroker] = {
            lane: StreamBroker(url, f"{prefix}:{lane}", idle_ms=idle_ms) for lane in LANES
        }
        self._tasks: dict[Lane, AsyncTaskiqDecoratedTask[[int], Any]] = {
            lane: broker.register_task(_look_in(lane, look), task_name=f"look:{lane}") for lane, broker in self.brokers.items()
        }
        self.healthy = False
        self._outbox: asyncio.Queue[tuple[Lane, int]] = asyncio.Queue(WAITING_KEPT)

    async def close(self) -> None:
        """Leave Redis; what was not sent is found without."""
        for broker in self.brokers.values():
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await broker.shutdown()

    def wake(self, jobs: Iterable[tuple[Lane, int]]) -> None:
        """Send these (lane, job id) as soon as may be. Costs the caller nothing."""
        if not self.healthy:
            return
        with suppress(asyncio.QueueFull):
            for item in jobs:
                self._outbox.put_nowait(item)

    async def send(self) -> None:
        """Send what was noted, some at a time."""
        while True:
            batch = [await self._outbox.get()]
            while not self._outbox.empty() and len(batch) < TOGETHER:
                batch.append(self._outbox.get_nowait())
            try:
                async with asyncio.timeout(ANSWER_S):
                    await asyncio.gather(*(self._tasks[lane].kiq(job_id) for lane, job_id in batch))
            except (TaskiqError, TimeoutError) as error:
                # Not sent again: the rows are there, and from now on the database is asked more often.
                self._note(False, type(error).__name__)

    async def watch(self) -> None:
        """Look whether Redis answers, again and again."""
        while True:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self.brokers["normal"].ping()
                self._note(True, "")
            except GONE as error:
                self._note(False, type(error).__name__)
            await asyncio.sleep(PING_S)

    def _note(self, healthy: bool, why: str) -> None:
        if healthy != self.healthy:
            log.info("wake-ups go over Redis") if healthy else log.warning("no wake-ups: Redis does not answer", error=why)
        self.healthy = healthy


def _look_in(lane: Lane, look: Look) -> Callable[[int], Awaitable[None]]:
    async def call(job_id: int) -> None:
        await look(lane, job_id)

    return call
