"""A worker: takes jobs it is woken for or finds, keeps their leases, does them, writes what became of them.

Two lanes with places of their own, so that no amount of other work keeps a closing order waiting.
"""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session
from taskiq.acks import AcknowledgeType
from taskiq.receiver import Receiver

from backend.clock import utcnow
from backend.db import CannotWrite, Database
from backend.ending import end_tasks
from backend.errors import IronBullError
from backend.leases import LeaseLost
from backend.models import Job, WorkerProcess
from backend.queue import service
from backend.queue.rules import DEAD, KINDS, LANES, Lane
from backend.queue.wake import Waker
from backend.version import VERSION

log = structlog.get_logger("worker")

POLL_AWAKE_S = 1.0
"""While Redis wakes the workers, the database is asked this often for what a lost wake-up left behind."""
POLL_ALONE_S = 0.2
URGENT_PLACES = 4
DRAIN_S = 8.0
CANCEL_S = 2.0
LEAVE_S = 3.0
BEAT_S = 3.0


@dataclass
class Hold:
    """A job in hand. Whoever acts for it asks ``fence`` in their transaction and ``still`` before they send."""

    job: Job
    lane: Lane
    id: int
    token: int
    until_s: float
    """Until when, by this process's own clock, the lease certainly is ours."""

    def fence(self, session: Session) -> None:
        """Raises ``LeaseLost`` when another has the job now."""
        service.require(session, self.id, self.token)

    def still(self) -> bool:
        """Whether the lease can be relied on without asking: not after a pause that may have outlived it."""
        return time.monotonic() < self.until_s


Handler = Callable[[Hold], Awaitable[dict[str, Any] | None]]
Ended = Callable[[Session, Job], None]


class JobRunner:
    """``start`` returns at once; ``stop`` lets what is in hand end, at most ``DRAIN_S``, and hands back the rest."""

    def __init__(
        self, db: Database, owner: str, handlers: Mapping[str, Handler], ended: Ended, *,
        lease_s: float = 10.0, places: int = 8, redis_url: str = "",
    ) -> None:  # fmt: skip
        """``ended`` is called in the transaction that writes the end of a job, whichever it is."""
        self._db = db
        self.owner = owner
        self._handlers = handlers
        self._ended = ended
        self._lease_s = lease_s
        self._places: dict[Lane, int] = {"urgent": URGENT_PLACES, "normal": places}
        self.waker = Waker(redis_url, self.look, idle_ms=int(lease_s * 1000)) if redis_url else None
        self._held: dict[int, Hold] = {}
        self._work: dict[int, asyncio.Task[None]] = {}
        self._nudges: dict[Lane, asyncio.Event] = {lane: asyncio.Event() for lane in LANES}
        self._finish = asyncio.Event()
        self._takers: list[asyncio.Task[None]] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._closing = False
        self._done = 0
        self.on_beat: Callable[[], Awaitable[None]] | None = None
        """Called every few seconds in every process that takes jobs."""
        self._started_at = utcnow()

    # --- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to take jobs."""
        keepers: list[Callable[[], Awaitable[None]]] = [self._keep, self._beat]
        takers: list[Callable[[], Awaitable[None]]] = [partial(self._poll, lane) for lane in LANES]
        if self.waker is not None:
            keepers += [self.waker.send, self.waker.watch]
            for lane, broker in self.waker.brokers.items():
                receiver = Receiver(
                    broker, max_async_tasks=self._places[lane], run_startup=False, ack_type=AcknowledgeType.WHEN_EXECUTED
                )
                takers.append(partial(receiver.listen, self._finish))
        self._keepers = [asyncio.create_task(self._guard(loop)) for loop in keepers]
        self._takers = [asyncio.create_task(self._guard(loop)) for loop in takers]

    async def stop(self) -> None:
        """Take nothing more, let running jobs end, leave."""
        self._closing = True
        self._finish.set()
        for nudge in self._nudges.values():
            nudge.set()
        if self.waker is not None:
            for broker in self.waker.brokers.values():
                broker.close_intake()
        # Whoever takes jobs ends by itself, and is not cancelled in the middle of taking one.
        if ending := [*self._work.values(), *self._takers]:
            await asyncio.wait(ending, timeout=DRAIN_S)
        await end_tasks([*self._work.values(), *self._takers, *self._keepers], CANCEL_S)
        await self._leave()
        if self.waker is not None:
            await self.waker.close()

    async def _leave(self) -> None:
        held = {hold.id: hold.token for hold in self._held.values()}
        try:
            async with asyncio.timeout(LEAVE_S):
                await self._db.arun(partial(service.leave, owner=self.owner, held=held))
        except (SQLAlchemyError, CannotWrite, TimeoutError) as error:
            log.warning("jobs were not handed back, others take them when their lease is over", jobs=len(held), error=type(error).__name__)

    async def _guard(self, loop: Callable[[], Awaitable[None]]) -> None:
        """The edge of a loop: the database may be away for a while, the worker stays."""
        while not self._closing:
            try:
                await loop()
            except asyncio.CancelledError:
                if self._closing:
                    raise
            except Exception:  # the edge of a loop: the worker stays
                log.exception("worker loop failed")
            if not self._closing:
                await asyncio.sleep(0.5)

    async def one(self) -> bool:
        """Without ``start``: do the next job of the kinds known here, with nobody to renew its lease. False when none is due."""
        others = set(KINDS) - set(self._handlers)
        taken = await self._db.arun(partial(service.claim, owner=self.owner, lease_ms=self._lease_ms, lanes=LANES, full=others))
        for job in taken:
            work = self._begin(job, "normal")
            if work is not None:
                await work
        return bool(taken)

    # --- finding work ----------------------------------------------------------------------------------------------

    def added(self, jobs: list[tuple[Lane, int]]) -> None:
        """Jobs were committed: wake somebody, this process itself when there is no other way."""
        if self.waker is not None and self.waker.healthy:
            self.waker.wake(jobs)
            return
        for lane, _ in jobs:
            self._nudges[lane].set()

    async def look(self, lane: Lane, job_id: int) -> None:
        """A wake-up for one job: do it if it is free and there is room. Returns when it is done."""
        if self._closing or self._room(lane) <= 0:
            return
        job = await self._db.arun(lambda s: service.claim_one(s, job_id, self.owner, self._lease_ms))
        work = self._begin(job, lane) if job is not None else None
        if work is not None:
            await asyncio.shield(work)

    async def _poll(self, lane: Lane) -> None:
        while not self._closing:
            awake = self.waker is not None and self.waker.healthy
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_AWAKE_S if awake else POLL_ALONE_S):
                    await self._nudges[lane].wait()
            self._nudges[lane].clear()
            while not self._closing and (room := self._room(lane)) > 0:
                full = self._full()
                jobs = await self._db.arun(
                    partial(service.claim, owner=self.owner, lease_ms=self._lease_ms, lanes=(lane,), full=full, limit=min(room, 2))
                )
                if not jobs:
                    break
                for job in jobs:
                    self._begin(job, lane)

    def _room(self, lane: Lane) -> int:
        return self._places[lane] - sum(hold.lane == lane for hold in self._held.values())

    def _full(self) -> set[str]:
        counts = Counter(hold.job.kind for hold in self._held.values())
        return {kind for kind, count in counts.items() if kind in KINDS and count >= KINDS[kind].together}

    # --- doing it --------------------------------------------------------------------------------------------------

    @property
    def _lease_ms(self) -> int:
        return int(self._lease_s * 1000)

    def _begin(self, job: Job, lane: Lane) -> asyncio.Task[None] | None:
        """Start a job that was claimed. None: this worker is ending, and hands it back with what it holds."""
        assert job.id is not None
        hold = Hold(job, lane, job.id, job.token, time.monotonic() + self._lease_s * 0.8)
        self._held[job.id] = hold
        if self._closing:
            return None
        task = asyncio.create_task(self._do(hold), name=f"job-{job.id}")
        self._work[job.id] = task
        task.add_done_callback(lambda _: self._ended_here(hold))
        return task

    def _ended_here(self, hold: Hold) -> None:
        self._work.pop(hold.id, None)
        self._nudges[hold.lane].set()

    async def _do(self, hold: Hold) -> None:
        error = ""
        result: dict[str, Any] | None = None
        try:
            handler = self._handlers.get(hold.job.kind)
            if handler is None:
                raise IronBullError(f"This worker does not know work of the kind {hold.job.kind}.")
            result = await handler(hold)
        except asyncio.CancelledError:
            raise
        except LeaseLost:
            log.warning("a job went to another worker", job=hold.id, kind=hold.job.kind)
            self._held.pop(hold.id, None)
            return
        except IronBullError as failure:
            error = failure.message
        except Exception as failure:  # the edge of a job: it is tried again later, and given up with a notification in the end
            log.exception("job failed", job=hold.id, kind=hold.job.kind)
            error = f"an unexpected error ({type(failure).__name__}); see the log"
        try:
            await self._db.arun(lambda s: self._write_end(s, hold, error, result))
            self._done += 1
        except Exception:  # the lease runs out, and another worker finds what was done and what was not
            log.exception("the end of a job was not written", job=hold.id)
        self._held.pop(hold.id, None)

    def _write_end(self, session: Session, hold: Hold, error: str, result: dict[str, Any] | None) -> None:
        if error:
            state = service.fail(session, hold.id, hold.token, error)
            if state == DEAD:
                self._ended(session, hold.job)
        elif service.finish(session, hold.id, hold.token, result):
            self._ended(session, hold.job)

    async def _keep(self) -> None:
        """Renew the leases of what is in hand. A job that is lost is given up here too."""
        while True:
            await asyncio.sleep(self._lease_s / 3)
            held = {hold.id: hold.token for hold in self._held.values()}
            if not held:
                continue
            asked_s = time.monotonic()
            kept = await self._db.arun(partial(service.renew, owner=self.owner, held=held, lease_ms=self._lease_ms))
            for job_id, token in held.items():
                hold = self._held.get(job_id)
                if hold is None or hold.token != token:
                    continue
                if job_id in kept:
                    hold.until_s = asked_s + self._lease_s * 0.8
                else:
                    hold.until_s = 0.0

    async def _beat(self) -> None:
        while True:
            row = WorkerProcess(
                owner=self.owner, host=platform.node()[:80], pid=os.getpid(), version=VERSION, started_at=self._started_at,
                running=len(self._held), done=self._done, wakes=self.waker is not None and self.waker.healthy,
            )  # fmt: skip
            await self._db.arun(partial(service.beat, row=row))
            if self.on_beat is not None:
                await self.on_beat()
            await asyncio.sleep(BEAT_S)
