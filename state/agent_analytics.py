"""The agent's analytics."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import reflex as rx

from backend.dashboards.analytics import analysis
from backend.dashboards.performance import Analysis, Group
from state.base import needs, read, signed_in
from state.words import MISSING, figure, percent

LISTS = ("symbol", "strategy", "weekday", "hour")


class AgentAnalytics(rx.State):
    """``cards`` are texts; ``groups`` rows of the chosen list: {k words or "", name, trades, win, net}; ``points`` days of the chart."""

    ready: bool = False
    mode: str = ""
    cards: dict[str, str] = {}
    by: str = "symbol"
    groups: list[dict[str, str]] = []
    points: list[dict[str, Any]] = []
    _groups: dict[str, list[dict[str, str]]] = {}

    @rx.event
    @needs("agent")
    async def load(self) -> None:
        """The page was opened, or a position closed."""
        who = await signed_in(self)
        mode, found = await read(lambda session: analysis(session, who))
        self.mode, self.ready = mode.upper() if found else "", True
        self.cards, self._groups = ({}, {}) if found is None else (_cards(found), _lists(found))
        self.groups = self._groups.get(self.by, [])
        self.points = [
            {"time": day.day_ms // 1000, "equity": round(day.equity, 2), "peak": round(day.peak, 2), "drawdown": round(day.drawdown * 100, 3)}
            for day in (found.curve if found else ())
        ]

    @rx.event
    @needs("agent")
    async def choose(self, by: str) -> None:
        """Group the trades by something else."""
        self.by = by if by in LISTS else self.by
        self.groups = self._groups.get(self.by, [])


def _cards(found: Analysis) -> dict[str, str]:
    return {
        "total": _percent(found.total),
        "sharpe": _ratio(found.sharpe),
        "sortino": _ratio(found.sortino),
        "calmar": _ratio(found.calmar),
        "drawdown": _percent(found.drawdown),
        "drawdown_days": str(found.drawdown_days),
        "wins": str(found.win_streak),
        "losses": str(found.loss_streak),
        "fees": _percent(found.fee_share),
        "funding": _percent(found.funding_share),
        "trades": f"{found.trades:,}",
        "days": f"{found.days:,}",
    }


def _ratio(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f}".replace("-", "\u2212")


def _percent(value: float | None) -> str:
    return MISSING if value is None else percent(Decimal(repr(value)), 2)


def _lists(found: Analysis) -> dict[str, list[dict[str, str]]]:
    lists = {"symbol": found.by_symbol, "strategy": found.by_strategy, "weekday": found.by_weekday, "hour": found.by_hour}
    return {by: [_row(by, group) for group in groups] for by, groups in lists.items()}


def _row(by: str, group: Group) -> dict[str, str]:
    name = f"{group.name}:00" if by == "hour" else group.name or MISSING
    return {
        "k": f"weekday.{group.name}" if by == "weekday" else "",
        "name": name,
        "trades": f"{group.trades:,}",
        "win": percent(Decimal(group.won) / group.trades, 0),
        "net": figure(group.net, sign=True),
    }
