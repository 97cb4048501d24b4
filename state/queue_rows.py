"""Jobs of the queue as text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from backend.notifications.phrases import in_chinese
from state.words import MISSING, figure

Row = dict[str, Any]
DOTS = {"WAITING": "dot off", "RUNNING": "dot", "DONE": "dot off", "DEAD": "dot stale", "EXPIRED": "dot off"}


def job(row: Row) -> Row:
    """One job of a list."""
    took = row["ended_ms"] - row["started_ms"] if row["ended_ms"] and row["started_ms"] else None
    return {
        "id": str(row["id"]),
        "at_ms": row["at_ms"],
        "ended_ms": row["ended_ms"],
        "kind": f"queue.kind.{row['kind']}",
        "lane": f"queue.lane.{row['lane']}",
        "state": f"queue.is.{row['state']}",
        "dot": DOTS[row["state"]],
        "look": row["state"] == "DEAD",
        "attempts": str(row["attempts"]),
        "owner": row["owner"][:8] or MISSING,
        "error": row["error"],
        "error_zh": in_chinese(row["error"]),
        "took": f"{figure(took, 0)} ms" if took is not None and took >= 0 else MISSING,
    }


def job_detail(row: Row) -> Row:
    """With what it is about and what came of it."""
    return job(row) | {
        "dead": row["state"] == "DEAD",
        "payload": json.dumps(row["payload"], ensure_ascii=False)[:600],
        "result": json.dumps(row["result"], ensure_ascii=False)[:600] if row["result"] else "",
        "token": str(row["token"]),
        "started_ms": row["started_ms"],
    }


def counts(row: Row) -> Row:
    """How many, with separators."""
    return {key: f"{value:,}" for key, value in row.items()}


ROWS: dict[str, Callable[[Row], Any]] = {"jobs": job}
TOTALS: dict[str, Callable[[Row], Any]] = {"jobs": counts}
DETAILS: dict[str, Callable[[Row], Any]] = {"jobs": job_detail}
