"""A paged, sorted, filtered list with one open row: the state half of the data table."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx

from backend.identity.principal import Principal
from state.base import needs, signed_in

MAX_PAGE = 100_000


class TableState(rx.State, mixin=True):
    """Subclass, set ``_allowed`` and ``_sorts``, write ``_fetch`` (and ``_detail`` when rows open)."""

    rows: list[dict[str, Any]] = []
    total: int = 0
    page: int = 0
    size: int = 25
    sort: str = ""
    desc: bool = True
    search: str = ""
    only: str = ""
    open_id: str = ""
    detail: dict[str, Any] = {}
    ready: bool = False
    error: str = ""
    _allowed: ClassVar[tuple[str, ...]] = ()
    _sorts: ClassVar[tuple[str, ...]] = ()
    _only: ClassVar[tuple[str, ...]] = ()

    async def _fetch(self, who: Principal) -> tuple[list[dict[str, Any]], int]:
        """(rows of this page, true total) for the present sort, filter and page."""
        raise NotImplementedError  # each list reads its own rows; the metaclass of states knows no abstract methods

    async def _detail(self, who: Principal, row_id: str) -> dict[str, Any]:
        """Everything the drawer shows for one row; {} when it does not exist or is not theirs."""
        return {}

    def _sort_columns(self) -> tuple[str, ...]:
        return self._sorts

    async def _reload(self) -> None:
        who = await signed_in(self)
        rows, total = await self._fetch(who)
        if total and not rows and self.page:
            self.page = 0
            rows, total = await self._fetch(who)
        self.rows, self.total, self.ready = rows, total, True

    async def _follow(self) -> None:
        """Read the open row again; close it when it is there no more."""
        if not self.open_id:
            return
        now = await self._detail(await signed_in(self), self.open_id)
        if not now:
            self.open_id = ""
        if now != self.detail:
            self.detail = now

    @rx.var
    def first_shown(self) -> int:
        """Number of the first row on this page, from 1; 0 when there is none."""
        return self.page * self.size + 1 if self.rows else 0

    @rx.var
    def last_shown(self) -> int:
        """Number of the last row on this page."""
        return min((self.page + 1) * self.size, self.total) if self.rows else 0

    @rx.var
    def has_more(self) -> bool:
        """Whether a further page exists."""
        return (self.page + 1) * self.size < self.total

    @rx.event(supersedes=True)
    @needs()
    async def refresh(self) -> None:
        """Read the page again, and the open row with it."""
        await self._reload()
        await self._follow()

    @rx.event
    @needs()
    async def sort_by(self, column: str) -> None:
        """Sort by a column; again to turn the order round."""
        if column not in self._sort_columns():
            return
        self.desc = not self.desc if self.sort == column else True
        self.sort, self.page = column, 0
        await self._reload()

    @rx.event
    @needs()
    async def turn(self, by: int) -> None:
        """Next (+1) or previous (-1) page."""
        if by not in (-1, 1) or isinstance(by, bool):
            return
        self.page = min(max(0, self.page + by), MAX_PAGE)
        await self._reload()

    @rx.event(supersedes=True)
    @needs()
    async def set_search(self, text: str) -> None:
        """Filter by text (at most 80 characters)."""
        self.search = text.strip()[:80] if isinstance(text, str) else ""
        self.page = 0
        await self._reload()

    @rx.event
    @needs()
    async def choose(self, only: str) -> None:
        """Keep one of the named subsets; "" or an unknown name means all."""
        self.only = only if only in self._only else ""
        self.page = 0
        await self._reload()

    @rx.event
    @needs()
    async def show(self, row_id: str) -> None:
        """Open the drawer of one row."""
        who = await signed_in(self)
        row_id = str(row_id)[:64]
        detail = await self._detail(who, row_id)
        self.detail, self.open_id = detail, row_id if detail else ""

    @rx.event
    @needs()
    async def close(self) -> None:
        """Close the drawer."""
        self.open_id, self.detail = "", {}
