"""The agent's bot: every decision of the last scan, why, and the switch."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.bots import service as bots
from backend.dashboards import agent
from backend.errors import Unavailable
from backend.identity.principal import Principal
from backend.market.history import recent_candles
from backend.notifications.phrases import in_chinese
from backend.settings import get_settings
from state.agent_common import decision_shown, gates_shown, places_of
from state.base import needs, read, signed_in, write
from state.table import TableState
from state.ui import say
from state.words import figure

_REASON_IDS = ("opened", "score", "long", "ma", "held", "cooldown", "skip_list", "hot", "max_opened", "risk", "size", "limit", "no_direction", "filtered", "warming", "no_bar", "other")
_PARTS = ("trend", "momentum", "volume", "position", "higher")
_SORTS = ("score", "base")


class AgentBot(TableState, rx.State):
    """Rows are the decisions of the newest scan of one strategy."""

    said: str = ""
    said_p: dict[str, Any] = {}
    desired: str = ""
    reason: str = ""
    version: int = 0
    scans: str = ""
    started_ms: int = 0
    last_scan_ms: int = 0
    interval_ms: int = 0
    counts: dict[str, str] = {}
    chips: list[dict[str, str]] = []
    history: list[dict[str, str]] = []
    strategies: list[dict[str, str]] = []
    strategy: str = ""
    minimum: int = 60
    candles: list[dict[str, Any]] = []
    precision: int = 2
    asks_stop: bool = False
    open_count: int = 0
    obstacles: list[dict[str, str]] = []
    _panel_rows: list[dict[str, Any]] = []
    _values: dict[str, Any] = {}
    _names: list[str] = []
    _allowed: ClassVar[tuple[str, ...]] = ("agent",)
    _sorts: ClassVar[tuple[str, ...]] = _SORTS
    _only: ClassVar[tuple[str, ...]] = _REASON_IDS

    @rx.event
    @needs("agent")
    async def load(self) -> None:
        """The newest scan."""
        await self._read_panel()
        await self._reload()

    @rx.event(supersedes=True)
    @needs("agent")
    async def changed(self) -> None:
        """A new scan came: the list follows, an open drawer too."""
        await self._read_panel()
        await self._reload()
        await self._follow()

    @rx.event
    @needs("agent")
    async def pick_strategy(self, code: str) -> None:
        """Show another strategy's decisions."""
        if any(item["id"] == code for item in self.strategies):
            self.strategy, self.page, self.open_id, self.detail = code, 0, "", {}
            await self._read_panel()
            await self._reload()

    @rx.event
    @needs("agent")
    async def start(self) -> None:
        """Let the bot open positions."""
        who = await signed_in(self)
        await write(lambda session: bots.start(session, who, who.id))
        await self._read_panel()
        await say(self, "bot.started")

    @rx.event
    @needs("agent")
    async def pause(self) -> None:
        """No new entries; undo starts again."""
        who = await signed_in(self)
        await write(lambda session: bots.pause(session, who, who.id))
        await self._read_panel()
        await say(self, "bot.paused", undo="start")

    @rx.event
    @needs("agent")
    async def stop(self) -> None:
        """The bot ends; undo starts again."""
        who = await signed_in(self)
        await write(lambda session: bots.stop(session, who, who.id))
        self.asks_stop = False
        await self._read_panel()
        await say(self, "bot.paused", undo="start")

    @rx.event
    @needs("agent")
    async def undo(self, what: str) -> None:
        """Undo of the last toast."""
        if what == "start":
            who = await signed_in(self)
            await write(lambda session: bots.start(session, who, who.id))
            await self._read_panel()

    @rx.event
    @needs("agent")
    async def ask_stop(self, asked: bool) -> None:
        """Open or close the dialog that says what stopping does."""
        self.asks_stop = asked is True

    @rx.event
    @needs("agent")
    async def skip_symbol(self, symbol: str) -> None:
        """Put a symbol on the skip list; undo by settings."""
        who = await signed_in(self)
        known = {row["symbol"] for row in self._panel_rows}
        if symbol not in known:
            return

        def add(session: Session) -> None:
            bot = agent.bot_state(session, who)
            skips = bot["config"]["skip_list"]
            if symbol not in skips:
                bots.configure(session, who, who.id, {"skip_list": [*skips, symbol]})

        await write(add)
        await self._read_panel()
        await say(self, "bot.skipping", symbol=symbol)

    async def _read_panel(self) -> None:
        who = await signed_in(self)
        found = await read(lambda session: _panel(session, who, self.strategy))
        bot, panel, facts = found["bot"], found["panel"], found["facts"]
        self.strategies = found["strategies"]
        self.strategy = found["strategy"]
        self.desired, self.reason, self.version = bot["desired"], bot["reason"], bot["version"]
        self.scans, self.started_ms = f"{bot['scans']:,}", bot["started_ms"]
        self.minimum = int(bot["config"]["min_score"])
        self.last_scan_ms, self.interval_ms = facts.get("at_ms", 0), facts.get("interval_ms", 0)
        self._panel_rows = panel.decisions if panel else []
        self._names, self._values = facts.get("names", []), facts.get("values", {})
        self.open_count = found["open"]
        self.obstacles = [{"k": f"begin.cannot.{one.code}", "link": one.link} for one in found["obstacles"]]
        shown = [decision_shown(row) for row in self._panel_rows]
        self.chips = _chips(shown)
        self.history = found["history"]
        analyzed = panel.analyzed if panel else 0
        passed = panel.passed if panel else 0
        self.counts = {
            "analyzed": str(analyzed),
            "filtered": str(analyzed - passed),
            "passed": str(passed),
            "opened": str(panel.opened if panel else 0),
            "share": figure(Decimal(passed) / analyzed * 100, 1) if analyzed else "–",
            "limit": str(bot["config"]["max_opened_per_scan"]),
        }
        self.said, self.said_p = _sentence(bot, panel, facts, shown)

    async def _fetch(self, who: Principal) -> tuple[list[dict[str, Any]], int]:
        shown = [decision_shown(row) for row in self._panel_rows]
        if self.only:
            shown = [row for row in shown if row["why"] == f"reason.{self.only}"]
        if self.search:
            wanted = self.search.upper()
            shown = [row for row in shown if wanted in row["symbol"].upper()]
        if self.sort == "base":
            shown.sort(key=lambda row: row["base"], reverse=not self.desc)
        elif self.sort == "score":
            shown.sort(key=lambda row: row["score"], reverse=self.desc)
        else:
            shown.sort(key=lambda row: (not row["opened"], not row["side"], -row["score"]))
        start = self.page * self.size
        return shown[start : start + self.size], len(shown)

    async def _detail(self, who: Principal, row_id: str) -> dict[str, Any]:
        symbol, _, side = row_id.partition(":")
        row = next((r for r in self._panel_rows if r["symbol"] == symbol and r["direction"] == side), None)
        if row is None:
            return {}
        try:
            self.candles = await recent_candles(get_settings(), symbol, "1h", 96)
            self.precision = places_of(Decimal(str(self.candles[-1]["close"]))) if self.candles else 2
        except Unavailable:
            self.candles = []
        gates, code = gates_shown(row), self.strategy
        earlier = await read(lambda session: agent.decisions_before(session, who, code, symbol))
        values = dict(zip(self._names, self._values.get(symbol, []), strict=False))
        return decision_shown(row) | {
            "gates": gates,
            "before_n": len(earlier),
            "before": [decision_shown(one) | {"at_ms": at_ms} for at_ms, one in earlier],
            "parts": [_part(name, values.get(name)) for name in _PARTS if name in values],
            "extra": [
                {"name": name.replace("_", " "), "value": _plain(value)} for name, value in values.items() if name not in _PARTS
            ],
            "gates_passed": str(sum(1 for gate in gates if gate["state"] == "pass")),
        }


def _panel(session: Session, who: Principal, wanted: str) -> dict[str, Any]:
    strategies = [{"id": s.code, "name": s.name} for s in agent.strategies_of(session, who)]
    codes = [item["id"] for item in strategies]
    panel = agent.latest_panel(session, who, wanted if wanted in codes else "")
    code = panel.strategy_code if panel else (codes[0] if codes else "")
    return {
        "bot": agent.bot_state(session, who),
        "strategies": strategies,
        "strategy": code,
        "panel": panel,
        "facts": agent.scan_facts(session, panel, get_settings()) if panel else {},
        "open": len(agent.open_positions(session, who)),
        "obstacles": agent.obstacles_of(session, who),
        "history": _history(agent.panels_of(session, who, code)) if code else [],
    }


def _history(panels: list[Any]) -> list[dict[str, str]]:
    most = max((p.passed for p in panels), default=0) or 1
    return [
        {
            "h": f"{max(12, round(p.passed / most * 100))}%",
            "kind": "act" if p.opened else "",
            "title": f"{p.at:%H:%M:%S} UTC · {p.passed} / {p.analyzed} · {p.opened}",
        }
        for p in panels
    ]


def _chips(shown: list[dict[str, Any]]) -> list[dict[str, str]]:
    counted = Counter(row["why"].removeprefix("reason.") for row in shown)
    chips = [{"id": "", "k": "reason.all", "n": str(len(shown))}]
    rest = sorted((item for item in counted.items() if item[0] != "opened"), key=lambda item: -item[1])
    chips += [{"id": name, "k": f"reason.{name}", "n": str(n)} for name, n in rest]
    return [*chips, {"id": "opened", "k": "reason.opened", "n": str(counted.get("opened", 0))}]


def _sentence(bot: dict[str, Any], panel: Any, facts: dict[str, Any], shown: list[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    if bot["desired"] == "paused":
        return "bot.said.paused", {}
    if bot["desired"] != "running":
        return "bot.said.stopped", {"why": {"en": bot["reason"], "zh": in_chinese(bot["reason"])}}
    if panel is None:
        return "bot.said.waiting", {}
    figures = {"symbols": panel.analyzed, "scan": f"{bot['scans']:,}", "n": panel.opened, "s": figure(Decimal(facts["duration_ms"]) / 1000, 1)}
    first = next((row for row in shown if row["opened"]), None)
    if first is None:
        return "bot.said.none", figures
    return f"bot.said.opened_{first['side']}", figures | {"symbol": first["base"], "score": first["score"]}


def _part(name: str, value: float | None) -> dict[str, Any]:
    known = value is not None
    return {
        "k": f"part.{name}",
        "value": figure(Decimal(str(value)), 2, sign=True) if known else "–",
        "percent": round(min(1.0, abs(value or 0.0)) * 100),
    }


def _plain(value: float | None) -> str:
    if value is None:
        return "–"
    places = 2 if abs(value) >= 1 else 4
    return figure(Decimal(str(value)), places)

