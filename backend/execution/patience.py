"""Work at a node that a loop does not wait long for: a node that hangs must not hold up the accounts of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterable
from typing import Any, Final

from backend.ending import end_tasks

PATIENCE_S: Final = 0.5
"""How long a loop waits for answers before it goes on."""

ENDS_S: Final = 3.0


class Late:
    """What was begun and may be answered late, with the accounts it is about."""

    def __init__(self) -> None:
        self._begun: dict[asyncio.Task[Any], frozenset[int]] = {}

    @property
    def accounts(self) -> frozenset[int]:
        """The accounts that are still waited for."""
        return frozenset[int]().union(*self._begun.values())

    def begin(self, work: Coroutine[Any, Any, object], accounts: Iterable[int]) -> asyncio.Task[Any]:
        """Begin work for these accounts."""
        task = asyncio.create_task(work)
        self._begun[task] = frozenset(accounts)
        return task

    async def wait(self, patience_s: float | None, tasks: Collection[asyncio.Task[Any]] | None = None) -> None:
        """Wait so long at most (None: to the end) for these or for all. Raises what one of them raised.

        Who is cancelled while waiting takes them along.
        """
        tasks = list(self._begun) if tasks is None else tasks
        if not tasks:
            return
        try:
            await asyncio.wait(tasks, timeout=patience_s)
        except asyncio.CancelledError:
            await self._give_up(tasks)
            raise
        ended = [task for task in tasks if task.done()]
        for task in ended:
            self._begun.pop(task, None)
        for task in ended:
            task.result()

    async def stop(self) -> None:
        """Wait for nothing any more; what it was about is asked for at the next start."""
        await self._give_up(list(self._begun))

    async def _give_up(self, tasks: Collection[asyncio.Task[Any]]) -> None:
        for task in tasks:
            self._begun.pop(task, None)
        await end_tasks(tasks, ENDS_S)
