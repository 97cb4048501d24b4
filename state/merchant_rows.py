"""Rows of a merchant's keys and of quota plans as text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from state.words import MISSING, figure

Row = dict[str, Any]
LIMITS = ("api_calls_daily", "api_calls_monthly", "max_users", "max_strategies", "max_exchange_accounts")
UNLIMITED = "∞"


def key(row: Row) -> Row:
    """An API key."""
    return {name: row[name] for name in ("app_key", "label", "active", "legacy", "legacy_writes", "created_ms")} | {
        "id": str(row["id"]),
        "name": row["label"] or f"{row['app_key'][:8]}…",
        "short": f"{row['app_key'][:8]}…{row['app_key'][-4:]}",
        "used_ms": row["used_ms"] or 0,
        "revoked_ms": row["revoked_ms"] or 0,
        "nets": len(row["ips"]),
        "ips": "\n".join(row["ips"]),
    }


def key_totals(row: Row) -> Row:
    """How many keys are active and how many accept the old signature."""
    return {name: str(row[name]) for name in ("active", "legacy")}


def plan(row: Row) -> Row:
    """A quota plan."""
    return {name: row[name] for name in ("code", "name", "active")} | {
        "id": str(row["id"]),
        "text": row["description"],
        "price": figure(row["price"]),
        "tenants": f"{row['tenants']:,}",
        **{name: f"{row[name]:,}" if row[name] else UNLIMITED for name in LIMITS},
    }


def plan_detail(row: Row) -> Row:
    """A plan with its tenants and the values of its form."""
    return plan(row) | {
        "holders": [{"id": str(one["id"]), "name": one["name"]} for one in row["holders"]],
        "in_price": f"{row['price']:f}",
        "in_order": str(row["sort_order"]),
        **{f"in_{name}": str(row[name]) for name in LIMITS},
    }


def plan_totals(row: Row) -> Row:
    """Tenants without a plan."""
    return {"without": str(row["without"])}


ERRORS = {
    "a redirect is not followed": "redirect", "the address is not public": "private", "no answer in time": "late",
    "cannot connect": "connect", "the connection failed": "cut", "the answer was cut short": "cut", "the endpoint was removed": "removed",
    "the secret cannot be opened": "sealed",
}  # fmt: skip


def delivery(row: Row) -> Row:
    """A message to a webhook endpoint."""
    host = row["url"].partition("://")[2].partition("/")[0]
    error = row["error"]
    return {name: row[name] for name in ("event", "reference", "message_id", "url", "at_ms")} | {
        "error": f"hook.x.{ERRORS.get(error, 'answered')}" if error else "",
        "id": str(row["id"]),
        "host": host or MISSING,
        "status": f"hook.{row['status'].lower()}",
        "look": row["status"] == "DEAD" or (row["status"] == "PENDING" and row["attempts"] > 0),
        "tries": str(row["attempts"]),
        "http": str(row["http_status"] or MISSING),
        "took": f"{row['took_ms']:,} ms" if row["tried_ms"] else MISSING,
        "tried_ms": row["tried_ms"] or 0,
        "next_ms": row["next_ms"] or 0,
        "done_ms": row["done_ms"] or 0,
    }


def delivery_detail(row: Row) -> Row:
    """A message with its body as people read it."""
    return delivery(row) | {"body": json.dumps(json.loads(row["payload"]), ensure_ascii=False, indent=2), "can_replay": row["can_replay"]}


def delivery_totals(row: Row) -> Row:
    """How many of each state."""
    return {key: f"{count:,}" for key, count in row.items()}


ROWS: dict[str, Callable[[Row], Row]] = {"keys": key, "plans": plan, "deliveries": delivery}
TOTALS: dict[str, Callable[[Row], Row]] = {"keys": key_totals, "plans": plan_totals, "deliveries": delivery_totals}
DETAILS: dict[str, Callable[[Row], Row]] = {"keys": key, "plans": plan_detail, "deliveries": delivery_detail}
