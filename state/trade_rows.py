"""Differences and the way of a signal as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from state.agent_common import base_of

Row = dict[str, Any]
SAYS = {"open": "diff.says.open", "closed": "diff.says.closed", "absent": "diff.says.absent"}


def difference(row: Row) -> Row:
    """What platform and exchange did not agree on."""
    platform, platform_n = _said(row["platform_says"])
    exchange, exchange_n = _said(row["exchange_says"])
    return {name: row[name] for name in ("at_ms", "tenant", "user", "mode", "order_id")} | {
        "id": str(row["id"]),
        "base": base_of(row["symbol"]),
        "cause": f"diff.c.{row['cause']}",
        "action": f"diff.a.{row['action']}",
        "platform": platform,
        "platform_n": platform_n,
        "exchange": exchange,
        "exchange_n": exchange_n,
        "account": f"{row['exchange']} #{row['account_id']}",
        "order": str(row["order"] or ""),
    }


def _said(text: str) -> tuple[str, str]:
    """Key and figure of what one side said: a state of an order, or open/closed with a quantity."""
    word, _, number = text.partition(" ")
    return SAYS.get(word, f"order.{word}"), number


def counts(row: Row) -> Row:
    """How many, with separators."""
    return {key: f"{value:,}" for key, value in row.items()}


ROWS: dict[str, Callable[[Row], Any]] = {"differences": difference}
TOTALS: dict[str, Callable[[Row], Any]] = {"differences": counts}
