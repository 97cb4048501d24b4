"""The life of a job row: add, claim with a lease, renew, finish, fail, replay.

Whoever claims gets a token that only grows. Every later write of the claimer names it, and the transaction that acts asks
``require`` first: a worker that was paused past its lease writes nothing. All times here are database time.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import case, delete, literal_column, text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from backend.clock import from_ms, utcnow
from backend.errors import Conflict, InvalidInput, NotFound
from backend.identity.principal import Principal
from backend.leases import NOW_MS, LeaseLost, dialect
from backend.models import Job, Notification, WorkerProcess
from backend.queue.rules import DEAD, DONE, EXPIRED, KINDS, RUNNING, WAITING, Lane, backoff_s, max_attempts
from backend.security import audit

KEEP_DONE_MS = 3_600_000
KEEP_DEAD_MS = 30 * 86_400_000
KEPT_FOR_READING = ("backtest",)
"""Kinds whose result is what was wanted: kept as long as the dead."""
WORKER_GONE_MS = 15_000


class NotDead(Conflict):
    """Only a job that was given up can be tried again."""

    code = "job_not_dead"


def now_ms(session: Session) -> int:
    """Database time."""
    return int(session.connection().execute(text(f"SELECT {NOW_MS[dialect(session)]}")).scalar_one())


def add(
    session: Session, kind: str, payload: Mapping[str, Any], *, lane: Lane = "normal", key: str | None = None,
    deadline_ms: int | None = None, due_in_s: float = 0.0,
) -> Job | None:  # fmt: skip
    """Write a job, in the transaction of the fact it follows from. None when one with this ``key`` is open already.

    ``payload`` holds ids. Raises ``InvalidInput`` for a kind nobody does.
    """
    if kind not in KINDS:
        raise InvalidInput(f"There is no work of the kind {kind}.")
    if key is not None and session.exec(select(Job.id).where(Job.open_key == key)).first() is not None:
        return None
    job = Job(
        kind=kind, lane=lane, payload=dict(payload), open_key=key, deadline_ms=deadline_ms,
        due_ms=now_ms(session) + int(due_in_s * 1000),
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(job)
            session.flush()
    except IntegrityError:
        # Another process asked for the same a moment ago.
        return None
    return job


def claim(
    session: Session, owner: str, lease_ms: int, *, lanes: Sequence[str], full: Iterable[str] = (), limit: int = 1
) -> list[Job]:
    """Take jobs that are due, or whose worker went silent. ``full``: kinds this process has no room for.

    Those past their deadline end here as EXPIRED, those that took their workers down too often as DEAD.
    """
    now = now_ms(session)
    rank = case({name: kind.rank for name, kind in KINDS.items()}, value=col(Job.kind), else_=9)
    # Two plain ranges of an index instead of one OR over both states.
    waiting = (col(Job.state) == WAITING) & (col(Job.due_ms) <= now)
    silent = (col(Job.state) == RUNNING) & (col(Job.lease_until_ms) < now)
    taken: list[Job] = []
    for free in (silent, waiting):
        candidates = session.exec(
            select(Job.id)
            .where(free, col(Job.lane).in_(list(lanes)), col(Job.kind).not_in(list(full)))
            # Fresh ones first: in a backlog the newest is the one that can still be in time.
            .order_by(rank, col(Job.id).desc())
            .limit(8 * limit)
        ).all()
        for job_id in candidates:
            if len(taken) >= limit:
                return taken
            # One row after the other by its key: a range that is locked to be sorted would hide it all from others.
            job = session.exec(select(Job).where(Job.id == job_id, free).with_for_update(skip_locked=True)).first()
            if job is not None and _take(session, job, owner, now, lease_ms):
                taken.append(job)
    return taken


def claim_one(session: Session, job_id: int, owner: str, lease_ms: int) -> Job | None:
    """Take the job a wake-up named. None when another has it, or it is not due."""
    job = session.exec(select(Job).where(Job.id == job_id).with_for_update(skip_locked=True)).first()
    if job is None:
        return None
    now = now_ms(session)
    free = (job.state == WAITING and job.due_ms <= now) or (job.state == RUNNING and job.lease_until_ms < now)
    return job if free and _take(session, job, owner, now, lease_ms) else None


def _take(session: Session, job: Job, owner: str, now: int, lease_ms: int) -> bool:
    session.add(job)
    if job.deadline_ms is not None and job.deadline_ms <= now:
        # Whether the work itself came too late is for its own rows to say (orders end as EXPIRED with a reason).
        _close(job, EXPIRED, "its time was over before a worker took it")
        return False
    if job.attempts >= max_attempts(job.kind):
        _give_up(session, job, job.error or "the worker died at it each time")
        return False
    job.state, job.owner, job.lease_until_ms = RUNNING, owner, now + lease_ms
    job.attempts += 1
    job.token += 1
    job.started_at = utcnow()
    return True


def renew(session: Session, owner: str, held: Mapping[int, int], lease_ms: int) -> set[int]:
    """Prolong the leases of jobs in hand ({id: token}). Returns the ids still held."""
    now: Any = literal_column(NOW_MS[dialect(session)])
    kept: set[int] = set()
    for job_id, token in held.items():
        done = session.connection().execute(
            update(Job)
            .where(*_held(job_id, token), col(Job.owner) == owner, col(Job.lease_until_ms) > now)
            .values(lease_until_ms=now + lease_ms)
        )
        if done.rowcount == 1:
            kept.add(job_id)
    return kept


def require(session: Session, job_id: int, token: int) -> None:
    """In the transaction that acts: go on only as the holder of the job, and hold it until this commits.

    Raises ``LeaseLost``.
    """
    now: Any = literal_column(NOW_MS[dialect(session)])
    query = select(Job.id).where(*_held(job_id, token), col(Job.lease_until_ms) > now).with_for_update()
    if session.exec(query).first() is None:
        raise LeaseLost


def finish(session: Session, job_id: int, token: int, result: dict[str, Any] | None = None) -> bool:
    """The job is done. False when it belongs to another meanwhile: nothing is written then."""
    job = _mine(session, job_id, token)
    if job is None:
        return False
    job.result = result
    _close(job, DONE, "")
    session.add(job)
    return True


def fail(session: Session, job_id: int, token: int, error: str) -> str:
    """The try failed: WAITING again after a pause, or DEAD with a notification. Returns the state, "" when not ours."""
    job = _mine(session, job_id, token)
    if job is None:
        return ""
    if job.attempts >= max_attempts(job.kind):
        _give_up(session, job, error)
    else:
        pause = backoff_s(job.kind, job.attempts) * random.uniform(0.8, 1.2)
        job.state, job.owner, job.lease_until_ms = WAITING, "", 0
        job.due_ms, job.error = now_ms(session) + int(pause * 1000), error[:160]
    session.add(job)
    return job.state


def release(session: Session, owner: str, held: Mapping[int, int]) -> None:
    """A worker that ends in good order hands back what it did not finish; the try does not count."""
    for job_id, token in held.items():
        session.connection().execute(
            update(Job)
            .where(*_held(job_id, token), col(Job.owner) == owner)
            .values(state=WAITING, owner="", lease_until_ms=0, attempts=Job.attempts - 1)
        )


def replay(session: Session, who: Principal, job_id: int, *, ip: str = "") -> Job:
    """Try a job again that was given up. Raises ``NotFound``, ``NotDead``; ``Conflict`` when a new one took its place."""
    job = session.exec(select(Job).where(Job.id == job_id).with_for_update()).first()
    if job is None:
        raise NotFound
    if job.state != DEAD:
        raise NotDead
    job.state, job.attempts, job.due_ms = WAITING, 0, now_ms(session)
    job.finished_at, job.deadline_ms = None, None
    session.add(job)
    audit.record(session, who, "job.replay", f"job:{job_id}", detail={"kind": job.kind}, ip=ip)
    return job


def drop(session: Session, who: Principal, job_id: int, *, ip: str = "") -> None:
    """Forget a job that was given up. Raises ``NotFound``, ``NotDead``."""
    job = session.exec(select(Job).where(Job.id == job_id).with_for_update()).first()
    if job is None:
        raise NotFound
    if job.state != DEAD:
        raise NotDead
    session.delete(job)
    audit.record(session, who, "job.drop", f"job:{job_id}", detail={"kind": job.kind}, ip=ip)


def beat(session: Session, row: WorkerProcess) -> None:
    """A worker says that it is there."""
    row.beat_at, row.beat_ms = utcnow(), now_ms(session)
    session.merge(row)


def leave(session: Session, owner: str, held: Mapping[int, int]) -> None:
    """A worker ends in good order: what it has in hand ({id: token}) goes back, and it is not there any more."""
    release(session, owner, held)
    session.connection().execute(delete(WorkerProcess).where(col(WorkerProcess.owner) == owner))


def prune(session: Session) -> int:
    """Forget jobs done an hour ago, dead ones and results after a month, workers long silent. Returns how many jobs."""
    now = now_ms(session)
    gone = 0
    read = col(Job.kind).in_(KEPT_FOR_READING)
    over = col(Job.state).in_((DONE, EXPIRED))
    for which, age_ms in ((over & ~read, KEEP_DONE_MS), (over & read, KEEP_DEAD_MS), (col(Job.state) == DEAD, KEEP_DEAD_MS)):
        old = session.exec(select(Job.id).where(col(Job.finished_at) < from_ms(now - age_ms), which).limit(5_000)).all()
        session.connection().execute(delete(Job).where(col(Job.id).in_(old)))
        gone += len(old)
    silent = now - 10 * WORKER_GONE_MS
    session.connection().execute(delete(WorkerProcess).where(col(WorkerProcess.beat_ms) < silent))
    return gone


def _held(job_id: int, token: int) -> tuple[Any, ...]:
    return (col(Job.id) == job_id, col(Job.token) == token, col(Job.state) == RUNNING)


def _mine(session: Session, job_id: int, token: int) -> Job | None:
    return session.exec(select(Job).where(*_held(job_id, token)).with_for_update()).first()


def _close(job: Job, state: str, error: str) -> None:
    job.state, job.error, job.finished_at = state, error[:160], utcnow()
    job.open_key, job.lease_until_ms = None, 0


def _give_up(session: Session, job: Job, error: str) -> None:
    _close(job, DEAD, error)
    session.add(
        Notification(
            audience="platform",
            type="system",
            title=f"A {job.kind} job was given up",
            message=f"Job {job.id} was tried {job.attempts} times: {job.error}. It can be tried again by hand.",
            link="/admin/queue",
        )
    )

