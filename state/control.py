"""Signals and syncs under control: what scans and when, jobs run at once, positions with their levels, symbols that rest."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.clock import now_ms, to_ms
from backend.dashboards import service
from backend.dashboards.marks import marks, unrealized
from backend.live import hub
from backend.models import Cooldown, JobRun, Position, Scan, Strategy, User
from backend.monitoring import asked
from state.base import needs, read
from state.merchant import act, row_id
from state.ui import say
from state.words import MISSING, figure, price, quantity

MOST = 200
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
    return {"strategies": _strategies(session), "jobs": _jobs(session), "held": _held(session), "rests": _rests(session)}


def _strategies(session: Session) -> list[dict[str, Any]]:
    totals = {
        number: (int(scans), int(signals or 0), last)
        for number, scans, signals, last in session.exec(
            select(Scan.strategy_id, func.count(), func.sum(Scan.signals), func.max(Scan.at)).group_by(col(Scan.strategy_id))
        ).all()
    }
    rows = []
    for row in session.exec(select(Strategy).order_by(col(Strategy.code))).all():
        scans, signals, last = totals.get(row.id or 0, (0, 0, None))
        rows.append(
            {"id": str(row.id), "code": row.code, "timeframe": row.timeframe, "on": row.status == 1, "scans": f"{scans:,}", "signals": f"{signals:,}",
             "last_ms": to_ms(last) if last else 0}
        )  # fmt: skip
    return rows


def _jobs(session: Session) -> list[dict[str, Any]]:
    last = session.exec(select(func.max(Scan.at))).one()
    found = {row.name: row for row in session.exec(select(JobRun).where(col(JobRun.name).in_(list(asked.OFFERED)))).all()}
    # A scan is no job of the timetable: what tells of it is what it wrote.
    scan = {"id": asked.SCAN, "word": f"ctl.j.{asked.OFFERED[asked.SCAN]}", "ok_ms": to_ms(last) if last else 0, "took": "", "bad": False, "failures": "0"}
    return [scan] + [
        {"id": name, "word": f"ctl.j.{word}", "ok_ms": to_ms(row.last_ok_at) if (row := found.get(name)) and row.last_ok_at else 0,
         "took": f"{row.last_duration_ms} ms" if row else "", "bad": bool(row and row.last_error), "failures": f"{row.failures:,}" if row else "0"}
        for name, word in asked.OFFERED.items()
        if name != asked.SCAN
    ]  # fmt: skip


def _held(session: Session) -> list[dict[str, Any]]:
    prices = marks()
    statement = select(Position, User).join(User, col(User.id) == Position.user_id).where(
        Position.status == "OPEN", col(Position.stop_loss).is_not(None) | col(Position.take_profit).is_not(None)
    )  # fmt: skip
    rows = []
    for position, user in session.exec(statement.order_by(col(Position.id).desc()).limit(MOST)).all():
        mark = prices.get(position.symbol)
        pnl = unrealized(position, mark)
        away = abs(mark - position.stop_loss) / mark * 100 if mark and position.stop_loss else None
        rows.append(
            {"id": str(position.id), "user": user.name or user.email, "account": f"#{position.account_id}", "symbol": position.symbol,
             "side": position.position_side, "quantity": quantity(position.quantity), "entry": price(position.entry_price),
             "mark": price(mark) if mark else MISSING, "stop": price(position.stop_loss) if position.stop_loss else MISSING,
             "target": price(position.take_profit) if position.take_profit else MISSING, "away": f"{away:.1f} %" if away is not None else MISSING,
             "pnl": figure(pnl, sign=True) if pnl is not None else MISSING, "rests": position.stop_status == "OPEN"}
        )  # fmt: skip
    return rows


def _rests(session: Session) -> list[dict[str, Any]]:
    now = int(hub.snapshot("market").get("market_ms", 0)) or now_ms()
    count = select(Cooldown.symbol, func.count(), func.max(Cooldown.until_ms)).where(Cooldown.until_ms > now)
    rows = session.exec(count.group_by(col(Cooldown.symbol)).order_by(func.count().desc()).limit(MOST)).all()
    return [{"id": symbol, "n": f"{int(number):,}", "until_ms": int(until)} for symbol, number, until in rows]
