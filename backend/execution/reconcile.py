"""Find out what is not known: look orders up by client id, compare positions with the exchange.

An order is absent only when two look-ups, seconds apart, agree and enough time has passed since it was sent for a slow
exchange to show it. Then it may be sent once more with the same id while it is fresh; else it expires.

Each executor is asked by itself. With ``patience_s`` a verb does not wait longer for one that is slow: what it says is
taken in when it comes, and until then nothing more is asked about its accounts.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlmodel import Session, col, select

from backend.clock import to_ms, utcnow
from backend.db import Database
from backend.execution import compare
from backend.execution.apply import Applied
from backend.execution.credentials import account_tasks
from backend.execution.differences import end_absent, send_again
from backend.execution.dispatcher import Dispatcher, node_targets
from backend.execution.foreign import book_foreign_close
from backend.execution.patience import Late
from backend.execution.service import RESEND_LIMIT, unresolved
from backend.execution.stops import lose_stop
from backend.execution.together import Together
from backend.execution.wire import NotAnswered, Wire
from backend.models import ExchangeAccount, Order, Position
from node_service.client import Node

log = structlog.get_logger("reconcile")

LOOK_GAP = timedelta(seconds=2)
ABSENT_AFTER = timedelta(seconds=8)
"""An exchange may need seconds to show a new order; before this age a negative look-up proves nothing."""
CALL_DEADLINE_S = 15.0
PORTION, RUN_FOR = 200, timedelta(seconds=4)


@dataclass
class AccountBatch:
    """Work for one account: its task fields, where it is executed, and the orders to ask for."""

    account_id: int
    node_id: int | None
    orders: list[Order] = field(default_factory=list)


@dataclass(frozen=True)
class _Looks:
    """One executor's answers: the orders it was asked for at a time, those it found absent, those whose answer had been lost."""

    asked: list[int]
    asked_at: datetime
    absent: list[int]
    lost: list[int]


@dataclass(frozen=True)
class _Accounts:
    """What it takes to ask for accounts."""

    tasks: dict[int, dict[str, Any]]
    targets: dict[int, Node]
    nodes: dict[int, int | None]

    def target(self, account_id: int) -> Node | None:
        """The node of an account; None: this process."""
        return self.targets.get(self.nodes.get(account_id) or 0)

    def by_node(self, accounts: Iterable[int]) -> list[list[int]]:
        """These accounts, those of one executor together."""
        groups: dict[int | None, list[int]] = defaultdict(list)
        for one in accounts:
            groups[self.nodes[one]].append(one)
        return list(groups.values())


class Reconciler:
    """Asks executors and applies their answers. ``run`` handles unknown orders, ``positions`` compares accounts."""

    def __init__(self, db: Database, wire: Wire, dispatcher: Dispatcher) -> None:
        self._db = db
        self._wire = wire
        self._dispatcher = dispatcher
        self._notes = Together(self._note_together)
        self._asking = Late()
        self._comparing = Late()

    async def stop(self) -> None:
        """Wait no longer for late answers; what they were about is asked for at the next start."""
        await self._comparing.stop()
        await self._asking.stop()

    async def run(self, patience_s: float | None = None) -> int:
        """Look up every unresolved order that is due, portion by portion. Returns how many were asked for.

        After `RUN_FOR` the rest is left to the next run: a long list must not keep a start from its first scan.
        """
        began, total = utcnow(), 0
        while (now := utcnow()) - began < RUN_FOR:
            await self._asking.wait(0.0)
            due = await self._db.aread(partial(_due, now=now, waiting=self._asking.accounts))
            await self.look_up(due, patience_s)
            total += len(due)
            if len(due) < PORTION:
                break
        return total

    async def look_up(self, orders: Sequence[Order], patience_s: float | None = None) -> list[Applied]:
        """Ask for these orders by client id and apply the answers. Returns what was applied while it waited."""
        slow = frozenset() if patience_s is None else self._asking.accounts
        batches: dict[int, AccountBatch] = {}
        for order in orders:
            if order.account_id in slow:
                continue
            batch = batches.setdefault(order.account_id, AccountBatch(order.account_id, order.node_id))
            batch.orders.append(order)
        if not batches:
            return []
        tasks, targets = await self._db.aread(lambda s: self._tasks(s, list(batches.values())))
        by_node: dict[int | None, list[AccountBatch]] = defaultdict(list)
        for batch in batches.values():
            by_node[batch.node_id].append(batch)
        begun = [
            self._asking.begin(self._ask(targets.get(node) if node else None, group, tasks), {batch.account_id for batch in group})
            for node, group in by_node.items()
        ]
        await self._asking.wait(patience_s, begun)
        return [applied for part in begun if part.done() for applied in part.result()]

    def _tasks(
        self, session: Session, batches: list[AccountBatch]
    ) -> tuple[dict[int, dict[str, Any]], dict[int, Node]]:
        tasks = account_tasks(session, {batch.account_id for batch in batches})
        return tasks, node_targets(session, {batch.node_id for batch in batches if batch.node_id is not None})

    async def _ask(
        self, target: Node | None, group: list[AccountBatch], tasks: dict[int, dict[str, Any]]
    ) -> list[Applied]:
        body = {
            "tasks": [
                {
                    **tasks[batch.account_id],
                    "queries": [
                        {
                            "symbol": order.symbol,
                            "client_order_id": order.client_order_id,
                            "conditional": order.order_type == "STOP_MARKET",
                        }
                        for order in batch.orders
                    ],
                }
                for batch in group
                if batch.account_id in tasks
            ]
        }
        asked_at = utcnow()
        try:
            # A node that is gone cannot be asked; the centre may ask the exchange itself, reading is harmless.
            answer = await self._wire.call(target, "/api/query-orders", body, CALL_DEADLINE_S)
        except NotAnswered:
            if target is None:
                return []
            answer = await self._wire.call(None, "/api/query-orders", body, CALL_DEADLINE_S)
        found: list[dict[str, Any]] = []
        absent: list[int] = []
        pks = {(o.account_id, o.client_order_id): o for batch in group for o in batch.orders}
        for row in answer.get("results") or []:
            for entry in row.get("orders") or []:
                order = pks.get((int(row.get("account_id") or 0), str(entry.get("client_order_id") or "")))
                if order is None or order.id is None or entry.get("found") is None:
                    continue
                if entry["found"]:
                    found.append({**entry, "account_id": order.account_id})
                else:
                    absent.append(order.id)
        index = {key: order.id for key, order in pks.items() if order.id is not None}
        applied = await self._dispatcher.apply(index, found)
        lost = [o.order.id for o in applied if o.order.id is not None and pks[o.order.account_id, o.order.client_order_id].status == "UNKNOWN"]
        await self._notes.do([_Looks(list(index.values()), asked_at, absent, lost)])
        return applied

    async def _note_together(self, looks: list[_Looks]) -> list[None]:
        asked = {pk: one.asked_at for one in looks for pk in one.asked}
        absent = {pk for one in looks for pk in one.absent}
        lost = sorted({pk for one in looks for pk in one.lost})

        def work(session: Session) -> None:
            _note_looks(session, asked, absent)
            if lost:
                compare.found_again(session, lost)

        await self._db.arun(work)
        return [None] * len(looks)

    async def _report(self, ways: _Accounts, accounts: list[int]) -> dict[int, list[dict[str, Any]]]:
        """Open positions by account as their executor reports them; accounts it cannot tell about are missing."""
        body = {"tasks": [ways.tasks[one] for one in accounts]}
        try:
            answer = await self._wire.call(ways.target(accounts[0]), "/api/sync-positions", body, CALL_DEADLINE_S)
        except NotAnswered:
            return {}
        return {
            int(row["account_id"]): row["positions"]
            for row in answer.get("results") or []
            # Only a complete, successful report may make a position count as gone.
            if row.get("success") is True and isinstance(row.get("positions"), list)
        }

    async def positions(
        self, account_ids: set[int] | None = None, *, everyone: bool = False, patience_s: float | None = None
    ) -> list[Applied]:
        """Compare open positions with the exchange: stops that fired, closes made elsewhere, missing stops.

        ``everyone``: also accounts that hold nothing here. What is not ours is never touched; its symbol is blocked and told.
        Returns what was applied while it waited.
        """
        await self._comparing.wait(0.0)
        slow = frozenset() if patience_s is None else self._comparing.accounts | self._asking.accounts
        work = await self._db.aread(lambda s: _accounts(s) if everyone else self._open_accounts(s, account_ids))
        nodes = {account.id: account.node_id for account in work if account.id is not None and account.id not in slow}
        if not nodes:
            return []
        tasks, targets = await self._db.aread(lambda s: self._tasks(s, [AccountBatch(one, node) for one, node in nodes.items()]))
        ways = _Accounts(tasks, targets, nodes)
        # All at once: a node that hangs until its deadline must not keep the others from being asked.
        begun = {self._comparing.begin(self._report(ways, ids), ids): ids for ids in ways.by_node(tasks)}
        await self._comparing.wait(patience_s, begun)
        for report, ids in begun.items():
            if not report.done():
                self._comparing.begin(self._compare_late(report, ways, patience_s), ids)
        reports = {account: rows for report in begun if report.done() for account, rows in report.result().items()}
        return await self._compare(reports, ways, patience_s)

    async def _compare_late(self, report: asyncio.Task[dict[int, list[dict[str, Any]]]], ways: _Accounts, patience_s: float | None) -> None:
        await self._compare(await report, ways, patience_s)

    async def _compare(self, reports: dict[int, list[dict[str, Any]]], ways: _Accounts, patience_s: float | None) -> list[Applied]:
        """What executors report against what the platform holds. Accounts that are slow to say why have to wait."""
        gone, agreeing = await self._db.aread(lambda s: compare.less(s, reports))
        applied = await self._explain(gone, patience_s)
        still = await self._still(gone, reports)
        applied += await self._rebuild(still, ways, patience_s)
        left = await self._still(still, reports)
        if left:
            # Neither an order nor a trade says why.
            await self._db.arun(lambda s: compare.unexplained(s, [p.id for p in left if p.id is not None], reports))
        return applied + await self._rest(reports, agreeing, patience_s)

    async def _still(self, positions: list[Position], reports: dict[int, list[dict[str, Any]]]) -> list[Position]:
        """Those of ``positions`` that are missing after all that was asked; of accounts that are waited for nothing is said."""
        ids = {p.id for p in positions if p.account_id not in self._asking.accounts}
        return await self._db.aread(lambda s: [p for p in compare.less(s, reports)[0] if p.id in ids]) if ids else []

    async def _rest(
        self, reports: dict[int, list[dict[str, Any]]], agreeing: set[compare.Key], patience_s: float | None
    ) -> list[Applied]:
        """The other rows of the comparison: more than here, the other side, not ours, stops that left."""
        applied = await self.look_up(await self._db.arun(lambda s: compare.surplus(s, reports, agreeing)), patience_s)
        stops = await self._db.aread(lambda s: compare.stops_to_check(s, list(reports)))
        applied += await self.look_up(stops, patience_s)
        if stops:
            ids = [order.id for order in stops if order.id is not None]
            await self._db.arun(lambda s: compare.stops_gone(s, ids))
        return applied

    def _open_accounts(self, session: Session, account_ids: set[int] | None) -> list[ExchangeAccount]:
        open_ids = set(session.exec(select(Position.account_id).where(Position.status == "OPEN").distinct()).all())
        if account_ids is not None:
            open_ids &= account_ids
        return list(session.exec(select(ExchangeAccount).where(col(ExchangeAccount.id).in_(open_ids))).all())

    async def _explain(self, positions: list[Position], patience_s: float | None) -> list[Applied]:
        """Ask for the closing orders we know of; what they did is applied like any result."""
        if not positions:
            return []
        ids = [p.id for p in positions if p.id is not None]
        orders = await self._db.aread(
            lambda s: s.exec(
                select(Order).where(
                    col(Order.position_id).in_(ids),
                    Order.trade_type == "CLOSE",
                    col(Order.status).in_(("OPEN", "UNKNOWN", "PARTIAL", "CANCELLED")),
                )
            ).all()
        )
        return await self.look_up(list(orders), patience_s)

    async def _rebuild(self, positions: list[Position], ways: _Accounts, patience_s: float | None) -> list[Applied]:
        """Positions that were closed by no order of ours: book the exchange's own trades, settled like any other."""
        of_account: dict[int, list[Position]] = defaultdict(list)
        for position in positions:
            of_account[position.account_id].append(position)
        begun = [
            self._asking.begin(self._rebuild_at(ways, [p for one in ids for p in of_account[one]]), ids) for ids in ways.by_node(of_account)
        ]
        await self._asking.wait(patience_s, begun)
        return [one for part in begun if part.done() for one in part.result()]

    async def _rebuild_at(self, ways: _Accounts, positions: list[Position]) -> list[Applied]:
        """The same for the positions of one executor, one after the other."""
        results: list[Applied] = []
        for position in positions:
            body = {
                "symbols": [position.symbol],
                "since_ms": to_ms(position.opened_at) - 1000,
                "tasks": [ways.tasks[position.account_id]],
            }
            try:
                answer = await self._wire.call(ways.target(position.account_id), "/api/sync-trades", body, CALL_DEADLINE_S)
            except NotAnswered:
                continue
            row = (answer.get("results") or [{}])[0]
            if row.get("success") is not True or not isinstance(row.get("trades"), list):
                continue
            assert position.id is not None
            results += await self._db.arun(partial(book_foreign_close, position_id=position.id, trades=row["trades"]))
        self._dispatcher.announce(results)
        return results


def _due(session: Session, now: datetime, waiting: Collection[int]) -> list[Order]:
    """A portion of the unresolved orders that were not asked for a moment ago."""
    return [order for order in unresolved(session, PORTION, waiting=waiting) if not _moments_ago(order, now)]


def _moments_ago(order: Order, now: datetime) -> bool:
    """Whether it was just asked for. A time in the future is that of a clock that was set back since."""
    return order.looked_at is not None and timedelta(0) <= now - order.looked_at < LOOK_GAP


def _accounts(session: Session) -> list[ExchangeAccount]:
    return list(session.exec(select(ExchangeAccount).where(ExchangeAccount.status == 1)).all())


def _note_looks(session: Session, asked: Mapping[int, datetime], absent: Collection[int]) -> None:
    """``asked``: when, by order."""
    now = utcnow()
    rows = session.exec(select(Order).where(col(Order.id).in_(sorted(asked))).order_by(col(Order.id)).with_for_update()).all()
    for order in rows:
        if _moments_ago(order, now):
            # Another looked a moment ago: two looks count as two only with time between them.
            continue
        if order.updated_at > now + LOOK_GAP:
            order.updated_at = now  # the clock was set back: from here on its time is known
        order.looked_at = now
        session.add(order)
        # Touched since the question was put: the answer is about something earlier.
        since = order.id is not None and order.updated_at > asked[order.id]
        resting = order.status == "OPEN" and order.order_type in ("LIMIT", "STOP_MARKET")
        if order.id not in absent or since or not (order.status == "UNKNOWN" or resting):
            order.absent_looks = 0
            continue
        order.absent_looks += 1
        # Since its sender was heard of or given up: it may have waited long before it was sent.
        if order.absent_looks < 2 or now - order.updated_at < ABSENT_AFTER:
            continue
        if order.order_type == "STOP_MARKET":
            end_absent(session, order, "FAILED", "the protective stop is not on the exchange")
            lose_stop(session, order)
            continue
        fresh = order.expires_at is None or order.expires_at > now
        if fresh and order.attempt < RESEND_LIMIT and not order.exchange_order_id:
            send_again(session, order, "absent on the exchange, sending once more")
        else:
            end_absent(session, order, "EXPIRED", "absent on the exchange and no longer fresh")
