"""Operators, the strategy catalogue and subscriptions as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backend.execution.resting_rules import CONFIRM_BARS, RETEST_BARS
from backend.notifications.phrases import in_chinese
from state.words import MISSING, figure

Row = dict[str, Any]


def admin(row: Row) -> Row:
    """An operator."""
    return {name: row[name] for name in ("username", "nickname", "role", "active", "login_ms", "created_ms", "me")} | {"id": str(row["id"])}


def admin_detail(row: Row) -> Row:
    """An operator with sessions and newest acts."""
    acts = [{"id": str(a["id"]), "at_ms": a["at_ms"], "action": a["action"], "target": a["target"], "ok": a["ok"]} for a in row["acts"]]
    return admin(row) | {"sessions": str(row["sessions"]), "acts": acts}


def strategy(row: Row) -> Row:
    """A strategy of the catalogue."""
    return {name: row[name] for name in ("code", "name", "text", "algorithm", "timeframe", "active", "created_ms")} | {
        "text_zh": in_chinese(row["text"]),
        "id": str(row["id"]),
        "symbols": f"{row['symbols']:,}" if row["symbols"] else "",
        "capital": figure(row["capital"]),
        "leverage": f"{row['leverage']}×",
        "risk": f"risk.{row['risk_mode']}",
        "max_loss": figure(row["max_loss"]) if row["max_loss"] is not None else MISSING,
        "min_capital": figure(row["min_capital"]),
        "score": str(row["min_confidence"]),
        "cooldown": str(row["cooldown_minutes"]),
        "offered": f"{row['offered']:,}",
        "followers": f"{row['followers']:,}",
        "in_capital": f"{row['capital']:f}",
        "in_min_capital": f"{row['min_capital']:f}",
        "in_leverage": str(row["leverage"]),
        "in_risk": str(row["risk_mode"]),
        "in_score": str(row["min_confidence"]),
        "in_cooldown": str(row["cooldown_minutes"]),
    }


def strategy_detail(row: Row) -> Row:
    """One with its algorithm's settings."""
    config = row["config"]
    return strategy(row) | {
        "in_entry": "limit" if config.get("entry_mode") == "limit" else "market",
        "in_bars": str(config.get("retest_bars", RETEST_BARS)),
        "in_offset": str(config.get("retest_offset_bps", 0)),
        "in_confirm": config.get("confirm_after_fill") is True,
        "in_confirm_bars": str(config.get("post_fill_confirm_bars", CONFIRM_BARS)),
        "pairs": [{"k": str(key), "v": str(value)[:120]} for key, value in row["config"].items()],
        "watched": ", ".join(row["watched"][:60]),
    }


def binding(row: Row) -> Row:
    """A subscription."""
    return {name: row[name] for name in ("at_ms", "tenant", "user", "exchange", "mode", "strategy", "active")} | {
        "id": str(row["id"]),
        "user_id": str(row["user_id"]),
        "shots": f"binding.{row['shots']}",
        "ratio": f"{row['ratio']} %",
        "capital": figure(row["capital"]),
        "leverage": f"{row['leverage']}×",
        "risk": f"risk.{row['risk_mode']}",
        "amount": figure(row["amount"]),
        "max_loss": figure(row["max_loss"]) if row["max_loss"] is not None else MISSING,
        "profit": figure(row["profit"], sign=True),
        "trades": f"{row['trades']:,}",
        "cards": figure(row["cards"]),
        "stuck": row["active"] and not (row["offered"] and row["strategy_on"] and row["cards"] > 0),
    }


ROWS: dict[str, Callable[[Row], Row]] = {"admins": admin, "strategies": strategy, "bindings": binding}
DETAILS: dict[str, Callable[[Row], Row]] = {"admins": admin_detail, "strategies": strategy_detail, "bindings": binding}
