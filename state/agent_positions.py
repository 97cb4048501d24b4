"""The agent's positions: open ones, those closed today, and one position with its chart and story."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.clock import to_ms
from backend.dashboards import agent
from backend.dashboards.marks import marks
from backend.errors import IronBullError, NotFound, Unavailable
from backend.identity.principal import Principal
from backend.market.history import TIMEFRAMES, recent_candles
from backend.settings import get_settings
from state.agent_common import chart_lines, chart_markers, detail_shown, places_of, position_shown
from state.base import needs, read, signed_in
from state.table import TableState
from state.words import figure, percent

_KEYS = {"base": "symbol", "margin": "margin", "pnl": "pnl", "roi": "roi", "opened_ms": "opened_ms"}
"""Column of the table -> field of the row."""
AFTER = 24
SECONDS = {"5m": 300, "15m": 900, "1h": 3600, "4h": 14_400, "1d": 86_400}


class AgentPositions(TableState, rx.State):
    """``only`` is "" (open) or "closed"; the drawer shows chart, facts and story."""

    cards: dict[str, str] = {}
    candles: list[dict[str, Any]] = []
    last: dict[str, Any] = {}
    markers: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    precision: int = 2
    timeframe: str = "1h"
    chart_error: str = ""
    missing: bool = False
    sort: str = "opened_ms"
    _allowed: ClassVar[tuple[str, ...]] = ("agent",)
    _sorts: ClassVar[tuple[str, ...]] = tuple(_KEYS)
    _only: ClassVar[tuple[str, ...]] = ("closed",)

    @rx.event
    @needs("agent")
    async def load(self) -> None:
        """The list."""
        self.open_id, self.detail = "", {}
        await self._reload()

    @rx.event
    @needs("agent")
    async def load_one(self) -> None:
        """One position by the address."""
        wanted = str(dict(self.router.url.query_parameters).get("pid") or self.router.url.path.rstrip("/").rsplit("/", 1)[-1])
        who = await signed_in(self)
        self.detail = await self._detail(who, wanted)
        self.open_id = wanted if self.detail else ""
        self.missing, self.ready = not self.detail, True

    @rx.event(supersedes=True)
    @needs("agent")
    async def changed(self) -> None:
        """A position opened or closed."""
        await self._reload()
        await self._follow()

    @rx.event(supersedes=True)
    @needs("agent")
    async def set_timeframe(self, timeframe: str) -> None:
        """Other bars in the chart."""
        if timeframe in TIMEFRAMES and self.open_id:
            self.timeframe = timeframe
            await self._follow()

    async def _fetch(self, who: Principal) -> tuple[list[dict[str, Any]], int]:
        found = await read(lambda session: _rows(session, who, self.only == "closed"))
        self.cards = found["cards"]
        rows = found["rows"]
        rows.sort(key=lambda row: (row[_KEYS[self.sort]] is None, row[_KEYS[self.sort]] or 0), reverse=self.desc)
        start = self.page * self.size
        return [position_shown(row) for row in rows[start : start + self.size]], len(rows)

    async def _detail(self, who: Principal, row_id: str) -> dict[str, Any]:
        if not row_id.isascii() or not row_id.isdigit() or len(row_id) > 18:
            return {}
        try:
            detail = await read(lambda session: agent.position_detail(session, who, int(row_id), marks()))
        except NotFound:
            return {}
        try:
            # A closed trade is shown where it happened, with some bars after it.
            closed_s = detail["closed_market_s"]
            until_ms = (closed_s + AFTER * SECONDS[self.timeframe]) * 1000 if closed_s else None
            candles = await recent_candles(get_settings(), detail["symbol"], self.timeframe, until_ms=until_ms)
            self.chart_error = ""
        except Unavailable as error:
            candles, self.chart_error = [], _code(error)
        self.precision = places_of(detail["entry"])
        self.candles, self.last = candles, {}
        self.lines, self.markers = chart_lines(detail), chart_markers(detail, candles)
        return detail_shown(detail)


def _code(error: IronBullError) -> str:
    return "market" if isinstance(error, Unavailable) else "other"


def _rows(session: Session, who: Principal, closed: bool) -> dict[str, Any]:
    prices = marks()
    positions = agent.open_positions(session, who)
    done = agent.closed_since(session, who, agent.today())
    money = agent.money(session, who, positions, prices)
    equity = money["equity"]
    cards = {
        "unrealized": figure(money["unrealized"], sign=True),
        "up": str(money["up"]),
        "down": str(money["down"]),
        "risk": figure(money["risk"]),
        "risk_pct": percent(money["risk"] / equity if equity > 0 else None, 1),
        "margin": figure(money["margin"]),
        "margin_pct": percent(money["margin"] / equity if equity > 0 else None, 1),
        "open": str(len(positions)),
        "closed": str(len(done)),
        "now_ms": str(to_ms(agent.today())),
    }
    return {"cards": cards, "rows": [agent.position_row(p, prices) for p in (done if closed else positions)]}
