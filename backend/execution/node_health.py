"""How nodes fare over time: one row a minute out of their heartbeats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete
from sqlalchemy import select as sa_select
from sqlmodel import Session, col

from backend.clock import now_ms, to_ms, utcnow
from backend.execution.nodes import count_of
from backend.models import ExecutionNode, NodeSample

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
SPANS_H: Final = (1, 6, 24, 168)
STEPS: Final = 60


def sample(session: Session, node: ExecutionNode, body: Mapping[str, Any]) -> None:
    """Keep what a heartbeat said in its minute: the slowest exchange and the fullest load, the last skew.

    The caller holds the node's row locked, so two heartbeats of one node do not meet here.
    """
    assert node.id is not None
    minute = now_ms() // MINUTE_MS * MINUTE_MS
    row = session.get(NodeSample, (node.id, minute)) or NodeSample(node_id=node.id, minute_ms=minute)
    row.beats += 1
    row.latency_ms = _most(row.latency_ms, node.latency_ms)
    row.load_pct = _most(row.load_pct, count_of(body.get("load_pct")))
    row.inflight = max(row.inflight, node.inflight)
    row.skew_ms = node.clock_skew_ms
    session.add(row)


def history(session: Session, node_id: int) -> dict[int, list[dict[str, Any]]]:
    """For each of ``SPANS_H`` the node's rows, oldest first: {at_ms, latency_ms, skew_ms, load_pct, inflight}.

    A span is cut into ``STEPS`` equal steps; of each the worst figure is kept. A step without a heartbeat is missing.
    """
    now = now_ms()
    minute = col(NodeSample.minute_ms)
    asked = sa_select(
        minute, col(NodeSample.latency_ms), col(NodeSample.skew_ms), col(NodeSample.load_pct), col(NodeSample.inflight)
    ).where(col(NodeSample.node_id) == node_id, minute >= now - max(SPANS_H) * HOUR_MS)
    rows = session.connection().execute(asked.order_by(minute)).all()
    return {hours: _stepped([row for row in rows if row[0] >= now - hours * HOUR_MS], hours) for hours in SPANS_H}


def _stepped(rows: Iterable[tuple[int, int | None, int | None, int | None, int]], hours: int) -> list[dict[str, Any]]:
    step = max(MINUTE_MS, hours * HOUR_MS // STEPS)
    found: dict[int, dict[str, Any]] = {}
    for minute, latency, skew, load, inflight in rows:
        at = minute // step * step
        known = found.setdefault(at, {"at_ms": at, "latency_ms": None, "skew_ms": None, "load_pct": None, "inflight": 0})
        known["inflight"] = max(known["inflight"], inflight)
        known["latency_ms"], known["load_pct"] = _most(known["latency_ms"], latency), _most(known["load_pct"], load)
        if skew is not None and abs(skew) >= abs(known["skew_ms"] or 0):
            known["skew_ms"] = skew
    return list(found.values())


def prune(session: Session, days: int) -> int:
    """Drop minutes older than ``days``; returns how many."""
    before = to_ms(utcnow() - timedelta(days=days))
    return int(session.connection().execute(delete(NodeSample).where(col(NodeSample.minute_ms) < before)).rowcount)


def _most(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else max(one, other)
