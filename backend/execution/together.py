"""Many small writes that are wanted at the same moment, in few transactions.

A hundred nodes answer within milliseconds of each other, and a commit costs the same for one account as for fifty. Whoever
comes first writes at once; what comes while that lasts goes together into the next transaction. Nobody waits for company.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session, col, select

from backend.db import CannotWrite
from backend.execution.apply import Applied, apply_result
from backend.models import Order, Position

T = TypeVar("T")
R = TypeVar("R")

Answer = tuple[int, dict[str, object]]
"""The primary key of an order, and what the executor says of it."""

AT_ONCE = 50
"""Items in one transaction: so few that others who write need not wait long."""

_OF_THE_DATABASE = (OperationalError, InterfaceError, CannotWrite)


class _Wish(Generic[T, R]):
    __slots__ = ("done", "item")

    def __init__(self, item: T) -> None:
        self.item = item
        self.done: asyncio.Future[R] = asyncio.get_running_loop().create_future()


class Together(Generic[T, R]):
    """``work`` does a list of items as one transaction and returns their results in order.

    An item on which ``work`` fails does not take the others along: each of them is then done by itself, and only its owner
    hears of the failure. What is wrong with the database is wrong for all.
    """

    def __init__(self, work: Callable[[list[T]], Awaitable[list[R]]], at_once: int = AT_ONCE) -> None:
        self._work = work
        self._at_once = at_once
        self._waiting: deque[_Wish[T, R]] = deque()
        self._turn = asyncio.Lock()

    async def do(self, items: Sequence[T]) -> list[R]:
        """The results of ``items``; raises what the first of them failed with."""
        if not items:
            return []
        own = [_Wish[T, R](item) for item in items]
        self._waiting += own
        try:
            async with self._turn:
                while not all(wish.done.done() for wish in own):
                    await self._some()
            return [wish.done.result() for wish in own]
        finally:
            for wish in own:
                # One whose owner has left is not done any more; a failure that nobody asks for is no news.
                if not wish.done.cancel() and not wish.done.cancelled():
                    wish.done.exception()

    async def _some(self) -> None:
        batch: list[_Wish[T, R]] = []
        while self._waiting and len(batch) < self._at_once:
            wish = self._waiting.popleft()
            if not wish.done.done():
                batch.append(wish)
        try:
            await self._all(batch)
        finally:
            # Whoever did it was cancelled: the others' items are still to be done. Doing one twice changes nothing.
            self._waiting.extendleft(wish for wish in reversed(batch) if not wish.done.done())

    async def _all(self, batch: list[_Wish[T, R]]) -> None:
        if not batch:
            return
        [outcome] = await asyncio.gather(self._work([wish.item for wish in batch]), return_exceptions=True)
        if not isinstance(outcome, BaseException):
            for wish, result in zip(batch, outcome, strict=True):
                if not wish.done.done():
                    wish.done.set_result(result)
        elif not isinstance(outcome, Exception):
            raise outcome
        elif len(batch) == 1 or isinstance(outcome, _OF_THE_DATABASE):
            for wish in batch:
                if not wish.done.done():
                    wish.done.set_exception(outcome)
        else:
            for wish in batch:
                await self._all([wish])


def apply_together(session: Session, accounts: list[list[Answer]]) -> list[list[Applied]]:
    """Apply the answers about several accounts in one transaction; per account what each of them changed.

    Locks all orders in id order, then the positions they are about in id order: two that apply at once cannot get
    into each other's way.
    """
    locked = _lock(session, sorted({pk for rows in accounts for pk, _ in rows}))
    return [[apply_result(session, pk, row, locked.get(pk)) for pk, row in rows] for rows in accounts]


def _lock(session: Session, pks: list[int]) -> dict[int | None, Order]:
    orders = session.exec(select(Order).where(col(Order.id).in_(pks)).order_by(col(Order.id)).with_for_update()).all()
    named: set[int | None] = {order.position_id for order in orders if order.position_id is not None}
    entries = [order for order in orders if order.position_id is None]
    if entries:
        named.update(
            session.exec(
                select(Position.id).where(
                    col(Position.account_id).in_({order.account_id for order in entries}),
                    col(Position.symbol).in_({order.symbol for order in entries}),
                    Position.open_slot == 1,
                )
            ).all()
        )
    if named:
        wanted = col(Position.id).in_(sorted(filter(None, named)))
        session.exec(select(Position).where(wanted).order_by(col(Position.id)).with_for_update()).all()
    return {order.id: order for order in orders}
