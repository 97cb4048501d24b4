"""How nodes fare over time: one row a minute out of their heartbeats; who fell silent, told once, and who is back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import delete
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from backend.clock import now_ms, to_ms, utcnow
from backend.execution.nodes import count_of, is_online
from backend.models import ExchangeAccount, ExecutionNode, NodeSample, Notification

log = structlog.get_logger("nodes")

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
    if node.silent_at is not None:
        _back(session, node)


def history(session: Session, node_id: int) -> dict[int, list[dict[str, Any]]]:
    """For each of ``SPANS_H`` the node's rows, oldest first: {at_ms, latency_ms, skew_ms, load_pct, inflight}.

    A span is cut into ``STEPS`` equal steps; of each the worst figure is kept. A step without a heartbeat is missing.
    """
    now = now_ms()
    columns = (NodeSample.minute_ms, NodeSample.latency_ms, NodeSample.skew_ms, NodeSample.load_pct, NodeSample.inflight)
    asked = sa_select(*columns).where(col(NodeSample.node_id) == node_id, col(NodeSample.minute_ms) >= now - max(SPANS_H) * HOUR_MS)  # type: ignore[call-overload]
    rows = [tuple(row) for row in session.connection().execute(asked.order_by(col(NodeSample.minute_ms)))]
    return {hours: _stepped([row for row in rows if row[0] >= now - hours * HOUR_MS], hours) for hours in SPANS_H}


def _stepped(rows: list[tuple[int, int | None, int | None, int | None, int]], hours: int) -> list[dict[str, Any]]:
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


def watch_nodes(session: Session) -> list[str]:
    """Tell the operators of every node that fell silent since the last look; its code. Each is told once."""
    rows = session.exec(
        select(ExecutionNode)
        .where(ExecutionNode.status == 1, col(ExecutionNode.last_heartbeat_at).is_not(None), col(ExecutionNode.silent_at).is_(None))
        .order_by(col(ExecutionNode.id))
        .with_for_update()
    ).all()
    told: list[str] = []
    for node in rows:
        if is_online(node):
            continue
        node.silent_at = utcnow()
        session.add(node)
        served = len(session.exec(select(ExchangeAccount.id).where(ExchangeAccount.node_id == node.id, ExchangeAccount.status == 1)).all())
        session.add(
            Notification(
                audience="platform", type="risk_alert", title=f"Node {node.node_code} is silent",
                message=f"It serves {served} accounts. Their orders wait or go another way; look at the machine, or move the accounts.",
                link=f"/admin/nodes?open={node.id}",
            )
        )  # fmt: skip
        log.error("a node fell silent", node=node.node_code, accounts=served)
        told.append(node.node_code)
    return told


def _back(session: Session, node: ExecutionNode) -> None:
    assert node.silent_at is not None
    minutes = max(1, round((utcnow() - node.silent_at).total_seconds() / 60))
    node.silent_at = None
    session.add(
        Notification(
            audience="platform", type="system", title=f"Node {node.node_code} is back",
            message=f"It was silent for {minutes} min.", link=f"/admin/nodes?open={node.id}",
        )
    )  # fmt: skip
    log.warning("a node is back", node=node.node_code, minutes=minutes)


def prune(session: Session, days: int) -> int:
    """Drop minutes older than ``days``; returns how many."""
    before = to_ms(utcnow() - timedelta(days=days))
    return int(session.connection().execute(delete(NodeSample).where(col(NodeSample.minute_ms) < before)).rowcount)


def _most(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else max(one, other)
