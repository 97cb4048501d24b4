"""Brings the protective stops that rest on the exchanges in line with the positions: off, elsewhere, back again.

One request per executor holds all its positions, and all executors are asked at once. With ``patience_s`` a verb does not
wait longer for one that is slow: its answer is taken in when it comes, and until then its accounts are left alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlmodel import Session, col, select

from backend.db import Database
from backend.execution.by_hand import MOVE
from backend.execution.credentials import account_tasks
from backend.execution.dispatcher import node_targets
from backend.execution.patience import Late
from backend.execution.rules import client_order_id
from backend.execution.service import close
from backend.execution.stops import clear_stops, remember_stop, stop_failed, stops_of
from backend.execution.wire import NotAnswered, Wire
from backend.models import ExchangeAccount, Order, Position
from node_service.client import Node

CALL_DEADLINE_S = 15.0
PORTION = 100


@dataclass(frozen=True)
class _Due:
    """A position whose stop is not as it should be, and who can reach its account."""

    position: Position
    id: int
    account: dict[str, Any]
    node_id: int | None
    node: Node | None
    earlier: int
    """How many stops the position has had."""

    @property
    def old_id(self) -> str:
        """The client id of the stop that rests."""
        return self.position.stop_client_order_id

    @property
    def new_id(self) -> str:
        """The client id of the stop that is to rest: the same for every try, another for every stop."""
        return client_order_id(f"stop:{self.id}", self.position.account_id, f"{self.earlier}:{self.position.stop_loss}")


_Answers = list[tuple[_Due, dict[str, Any]]]


class StopKeeper:
    """One per engine. Its verbs are called again and again; what fails is tried again at the next call."""

    def __init__(self, db: Database, wire: Wire) -> None:
        self._db = db
        self._wire = wire
        self._after: dict[str, int] = {}
        self._late = Late()

    async def stop(self) -> None:
        """Wait no longer for late answers."""
        await self._late.stop()

    async def cancel(self, patience_s: float | None = None) -> int:
        """Take the stops of closed positions off the exchange. Returns how many positions were cleared."""
        due = await self._due("cancel", Position.stop_status == "CANCEL")
        return await self._each("/api/cancel-conditionals", due, _taking_off, self._taken_off, patience_s)

    async def move(self, patience_s: float | None = None) -> int:
        """Move stops that should rest elsewhere. Returns how many old ones are gone."""
        due = await self._due("move", Position.stop_status == MOVE, Position.status == "OPEN")
        moved = await self._each("/api/cancel-conditionals", due, _taking_off, self._moved, patience_s)
        if moved:
            await self.restore(patience_s)
        return moved

    async def restore(self, patience_s: float | None = None) -> int:
        """Give open positions whose stop is not on the exchange their stop back. Returns how many were placed.

        One that the exchange does not take closes the position: nothing stays open without a stop.
        """
        bare = col(Position.stop_status).in_(("NONE", "LOST"))
        due = await self._due("restore", Position.status == "OPEN", bare, col(Position.stop_loss).is_not(None))
        return await self._each("/api/place-stop", due, _placing, self._placed, patience_s)

    async def _taken_off(self, answers: _Answers) -> int:
        cleared = [one.id for one, row in answers if row.get("success")]
        if cleared:
            await self._db.arun(lambda s: clear_stops(s, cleared))
        return len(cleared)

    async def _moved(self, answers: _Answers) -> int:
        moved = 0
        for one, row in answers:
            if row.get("success"):
                moved += await self._db.arun(partial(_released, position_id=one.id, client_id=one.old_id))
        return moved

    async def _placed(self, answers: _Answers) -> int:
        placed = 0
        for one, row in answers:
            stop = row["stop"] if isinstance(row.get("stop"), dict) else row
            if stop.get("status") == "OPEN":
                await self._db.arun(partial(remember_stop, position_id=one.id, client_id=one.new_id, stop=stop))
                placed += 1
            elif stop.get("status") == "FAILED":
                await self._db.arun(partial(stop_failed, position_id=one.id, reason=str(row.get("error") or "")))
        return placed

    async def _due(self, verb: str, *where: Any) -> list[_Due]:
        """The next positions, at most ``PORTION``. Each has its turn, also while those before it cannot be reached."""
        await self._late.wait(0.0)
        slow = self._late.accounts
        if slow:
            where = (*where, col(Position.account_id).not_in(slow))

        def read(session: Session) -> list[_Due]:
            rows = session.exec(
                select(Position, ExchangeAccount.node_id)
                .join(ExchangeAccount, col(ExchangeAccount.id) == col(Position.account_id))
                .where(*where, col(Position.id) > self._after.get(verb, 0))
                .order_by(col(Position.id))
                .limit(PORTION)
            ).all()
            self._after[verb] = (rows[-1][0].id or 0) if len(rows) == PORTION else 0
            if not rows:
                return []
            accounts = account_tasks(session, {position.account_id for position, _ in rows})
            nodes = node_targets(session, {node for _, node in rows if node is not None})
            return [
                _Due(position, position.id, accounts[position.account_id], node, nodes.get(node or 0), stops_of(session, position))
                for position, node in rows
                # A key that cannot be opened is its own account's trouble.
                if position.id is not None and position.account_id in accounts
            ]

        return await self._db.aread(read)

    async def _each(
        self, path: str, due: list[_Due], task: Callable[[_Due], dict[str, Any]], take: Callable[[_Answers], Awaitable[int]],
        patience_s: float | None,
    ) -> int:  # fmt: skip
        """Ask all executors at once and ``take`` what each answers; how many that came to while it was waited for."""
        groups: dict[int | None, list[_Due]] = defaultdict(list)
        for one in due:
            groups[one.node_id if one.node is not None else None].append(one)

        async def at(group: list[_Due]) -> int:
            return await take(await self._ask(path, group, task))

        begun = [self._late.begin(at(group), {one.position.account_id for one in group}) for group in groups.values()]
        await self._late.wait(patience_s, begun)
        return sum(one.result() for one in begun if one.done())

    async def _ask(self, path: str, group: list[_Due], task: Callable[[_Due], dict[str, Any]]) -> _Answers:
        """Each position with its executor's answer about it; none when it does not answer."""
        body = {"tasks": [{**one.account, **task(one)} for one in group]}
        try:
            answer = await self._wire.call(group[0].node, path, body, CALL_DEADLINE_S)
        except NotAnswered:
            return []
        rows = answer.get("results")
        if not isinstance(rows, list) or len(rows) != len(group):
            return []
        # Answers stand in the order of the tasks; one about another account is none.
        return [(one, row) for one, row in zip(group, rows, strict=True) if row.get("account_id") == one.position.account_id]


def _taking_off(one: _Due) -> dict[str, Any]:
    return {"symbols": [one.position.symbol], "client_order_ids": [one.old_id]}


def _placing(one: _Due) -> dict[str, Any]:
    position = one.position
    assert position.stop_loss is not None
    return {
        "symbol": position.symbol,
        "position_side": position.position_side,
        "trigger_price": format(position.stop_loss, "f"),
        "client_order_id": one.new_id,
    }


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
