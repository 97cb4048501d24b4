"""When a measurement is an incident, and when people hear of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

CHECKS = ("services", "nodes", "database", "redis", "queues", "jobs", "leases", "disk", "invariants")
"""What can be looked at; ``--services`` chooses among them."""

LIMITS: MappingProxyType[str, int] = MappingProxyType(
    {
        "service_ms": 3_000, "node_silent_s": 180, "node_skew_ms": 2_000, "node_latency_ms": 5_000, "database_ms": 500, "redis_ms": 250,
        "orders_waiting_s": 60, "orders_unknown_s": 120, "webhooks_late_s": 600, "notices_late_s": 600, "exports_waiting_s": 900,
        "jobs_waiting_s": 300, "job_silent_s": 1_800, "disk_free_mb": 500,
    }
)  # fmt: skip
"""The bound of each measurement. A larger value is an incident; for ``disk_free_mb`` a smaller one."""
AT_LEAST = frozenset({"disk_free_mb"})
NAMES: MappingProxyType[str, str] = MappingProxyType(
    {
        "service_ms": "Time to answer", "node_silent_s": "Silent for", "node_skew_ms": "Clock differs by", "node_latency_ms": "The exchange answers in",
        "database_ms": "Time to answer", "redis_ms": "Time to answer", "orders_waiting_s": "The oldest waits for",
        "orders_unknown_s": "The oldest is unknown for", "webhooks_late_s": "The oldest is late by", "notices_late_s": "The oldest is late by",
        "exports_waiting_s": "The oldest waits for", "jobs_waiting_s": "The oldest is late by", "job_silent_s": "Silent for", "disk_free_mb": "Free",
    }
)  # fmt: skip
"""What each measurement is called where people read it."""
ONE_OF: MappingProxyType[str, str] = MappingProxyType(
    {
        "services": "service", "nodes": "node", "queues": "queue", "jobs": "job", "leases": "lease", "invariants": "invariant", "redis": "Redis",
    }
)  # fmt: skip
"""A check as a word for one of what it looks at; the others are their own."""
_UNITS = {"ms": "ms", "s": "s", "mb": "MB"}
Severity = Literal["warning", "critical"]
Notice = Literal["open", "again", "escalate", "recovered"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing looked at. ``limit`` names its bound, "" when there is none; ``value`` is in the unit of the bound."""

    check: str
    subject: str
    ok: bool
    value: int = 0
    limit: str = ""
    bound: int = 0
    detail: str = ""
    severity: Severity = "warning"

    @property
    def key(self) -> str:
        """What makes two readings the same thing."""
        return f"{self.check}:{self.subject}:{self.limit}"[:96]


@dataclass(frozen=True, slots=True)
class Policy:
    """``confirm`` bad readings in a row make an incident; then people hear of it at once, again every ``cooldown``, and as an
    escalation after ``escalate`` when it is critical and nobody has taken it."""

    confirm: int = 2
    cooldown: timedelta = timedelta(minutes=15)
    escalate: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class State:
    """An open incident as remembered."""

    seen: int
    told: int
    opened_at: datetime
    told_at: datetime | None
    escalated: bool
    taken: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of an incident: ``state`` None when it is over; ``notice`` when people are to hear of it."""

    state: State | None
    notice: Notice | None = None


def measured(check: str, subject: str, limit: str, value: int, limits: MappingProxyType[str, int] | dict[str, int], *, severity: Severity = "warning") -> Reading:
    """A reading of a value with a bound."""
    bound = limits[limit]
    ok = value >= bound if limit in AT_LEAST else value <= bound
    return Reading(check, subject, ok, value, limit, bound, severity=severity)


def step(now: datetime, reading: Reading, before: State | None, policy: Policy, *, muted: bool, told_before: datetime | None = None) -> Step:
    """The next state of one incident. ``told_before`` is when an earlier incident of the same key was last told: one that
    comes and goes is not told more often than the cooldown. ``muted``: a maintenance window holds."""
    if reading.ok:
        if before is None:
            return Step(None)
        return Step(None, "recovered" if before.told and not muted else None)
    state = before or State(0, 0, now, told_before, False, False)
    state = replace(state, seen=state.seen + 1)
    if state.seen < policy.confirm or muted:
        return Step(state)
    rested = state.told_at is None or now - state.told_at >= policy.cooldown
    overdue = now - state.opened_at >= policy.escalate
    if reading.severity == "critical" and overdue and not state.escalated and not state.taken:
        return Step(replace(state, told=state.told + 1, told_at=now, escalated=True), "escalate")
    if state.taken or not rested:
        return Step(state)
    return Step(replace(state, told=state.told + 1, told_at=now), "again" if state.told else "open")


def limits_of(text: str) -> dict[str, int]:
    """The bounds with those of "database_ms=300, node_silent_s=60" in their place. Raises ``ValueError`` naming the bad part."""
    found = dict(LIMITS)
    for part in text.split(","):
        if not part.strip():
            continue
        name, _, value = (word.strip() for word in part.partition("="))
        if name not in found or not (value.isascii() and value.isdigit() and len(value) <= 9):
            raise ValueError(f"'{part.strip()}' is no limit; the names are {', '.join(LIMITS)}")
        found[name] = int(value)
    return found


def services_of(text: str) -> dict[str, str]:
    """{name: address} of "web=http://127.0.0.1:3000/api/health, node=…". Raises ``ValueError`` naming the bad part."""
    found: dict[str, str] = {}
    for part in text.split(","):
        if not part.strip():
            continue
        name, _, url = (word.strip() for word in part.partition("="))
        if not name or len(name) > 32 or not url.startswith(("http://", "https://")):
            raise ValueError(f"'{part.strip()}' is not name=address")
        found[name] = url
    return found


def with_unit(limit: str, value: int) -> str:
    """A value of a measurement as people read it: "3,641 ms"."""
    return f"{value:,} {_UNITS[limit.rpartition('_')[2]]}"
