"""What the monitor looks at. Each check answers with readings; none of them raises for what it looks at."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import func, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from backend.clock import now_ms, utcnow
from backend.db import Database
from backend.execution.nodes import is_online
from backend.models import (
    ExchangeAccount,
    ExecutionNode,
    ExportJob,
    Job,
    JobRun,
    Lease,
    NoticeDelivery,
    Order,
    WebhookDelivery,
)
from backend.monitoring.service import run_invariants
from backend.monitoring.watch_rules import Reading, limits_of, measured, services_of
from backend.settings import Settings

SERVICE_TIMEOUT_S = 3.0
REDIS_TIMEOUT_S = 2.0


class Checks:
    """Everything that can be looked at, by name. ``look`` blocks: call it in a thread, outside of any transaction."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._settings = settings
        self.limits = limits_of(settings.monitor_limits)
        self.services = services_of(settings.monitor_services) or {"web": f"{settings.base_url}/api/health"}
        self._by_name: dict[str, Callable[[], list[Reading]]] = {
            "services": self._services,
            "nodes": lambda: self._read("nodes", self._nodes),
            "database": self._database,
            "redis": self._redis,
            "queues": lambda: self._read("queues", self._queues),
            "jobs": lambda: self._read("jobs", self._jobs),
            "leases": lambda: self._read("leases", _leases),
            "disk": self._disk,
            "invariants": lambda: self._read("invariants", _invariants),
        }

    def look(self, names: Iterable[str]) -> list[Reading]:
        """The readings of the named checks, now."""
        return [reading for name in names for reading in self._by_name[name]()]

    def _read(self, name: str, work: Callable[[Session], list[Reading]]) -> list[Reading]:
        try:
            with self._db.reading() as session:
                return work(session)
        except (SQLAlchemyError, OSError):
            # That the database does not answer is told once, by its own check.
            return []

    def _services(self) -> list[Reading]:
        found = []
        with httpx.Client(timeout=SERVICE_TIMEOUT_S) as client:
            for name, url in self.services.items():
                started = time.perf_counter()
                try:
                    status = client.get(url).status_code
                    detail = "" if status == httpx.codes.OK else f"answered {status}"
                except (httpx.HTTPError, httpx.InvalidURL):
                    detail = "does not answer"
                took_ms = int((time.perf_counter() - started) * 1000)
                if detail:
                    found.append(Reading("services", name, False, took_ms, detail=detail, severity="critical"))
                else:
                    found.append(Reading("services", name, True))
                    found.append(measured("services", name, "service_ms", took_ms, self.limits))
        return found

    def _nodes(self, session: Session) -> list[Reading]:
        """Nodes that were heard of at least once; one that was only just made is not silent, nobody has started it."""
        found: list[Reading] = []
        now = utcnow()
        for node in session.exec(select(ExecutionNode).where(ExecutionNode.status == 1)).all():
            if node.last_heartbeat_at is None:
                continue
            silent_s = int((now - node.last_heartbeat_at).total_seconds())
            silence = measured("nodes", node.node_code, "node_silent_s", silent_s, self.limits, severity="critical")
            found.append(silence if silence.ok else replace(silence, detail=_waiting_for(session, node)))
            if is_online(node):
                found.append(measured("nodes", node.node_code, "node_skew_ms", abs(node.clock_skew_ms or 0), self.limits))
                found.append(measured("nodes", node.node_code, "node_latency_ms", int(node.latency_ms or 0), self.limits))
        return found

    def _database(self) -> list[Reading]:
        started = time.perf_counter()
        try:
            with self._db.reading() as session:
                session.connection().execute(text("SELECT 1")).scalar_one()
        except (SQLAlchemyError, OSError):
            return [Reading("database", "", False, detail="does not answer", severity="critical")]
        took_ms = int((time.perf_counter() - started) * 1000)
        return [Reading("database", "", True), measured("database", "", "database_ms", took_ms, self.limits)]

    def _redis(self) -> list[Reading]:
        if not self._settings.redis_url:
            return []
        import redis

        started = time.perf_counter()
        client = redis.Redis.from_url(self._settings.redis_url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S)
        try:
            client.ping()
        except (redis.RedisError, OSError):
            return [Reading("redis", "", False, detail="does not answer", severity="critical")]
        finally:
            client.close()
        took_ms = int((time.perf_counter() - started) * 1000)
        return [Reading("redis", "", True), measured("redis", "", "redis_ms", took_ms, self.limits)]

    def _queues(self, session: Session) -> list[Reading]:
        now = utcnow()
        one = self._oldest
        return [
            one(session, now, "orders waiting", "orders_waiting_s", col(Order.created_at), Order.status == "PENDING", critical=True),
            one(session, now, "orders unknown", "orders_unknown_s", col(Order.updated_at), Order.status == "UNKNOWN", critical=True),
            one(session, now, "webhooks", "webhooks_late_s", col(WebhookDelivery.next_at), WebhookDelivery.status == "PENDING"),
            one(session, now, "messages", "notices_late_s", col(NoticeDelivery.next_at), NoticeDelivery.status == "PENDING"),
            one(session, now, "exports", "exports_waiting_s", col(ExportJob.created_at), ExportJob.status == "queued"),
            self._late_work(session),
        ]

    def _oldest(self, session: Session, now: datetime, name: str, limit: str, column: Any, *where: Any, critical: bool = False) -> Reading:
        oldest = session.exec(select(func.min(column)).where(*where)).one()
        age_s = max(0, int((now - oldest) / timedelta(seconds=1))) if oldest is not None else 0
        return measured("queues", name, limit, age_s, self.limits, severity="critical" if critical else "warning")

    def _late_work(self, session: Session) -> Reading:
        oldest = session.exec(select(func.min(Job.due_ms)).where(Job.state == "WAITING")).one()
        late_s = max(0, (now_ms() - int(oldest)) // 1000) if oldest is not None else 0
        return measured("queues", "jobs", "jobs_waiting_s", late_s, self.limits)

    def _jobs(self, session: Session) -> list[Reading]:
        found: list[Reading] = []
        now = utcnow()
        for job in session.exec(select(JobRun)).all():
            found.append(Reading("jobs", job.name, job.last_error == "", job.failures, detail=job.last_error and f"failed ({job.last_error})"))
            if job.last_started_at is not None:
                silent_s = int((now - job.last_started_at).total_seconds())
                found.append(measured("jobs", job.name, "job_silent_s", silent_s, self.limits))
        return found

    def _disk(self) -> list[Reading]:
        try:
            free_mb = shutil.disk_usage(self._settings.home).free // 1_000_000
        except OSError:
            return [Reading("disk", "", False, detail="cannot be read", severity="critical")]
        return [measured("disk", "", "disk_free_mb", free_mb, self.limits, severity="critical")]


def _waiting_for(session: Session, node: ExecutionNode) -> str:
    served = session.exec(select(func.count()).where(ExchangeAccount.node_id == node.id, ExchangeAccount.status == 1)).one()
    return f"It serves {served} accounts. Their orders wait or go another way; look at the machine, or move the accounts."


def _leases(session: Session) -> list[Reading]:
    """Somebody must hold each lease that was ever taken; workers take over within seconds."""
    now = now_ms()
    return [
        Reading("leases", row.name, row.expires_at_ms > now, detail="" if row.expires_at_ms > now else "nobody holds it", severity="critical")
        for row in session.exec(select(Lease)).all()
    ]


def _invariants(session: Session) -> list[Reading]:
    return [
        Reading("invariants", one.name[:64], one.ok, one.checked, detail=one.difference[:200], severity="critical") for one in run_invariants(session)
    ]
