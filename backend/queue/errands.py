"""Without queue mode: the jobs people ask for themselves, done one after the other by the process that leads."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from backend.clock import now_ms
from backend.db import Database
from backend.live import hub
from backend.market.feed import Feed
from backend.models import Job
from backend.queue.backtests import KIND, run_backtest_job
from backend.queue.rules import OPEN
from backend.queue.runner import Hold, JobRunner

LEASE_S = 120.0
"""A walk takes seconds; after this another may take over what a process that died had begun."""


class Errands:
    """Backtests. ``run`` is one round."""

    def __init__(self, db: Database, owner: str, feed: Feed) -> None:
        self._db = db
        self._feed = feed
        self._runner = JobRunner(db, owner, {KIND: self._backtest}, lambda *_: None, lease_s=LEASE_S)

    async def run(self) -> bool:
        """Do the next one that waits. False when none does."""
        if not await self._db.aread(_waiting) or not await self._runner.one():
            return False
        hub.publish("platform", {"queue_ms": now_ms()})
        return True

    async def _backtest(self, hold: Hold) -> dict[str, Any]:
        return await run_backtest_job(hold.job.payload, self._feed)


def _waiting(session: Session) -> bool:
    return session.exec(select(Job.id).where(Job.kind == KIND, col(Job.state).in_(OPEN)).limit(1)).first() is not None
