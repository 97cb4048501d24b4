"""Queue mode of the engine: what the one that leads hands out, and what every worker does with it.

The leader watches markets, positions and the timetable as always, but writes jobs where it would act itself. Handlers act
for a job only as its holder: they ask its fence in the transaction that claims, and their lease again before they send.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from sqlmodel import Session, col, func, select

from backend import announce
from backend.billing import jobs as billing
from backend.clock import now_ms, utcnow
from backend.execution import planning
from backend.execution.apply import Applied
from backend.execution.dispatcher import Dispatcher
from backend.execution.service import expire_stale
from backend.exports.service import waiting_ids
from backend.live import hub
from backend.models import Job, NoticeDelivery, Notification, WebhookDelivery, WorkerProcess
from backend.queue import service
from backend.queue.backtests import run_backtest_job
from backend.queue.rules import DEAD, OPEN, Lane
from backend.queue.runner import Hold, JobRunner

if TYPE_CHECKING:
    from backend.engine import Engine

log = structlog.get_logger("queue")

REMOTE = ("settle_pending", "retry_pools", "close_periods", "refresh_levels", "verify_balances", "sync_balances", "sync_incomes")
"""Entries of the timetable that any worker may do; the others are the leader's own."""
SETTLE_TOGETHER = billing.SETTLE_AT_ONCE
CARRY_PAUSE_S = 0.3
LATE_AT_ONCE = 200
LATE_FOR_S = 0.1


class Desk:
    """One per engine in queue mode. ``start`` and ``stop`` are the worker's; the other verbs the leader's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._db = engine.db
        settings = engine.settings
        self.runner = JobRunner(
            engine.db,
            engine.owner,
            {
                "dispatch": self._dispatch,
                "settle": self._settle,
                "positions": self._positions,
                "timetable": self._timetable,
                "notices": partial(self._carry, carrier=engine.notices),
                "webhooks": partial(self._carry, carrier=engine.webhooks),
                "export": self._export,
                "backtest": self._backtest,
            },
            _ended,
            lease_s=settings.queue_lease_s,
            places=settings.worker_places,
            redis_url=settings.redis_url,
        )
        engine.timetable.hand_over = self.hand_over
        self._seen: list[Any] = []
        self.runner.on_beat = self._tell

    # --- the leader's ----------------------------------------------------------------------------------------------

    async def plan(self) -> int:
        """Jobs for the orders that wait. Returns how many were written."""
        jobs = await self._db.arun(self._plan)
        self.runner.added(jobs)
        await self._end_late()
        return len(jobs)

    async def _end_late(self) -> None:
        """What came too late ends with its reason: in small steps, for a moment, so that nobody who writes has to wait for it."""
        until_s = time.monotonic() + LATE_FOR_S
        while await self._db.arun(partial(expire_stale, limit=LATE_AT_ONCE)) == LATE_AT_ONCE and time.monotonic() < until_s:
            continue

    def _plan(self, session: Session) -> list[tuple[Lane, int]]:
        planning.reclaim(session)
        return planning.plan(session)

    async def settle(self, fills: Sequence[int]) -> None:
        """A job for these fills. One that is lost before it is written is found by ``settle_pending``."""
        parts = [list(fills[at : at + SETTLE_TOGETHER]) for at in range(0, len(fills), SETTLE_TOGETHER)]
        await self._add(*(("settle", {"fills": part}, "normal", None) for part in parts))

    async def hand_over(self, name: str) -> bool:
        """Give an entry of the timetable to the workers. False: it is the leader's own."""
        if name not in REMOTE:
            return False
        await self._add(("timetable", {"name": name}, "normal", f"timetable:{name}"))
        return True

    async def carry(self) -> None:
        """Jobs for messages and exports that wait."""
        due = await self._db.aread(_due)
        if due:
            await self._add(*due)

    async def _tell(self) -> None:
        """Open pages of this process look again when the queue has changed."""
        seen = await self._db.aread(_figures)
        if seen != self._seen:
            self._seen = seen
            hub.publish("platform", {"queue_ms": now_ms()})

    async def _add(self, *wanted: tuple[str, dict[str, Any], Lane, str | None]) -> None:
        def work(session: Session) -> list[tuple[Lane, int]]:
            made = [(lane, service.add(session, kind, payload, lane=lane, key=key)) for kind, payload, lane, key in wanted]
            return [(lane, job.id) for lane, job in made if job is not None and job.id is not None]

        self.runner.added(await self._db.arun(work))

    # --- the workers' ----------------------------------------------------------------------------------------------

    async def _dispatch(self, hold: Hold) -> dict[str, Any]:
        """Send the orders of one job, apply the answers, and see to what follows from them."""
        applied: list[Applied] = []
        dispatcher = Dispatcher(self._db, self._engine.wire, applied.extend, hold.fence, hold.still)
        sent = await dispatcher.run(only=[int(one) for one in hold.job.payload["orders"]])
        announce.applied(applied)
        fills = [fill for one in applied for fill in one.to_settle]
        doubtful = sorted({one.order.account_id for one in applied if one.order.error_code == "POSITION_FLAT"})
        if any(one.stop_missing for one in applied):
            await self.plan()  # their closes are written
        if doubtful:
            await self._add(("positions", {"accounts": doubtful}, "urgent", None))
        if fills:
            await self.settle(fills)
        return {"sent": sent}

    async def _settle(self, hold: Hold) -> dict[str, Any]:
        fills = [int(one) for one in hold.job.payload["fills"]]

        def work(session: Session) -> tuple[int, list[int]]:
            hold.fence(session)
            return billing.settle_each(session, fills)

        settled, failed = await self._db.arun(work)
        await asyncio.to_thread(announce.settled, self._db, fills)
        return {"settled": settled, "failed": failed}

    async def _positions(self, hold: Hold) -> None:
        applied = await self._engine.reconciler.positions({int(one) for one in hold.job.payload["accounts"]})
        fills = [fill for one in applied for fill in one.to_settle]
        if fills:
            await self.settle(fills)

    async def _timetable(self, hold: Hold) -> None:
        name = str(hold.job.payload["name"])
        if name == "sync_balances" and self._engine.prices is None:
            await self._engine.refresh_prices()
        for entry in self._engine.timetable.jobs:
            if entry.name == name:
                await self._engine.timetable.run(entry)

    async def _carry(self, hold: Hold, carrier: Any) -> None:
        """Rounds until nothing is due. A receiver that is slow holds up nobody but itself."""
        while hold.still():
            started = await carrier.run()
            if not started and not carrier.busy:
                return
            await asyncio.sleep(CARRY_PAUSE_S)

    async def _export(self, hold: Hold) -> None:
        # The export's own row says who writes it and how far they are.
        await self._engine.exporter.run()

    async def _backtest(self, hold: Hold) -> dict[str, Any]:
        return await run_backtest_job(hold.job.payload, self._engine.feed)


def _ended(session: Session, job: Job) -> None:
    if job.kind == planning.KIND:
        planning.let_go(session, job)


def _figures(session: Session) -> list[Any]:
    open_jobs = select(Job.kind, Job.state, func.count()).where(col(Job.state).in_((*OPEN, DEAD))).group_by(col(Job.kind), col(Job.state))
    workers = select(WorkerProcess.owner).where(col(WorkerProcess.beat_ms) > service.now_ms(session) - service.WORKER_GONE_MS)
    newest = session.exec(select(func.max(Job.id))).one()
    return [newest, sorted(session.exec(open_jobs).all()), sorted(session.exec(workers).all())]


def _due(session: Session) -> list[tuple[str, dict[str, Any], Lane, str | None]]:
    now = utcnow()
    wanted: list[tuple[str, dict[str, Any], Lane, str | None]] = []
    new = select(Notification.id).where(col(Notification.fanned).is_(False)).limit(1)
    due = select(NoticeDelivery.id).where(NoticeDelivery.status == "PENDING", col(NoticeDelivery.next_at) <= now).limit(1)
    if session.exec(new).first() is not None or session.exec(due).first() is not None:
        wanted.append(("notices", {}, "normal", "notices"))
    hook = select(WebhookDelivery.id).where(WebhookDelivery.status == "PENDING", col(WebhookDelivery.next_at) <= now).limit(1)
    if session.exec(hook).first() is not None:
        wanted.append(("webhooks", {}, "normal", "webhooks"))
    wanted += [("export", {"export": one}, "normal", f"export:{one}") for one in waiting_ids(session)]
    return wanted
