"""One running platform: database, market, executors and engine, put together from the settings."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

import structlog

from backend.clock import utcnow
from backend.db import Database, get_db
from backend.ending import end_tasks
from backend.engine import Engine
from backend.errors import Unavailable
from backend.execution.wire import Wire
from backend.live import hub
from backend.market.feed import CcxtFeed, Feed, PaperFeed
from backend.merchant.quota import seed_plans
from backend.paper_exchange.app import create_app
from backend.paper_exchange.config import PaperConfig
from backend.relay import Relay
from backend.risk.limits import seed_limits
from backend.settings import PAPER_PREFIX, Settings, get_settings
from backend.signals.catalogue import ensure_catalogue
from backend.strategies.registry import warm_up_in_background
from node_service.client import NodeClient
from node_service.executor import Executor

__all__ = ["PAPER_PREFIX", "Platform", "embedded_paper", "make_feed", "paper_config"]

log = structlog.get_logger("runtime")

READY_TIMEOUT_S = 60.0
PARTS_END_S = 3.0


def embeds_paper_exchange(settings: Settings) -> bool:
    """Whether the simulated exchange runs inside this process."""
    return not settings.paper_url


def paper_config(settings: Settings) -> PaperConfig:
    """The simulated exchange's configuration from the platform's settings."""
    return PaperConfig(
        source=settings.market,
        seed=settings.market_seed,
        speed=settings.market_speed,
        mode="stepped" if settings.stepped else "running",
        db_path=settings.home / "paper.db",
        control_token=settings.paper_token.get_secret_value(),
        slippage_bps=Decimal(settings.paper_slippage_bps),
        exchange_url=settings.exchange_url or None,
    )


@lru_cache(maxsize=1)
def embedded_paper() -> Any:
    """The simulated exchange inside this process, an ASGI app for ``PAPER_PREFIX``; None when it runs elsewhere."""
    settings = get_settings()
    return create_app(paper_config(settings)) if embeds_paper_exchange(settings) else None


def make_feed(settings: Settings) -> Feed:
    """The centre's market data. A live market's candles come from the real exchange itself."""
    if settings.market.startswith("exchange:") and not settings.exchange_url:
        return CcxtFeed(settings.market.partition(":")[2])
    return PaperFeed(settings.paper_base_url, settings.paper_token.get_secret_value())


class Platform:
    """The working parts of one process. Use as ``async with Platform(settings).running(paper):``."""

    def __init__(self, settings: Settings | None = None, db: Database | None = None) -> None:
        self.settings = settings or get_settings()
        self.db = db or get_db()
        self.engine: Engine | None = None
        self.started_at = utcnow()

    @contextlib.asynccontextmanager
    async def running(self, paper: Any = None) -> AsyncIterator[Platform]:
        """Run everything until the block ends. ``paper`` is the embedded simulated exchange's app."""
        async with contextlib.AsyncExitStack() as stack:
            if paper is not None:
                await stack.enter_async_context(paper.state.exchange.running())
            parts = [asyncio.create_task(self._start())]
            if self.settings.redis_url:
                parts.append(asyncio.create_task(Relay(self.settings.redis_url, hub).run()))
            try:
                yield self
            finally:
                await end_tasks(parts, PARTS_END_S)
                if self.engine is not None:
                    await self.engine.stop()

    async def _start(self) -> None:
        """Start the engine when the market answers: in one process that is after the server listens."""
        feed = make_feed(self.settings)
        try:
            await _until_ready(feed)
            await self.db.arun(ensure_catalogue)
            await self.db.arun(seed_plans)
            if not self.settings.stepped:
                # A replay must give the trades of the backtest, which knows no limits of accounts.
                await self.db.arun(seed_limits)
            if self.settings.demo and isinstance(feed, PaperFeed):
                from backend import demo

                await demo.seed(self.db, self.settings)
            # In production the platform's own simulated exchange is the only other venue: paper accounts trade there.
            own = frozenset({self.settings.paper_base_url})
            executor = Executor(node_code="centre", allow_venue_url=not self.settings.production, venues=own)
            self.engine = Engine(self.settings, self.db, feed, Wire(executor, NodeClient()))
            # The first scan on a fresh machine need not wait for the compiler.
            warm_up_in_background()
            await self.engine.start()
            log.info("engine started", market=self.settings.market, stepped=self.settings.stepped)
        except asyncio.CancelledError:
            await feed.close()
            raise
        except Exception:  # without the engine the pages still answer, and /api/health says what is missing
            log.exception("the engine could not start")
            await feed.close()


async def _until_ready(feed: Feed) -> None:
    deadline = asyncio.get_running_loop().time() + READY_TIMEOUT_S
    while True:
        try:
            await feed.clock()
            return
        except Unavailable:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.1)
