"""Signals and syncs under control: what scans and when, jobs run at once, positions with their levels, symbols that rest."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.clock import now_ms
from backend.dashboards import control, service
from backend.live import hub
from backend.monitoring import asked
from state.base import needs, read
from state.merchant import act, row_id
from state.ui import say
from state.words import MISSING, figure, percent, price, quantity

JOBS = tuple(asked.OFFERED.values())


class Control(rx.State):
    """Everything of the page; nothing here is of one tenant."""

    strategies: list[dict[str, Any]] = []
    jobs: list[dict[str, Any]] = []
    held: list[dict[str, Any]] = []
    rests: list[dict[str, Any]] = []
    ready: bool = False
    _allowed: ClassVar[tuple[str, ...]] = ("admin",)

    @rx.event
    @needs("admin")
    async def load(self) -> None:
        """The page was opened."""
        await self._read()

    @rx.event(supersedes=True)
    @needs("admin")
    async def refresh(self) -> None:
        """A scan, a job, an order."""
        await self._read()

    @rx.event
    @needs("admin", may="settings")
    async def switch(self, number: str, on: bool) -> None:
        """Scan with a strategy or not."""
        strategy, on = row_id(number), on is True
        code = await act(self, lambda session, who: service.switch_strategy(session, who, strategy, on))
        await self._read()
        await say(self, "catalogue.on" if on else "catalogue.off", name=code)

    @rx.event
    @needs("admin", may="settings")
    async def run_now(self, job: str) -> None:
        """Have a job run at once."""
        name = str(job)
        await act(self, lambda session, who: asked.ask(session, who, name))
        await say(self, "ctl.asked", job=name)

    async def _read(self) -> None:
        found = await read(_everything)
        self.strategies, self.jobs, self.held, self.rests = found["strategies"], found["jobs"], found["held"], found["rests"]
        self.ready = True


def _everything(session: Session) -> dict[str, Any]:
    market_ms = int(hub.snapshot("market").get("market_ms", 0)) or now_ms()
    return {
        "strategies": [
            row | {"id": str(row["id"]), "scans": f"{row['scans']:,}", "signals": f"{row['signals']:,}"} for row in control.strategies(session)
        ],
        "jobs": [
            row | {"word": f"ctl.j.{row['word']}", "took": f"{row['took_ms']} ms" if row["took_ms"] is not None else "", "failures": f"{row['failures']:,}"}
            for row in control.jobs(session)
        ],
        "held": [_held(row) for row in control.held(session)],
        "rests": [{"id": row["symbol"], "n": f"{row['accounts']:,}", "until_ms": row["until_ms"]} for row in control.resting(session, market_ms)],
    }


def _held(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("user", "symbol", "side", "rests")} | {name: price(row[name] or None) for name in ("mark", "stop", "target")} | {
        "id": str(row["id"]), "account": f"#{row['account_id']}", "quantity": quantity(row["quantity"]), "entry": price(row["entry"]),
        "away": percent(row["away"], 1) if row["away"] is not None else MISSING,
        "pnl": figure(row["pnl"], sign=True) if row["pnl"] is not None else MISSING,
    }  # fmt: skip
