"""``ironbull monitor``: the rounds of the monitor as a process of its own, which goes on when the platform does not."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from dataclasses import replace

import structlog
from sqlalchemy.exc import SQLAlchemyError

from backend.db import CannotWrite, Database, get_db
from backend.errors import InvalidInput
from backend.monitoring.watch import Watch
from backend.monitoring.watch_rules import CHECKS, Reading, services_of
from backend.notifications.sender import NoticeSender
from backend.settings import Settings, get_settings

log = structlog.get_logger("monitor")


class UnknownService(InvalidInput):
    """There is no such check or service."""

    code = "unknown_service"


def chosen(names: Sequence[str], settings: Settings) -> tuple[tuple[str, ...], dict[str, str] | None]:
    """Checks of ``--services``, and the services asked when some are named one by one. Raises ``UnknownService``."""
    if not names:
        return CHECKS, None
    known = services_of(settings.monitor_services) or {"web": f"{settings.base_url}/api/health"}
    for name in names:
        if name not in CHECKS and name not in known:
            raise UnknownService(f"'{name}' is neither a check ({', '.join(CHECKS)}) nor a service ({', '.join(known)}).")
    asked = {name: known[name] for name in names if name in known}
    checks = tuple(name for name in CHECKS if name in names or (name == "services" and asked))
    return checks, None if "services" in names else asked or None


async def rounds(db: Database, settings: Settings, names: Sequence[str], stop: asyncio.Event, *, every_s: float, count: int = 0) -> bool:
    """Look ``count`` times (0: until ``stop``), printing what is wrong. Whether all was well in the last round."""
    checks, services = chosen(names, settings)
    watch = Watch(db, settings, checks, services)
    sender = NoticeSender(db, settings, allow_private=settings.webhook_allow_private)
    done = 0
    wrong: list[Reading] = []
    before: set[str] = set()
    try:
        while not stop.is_set():
            wrong = await _round(watch, sender)
            keys = {one.key for one in wrong}
            for one in wrong:
                if one.key not in before:
                    log.warning("not well", check=one.check, subject=one.subject, value=one.value, limit=one.limit, bound=one.bound, detail=one.detail)
            for key in before - keys:
                log.info("well again", key=key)
            before, done = keys, done + 1
            if count and done >= count:
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every_s)
    finally:
        await sender.close()
    return not wrong


async def _round(watch: Watch, sender: NoticeSender) -> list[Reading]:
    try:
        readings = await watch.look()
        # When the platform is down nobody else carries messages.
        await sender.run()
        await sender.settle()
    except (SQLAlchemyError, CannotWrite, OSError) as error:
        log.error("the database does not answer", error=type(error).__name__)
        return [replace(Reading("database", "", False, severity="critical"), detail="does not answer")]
    return [one for one in readings if not one.ok]


def main(interval_s: float, names: Sequence[str], count: int) -> int:
    """Run until a signal ends it. 0 when all was well in the last round, else 1. Raises ``UnknownService``."""
    settings = get_settings()
    chosen(names, settings)

    async def run() -> bool:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, stop.set)
        return await rounds(get_db(), settings, names, stop, every_s=interval_s or settings.monitor_interval_s, count=count)

    return 0 if asyncio.run(run()) else 1
