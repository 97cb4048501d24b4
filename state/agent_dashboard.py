"""The agent's dashboard: what the bot does now, the money, the last scan, open positions."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.bots import service as bots
from backend.dashboards import agent
from backend.dashboards.marks import marks
from backend.identity.principal import Principal
from backend.notifications.phrases import in_chinese
from backend.settings import get_settings
from state.agent_common import decision_shown, position_shown
from state.base import needs, read, signed_in, write
from state.table import TableState
from state.ui import say
from state.words import figure, percent

SPANS = {"1W": timedelta(days=7), "1M": timedelta(days=30), "3M": timedelta(days=91), "6M": timedelta(days=182), "All": None}
SHOWN_DECISIONS = 5


class AgentDashboard(TableState, rx.State):
    """Rows are the open positions; ``cards`` holds every figure as text."""

    cards: dict[str, str] = {}
    said: str = ""
    said_p: dict[str, Any] = {}
    running: bool = False
    last_scan_ms: int = 0
    interval_ms: int = 0
    version: int = 0
    scan: dict[str, Any] = {}
    decisions: list[dict[str, Any]] = []
    closed: list[dict[str, Any]] = []
    closed_sum: str = ""
    closed_n: int = 0
    span: str = "All"
    points: list[dict[str, Any]] = []
    asks_stop: bool = False
    _allowed: ClassVar[tuple[str, ...]] = ("agent",)

    @rx.event
    @needs("agent")
    async def load(self) -> None:
        """Everything on the page."""
        await self._read_all()
        await self._read_equity()

    @rx.event(supersedes=True)
    @needs("agent")
    async def changed(self) -> None:
        """Something happened (a scan, a fill): read again, the chart only when a position closed."""
        before = self.closed_n
        await self._read_all()
        if self.closed_n != before:
            await self._read_equity()

    @rx.event
    @needs("agent")
    async def set_span(self, span: str) -> None:
        """Length of the equity chart."""
        if span in SPANS:
            self.span = span
            await self._read_equity()

    @rx.event
    @needs("agent")
    async def pause(self) -> None:
        """No new entries from now on; positions keep their stops. Undo starts again."""
        who = await signed_in(self)
        await write(lambda session: bots.pause(session, who, who.id))
        await self._read_all()
        await say(self, "bot.paused", undo="start")

    @rx.event
    @needs("agent")
    async def resume(self) -> None:
        """Let the bot open positions again."""
        who = await signed_in(self)
        await write(lambda session: bots.start(session, who, who.id))
        await self._read_all()
        await say(self, "bot.started")

    @rx.event
    @needs("agent")
    async def undo(self, what: str) -> None:
        """Undo of the last toast."""
        if what == "start":
            who = await signed_in(self)
            await write(lambda session: bots.start(session, who, who.id))
            await self._read_all()

    async def _read_equity(self) -> None:
        who, span = await signed_in(self), SPANS[self.span]
        self.points = await read(lambda session: agent.equity_points(session, who, span))

    async def _read_all(self) -> None:
        who = await signed_in(self)
        found = await read(lambda session: _overview(session, who))
        cards, panel, facts = found["money"], found["panel"], found["facts"]
        self.cards = _cards(cards, found["bot"]["config"])
        self.rows = found["rows"]
        self.total = len(self.rows)
        self.closed = found["closed"]
        self.closed_n = found["closed_n"]
        self.closed_sum = figure(found["closed_sum"], sign=True)
        self.running = found["bot"]["desired"] == "running"
        self.version = found["bot"]["version"]
        self.last_scan_ms = facts.get("at_ms", 0)
        self.interval_ms = facts.get("interval_ms", 0)
        self.decisions = [decision_shown(row) for row in found["best"]]
        self.scan = {"analyzed": panel.analyzed, "opened": panel.opened} if panel else {}
        self.said, self.said_p = _sentence(found, self.decisions)
        self.ready = True


def _overview(session: Session, who: Principal) -> dict[str, Any]:
    prices = marks()
    positions = agent.open_positions(session, who)
    panel = agent.latest_panel(session, who)
    closed = agent.closed_since(session, who, agent.today())
    best = sorted(
        (row for row in (panel.decisions if panel else []) if row["direction"]),
        key=lambda row: (not row["passed"], -int(row["score"])),
    )
    shown_closed = [position_shown(agent.position_row(p, prices)) for p in closed[:5]]
    return {
        "money": agent.money(session, who, positions, prices),
        "bot": agent.bot_state(session, who),
        "rows": [position_shown(agent.position_row(p, prices)) for p in positions],
        "panel": panel,
        "facts": agent.scan_facts(session, panel, get_settings()) if panel else {},
        "best": best[:SHOWN_DECISIONS],
        "closed": shown_closed,
        "closed_n": len(closed),
        "closed_sum": sum((p.realized_pnl for p in closed), Decimal(0)),
    }


def _cards(cards: dict[str, Any], config: dict[str, Any]) -> dict[str, str]:
    equity = cards["equity"]
    today = cards["realized_today"] + cards["unrealized"]
    risk = cards["risk"]
    return {
        "equity": figure(equity),
        "balance": figure(cards["balance"]),
        "today": figure(today, sign=True),
        "realized": figure(cards["realized_today"], sign=True),
        "unrealized": figure(cards["unrealized"], sign=True),
        "open": str(cards["open"]),
        "up": str(cards["up"]),
        "down": str(cards["down"]),
        "margin": figure(cards["margin"]),
        "risk": figure(risk),
        "risk_pct": percent(risk / equity if equity > 0 else None, 1),
        "drawdown": percent(cards["drawdown"]),
        "peak": figure(cards["peak"]),
        "dd_limit": f"{config['max_drawdown_pct']} %",
        "cards": figure(cards["cards"]),
        "max_positions": str(config["max_positions"]),
        "unprotected": str(cards["unprotected"]),
    }


def _sentence(found: dict[str, Any], decisions: list[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    bot, panel = found["bot"], found["panel"]
    if bot["desired"] == "paused":
        return "bot.said.paused", {}
    if bot["desired"] != "running":
        return "bot.said.stopped", {"why": {"en": bot["reason"], "zh": in_chinese(bot["reason"])}}
    if panel is None:
        return "bot.said.waiting", {}
    figures = {"symbols": panel.analyzed, "scan": f"{bot['scans']:,}", "n": panel.opened}
    first = next((d for d in decisions if d["opened"]), None)
    if first is None:
        return "bot.said.none", figures
    return f"bot.said.opened_{first['side']}", figures | {"symbol": first["base"], "score": first["score"]}
