"""Without queue mode: the jobs people ask for themselves, done one after the other by the process that leads."""

from __future__ import annotations

from functools import partial

import structlog
from sqlmodel import Session, col, select

from backend.clock import now_ms
from backend.db import Database
from backend.errors import IronBullError
from backend.live import hub
from backend.market.feed import Feed
from backend.models import Job
from backend.queue import service
from backend.queue.backtests import KIND, run_backtest_job
from backend.queue.rules import KINDS, LANES, OPEN

log = structlog.get_logger("errands")

LEASE_MS = 120_000
"""A walk takes seconds; after this another may take over what a process that died had begun."""


async def run_errands(db: Database, owner: str, feed: Feed) -> bool:
    """Do the next backtest that waits. False when none does."""
    if not await db.aread(_waiting):
        return False
    others = set(KINDS) - {KIND}
    taken = await db.arun(partial(service.claim, owner=owner, lease_ms=LEASE_MS, lanes=LANES, full=others))
    for job in taken:
        await _do(db, job, feed)
    return bool(taken)


def _waiting(session: Session) -> bool:
    return session.exec(select(Job.id).where(Job.kind == KIND, col(Job.state).in_(OPEN)).limit(1)).first() is not None


async def _do(db: Database, job: Job, feed: Feed) -> None:
    assert job.id is not None
    number, token = job.id, job.token
    try:
        result = await run_backtest_job(job.payload, feed)
        await db.arun(lambda session: service.finish(session, number, token, result))
    except IronBullError as error:
        message = error.message
        await db.arun(lambda session: service.fail(session, number, token, message))
    except Exception as error:
        # The edge of a job: tried again once, then given up with a notification.
        log.exception("backtest failed", job=number)
        said = f"an unexpected error ({type(error).__name__}); see the log"
        await db.arun(lambda session: service.fail(session, number, token, said))
    hub.publish("platform", {"queue_ms": now_ms()})
