"""The state behind every plain list page. One for all of them: a tab shows one list, and each state costs memory and
bytes in every session. Which list it is, and whether this person may read it, is decided anew in every handler."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

import reflex as rx

from backend.dashboards.lists.base import ListOf, accepted, find_of, totals_of
from backend.dashboards.lists.people import tenant_choices
from backend.dashboards.lists.registry import list_for
from backend.errors import NotFound
from backend.exports.service import DIRECT_ROWS
from backend.identity.principal import Principal
from state.base import needs, read, signed_in
from state.list_details import DETAILS
from state.list_rows import FOLDS, ROWS, TOTALS
from state.table import TableState


class Lists(TableState, rx.State):
    """``name`` is the list in ``rows``; ``flt`` holds its filters, with days as ``from`` and ``to``."""

    name: str = ""
    flt: dict[str, str] = {}
    totals: dict[str, str] = {}
    tenants: list[dict[str, str]] = []
    cleared: int = 0
    _allowed: ClassVar[tuple[str, ...]] = ("admin", "tenant", "agent")

    @rx.event
    @needs()
    async def enter(self, name: str) -> None:
        """Show the list ``name``; filters and an open row may stand in the address."""
        who = await signed_in(self)
        listed = list_for(who, name)
        asked = {str(key): str(value) for key, value in dict(self.router.url.query_parameters).items()}
        if name != self.name or asked:
            self.flt = accepted(listed, asked)
            self.search = asked.get("search", "")[:80]
            self.sort, self.desc, self.page, self.rows, self.totals = "", True, 0, [], {}
            self.cleared += 1
        self.name, self.open_id, self.detail = name, "", {}
        if who.kind == "admin" and not self.tenants:
            self.tenants = await read(lambda session: tenant_choices(session, who))
        await self._reload()
        if asked.get("open"):
            self.detail = await self._detail(who, asked["open"])
            self.open_id = asked["open"] if self.detail else ""

    @rx.event(supersedes=True)
    @needs()
    async def pulse(self) -> None:
        """Something happened. An open row follows; the list does while nobody has a row open or reads further down."""
        if self.open_id:
            await self._follow()
        elif self.page == 0 and self.name:
            await self._reload()

    @rx.event
    @needs()
    async def filter_by(self, name: str, value: str) -> None:
        """Set one filter; "" takes it away."""
        who = await signed_in(self)
        wanted = {**self.flt, str(name): str(value)}
        self.flt = accepted(list_for(who, self.name), {key: text for key, text in wanted.items() if text})
        self.page = 0
        await self._reload()

    @rx.event
    @needs()
    async def clear(self) -> None:
        """Without filters."""
        self.flt, self.search, self.page = {}, "", 0
        self.cleared += 1
        await self._reload()

    @rx.var
    def filtered(self) -> bool:
        """Whether anything narrows the list."""
        return bool(self.flt or self.search)

    @rx.var
    def csv_href(self) -> str:
        """The export door with the present filters and order."""
        return self._export("csv")

    @rx.var
    def excel_href(self) -> str:
        """The same for Excel."""
        return self._export("xlsx")

    @rx.var
    def long(self) -> bool:
        """Whether an export is better written in the background."""
        return self.total > DIRECT_ROWS

    def _asked(self) -> dict[str, str]:
        asked = {**self.flt, "search": self.search, "sort": self.sort, "desc": "" if self.desc else "0"}
        return {key: value for key, value in asked.items() if value}

    def _export(self, kind: str) -> str:
        query = urlencode(self._asked())
        return f"/api/lists/{self.name}.{kind}" + (f"?{query}" if query else "") if self.name else ""

    def _sort_columns(self) -> tuple[str, ...]:
        from backend.dashboards.lists.registry import LISTS

        return LISTS[self.name].sorts if self.name in LISTS else ()

    async def _fetch(self, who: Principal) -> tuple[list[dict[str, Any]], int]:
        listed: ListOf = list_for(who, self.name)
        find = find_of(
            listed, self.flt, search=self.search, sort=self.sort, desc=self.desc, limit=self.size, offset=self.page * self.size
        )

        def work(session: Any) -> tuple[Any, Any]:
            return listed.fetch(session, who, find), totals_of(session, who, listed, find)

        found, totals = await read(work)
        self.totals = TOTALS[self.name](totals) if totals else {}
        rows = [ROWS[self.name](row) for row in found.rows]
        return FOLDS[self.name](rows) if self.name in FOLDS else rows, found.total

    async def _detail(self, who: Principal, row_id: str) -> dict[str, Any]:
        listed = list_for(who, self.name)
        detail = listed.detail
        if detail is None or not row_id.isascii() or not row_id.isdigit() or len(row_id) > 18:
            return {}
        try:
            return DETAILS[self.name](await read(lambda session: detail(session, who, int(row_id))))
        except NotFound:
            return {}
