"""Queue mode: which waiting orders go together, as jobs that any worker may take.

The orders stay the record of what is to be sent; a job only names them. Closing orders have a lane of their own.
"""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.execution.service import ready_orders
from backend.models import Job, Order
from backend.queue import service as queue
from backend.queue.rules import OPEN, WAITING, Lane

KIND = "dispatch"
TOGETHER = 20
"""Orders in one job: few enough that many workers share a signal of many followers."""
AHEAD = 100
"""So many jobs may wait. The rest of a backlog stays among the orders, where the fresh ones go first and stale ones end."""


def plan(session: Session, limit: int = 500) -> list[tuple[Lane, int]]:
    """Write jobs for the orders that may go now. Returns (lane, job id) of each, to wake workers after the commit.

    The orders of one account and lane stay together: two workers never act for them at once.
    """
    waiting = int(
        session.exec(select(func.count()).select_from(Job).where(Job.state == WAITING, Job.kind == KIND)).one()
    )
    room = max(0, AHEAD - waiting) * TOGETHER
    groups: dict[tuple[Lane, int | None], list[Order]] = defaultdict(list)
    # A few places for closes are there however long the backlog is.
    for order in ready_orders(session, min(limit, room) or TOGETHER, unplanned=True):
        lane: Lane = "normal" if order.trade_type in {"OPEN", "ADD"} else "urgent"
        if lane == "normal" and not room:
            continue
        groups[lane, order.node_id].append(order)
    jobs: list[tuple[Lane, int]] = []
    for (lane, node_id), orders in sorted(groups.items(), key=lambda item: (item[0][0] != "urgent", item[0][1] or 0)):
        for part in _parts(orders):
            ids = [order.id for order in part if order.id is not None]
            job = queue.add(session, KIND, {"orders": ids, "node": node_id}, lane=lane)
            assert job is not None and job.id is not None
            for order in part:
                order.job_id = job.id
                session.add(order)
            jobs.append((lane, job.id))
    return jobs


def _parts(orders: list[Order]) -> list[list[Order]]:
    accounts: dict[int, list[Order]] = defaultdict(list)
    for order in orders:
        accounts[order.account_id].append(order)
    parts: list[list[Order]] = [[]]
    for own in accounts.values():
        if parts[-1] and len(parts[-1]) + len(own) > TOGETHER:
            parts.append([])
        parts[-1] += own
    return parts


def let_go(session: Session, job: Job) -> None:
    """In the transaction that ends the job: its orders are free again; those not sent can be planned anew."""
    ids = [int(one) for one in job.payload.get("orders", ())]
    session.connection().execute(
        update(Order).where(col(Order.id).in_(ids), col(Order.job_id) == job.id).values(job_id=None)
    )


def reclaim(session: Session) -> int:
    """Orders of jobs that ended without a word (given up, run out of time) are free again; what they may have sent is
    UNKNOWN. Returns how many."""
    orders = session.exec(
        select(Order.id)
        .where(
            col(Order.status).in_(("PENDING", "SENT")),
            col(Order.job_id).is_not(None),
            col(Order.job_id).not_in(select(Job.id).where(col(Job.state).in_(OPEN))),
        )
        .limit(500)
    ).all()
    if not orders:
        return 0
    mine = (col(Order.id).in_(orders), col(Order.job_id).not_in(select(Job.id).where(col(Job.state).in_(OPEN))))
    connection = session.connection()
    connection.execute(
        update(Order)
        .where(*mine, col(Order.status) == "SENT")
        .values(status="UNKNOWN", reason="the process that sent it ended", job_id=None, updated_at=utcnow())
    )
    connection.execute(update(Order).where(*mine, col(Order.status) == "PENDING").values(job_id=None))
    return len(orders)
