"""Engines in queue mode, and what passes through Redis meanwhile."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import redis
from sqlmodel import select

from backend.engine import Engine
from backend.execution.wire import Wire
from backend.market.feed import PaperFeed
from backend.models import Bot, Fill, Job, Order, Settlement
from node_service.client import NodeClient
from node_service.executor import Executor
from tests.support.centre import Centre

RUNNING = {
    "market_mode": "running", "execution": "queue", "queue_lease_s": 5.0, "scan_interval_s": 3600.0, "exit_interval_s": 3600.0,
    "reconcile_interval_s": 3600.0,
}  # fmt: skip
"""Settings of a centre in queue mode that does nothing by itself but what a test asks for."""


def calm(centre: Centre) -> None:
    """No bot opens anything by itself."""
    with centre.db.transaction() as session:
        for bot in session.exec(select(Bot)).all():
            bot.desired = "stopped"
            session.add(bot)


@asynccontextmanager
async def engines(centre: Centre, count: int) -> AsyncIterator[list[Engine]]:
    """So many engines on one database, all started; one of them leads."""
    made: list[Engine] = []
    try:
        for _ in range(count):
            wire = Wire(Executor(node_code="centre", allow_venue_url=True), NodeClient())
            made.append(Engine(centre.settings, centre.db, PaperFeed(centre.paper.base_url, centre.paper.token), wire))
            await made[-1].start()
        yield made
    finally:
        for engine in made:
            await engine.stop()


def at_rest(centre: Centre) -> bool:
    """No order is under way and every fill is settled."""
    with centre.db.reading() as session:
        busy = session.exec(select(Order.id).where(Order.status.in_(("PENDING", "SENT", "UNKNOWN")))).first()
        fills = set(session.exec(select(Fill.id)).all())
        settled = set(session.exec(select(Settlement.fill_id)).all())
    return busy is None and fills == settled


def jobs(centre: Centre, **where: object) -> list[Job]:
    """Job rows in order."""
    with centre.db.reading() as session:
        query = select(Job).order_by(Job.id)
        for name, value in where.items():
            query = query.where(getattr(Job, name) == value)
        return list(session.exec(query).all())


class Tap:
    """Every command a Redis server is given while the block runs, as text."""

    def __init__(self, port: int) -> None:
        self._link = redis.Redis(port=port)
        self.lines: list[str] = []

    def __enter__(self) -> Tap:
        self._monitor = self._link.monitor()
        self._monitor.__enter__()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def _listen(self) -> None:
        with suppress(redis.RedisError, OSError, ValueError, AttributeError):
            for entry in self._monitor.listen():
                self.lines.append(str(entry["command"]))

    def __exit__(self, *_: object) -> None:
        with suppress(redis.RedisError, OSError):
            self._monitor.__exit__(None, None, None)
        self._link.close()

    @property
    def text(self) -> str:
        return "\n".join(list(self.lines))
