"""Keeps waiting entries: takes off what has ended, finds the fills of those whose price was reached, protects them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import structlog
from sqlmodel import Session

from backend.db import Database
from backend.execution.credentials import account_tasks
from backend.execution.dispatcher import node_targets
from backend.execution.patience import Late
from backend.execution.reconcile import CALL_DEADLINE_S, Reconciler
from backend.execution.resting import due
from backend.execution.stop_keeper import StopKeeper
from backend.execution.wire import NotAnswered, Wire
from backend.market.feed import Prices
from backend.models import Order
from node_service.client import Node

log = structlog.get_logger("resting")

ASK_AGAIN_S = 10.0
"""An order whose price was reached is asked for at each new market time, and at least this often."""


class Keeper:
    """One per engine. ``run`` is called again and again; it asks the exchange only where something can have happened."""

    def __init__(self, db: Database, wire: Wire, reconciler: Reconciler, stops: StopKeeper) -> None:
        self._db = db
        self._wire = wire
        self._reconciler = reconciler
        self._stops = stops
        self._asked: dict[int, tuple[int, float]] = {}
        self._late = Late()

    async def stop(self) -> None:
        """Wait no longer for late answers."""
        await self._late.stop()

    async def run(self, prices: Prices | None, patience_s: float | None = None) -> int:
        """Returns how many orders were asked for or taken off while it waited."""
        if prices is None:
            return 0
        work = await self._db.arun(lambda s: due(s, prices.by_symbol, prices.market_ms))
        ask = {order.id: order for order in work.ask if self._again(order.id or 0, prices.market_ms)}
        cancelled = await self._take_off(work.cancel, patience_s) if work.cancel else []
        ask |= {order.id: order for order in cancelled}
        if not ask:
            return 0
        applied = await self._reconciler.look_up(list(ask.values()), patience_s)
        if any(one.new_fills for one in applied):
            await self._stops.restore(patience_s)
        await self._db.arun(lambda s: due(s, prices.by_symbol, prices.market_ms))
        return len(ask)

    def _again(self, order_pk: int, market_ms: int) -> bool:
        """Whether anything can have changed since the order was asked for last."""
        known = self._asked.get(order_pk)
        if known is not None and known[0] == market_ms and time.monotonic() - known[1] < ASK_AGAIN_S:
            return False
        if len(self._asked) > 10_000:
            self._asked.clear()
        self._asked[order_pk] = (market_ms, time.monotonic())
        return True

    async def _take_off(self, orders: Sequence[Order], patience_s: float | None) -> list[Order]:
        """Cancel at the exchange. Returns those that were answered for: whatever was filled before is asked for next.

        One that is answered for late is asked for when it has its next turn: it was cancelled then already.
        """
        await self._late.wait(0.0)
        slow = self._late.accounts

        def needed(session: Session) -> tuple[dict[int, dict[str, Any]], dict[int, Node]]:
            accounts = account_tasks(session, {order.account_id for order in orders})
            return accounts, node_targets(session, {order.node_id for order in orders if order.node_id is not None})

        tasks, targets = await self._db.aread(needed)
        groups: dict[int | None, list[Order]] = defaultdict(list)
        for order in orders:
            if order.account_id in tasks and order.account_id not in slow and self._again(order.id or 0, -1):
                groups[order.node_id].append(order)
        # All at once: a node that hangs until its deadline must not keep the others from being asked.
        begun = [
            self._late.begin(
                self._take_off_at(targets.get(node) if node is not None else None, group, tasks), {order.account_id for order in group}
            )
            for node, group in groups.items()
        ]
        await self._late.wait(patience_s, begun)
        return [order for part in begun if part.done() for order in part.result()]

    async def _take_off_at(self, target: Node | None, orders: list[Order], tasks: dict[int, dict[str, Any]]) -> list[Order]:
        body = {
            "tasks": [
                {**tasks[o.account_id], "queries": [{"symbol": o.symbol, "client_order_id": o.client_order_id}]} for o in orders
            ]
        }
        try:
            answer = await self._wire.call(target, "/api/cancel-orders", body, CALL_DEADLINE_S)
        except NotAnswered as error:
            log.warning("waiting entries could not be taken off", node=orders[0].node_id, orders=len(orders), sent=error.sent)
            return []
        done = {
            (int(row.get("account_id") or 0), str(one.get("client_order_id")))
            for row in answer.get("results") or []
            for one in row.get("orders") or []
            if one.get("cancelled") is not None
        }
        return [order for order in orders if (order.account_id, order.client_order_id) in done]
