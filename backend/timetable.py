"""Every scheduled job, its interval, and what is remembered of its last run. Runs only where the lease is held."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from backend.billing import jobs as billing_jobs
from backend.clock import utcnow
from backend.db import CannotWrite, Database
from backend.execution import node_health
from backend.execution.wire import Wire
from backend.exports import service as exports
from backend.identity.looking import note_ended
from backend.ledger import jobs as ledger_jobs
from backend.ledger import seals
from backend.market.feed import Prices
from backend.merchant import jobs as merchant_jobs
from backend.models import EquitySnapshot, JobRun, LoginSession, LoginTry, Notification, WebhookDelivery
from backend.monitoring import asked
from backend.monitoring.watch import IN_PROCESS, Watch
from backend.portfolio.incomes import sync_incomes
from backend.portfolio.sync import sync_balances
from backend.queue import service as queue
from backend.risk import refusals
from backend.risk.stops import hard_stop
from backend.settings import Settings
from backend.signals.service import prune_panels

log = structlog.get_logger("jobs")

SNAPSHOTS_KEPT = timedelta(days=400)
DELIVERIES_KEPT = timedelta(days=90)


@dataclass(frozen=True)
class Job:
    """One entry of the timetable."""

    name: str
    every_s: float
    work: Callable[[], Awaitable[object]]


class Timetable:
    """APScheduler with the platform's jobs. A failing job raises a notification; the others go on."""

    def __init__(self, db: Database, settings: Settings, wire: Wire, prices: Callable[[], Prices | None]) -> None:
        self._db = db
        self._wire = wire
        self._prices = prices
        # A simulated market moves hours in seconds: its equity curve wants more points.
        quick = 30.0 if settings.market.startswith("exchange:") else 5.0
        self.jobs = [
            Job("settle_pending", 5, self._db_job(billing_jobs.settle_pending)),
            Job("retry_pools", 30, self._db_job(billing_jobs.retry_pools)),
            Job("close_periods", 300, self._db_job(billing_jobs.close_periods)),
            Job("refresh_levels", 60, self._db_job(billing_jobs.refresh_levels)),
            Job("seal_ledger", 5, self._db_job(seals.seal)),
            Job("verify_balances", 600, self._db_job(ledger_jobs.verify_balances)),
            *([] if settings.stepped else [Job("sync_balances", quick, self._sync)]),
            Job("sync_incomes", quick * 10, self._sync_incomes),
            *([] if settings.stepped else [Job("hard_stop", 5, self._db_job(hard_stop))]),
            *([] if settings.stepped else [Job("monitor", settings.monitor_interval_s, Watch(db, settings, IN_PROCESS).look)]),
            Job("asked", 2, self._asked),
            Job("looks_ended", 60, self._db_job(note_ended)),
            Job("prune", 60, self._db_job(lambda s: _prune(s, settings))),
        ]
        self.hand_over: Callable[[str], Awaitable[bool]] | None = None
        """In queue mode: gives a job to the workers; False when it is not theirs."""
        self.scan_now: Callable[[], None] = lambda: None
        """Has the engine look at the candles before its time."""
        self._scheduler: AsyncIOScheduler | None = None
        self._running: set[asyncio.Task[object]] = set()

    def start(self) -> None:
        """Begin; a second start after ``pause`` goes on."""
        if self._scheduler is not None:
            self._scheduler.resume()
            return
        scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        for job in self.jobs:
            scheduler.add_job(
                self._fire, "interval", seconds=job.every_s, args=[job], id=job.name, next_run_time=utcnow()
            )
        scheduler.start()
        self._scheduler = scheduler

    def pause(self) -> None:
        """Stop firing: the lease is gone."""
        if self._scheduler is not None:
            self._scheduler.pause()

    async def stop(self) -> None:
        """Stop firing and let running jobs end."""
        self.pause()
        if self._running:
            await asyncio.wait(self._running, timeout=3)
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    async def _fire(self, job: Job) -> None:
        """Its time has come: the workers take it, or it runs here."""
        self._note_running()
        try:
            if self.hand_over is not None and await self.hand_over(job.name):
                return
        except (SQLAlchemyError, CannotWrite):
            log.warning("job not handed over, it runs here", job=job.name)
        await self.run(job)

    async def run(self, job: Job) -> None:
        """Run one job now and remember how it went."""
        self._note_running()
        started = time.perf_counter()
        error = ""
        try:
            await job.work()
        except asyncio.CancelledError:
            raise
        except Exception as failure:  # the edge of every job: the timetable goes on and people hear of it
            log.exception("job failed", job=job.name)
            error = type(failure).__name__
        duration_ms = int((time.perf_counter() - started) * 1000)
        await self._db.arun(lambda s: _remember(s, job.name, duration_ms, error))

    def _note_running(self) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _db_job(self, work: Callable[[Session], object]) -> Callable[[], Awaitable[object]]:
        async def call() -> object:
            return await self._db.arun(work)

        return call

    async def _asked(self) -> object:
        """Run at once what an operator asked for."""
        names = await self._db.arun(asked.take)
        if asked.SCAN in names:
            self.scan_now()
        for job in self.jobs:
            if job.name in names:
                await self.run(job)
        return names

    async def _sync_incomes(self) -> object:
        return await sync_incomes(self._db, self._wire)

    async def _sync(self) -> object:
        return await sync_balances(self._db, self._wire, self._prices())


def _remember(session: Session, name: str, duration_ms: int, error: str) -> None:
    row = session.get(JobRun, name) or JobRun(name=name)
    now = utcnow()
    row.runs += 1
    row.last_started_at, row.last_duration_ms = now, duration_ms
    if error:
        row.failures += 1
        if not row.last_error:
            session.add(
                Notification(
                    audience="platform",
                    type="system",
                    title=f"Job {name} failed",
                    message="It is tried again at its next time. Details are in the log.",
                )
            )
    else:
        row.last_ok_at = now
    row.last_error = error
    session.add(row)


def _prune(session: Session, settings: Settings) -> None:
    now = utcnow()
    prune_panels(session)
    node_health.prune(session, settings.node_history_days)
    merchant_jobs.prune(session)
    exports.prune(session)
    queue.prune(session)
    refusals.prune(session)
    connection = session.connection()
    connection.execute(delete(LoginTry).where(col(LoginTry.at) < now - timedelta(days=1)))
    connection.execute(delete(LoginSession).where(col(LoginSession.expires_at) < now - timedelta(days=7)))
    connection.execute(
        delete(WebhookDelivery).where(
            col(WebhookDelivery.created_at) < now - DELIVERIES_KEPT, col(WebhookDelivery.status) != "PENDING"
        )
    )
    connection.execute(delete(EquitySnapshot).where(col(EquitySnapshot.at) < now - SNAPSHOTS_KEPT))
