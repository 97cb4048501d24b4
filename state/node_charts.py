"""A node's minutes as lines: one path per figure and span, with its last and its worst value as text."""

from __future__ import annotations

from typing import Any

from backend.clock import now_ms
from state.words import MISSING

Row = dict[str, Any]
WIDTH, HEIGHT = 240, 32
_HOUR_MS = 3_600_000
_UNITS = {"latency_ms": "ms", "load_pct": "%", "skew_ms": "ms", "inflight": ""}
NAMES = {"latency_ms": "node.latency", "load_pct": "node.load", "skew_ms": "node.skew", "inflight": "node.inflight"}


def node_charts(history: dict[int, list[Row]]) -> list[Row]:
    """[{hours, lines: [{k, d, last, worst}]}] by span; a span nobody spoke in has no lines."""
    now = now_ms()
    return [
        {"hours": str(hours), "lines": [_line(name, rows, now - hours * _HOUR_MS, now) for name in NAMES] if rows else []}
        for hours, rows in history.items()
    ]


def _line(name: str, rows: list[Row], start_ms: int, end_ms: int) -> Row:
    known = [(row["at_ms"], row[name]) for row in rows if row[name] is not None]
    worst = max((abs(value) for _, value in known), default=0)
    return {
        "k": NAMES[name],
        "d": line_path(known, worst, start_ms, end_ms),
        "last": _said(known[-1][1], name) if known else MISSING,
        "worst": _said(max(known, key=lambda one: abs(one[1]))[1], name) if known else MISSING,
    }


def _said(value: int, name: str) -> str:
    return f"{value:,} {_UNITS[name]}".strip()


def line_path(known: list[tuple[int, int]], worst: int, start_ms: int, end_ms: int) -> str:
    """An SVG path; it is broken where the node was silent for more than three steps."""
    gap = (end_ms - start_ms) / 20
    parts: list[str] = []
    before: int | None = None
    for at_ms, value in known:
        x = max(0.0, (at_ms - start_ms) / (end_ms - start_ms)) * WIDTH
        y = HEIGHT - 2 - (abs(value) / worst if worst else 0) * (HEIGHT - 4)
        fresh = before is None or at_ms - before > gap
        parts.append(f"{'M' if fresh else 'L'}{x:.1f} {y:.1f}" + ("h0.1" if fresh else ""))
        before = at_ms
    return "".join(parts)
