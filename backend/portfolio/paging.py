"""One page of a long list, and how many rows there are in all.

Far pages cost little more than the first: those of the second half are counted from the end, and only ids are walked
to find them. Rows that are written once and never removed are counted once: what a process knows of them it keeps, up
to an id below which nothing can still be uncommitted, and from then on counts only what came after.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Engine, func, select
from sqlmodel import Session

from backend.clock import utcnow

T = TypeVar("T")

SETTLED = timedelta(minutes=10)
"""No transaction stays open as long as this."""
_SHORT = 5_000
"""Rows that are simply counted."""
_NEAR = 500
"""Rows skipped whole; more than these are skipped by their ids."""
_SLOW_S = 0.5
"""A figure that took longer than this to find, twice in a row, is kept ..."""
_TIMES = 20
"""... for so many times as long as it took."""
_ROOM = 512
"""Figures kept per database."""


class _Kept:
    """What was counted in one database, the least used of it forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[str, Any] = OrderedDict()

    def get(self, key: str) -> Any:
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
            return self._found.get(key)

    def put(self, key: str, value: Any) -> None:
        with self._lock:
            self._found[key] = value
            self._found.move_to_end(key)
            while len(self._found) > _ROOM:
                self._found.popitem(last=False)

    def drop(self, key: str) -> None:
        with self._lock:
            self._found.pop(key, None)


_known: weakref.WeakKeyDictionary[Engine, _Kept] = weakref.WeakKeyDictionary()


def _kept(session: Session) -> _Kept:
    engine = session.get_bind().engine
    return _known.setdefault(engine, _Kept())


def total_of(session: Session, statement: Any, last: Any, written: Any = None) -> int:
    """How many rows match.

    ``last`` is the id column. ``written`` is the column of the time a row was written; given only when rows are never
    removed and nothing ``statement`` compares ever changes. Without it, a total that takes long to count may be as
    old as twenty times that.
    """
    count = statement.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
    compiled = count.compile(dialect=session.get_bind().dialect)
    key = f"{compiled.string}\n{compiled.params}"
    if written is None:
        return remembered(session, key, lambda: int(session.scalar(count) or 0))
    kept, key = _kept(session), f"through {key}"
    through, known = kept.get(key) or (0, 0)
    if not through and int(session.scalar(select(func.max(last))) or 0) <= _SHORT:
        return int(session.scalar(count) or 0)
    later = int(session.scalar(count.where(last > through)) or 0) if through else _SHORT + 1
    if later > _SHORT:
        high = session.scalar(select(last).where(written < utcnow() - SETTLED).order_by(last.desc()).limit(1)) or 0
        if high > through:
            known += int(session.scalar(count.where(last > through, last <= high)) or 0)
            kept.put(key, (high, known))
        if high > through or not through:
            later = int(session.scalar(count.where(last > high)) or 0)
    return known + later


def remembered(session: Session, key: str, find: Callable[[], T]) -> T:
    """``find()``, or what it said before when that takes long and is not old yet. ``key`` names it in this database.

    One slow look may be a busy moment of the machine: only the second in a row is kept.
    """
    kept = _kept(session)
    began = time.monotonic()
    said = kept.get(key)
    if said is not None and began < said[0]:
        found: T = said[1]
        return found
    found = find()
    ended = time.monotonic()
    if ended - began > _SLOW_S:
        kept.put(key, (ended + (ended - began) * _TIMES if said is not None else 0.0, found))
    elif said is not None:
        kept.drop(key)
    return found


def rows_of(
    session: Session, statement: Any, last: Any, total: int, *, limit: int, offset: int, desc: bool = True, by: Any = None
) -> Sequence[Any]:
    """``limit`` rows after ``offset`` of ``total``, in the order of ``by``, and of the id column ``last`` where that is equal."""
    limit, offset = min(limit, max(total - offset, 0)), max(offset, 0)
    if not limit:
        return []
    backwards = offset > total // 2
    down = desc != backwards
    order = [last.desc() if down else last.asc()]
    if by is not None:
        order.insert(0, by.desc() if down else by.asc())
    skipped = total - offset - limit if backwards else offset
    page = statement.order_by(*order)
    if skipped > _NEAR:
        ids = page.with_only_columns(last, maintain_column_froms=True).limit(limit).offset(skipped)
        page = page.where(last.in_(session.scalars(ids).all()))
    else:
        page = page.limit(limit).offset(skipped)
    rows: Sequence[Any] = session.exec(page).all()
    return rows[::-1] if backwards else rows
