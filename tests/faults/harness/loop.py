"""An event loop under virtual time, and processes in it that can be killed and paused.

Time stands still while something runs and jumps to the next timer when nothing does. Work meant for threads runs at once
and ends a moment later, so that one seed gives one order of things.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import selectors
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


class Crash(BaseException):
    """The process this is raised in is dead: nothing may catch it but the loop."""


class Stuck(RuntimeError):
    """Nothing will ever happen again, and the run is not over."""


@dataclass
class Process:
    """One life of one program. A restart is another ``Process``."""

    name: str
    number: int = 1
    skew_ms: int = 0
    dead: bool = False
    paused_until: float = 0.0
    kept: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context = contextvars.copy_context()
        self.context.run(PROCESS.set, self)

    def start(self, loop: asyncio.AbstractEventLoop, work: Any) -> asyncio.Task[Any]:
        """Run a coroutine as this process."""
        task: asyncio.Task[Any] = self.context.run(loop.create_task, work)
        self.kept.append(task)
        return task


class VirtualTime:
    """Seconds since the run began; moved by the loop, and by whoever sleeps in the thread."""

    def __init__(self) -> None:
        self.now = 0.0

    def advance(self, seconds: float) -> None:
        self.now += max(0.0, seconds)


class _NoFiles(selectors.BaseSelector):
    """Waits for nothing but time."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self._map: dict[int, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = self._map[number] = selectors.SelectorKey(fileobj, number, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._map.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("nothing is left to happen")
        self._time.advance(timeout)
        return []

    def get_map(self) -> Any:
        return self._map


class VirtualLoop(asyncio.SelectorEventLoop):
    """One thread, virtual time, callbacks of dead processes dropped, those of paused ones kept for later."""

    def __init__(self, time: VirtualTime, rng: random.Random) -> None:
        self._virtual = time
        self._rng = rng
        self.network: Any = None
        self._kept_back = 0
        super().__init__(_NoFiles(time))
        self._clock_resolution = 1e-9
        self.set_exception_handler(self._failed)

    def time(self) -> float:
        return self._virtual.now

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        return super().call_soon(self._guarded, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return super().call_at(when, self._guarded, callback, *args, context=context)

    def _guarded(self, callback: Callable[..., Any], *args: Any) -> None:
        process = PROCESS.get()
        if process is not None:
            if process.dead:
                return
            if process.paused_until > self._virtual.now:
                # A moment apart, so that what waited in order is done in order.
                self._kept_back += 1
                self.call_at(process.paused_until + self._kept_back * 1e-9, callback, *args)
                return
        callback(*args)

    def run_in_executor(self, _executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """At once, in this thread; the caller hears of it after a moment. A crash is never heard of."""
        future = self.create_future()
        try:
            result, failure = func(*args), None
        except Crash:
            return future
        except Exception as error:
            result, failure = None, error
        self.call_later(self._rng.uniform(0.0005, 0.004), _settle, future, result, failure)
        return future

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        self.network.addressed[sock.fileno()] = address[:2]

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        sock = options.get("sock")
        if sock is not None:
            host, port = self.network.addressed.pop(sock.fileno())
            sock.close()
        return await self.network.connect(protocol_factory, str(host), int(port))

    def forget(self) -> None:
        """What was never begun never will be, and nobody shall complain of it."""
        warnings.filterwarnings("ignore", message="coroutine .* was never awaited", category=RuntimeWarning)

    def _failed(self, _loop: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None and not isinstance(error, Crash):
            self.network.world.note("loop", f"{context.get('message')}: {type(error).__name__}")


def _settle(future: asyncio.Future[Any], result: Any, failure: Exception | None) -> None:
    if future.done():
        return
    if failure is not None:
        future.set_exception(failure)
    else:
        future.set_result(result)


@contextmanager
def as_process(process: Process) -> Iterator[None]:
    """Plain code that belongs to a process."""
    token = PROCESS.set(process)
    try:
        yield
    finally:
        PROCESS.reset(token)
