"""What the queue's page and doors show: counts per kind, the oldest, dead letters, workers, who leads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select as sql_select
from sqlmodel import Session, col, func, select

from backend.clock import to_ms, utcnow
from backend.models import Job, Lease, WorkerProcess
from backend.queue.rules import DEAD, OPEN, RUNNING, WAITING
from backend.queue.service import WORKER_GONE_MS, now_ms

ENGINE_LEASE = "engine"


@dataclass(frozen=True)
class Count:
    """Open and dead jobs of one kind in one lane. ``oldest_s``: age of the oldest that waits."""

    kind: str
    lane: str
    waiting: int
    running: int
    dead: int
    oldest_s: float | None


@dataclass(frozen=True)
class Leader:
    """Who schedules: the owner of the engine's lease, its fencing token, whether the lease is running."""

    owner: str
    token: int
    live: bool
    left_s: float


@dataclass(frozen=True)
class Overview:
    """The whole queue at a glance."""

    counts: list[Count]
    states: dict[str, int]
    dead: int
    oldest_s: float | None
    workers: list[WorkerProcess]
    leader: Leader | None


def overview(session: Session) -> Overview:
    """Counts per kind and state, workers heard of within seconds, who leads."""
    now = now_ms(session)
    key = (col(Job.kind), col(Job.lane), col(Job.state))
    statement = sql_select(*key, func.count(), func.min(Job.created_at)).where(col(Job.state).in_((*OPEN, DEAD))).group_by(*key)
    rows = session.execute(statement).all()
    states: Counter[str] = Counter({WAITING: 0, RUNNING: 0, DEAD: 0})
    table: dict[tuple[str, str], dict[str, Any]] = {}
    for kind, lane, state, count, first in rows:
        states[state] += int(count)
        cell = table.setdefault((kind, lane), {WAITING: 0, RUNNING: 0, DEAD: 0, "oldest": None})
        cell[state] = int(count)
        if state == WAITING and first is not None:
            cell["oldest"] = max(0.0, (utcnow() - first).total_seconds())
    counts = [
        Count(kind, lane, cell[WAITING], cell[RUNNING], cell[DEAD], cell["oldest"])
        for (kind, lane), cell in sorted(table.items())
    ]
    ages = [one.oldest_s for one in counts if one.oldest_s is not None]
    return Overview(
        counts, dict(states), states[DEAD], max(ages, default=None), workers(session, now), leader(session, now)
    )


def workers(session: Session, now: int) -> list[WorkerProcess]:
    """Processes heard of in the last seconds, the oldest first."""
    alive = select(WorkerProcess).where(col(WorkerProcess.beat_ms) > now - WORKER_GONE_MS)
    return list(session.exec(alive.order_by(col(WorkerProcess.started_at))).all())


def leader(session: Session, now: int) -> Leader | None:
    """Whoever holds, or held last, the lease of the scheduler."""
    row = session.get(Lease, ENGINE_LEASE)
    if row is None:
        return None
    return Leader(row.owner, row.token, row.expires_at_ms > now, max(0.0, (row.expires_at_ms - now) / 1000))


def as_dict(seen: Overview) -> dict[str, Any]:
    """The overview as JSON."""
    return {
        "counts": [
            {
                "kind": one.kind, "lane": one.lane, "waiting": one.waiting, "running": one.running, "dead": one.dead,
                "oldest_s": None if one.oldest_s is None else round(one.oldest_s, 1),
            }
            for one in seen.counts
        ],
        "states": seen.states,
        "oldest_s": None if seen.oldest_s is None else round(seen.oldest_s, 1),
        "workers": [
            {
                "owner": row.owner, "host": row.host, "pid": row.pid, "version": row.version,
                "started_at_ms": to_ms(row.started_at), "beat_at_ms": to_ms(row.beat_at), "running": row.running,
                "done": row.done, "wakes": row.wakes,
                "leads": seen.leader is not None and seen.leader.live and seen.leader.owner == row.owner,
            }
            for row in seen.workers
        ],
        "leader": None
        if seen.leader is None
        else {
            "owner": seen.leader.owner, "token": seen.leader.token, "live": seen.leader.live,
            "lease_left_s": round(seen.leader.left_s, 1),
        },
    }  # fmt: skip
