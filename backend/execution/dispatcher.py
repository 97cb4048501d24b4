"""Send claimed orders to their executors, all in parallel, and apply what comes back.

The order of things is the law: claim and commit, then call with no transaction open, then apply, the answers about many
accounts in one transaction. Whatever is not clearly answered is UNKNOWN and is left to reconciliation.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from sqlalchemy import update
from sqlmodel import Session, col, select

from backend.bots.watchdog import failed_user
from backend.clock import to_ms, utcnow
from backend.db import Database
from backend.execution.apply import Applied
from backend.execution.credentials import UNREADABLE, UNREADABLE_TEXT, account_tasks
from backend.execution.patience import Late
from backend.execution.routing import UNREACHABLE
from backend.execution.rules import client_order_id
from backend.execution.service import PORTION, claim, close, mark_unknown
from backend.execution.together import Answer, Together, apply_together
from backend.execution.wire import NotAnswered, Wire
from backend.models import ExecutionNode, Order
from backend.security.vault import get_vault, node_record
from node_service.client import Node
from node_service.exchange import MAY_OPEN

log = structlog.get_logger("dispatch")

NODE_DEADLINE_S = 30.0


@dataclass
class _Job:
    """One order ready to be sent: no credentials in it."""

    pk: int
    account_id: int
    node_id: int | None
    task: dict[str, Any]
    client_order_id: str
    attempt: int


def node_targets(session: Session, node_ids: Iterable[int]) -> dict[int, Node]:
    """Enabled nodes by id, with their secrets opened."""
    rows = session.exec(
        select(ExecutionNode).where(col(ExecutionNode.id).in_(list(node_ids)), ExecutionNode.status == 1)
    ).all()
    return {
        node.id: Node(
            node.node_code,
            node.base_url,
            get_vault().open_platform(node_record(node.node_code), node.secret_sealed),
            node.public_key,
        )
        for node in rows
        if node.id is not None
    }


def order_task(order: Order) -> dict[str, Any]:
    """The order part of a TaskItem."""
    entry = order.trade_type in {"OPEN", "ADD"}
    task: dict[str, Any] = {
        "client_order_id": order.client_order_id,
        "trade_type": order.trade_type,
        "side": order.side,
        "position_side": order.position_side,
        "symbol": order.symbol,
        "leverage": order.leverage,
        "reduce_only": not entry,
        "lookup": order.attempt > 1,
    }
    if order.quantity is not None:
        task["quantity"] = format(order.quantity, "f")
    if order.amount_usdt is not None:
        task["amount_usdt"] = format(order.amount_usdt, "f")
    if order.price is not None:
        task["entry_price"] = format(order.price, "f")
    if order.expires_at is not None:
        task["expires_at_ms"] = to_ms(order.expires_at)
    if order.order_type == "LIMIT" and order.price is not None:
        task |= {"order_type": "LIMIT", "price": format(order.price, "f")}
    if entry and order.stop_loss is not None:
        task["stop_loss"] = format(order.stop_loss, "f")
        task["stop_client_order_id"] = client_order_id(order.signal_id, order.account_id, "stop")
    return task


class Dispatcher:
    """Sends PENDING orders. ``on_applied`` is told of every applied result, on the event loop."""

    def __init__(
        self, db: Database, wire: Wire, on_applied: Callable[[list[Applied]], None],
        fence: Callable[[Session], None] = lambda _: None, still: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        """``fence`` is asked in the transaction that claims orders; it raises when this process may not act any more.

        ``still`` is asked just before sending: False after a pause in which another may have taken over.
        """
        self._db = db
        self._wire = wire
        self._on_applied = on_applied
        self._fence = fence
        self._still = still
        self._lock = asyncio.Lock()
        self._came_back = False
        self._late = Late()
        self._answers = Together(self._apply_together)

    async def run(self, only: Sequence[int] | None = None, patience_s: float | None = None) -> int:
        """Send everything that is PENDING now, or of it ``only`` these. Returns how many were sent. One run at a time.

        Portion after portion is claimed and sent; none waits for the answers to an earlier one. What comes back because
        its node is away waits for the next run. With ``patience_s`` an answer that takes longer is not waited for: it is
        applied when it comes, and until then its accounts get nothing new.
        """
        async with self._lock:
            await self._late.wait(None if patience_s is None else 0.0)
            total, on_the_way, self._came_back = 0, list[asyncio.Task[None]](), False
            waiting = self._late.accounts
            try:
                while jobs := await self._portion(only, waiting, on_the_way):
                    total += jobs
                    if only is not None or jobs < PORTION or self._came_back:
                        break
            finally:
                await self._late.wait(patience_s, on_the_way)
            return total

    async def stop(self) -> None:
        """Wait no longer for late answers; what they were about is asked for at the next start."""
        await self._late.stop()

    async def _portion(
        self, only: Sequence[int] | None, waiting: Collection[int], on_the_way: list[asyncio.Task[None]]
    ) -> int:
        """Claim some orders and start to send them; how many."""
        jobs, accounts, targets = await self._db.arun(partial(self._claim, only=only, waiting=waiting))
        groups: dict[int | None, list[_Job]] = defaultdict(list)
        for job in jobs:
            groups[job.node_id].append(job)
        on_the_way += [
            self._late.begin(self._send(node, group, accounts, targets), {job.account_id for job in group})
            for node, group in groups.items()
        ]
        return len(jobs)

    def _claim(
        self, session: Session, only: Sequence[int] | None = None, waiting: Collection[int] = ()
    ) -> tuple[list[_Job], dict[int, dict[str, Any]], dict[int, Node]]:
        self._fence(session)
        if only is not None:
            # Whoever had these before is gone: what they claimed may or may not have been sent.
            mark_unknown(session, only, "the process that sent it ended")
        orders = claim(session, only=only, waiting=waiting)
        session.flush()
        accounts = account_tasks(session, {order.account_id for order in orders})
        for order in orders:
            if order.account_id not in accounts:
                close(order, "REJECTED", "the account's key cannot be opened", UNREADABLE, UNREADABLE_TEXT)
                failed_user(session, order.user_id, UNREADABLE, UNREADABLE_TEXT)
                session.add(order)
        orders = [order for order in orders if order.account_id in accounts]
        jobs = [
            _Job(order.id, order.account_id, order.node_id, order_task(order), order.client_order_id, order.attempt)
            for order in orders
            if order.id is not None
        ]
        targets = node_targets(session, {job.node_id for job in jobs if job.node_id is not None})
        return jobs, accounts, targets

    async def _send(
        self,
        node_id: int | None,
        jobs: list[_Job],
        accounts: dict[int, dict[str, Any]],
        targets: dict[int, Node],
    ) -> None:
        target = None if node_id is None else targets.get(node_id)
        pks = [job.pk for job in jobs]
        if node_id is not None and target is None:
            self._came_back = True
            await self._db.arun(lambda s: give_back(s, pks, "the node is disabled"))
            return
        if not self._still():
            log.warning("not sent: this process was paused too long", orders=len(pks))
            self._came_back = True
            attempts = sorted({job.attempt for job in jobs})
            await self._db.arun(lambda s: give_back(s, pks, "the process that sends it was paused", attempts))
            return
        MAY_OPEN.set(self._still)
        # Fields of the request as a whole; every task carries its own and wins.
        body = {
            "signal": {"symbol": jobs[0].task["symbol"], "side": jobs[0].task["side"]},
            "tasks": [{**accounts[job.account_id], **job.task} for job in jobs],
        }
        try:
            answer = await self._wire.call(target, "/api/execute", body, NODE_DEADLINE_S)
            results = answer.get("results")
        except NotAnswered as failure:
            log.warning("executor did not answer", node=node_id, orders=len(pks), sent=failure.sent)
            if failure.sent:
                await self._db.arun(lambda s: mark_unknown(s, pks, "the node did not answer"))
            else:
                self._came_back = True
                await self._db.arun(lambda s: give_back(s, pks, UNREACHABLE))
            return
        if not isinstance(results, list):
            await self._db.arun(lambda s: mark_unknown(s, pks, "the answer had no results"))
            return
        await self.apply(jobs_by_client_id(jobs), results)
        await self._db.arun(lambda s: mark_unknown(s, pks, "the answer left this order out"))

    async def apply(self, pks: dict[tuple[int, str], int], results: list[Any]) -> list[Applied]:
        """Apply results to orders found by (account id, client order id); those of one account in one transaction."""
        per_account: dict[int, list[Answer]] = defaultdict(list)
        for result in results:
            if not isinstance(result, dict):
                continue
            key = (int(result.get("account_id") or 0), str(result.get("client_order_id") or ""))
            if key in pks:
                per_account[key[0]].append((pks[key], result))
        applied = [one for part in await self._answers.do(list(per_account.values())) for one in part]
        self.announce(applied)
        return applied

    async def _apply_together(self, accounts: list[list[Answer]]) -> list[list[Applied]]:
        return await self._db.arun(partial(apply_together, accounts=accounts))

    def announce(self, applied: list[Applied]) -> None:
        """Tell the owner of this dispatcher what was applied."""
        if applied:
            self._on_applied(applied)


def jobs_by_client_id(jobs: list[_Job]) -> dict[tuple[int, str], int]:
    """Order primary keys by (account id, client order id)."""
    return {(job.account_id, job.client_order_id): job.pk for job in jobs}


def give_back(session: Session, order_pks: list[int], reason: str, attempts: Sequence[int] = ()) -> None:
    """Nothing was sent: the orders are PENDING again, and expire if that lasts too long.

    ``attempts``: only those still in one of these; a later one is another process's, which may have sent it.
    """
    mine = [col(Order.attempt).in_(attempts)] if attempts else []
    session.connection().execute(
        update(Order)
        .where(col(Order.id).in_(order_pks), col(Order.status) == "SENT", *mine)
        .values(status="PENDING", reason=reason[:64], attempt=Order.attempt - 1, updated_at=utcnow())
    )
