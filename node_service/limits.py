"""How fast we may speak to an exchange: request weight per egress address, orders per account, with priorities.

Close goes before stop, stop before open, and reads last; a part of every budget is kept back for the more urgent, so
that a burst of entries can never keep a position from being closed.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final


class Priority(IntEnum):
    """Who goes first; smaller is more urgent."""

    CLOSE = 0
    STOP = 1
    OPEN = 2
    READ = 3


class Throttled(Exception):
    """There is no room within the time the caller can wait. Nothing was sent."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"no room for {retry_after_s:.1f} s")
        self.retry_after_s = retry_after_s


# Share of the budget each priority may use.
_SHARE: Final = {Priority.CLOSE: 1.0, Priority.STOP: 0.95, Priority.OPEN: 0.8, Priority.READ: 0.7}


@dataclass(order=True)
class _Waiter:
    priority: Priority
    order: int
    cost: int = field(compare=False)
    future: asyncio.Future[None] = field(compare=False)


class Budget:
    """A budget of `limit` units that refills evenly over `window_s`. One event loop only."""

    def __init__(self, limit: int, window_s: float) -> None:
        self._limit = float(limit)
        self._rate = limit / window_s
        self._used = 0.0
        self._at = time.monotonic()
        self._paused_until = 0.0
        self._waiters: list[_Waiter] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def used(self) -> float:
        """Units in use now."""
        self._leak()
        return self._used

    def resize(self, limit: int, window_s: float) -> None:
        """Take over the limits the venue publishes."""
        self._leak()
        self._limit, self._rate = float(limit), limit / window_s

    def observe(self, used: int) -> None:
        """Take over the usage the venue reports, when it is higher than our own count."""
        self._leak()
        self._used = max(self._used, float(used))

    def pause(self, seconds: float) -> None:
        """Send nothing for `seconds` (Retry-After)."""
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)

    async def take(self, cost: int, priority: Priority, timeout_s: float) -> None:
        """Wait until `cost` units are free for `priority`; raises `Throttled` after `timeout_s`."""
        delay = self._delay(cost, priority)
        if delay <= 0 and not (self._waiters and self._waiters[0].priority <= priority):
            self._used += cost
            return
        if delay > timeout_s:
            raise Throttled(delay)
        waiter = _Waiter(priority, next(self._order), cost, asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiters, waiter)
        self._arm()
        try:
            async with asyncio.timeout(timeout_s):
                await waiter.future
        except TimeoutError:
            raise Throttled(max(self._delay(cost, priority), 0.05)) from None
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                heapq.heapify(self._waiters)

    def _leak(self) -> None:
        now = time.monotonic()
        self._used = max(0.0, self._used - (now - self._at) * self._rate)
        self._at = now

    def _delay(self, cost: int, priority: Priority) -> float:
        self._leak()
        pause = self._paused_until - self._at
        # A request larger than the share may still go once the budget is empty.
        room = max(self._limit * _SHARE[priority] - cost, 0.0)
        return max(pause, (self._used - room) / self._rate)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiters:
            head = self._waiters[0]
            delay = max(self._delay(head.cost, head.priority), 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay, self._wake)

    def _wake(self) -> None:
        self._timer = None
        while self._waiters:
            head = self._waiters[0]
            if head.future.done():
                heapq.heappop(self._waiters)
                continue
            if self._delay(head.cost, head.priority) > 1e-6:
                break
            heapq.heappop(self._waiters)
            self._used += head.cost
            head.future.set_result(None)
        self._arm()
