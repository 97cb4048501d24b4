"""Differences and the way of a signal as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from state.agent_common import base_of
from state.words import MISSING, figure, percent, price, quantity

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


STEPS = ("judged", "written", "sent", "filled", "answered", "stop")


def _took(start_ms: int, end_ms: int) -> str:
    return f"{figure(end_ms - start_ms, 0)} ms" if start_ms and end_ms else MISSING


def trace(row: Row) -> Row:
    """One account's way of a signal: what each step took."""
    slippage = row["slippage_bps"]
    return {name: row[name] for name in ("at_ms", "tenant", "user", "side", "node", "mode")} | {
        "id": str(row["id"]),
        "base": base_of(row["symbol"]),
        "signal": row["signal_id"],
        "written": _took(row["judged_ms"], row["written_ms"]),
        "sent": _took(row["written_ms"], row["sent_ms"]),
        "answered": _took(row["sent_ms"], row["answered_ms"]),
        "stop": _took(row["sent_ms"], row["stop_ms"]),
        "slippage": f"{figure(slippage, 2, sign=True)} bps" if slippage is not None else MISSING,
        "outcome": f"trace.o.{row['outcome']}",
        "look": row["outcome"] in ("unknown", "refused"),
        "said": "" if row["outcome"] == "filled" else row["error"] or row["reason"],
    }


def trace_detail(row: Row) -> Row:
    """The steps in the order they happened, each with the time since the one before."""
    reached = sorted(((row[f"{name}_ms"], name) for name in STEPS if row[f"{name}_ms"]), key=lambda step: step[0])
    before = [0, *(at_ms for at_ms, _ in reached)]
    return trace(row) | {
        "steps": [
            {"k": f"trace.at.{name}", "at_ms": at_ms, "after": f"+{_took(start, at_ms)}" if start else ""}
            for start, (at_ms, name) in zip(before, reached, strict=False)
        ],
        "wanted": price(row["wanted"]), "got": price(row["got"]), "stop_price": price(row["stop_price"]), "score": str(row["score"]),
        "attempt": str(row["attempt"]), "error_code": row["error_code"],
    }  # fmt: skip


EXECUTORS = {"on": "dot", "draining": "dot stale", "silent": "dot stale", "joining": "dot off", "off": "dot off", "centre": "dot"}


def exchange_account(row: Row) -> Row:
    """An exchange account: who executes for it, and how that one is."""
    state = "off" if not row["enabled"] else "trouble" if row["error"] else "fine"
    return {name: row[name] for name in ("tenant", "user", "exchange", "mode", "enabled", "synced_ms", "error", "created_ms")} | {
        "id": str(row["id"]),
        "user_id": str(row["user_id"]),
        "key": row["key"] or MISSING,
        "balance": figure(row["balance"]),
        "available": figure(row["available"]),
        "node": row["node"],
        "node_id": str(row["node_id"] or ""),
        "egress": row["egress"] or MISSING,
        "executor": f"exacc.by.{row['executor']}",
        "dot": EXECUTORS[row["executor"]],
        "quiet": row["executor"] in ("silent", "off"),
        "state": f"exacc.is.{state}",
        "look": state == "trouble",
    }


def exchange_account_detail(row: Row) -> Row:
    """What it holds, what is on its way, where it was moved."""
    return exchange_account(row) | {
        "positions": f"{row['positions']:,}",
        "busy": row["busy"] != "",
        "orders": [
            {"id": str(o["id"]), "at_ms": o["at_ms"], "base": base_of(o["symbol"]), "side": o["side"], "status": f"order.{o['status']}"}
            for o in row["orders"]
        ],
        "moves": [{"id": str(m["id"]), "at_ms": m["at_ms"], "node": "" if m["to"] == "centre" else f"#{m['to']}"} for m in row["moves"]],
    }


def waiting(row: Row) -> Row:
    """An entry that waits at its price."""
    away = row["away"]
    return {name: row[name] for name in ("at_ms", "tenant", "user", "side", "mode", "strategy", "until_market_ms", "closed_ms", "order_id")} | {
        "id": str(row["id"]),
        "base": base_of(row["symbol"]),
        "price": price(row["price"]),
        "mark": price(row["mark"]),
        "away": percent(away, 2, sign=True) if away is not None else MISSING,
        "amount": figure(row["amount"]) if row["amount"] is not None else MISSING,
        "stop": price(row["stop_loss"]),
        "target": price(row["take_profit"]),
        "lev": f"{row['leverage']}×",
        "filled": quantity(row["filled"]) if row["filled"] else MISSING,
        "got": price(row["avg_price"]),
        "state": f"pending.s.{row['state']}",
        "why": f"pending.w.{row['why']}" if row["why"] else "",
        "waits": row["state"] in ("PENDING", "CONFIRMING"),
        "confirming": row["state"] == "CONFIRMING",
        "leaving": row["state"] == "PENDING" and row["why"] != "",
        "position": str(row["position_id"] or ""),
        "error": row["error"],
    }


def counts(row: Row) -> Row:
    """How many, with separators."""
    return {key: f"{value:,}" for key, value in row.items()}


ROWS: dict[str, Callable[[Row], Any]] = {"differences": difference, "trace": trace, "exchange_accounts": exchange_account, "pending": waiting}
TOTALS: dict[str, Callable[[Row], Any]] = {"differences": counts, "trace": counts, "exchange_accounts": counts, "pending": counts}
DETAILS: dict[str, Callable[[Row], Any]] = {"trace": trace_detail, "exchange_accounts": exchange_account_detail, "pending": waiting}
