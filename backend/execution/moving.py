"""Stops that people moved: the old one leaves the exchange, then the usual care for missing stops rests the new one there.

Between the two the centre watches the new price. If the old stop fired meanwhile, the comparison of positions finds its trade.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from backend.db import Database
from backend.execution.by_hand import MOVE
from backend.execution.credentials import account_tasks
from backend.execution.dispatcher import node_targets
from backend.execution.service import close
from backend.execution.wire import NotAnswered
from backend.models import ExchangeAccount, Order, Position

if TYPE_CHECKING:
    from backend.execution.reconcile import Reconciler
    from backend.execution.wire import Wire

CALL_DEADLINE_S = 15.0


async def move_stops(db: Database, wire: Wire, reconciler: Reconciler) -> int:
    """Move every stop that should rest elsewhere. Returns how many old ones are gone; the others are tried again later."""
    rows = await db.aread(
        lambda s: s.exec(
            select(Position, ExchangeAccount.node_id)
            .join(ExchangeAccount, col(ExchangeAccount.id) == col(Position.account_id))
            .where(Position.stop_status == MOVE, Position.status == "OPEN")
            .limit(100)
        ).all()
    )
    if not rows:
        return 0
    tasks = await db.aread(lambda s: account_tasks(s, {position.account_id for position, _ in rows}))
    targets = await db.aread(lambda s: node_targets(s, {node for _, node in rows if node is not None}))
    moved = 0
    for position, node in rows:
        if position.account_id not in tasks:
            continue
        body = {
            "symbols": [position.symbol],
            "tasks": [
                {
                    **tasks[position.account_id],
                    "symbols": [position.symbol],
                    "client_order_ids": [position.stop_client_order_id],
                }
            ],
        }
        target = targets.get(node) if node is not None else None
        try:
            answer = await wire.call(target, "/api/cancel-conditionals", body, CALL_DEADLINE_S)
        except NotAnswered:
            continue
        if (answer.get("results") or [{}])[0].get("success") and position.id is not None:
            moved += await db.arun(partial(_released, position_id=position.id, client_id=position.stop_client_order_id))
    if moved:
        await reconciler.restore_stops()
    return moved


def _released(session: Session, position_id: int, client_id: str) -> bool:
    """The old stop is off the exchange: the position waits for its new one."""
    order = session.exec(
        select(Order).where(Order.position_id == position_id, Order.client_order_id == client_id).with_for_update()
    ).first()
    position = session.get(Position, position_id, with_for_update=True, populate_existing=True)
    if position is None or position.stop_status != MOVE or position.stop_client_order_id != client_id:
        return False
    if order is not None and order.status in {"OPEN", "UNKNOWN"}:
        close(order, "CANCELLED", "moved to another price")
        session.add(order)
    position.stop_status = "NONE"
    session.add(position)
    return True
