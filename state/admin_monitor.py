"""The system monitor: parts that answer, jobs, leases, invariants."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.clock import now_ms
from backend.dashboards import monitor
from backend.dashboards.monitor import SHOWN
from backend.db import get_db
from backend.live import hub
from backend.monitoring.health import database_check, market_check, scheduler_check
from backend.monitoring.watch_rules import LIMITS, limits_of
from backend.notifications.phrases import in_chinese
from backend.settings import get_settings
from state.base import needs, read
from state.node_charts import line_path

__all__ = ["MEASURES", "SHOWN", "SPANS", "AdminMonitor"]

SPANS = ("1", "24")
SHORTEST_MS = 300_000
MEASURES = tuple(name for name in LIMITS if name != "job_silent_s")
_UNITS = {"ms": "ms", "s": "s", "mb": "MB"}


class AdminMonitor(rx.State):
    """Health is asked on opening and on demand; invariants take a moment and are asked apart."""

    ready: bool = False
    parts: list[dict[str, Any]] = []
    jobs: list[dict[str, Any]] = []
    leases: list[dict[str, Any]] = []
    rules: list[dict[str, Any]] = []
    waiting: dict[str, str] = {}
    all_ok: bool = True
    broken: int = 0
    checked_ms: int = 0
    checking: bool = False
    measured: list[dict[str, Any]] = []
    span: str = SPANS[0]
    _allowed: ClassVar[tuple[str, ...]] = ("admin",)

    @rx.event
    @needs("admin")
    async def load(self) -> Any:
        """Everything."""
        await self._read()
        yield
        await self._check()

    @rx.event(supersedes=True)
    @needs("admin")
    async def refresh(self) -> None:
        """Health and jobs, without the invariants."""
        await self._read()

    @rx.event
    @needs("admin")
    async def check(self) -> Any:
        """The invariants, now."""
        self.checking = True
        yield
        await self._check()

    @rx.event
    @needs("admin")
    async def look_back(self, hours: str) -> None:
        """Draw the last hour or the last day."""
        self.span = hours if hours in SPANS else SPANS[0]
        await self._draw()

    async def _draw(self) -> None:
        limits, hours = limits_of(get_settings().monitor_limits), int(self.span)
        end_ms = now_ms()
        found = await read(lambda session: monitor.measurements(session, limits, hours))
        # A young platform's line begins where its measurements do.
        first_ms = min((row["points"][0][0] for row in found), default=end_ms)
        start_ms = min(max(end_ms - hours * 3_600_000, first_ms), end_ms - SHORTEST_MS)
        self.measured = [_line(row, start_ms, end_ms) for row in found]

    async def _read(self) -> None:
        db = get_db()
        names = ("database", "scheduler", "market")
        checks = (database_check(db), scheduler_check(db), market_check(hub))
        answers = await asyncio.gather(*(asyncio.to_thread(check) for check in checks))
        self.parts = [
            _part(name, one.ok, one.detail, f"{one.latency_ms:.1f} ms" if one.latency_ms else "") for name, one in zip(names, answers, strict=True)
        ]
        self.all_ok = all(one.ok for one in answers)
        found = await read(_everything)
        online, enabled = found["nodes"]
        self.parts.append(_part("nodes", online == enabled, f"{online} of {enabled} online", ""))
        if not get_settings().redis_url:
            self.parts.append(_part("redis", True, "not set up", ""))
        await self._draw()
        self.jobs = [
            job | {"runs": f"{job['runs']:,}", "failures": str(job["failures"]), "took": f"{job['took_ms']} ms", "bad": bool(job["error"])}
            for job in found["jobs"]
        ]
        now = now_ms()
        self.leases = [
            row | {"token": str(row["token"]), "held": row["expires_ms"] > now, "dot": "dot" if row["expires_ms"] > now else "dot off"}
            for row in found["leases"]
        ]
        self.waiting = {name: str(found["waiting"].get(name, 0)) for name in ("PENDING", "SENT", "UNKNOWN", "PARTIAL", "OPEN")}
        self.ready = True

    async def _check(self) -> None:
        rules = await read(monitor.invariants)
        self.rules = [rule | {"zh": in_chinese(rule["id"]), "checked": f"{rule['checked']:,}"} for rule in rules]
        self.broken = sum(1 for rule in rules if not rule["ok"])
        self.checked_ms, self.checking = now_ms(), False


def _everything(session: Session) -> dict[str, Any]:
    return {"jobs": monitor.jobs(session), "leases": monitor.leases(session), "waiting": monitor.waiting(session), "nodes": monitor.nodes(session)}


def _part(name: str, ok: bool, detail: str, latency: str) -> dict[str, Any]:
    return {
        "id": name, "k": f"health.{name}", "ok": ok, "detail": detail, "zh": in_chinese(detail), "dot": "dot" if ok else "dot stale", "latency": latency,
    }  # fmt: skip


def _line(row: dict[str, Any], start_ms: int, end_ms: int) -> dict[str, Any]:
    unit = _UNITS[row["limit"].rpartition("_")[2]]
    top = max((value for _, value in row["points"]), default=0)
    return {
        "id": row["id"], "check": f"mon.c.{row['check']}", "subject": row["subject"], "subject_zh": in_chinese(row["subject"]),
        "what": f"mon.m.{row['limit']}", "ok": row["ok"], "dot": "dot" if row["ok"] else "dot stale", "value": f"{row['value']:,} {unit}",
        "worst": f"{row['worst']:,} {unit}", "bound": f"{row['bound']:,} {unit}", "d": line_path(row["points"], top, start_ms, end_ms),
    }  # fmt: skip
