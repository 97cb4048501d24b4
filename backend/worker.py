"""The engine without pages: what ``ironbull worker`` runs. Start as many as you like, one acts at a time (a lease)."""

from __future__ import annotations

import asyncio
import signal

import structlog

from backend.logs import configure
from backend.runtime import Platform, embeds_paper_exchange
from backend.settings import Settings, get_settings

log = structlog.get_logger("worker")


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with Platform(settings).running():
        await stop.wait()


def main() -> int:
    """The process's exit code."""
    settings = get_settings()
    configure(settings)
    if embeds_paper_exchange(settings) and not settings.market.startswith("exchange:"):
        log.error("a worker needs a market of its own: set IRONBULL_PAPER_URL or IRONBULL_MARKET=exchange:<ccxt id>")
        return 2
    from backend.migrations import upgrade

    settings.home.mkdir(parents=True, exist_ok=True)
    upgrade(settings.sqlalchemy_url)
    asyncio.run(serve(settings))
    return 0
