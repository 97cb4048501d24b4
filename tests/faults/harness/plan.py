"""What goes wrong in one run: drawn from its seed, nothing else."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

HEAL_S = 14.0
"""From here on nothing goes wrong any more: what is broken must come right by itself."""

_STEPS = 450
_EXCHANGE: tuple[dict[str, Any], ...] = (
    {"kind": "partial", "fractions": ["0.3", "0.3", "0.4"]},
    {"kind": "partial", "fractions": ["0.5"]},
    {"kind": "partial", "fractions": ["0.3", "0.3", "0.4"], "over_ticks": 3},
    {"kind": "hide", "hide_ms": 5000},
    {"kind": "status", "status": 429, "retry_after_s": 2, "times": 4},
    {"kind": "status", "status": 418, "retry_after_s": 6, "times": 2},
    {"kind": "status", "status": 503, "when": "after", "method": "POST", "path": "/fapi/v1/order", "times": 2},
    {"kind": "drop", "when": "after", "method": "POST", "path": "/fapi/v1/order", "times": 2},
    {"kind": "drop", "when": "before", "times": 3},
    {"kind": "cut", "bytes": 40, "method": "POST", "times": 2},
    {"kind": "cut", "bytes": 40, "clean": True, "method": "POST", "times": 2},
    {"kind": "garbage", "fields": {"avgPrice": "NaN", "executedQty": "-1"}, "method": "POST", "times": 2},
    {"kind": "garbage", "body": "<html>busy</html>", "times": 3},
    {"kind": "garbage", "fields": {"price": "1e30"}, "path": "/fapi/v1/userTrades", "times": 3},
    {"kind": "reject_stops", "times": 2},
    {"kind": "reject_stops"},
    {"kind": "delay", "delay_ms": 12_000, "when": "after", "method": "POST", "times": 1},
    {"kind": "error", "code": -2019, "method": "POST", "path": "/fapi/v1/order", "times": 1},
    {"kind": "error", "code": -1001, "times": 3},
)


@dataclass
class Plan:
    """Times are virtual seconds since the start."""

    seed: int
    crashes: set[int] = field(default_factory=set)
    unanswered: set[int] = field(default_factory=set)
    lost: float = 0.0
    cut: float = 0.0
    slow: float = 0.0
    replays: float = 0.0
    deadlocks: float = 0.0
    commit_lost: float = 0.0
    database_down: tuple[float, float] = (0.0, 0.0)
    read_only: tuple[float, float] = (0.0, 0.0)
    partitions: list[tuple[str, str, float, float]] = field(default_factory=list)
    pauses: list[tuple[str, float, float]] = field(default_factory=list)
    skew_ms: dict[str, int] = field(default_factory=dict)
    exchange: list[dict[str, Any]] = field(default_factory=list)
    redeliver: bool = False
    forget: bool = False

    @property
    def ends_s(self) -> float:
        """When the last thing that has a time of its own is over; at `HEAL_S` everything is."""
        ends = [self.database_down[1], self.read_only[1], *(part[3] for part in self.partitions), *(part[2] for part in self.pauses)]
        lasting = self.lost or self.cut or self.slow or self.replays or self.deadlocks or self.commit_lost
        return HEAL_S if lasting or self.exchange or self.skew_ms or self.redeliver else max(ends)

    def describe(self) -> str:
        """One line of what this run has."""
        parts = [
            f"{name}={value}" for name, value in vars(self).items() if value not in (0.0, (0.0, 0.0), [], {}, set(), False)
        ]
        return " ".join(parts)


def draw(seed: int) -> Plan:
    """The plan of a seed. Most runs have two or three kinds of trouble at once."""
    rng = random.Random(seed)
    plan = Plan(seed)
    kinds: list[Any] = [_crash, _crash, _crash, _lossy, _database, _partition, _pause, _skew, _exchange, _exchange, _twice]
    for kind in rng.sample(kinds, rng.choice((1, 2, 2, 3, 4))):
        kind(plan, rng)
    return plan


def _crash(plan: Plan, rng: random.Random) -> None:
    plan.crashes.update(int(_STEPS * rng.random() ** 2) + 1 for _ in range(rng.choice((1, 1, 2, 3))))


def _lossy(plan: Plan, rng: random.Random) -> None:
    plan.lost, plan.cut = rng.choice((0.0, 0.02, 0.1)), rng.choice((0.0, 0.02, 0.1))
    plan.slow, plan.replays = rng.choice((0.0, 0.1)), rng.choice((0.0, 0.5))


def _database(plan: Plan, rng: random.Random) -> None:
    plan.deadlocks, plan.commit_lost = rng.choice((0.0, 0.1, 0.3)), rng.choice((0.0, 0.02, 0.1))
    if rng.random() < 0.5:
        start = rng.uniform(1.0, 8.0)
        window = (start, start + rng.uniform(0.5, 4.0))
        if rng.random() < 0.5:
            plan.database_down = window
        else:
            plan.read_only = window


def _partition(plan: Plan, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2))):
        start = rng.uniform(0.5, 8.0)
        ends = rng.choice((("centre", "node"), ("node", "exchange"), ("centre", "exchange")))
        plan.partitions.append((*ends, start, min(HEAL_S, start + rng.choice((0.5, 3.0, 7.0, 14.0)))))


def _pause(plan: Plan, rng: random.Random) -> None:
    start = rng.uniform(0.5, 6.0)
    plan.pauses.append((rng.choice(("centre", "centre", "node")), start, min(HEAL_S, start + rng.choice((1.0, 7.0, 10.0)))))


def _skew(plan: Plan, rng: random.Random) -> None:
    for name in rng.choice((("node",), ("node",), ("centre",), ("node", "centre"))):
        plan.skew_ms[name] = rng.choice((-1, 1)) * rng.choice((1_000, 20_000, 31_000, 3_600_000))


def _exchange(plan: Plan, rng: random.Random) -> None:
    fault = dict(rng.choice(_EXCHANGE))
    if fault["kind"] not in ("hide", "partial", "reject_stops"):
        fault |= {"skip": rng.choice((0, 0, 2, 6)), "probability": rng.choice((1.0, 0.5)), "seed": rng.randrange(1000)}
    plan.exchange.append(fault)


def _twice(plan: Plan, rng: random.Random) -> None:
    plan.redeliver, plan.forget = True, rng.random() < 0.5
