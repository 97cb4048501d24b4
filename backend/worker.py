"""The engine without pages: what ``ironbull worker`` runs. Start as many as you like, one acts at a time (a lease)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading

import structlog

from backend.ending import Deadline
from backend.logs import configure
from backend.runtime import Platform, embeds_paper_exchange
from backend.settings import Settings, get_settings
from backend.supervisor import BEAT_FD, BEAT_S, END_S, EXIT_WITH_STDIN

log = structlog.get_logger("worker")

THREADS_END_S = 2.0


async def serve(settings: Settings, deadline: Deadline) -> None:
    """Run until SIGTERM or SIGINT; then the process is over within ``END_S`` and ``THREADS_END_S``."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    if os.environ.get(EXIT_WITH_STDIN) == "1":
        threading.Thread(target=_until_closed, args=(loop, stop), name="stdin", daemon=True).start()
    beats = asyncio.create_task(_beat(int(os.environ.get(BEAT_FD, "-1"))))
    try:
        async with Platform(settings).running():
            await stop.wait()
            deadline.start(END_S, code=1)
    finally:
        beats.cancel()
    # All that was in hand is done or handed back; a thread that still computes or compiles keeps nobody waiting.
    deadline.start(THREADS_END_S, code=0)


async def _beat(descriptor: int) -> None:
    """Say that this event loop turns, to whoever supervises this process."""
    while descriptor >= 0:
        try:
            os.write(descriptor, b".")
        except OSError:
            return
        await asyncio.sleep(BEAT_S)


def _until_closed(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Whoever supervises this worker holds the other end of its standard input: when they end, so does the worker."""
    while os.read(0, 4096):
        pass
    with contextlib.suppress(RuntimeError):  # the loop may have ended by itself
        loop.call_soon_threadsafe(stop.set)


def main(supervise: int = 0) -> int:
    """The process's exit code. ``supervise``: be the supervisor of so many workers instead of one."""
    settings = get_settings()
    configure(settings)
    if embeds_paper_exchange(settings) and not settings.market.startswith("exchange:"):
        log.error("a worker needs a market of its own: set IRONBULL_PAPER_URL or IRONBULL_MARKET=exchange:<ccxt id>")
        return 2
    from backend.migrations import upgrade

    settings.home.mkdir(parents=True, exist_ok=True)
    upgrade(settings.sqlalchemy_url)
    if supervise:
        from backend import supervisor
        from backend.db import get_db

        return supervisor.main(settings, get_db(), supervise)
    asyncio.run(serve(settings, Deadline()))
    return 0
