"""How work and processes end: tasks are cancelled until they are over, and nothing keeps a process longer than its time."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import threading
from collections.abc import Iterable
from typing import Any, NoReturn

import structlog

log = structlog.get_logger("ending")

AGAIN_S = 0.5


async def end_tasks(tasks: Iterable[asyncio.Task[Any]], within_s: float) -> None:
    """Cancel these and wait for them, at most ``within_s``; what is not over by then is logged and left.

    A cancellation that meets a time limit of somebody's client may be taken for that limit, so it is said again.
    """
    waiting = [task for task in tasks if not task.done()]
    loop = asyncio.get_running_loop()
    until = loop.time() + within_s
    while waiting and (left := until - loop.time()) > 0:
        for task in waiting:
            task.cancel()
        ended, _ = await asyncio.wait(waiting, timeout=min(AGAIN_S, left))
        for task in ended:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("a task failed at its end", task=task.get_name(), error=type(error).__name__)
        waiting = [task for task in waiting if not task.done()]
    for task in waiting:
        log.error("a task does not end", task=task.get_name())


def leave(code: int) -> NoReturn:
    """End this process now; everything that must be closed is closed.

    Python's own way collects what is left after its modules are gone. A pool of the Redis client imports one when it is
    collected, and waits for ever if a thread that is stopped by then was importing, too.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class Deadline:
    """The longest a process may take to end. Threads cannot be cancelled: one that compiles, or waits for a lock or a name
    server, would keep the process for as long as it likes."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None

    def start(self, after_s: float, *, code: int) -> None:
        """After so long the process ends with ``code``, whatever it does. A second call takes the place of the first."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(after_s, self._over, (code,))
        self._timer.daemon = True
        self._timer.start()

    @staticmethod
    def _over(code: int) -> None:
        names = [thread.name for thread in threading.enumerate() if not thread.daemon]
        if code == 0:
            log.info("ended while threads were still busy", threads=names)
        else:
            log.error("the process did not end in its time", threads=names)
            faulthandler.dump_traceback(sys.stderr, all_threads=True)
        sys.stdout.flush()
        os._exit(code)
