"""The queue's jobs as an admin sees them."""

from __future__ import annotations

from sqlmodel import Session, col, func, select

from backend.clock import to_ms
from backend.dashboards.lists.base import Find, ListOf, Row, between, matching, paged, where
from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.models import Job
from backend.portfolio.queries import Listing
from backend.queue.rules import KINDS, STATES


def jobs(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Jobs, newest first."""
    statement = where(select(Job), find, kind=Job.kind, state=Job.state, lane=Job.lane)
    statement = matching(between(statement, find, col(Job.created_at)), find, col(Job.error), col(Job.owner))
    sorts = {"at_ms": col(Job.created_at), "attempts": col(Job.attempts), "ended_ms": col(Job.finished_at)}
    rows, total = paged(session, statement, find, sorts, col(Job.id))
    return Listing([row_of(one) for one in rows], total)


def row_of(job: Job) -> Row:
    """One job. ``payload`` and ``result`` hold ids and counts."""
    started, ended = job.started_at, job.finished_at
    return {
        "id": job.id, "kind": job.kind, "lane": job.lane, "state": job.state, "attempts": job.attempts, "owner": job.owner,
        "error": job.error, "at_ms": to_ms(job.created_at), "started_ms": to_ms(started) if started else 0,
        "ended_ms": to_ms(ended) if ended else 0, "payload": job.payload,
    }  # fmt: skip


def job_detail(session: Session, who: Principal, job_id: int) -> Row:
    """One job with its result. Raises ``NotFound``."""
    job = session.get(Job, job_id)
    if job is None:
        raise NotFound
    return row_of(job) | {"result": job.result, "token": job.token}


def job_totals(session: Session, who: Principal, find: Find) -> Row:
    """How many in each state."""
    counts = session.exec(select(Job.state, func.count()).group_by(col(Job.state))).all()
    found = dict.fromkeys(STATES, 0) | {state: int(count) for state, count in counts}
    return {**found, "": sum(found.values())}


JOBS = ListOf(
    jobs, ("admin",), ("id", "at_ms", "kind", "lane", "state", "attempts", "owner", "error", "started_ms", "ended_ms"),
    sorts=("at_ms", "attempts", "ended_ms"), filters={"kind": tuple(KINDS), "state": STATES, "lane": ("urgent", "normal")},
    dated=True, detail=job_detail, totals=job_totals,
)  # fmt: skip
