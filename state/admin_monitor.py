"""The system monitor: parts that answer, jobs, leases, invariants."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.clock import now_ms
from backend.dashboards import monitor
from backend.db import get_db
from backend.live import hub
from backend.monitoring.health import database_check, market_check, scheduler_check
from backend.notifications.phrases import in_chinese
from state.base import needs, read


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

    async def _read(self) -> None:
        db = get_db()
        names = ("database", "scheduler", "market")
        checks = (database_check(db), scheduler_check(db), market_check(hub))
        answers = await asyncio.gather(*(asyncio.to_thread(check) for check in checks))
        self.parts = [
            {"id": name, "k": f"health.{name}", "ok": one.ok, "detail": one.detail, "dot": "dot" if one.ok else "dot stale",
             "latency": f"{one.latency_ms:.1f} ms" if one.latency_ms else ""}
            for name, one in zip(names, answers, strict=True)
        ]  # fmt: skip
        self.all_ok = all(one.ok for one in answers)
        found = await read(_everything)
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
    return {"jobs": monitor.jobs(session), "leases": monitor.leases(session), "waiting": monitor.waiting(session)}
