"""Rows of the operator's lists as text: incidents, windows, broadcasts, offers of tenants, users by what they bring; and the
difference an act made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backend.monitoring.watch_rules import NAMES, with_unit
from backend.notifications.phrases import in_chinese
from state.words import figure

Row = dict[str, Any]
ARROW = " -> "


def incident(row: Row) -> Row:
    """An incident."""
    names = ("at_ms", "check", "subject", "open", "escalated", "taken_by", "ended_ms", "told_ms", "detail")
    limit = row["limit"]
    known = limit in NAMES
    measure = f"{NAMES[limit]}: {with_unit(limit, row['value'])} / {with_unit(limit, row['bound'])}" if known else row["detail"] or "–"
    return {"id": str(row["id"])} | {name: row[name] for name in names} | {
        "word": f"mon.c.{row['check']}", "severity": f"mon.s.{row['severity']}", "bad": row["severity"] == "critical" and row["open"],
        "measure": measure, "measure_zh": in_chinese(measure), "subject_zh": in_chinese(row["subject"]), "detail_zh": in_chinese(row["detail"]),
        "seen": f"{row['seen']:,}", "told": f"{row['told']:,}",
        "state": "mon.open" if row["open"] else "mon.over",
    }  # fmt: skip


def window(row: Row) -> Row:
    """A maintenance window."""
    return {name: row[name] for name in ("at_ms", "ends_ms", "subject", "reason", "holds", "by")} | {
        "id": str(row["id"]), "check": f"mon.c.{row['check'] or 'all'}",
    }  # fmt: skip


def broadcast(row: Row) -> Row:
    """What was told to many."""
    return {name: row[name] for name in ("at_ms", "by", "title", "message", "link")} | {
        "id": str(row["id"]), "people": f"{row['people']:,}", "role": f"cast.r.{row['role']}", "bot": f"cast.b.{row['bot']}",
        "mode": f"cast.m.{row['mode']}", "tenant": f"#{row['tenant_id']}" if row["tenant_id"] else "",
    }  # fmt: skip


def instance(row: Row) -> Row:
    """A strategy as a tenant offers it."""
    return {name: row[name] for name in ("tenant", "code", "name", "scanned", "own_capital", "own_leverage", "own_risk")} | {
        "id": str(row["id"]), "tenant_id": str(row["tenant_id"]), "on": row["status"] == 1, "followers": f"{row['followers']:,}",
        "capital": figure(row["capital"]), "leverage": f"{row['leverage']}×", "risk": f"risk.{row['risk_mode']}",
        "min_capital": figure(row["min_capital"]),
    }  # fmt: skip


def ranked(row: Row) -> Row:
    """A user with what it brings."""
    return {name: row[name] for name in ("user", "email", "tenant", "joined_ms")} | {
        "id": str(row["id"]), "level": f"S{row['level']}", "points": figure(row["points"]), "rewards": figure(row["rewards"]),
        "orders": f"{row['orders']:,}",
    }  # fmt: skip


def changes(detail: Row) -> tuple[list[Row], list[Row]]:
    """(what changed: {k, before, after}; everything else that was noted: {k, v}) of an audit row."""
    changed, noted = [], []
    for key, value in detail.items():
        text = str(value)
        before, arrow, after = text.partition(ARROW)
        if arrow:
            changed.append({"k": str(key), "before": before[:200], "after": after[:200]})
        elif key == "from" and "to" in detail:
            changed.append({"k": "price", "before": text[:200], "after": str(detail["to"])[:200]})
        elif not (key == "to" and "from" in detail):
            noted.append({"k": str(key), "v": text[:200]})
    return changed, noted


def _counted(row: Row) -> Row:
    return {key: f"{value:,}" if isinstance(value, int) else figure(value) for key, value in row.items()}


ROWS: dict[str, Callable[[Row], Row]] = {
    "incidents": incident, "windows": window, "broadcasts": broadcast, "instances": instance, "ranking": ranked,
}  # fmt: skip
DETAILS: dict[str, Callable[[Row], Any]] = {"incidents": incident}
TOTALS: dict[str, Callable[[Row], Row]] = {"incidents": _counted, "ranking": _counted}
