"""The merchant's overview: people, money, the invite tree, newest settlements."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.dashboards import tenant
from backend.identity.principal import Principal
from state.base import needs, read, signed_in
from state.table import TableState
from state.words import compact, figure


class TenantOverview(TableState, rx.State):
    """Rows are people in tree order; the drawer shows one of them."""

    cards: dict[str, str] = {}
    settlements: list[dict[str, Any]] = []
    size: int = 200
    _allowed: ClassVar[tuple[str, ...]] = ("tenant",)

    @rx.event
    @needs("tenant")
    async def load(self) -> None:
        """The page."""
        self.open_id, self.detail = "", {}
        await self._read_cards()
        await self._reload()

    @rx.event(supersedes=True)
    @needs("tenant")
    async def changed(self) -> None:
        """A fill was settled or a position closed."""
        await self._read_cards()
        await self._reload()

    async def _read_cards(self) -> None:
        who = await signed_in(self)
        found = await read(lambda session: _everything(session, who))
        self.cards = _cards(found["overview"])
        self.settlements = [
            row | {"profit": figure(row["profit"], sign=True), "deducted": figure(row["deducted"])} for row in found["settlements"]
        ]

    async def _fetch(self, who: Principal) -> tuple[list[dict[str, Any]], int]:
        rows = [_person(row) for row in await read(lambda session: tenant.tree(session, who))]
        if self.search:
            wanted = self.search.lower()
            rows = [row for row in rows if wanted in row["name"].lower() or wanted in row["code"].lower()]
        start = self.page * self.size
        return rows[start : start + self.size], len(rows)

    async def _detail(self, who: Principal, row_id: str) -> dict[str, Any]:
        return next((row for row in self.rows if row["id"] == row_id), {})


def _everything(session: Session, who: Principal) -> dict[str, Any]:
    return {"overview": tenant.overview(session, who), "settlements": tenant.settlements(session, who)}


def _cards(o: dict[str, Any]) -> dict[str, str]:
    return {
        "people": f"{o['people']:,}",
        "week": str(o["people_week"]),
        "trading": f"{o['trading']:,}",
        "capital": compact(o["capital"]),
        "capital_exact": figure(o["capital"]),
        "accounts": f"{o['accounts']:,}",
        "self": figure(o["cards_self"]),
        "gift": figure(o["cards_gift"]),
        "rewards": figure(o["rewards"]),
        "receivers": str(o["receivers"]),
        "today": figure(o["today_deducted"]),
        "today_profit": figure(o["today_profit"], sign=True),
        "today_rewards": figure(o["today_rewards"]),
        "strategies": str(o["strategies"]),
        "followers": f"{o['followers']:,}",
    }


def _person(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "indent": f"{row['depth'] * 20}px",
        "level": "" if row["root"] else f"S{row['level']}",
        "hold": figure(row["hold"]),
        "team": figure(row["team"]),
        "rewards": figure(row["rewards"]),
        "cards": figure(row["cards"]),
        "invited": str(row["invited"]),
    }
