"""What a row's drawer shows, as text."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from backend.notifications.phrases import in_chinese
from state import desk_rows, merchant_rows, money_rows, operator_rows, queue_rows, trade_rows
from state import list_rows as rows
from state.agent_common import detail_shown, reason_key
from state.list_rows import Row
from state.node_charts import node_charts
from state.words import MISSING, figure, price, quantity

_SIDES = {"BUY": "LONG", "SELL": "SHORT"}


def order(row: Row) -> Row:
    """An order: its fills and the times of its life."""
    times = [("order.at.written", row["at_ms"]), ("order.at.sent", row["submitted_ms"]), ("order.at.changed", row["updated_ms"])]
    return rows.order(row) | {
        "client": row["client_order_id"],
        "exchange_id": row["exchange_order_id"] or MISSING,
        "exchange": row["exchange"],
        "signal": row["signal_id"] or MISSING,
        "strategy": row["strategy"] or MISSING,
        "lev": f"{row['leverage']}×",
        "wanted": quantity(row["quantity"]),
        "filled": quantity(row["filled"]),
        "stop": price(row["stop_loss"]),
        "why": rows.exit_key(row["why"]) if row["why"] else "",
        "said": row["error"] or row["reason"],
        "said_zh": in_chinese(row["error"] or row["reason"]),
        "error_code": row["error_code"],
        "position": str(row["position_id"] or ""),
        "times": [{"k": key, "at_ms": at_ms} for key, at_ms in times if at_ms],
        "fills": [_fill(one) for one in row["fills"]],
    }


def _fill(one: Row) -> Row:
    return {
        "id": str(one["id"]), "at_ms": one["at_ms"], "quantity": quantity(one["quantity"]), "price": price(one["price"]),
        "fee": figure(one["fee"], 4), "pnl": figure(one["pnl"], sign=True) if one["pnl"] else MISSING,
    }  # fmt: skip


def position(row: Row) -> Row:
    """A position: facts, its orders, what happened."""
    return detail_shown(row) | {
        "tenant": row["tenant"],
        "user": row["user"],
        "closed": row["status"] != "OPEN",
        "net": figure(row["realized"] - row["fee"], sign=True),
        "orders": [
            {
                "id": str(one["id"]), "at_ms": one["created_ms"], "status": f"order.{one['status']}",
                "leg": "leg.stop" if one["type"] == "STOP_MARKET" else "leg.entry" if one["trade_type"] in ("OPEN", "ADD") else "leg.exit",
                "quantity": quantity(one["quantity"]), "price": price(one["price"] or one["stop_loss"]),
            }
            for one in row["orders"]
        ],
    }  # fmt: skip


def scan(row: Row) -> Row:
    """A scan: decisions of everybody who follows, by reason."""
    total = sum(n for _, n in row["reasons"]) or 1
    merged: dict[str, int] = {}
    for reason, n in row["reasons"]:
        key = reason_key(reason)
        merged[key] = merged.get(key, 0) + n
    return rows.scan(row) | {
        "followers": rows.whole(row["followers"]),
        "opened": rows.whole(row["opened"]),
        "reasons": [
            {"k": key, "n": rows.whole(n), "percent": max(1, round(n / total * 100)), "kind": "act" if key == "reason.opened" else ""}
            for key, n in sorted(merged.items(), key=lambda item: -item[1])
        ],
        "written": [
            {"id": s["id"], "base": rows.base_of(s["symbol"]), "side": _SIDES.get(s["side"], s["side"]), "score": str(s["score"]), "entry": price(s["entry"]),
             "stop": price(s["stop"]), "target": price(s["target"])}
            for s in row["written"]
        ],
    }  # fmt: skip


def node(row: Row) -> Row:
    """A node with the accounts it executes for."""
    return rows.node(row) | {
        "url": row["url"],
        "created_ms": row["created_ms"],
        "charts": node_charts(row["history"]),
        "served": [
            {"id": str(a["id"]), "user": a["user"], "tenant": a["tenant"], "exchange": a["exchange"], "mode": a["mode"], "balance": figure(a["balance"])}
            for a in row["served"]
        ],
    }


def tenant(row: Row) -> Row:
    """A tenant."""
    return rows.tenant(row) | {
        "strategies": rows.whole(row["strategies"]),
        "bots": rows.whole(row["bots"]),
        "reveals": row["reveals"],
        "share": f"{row['share_bp'] / 100:g} %",
        "in_share": f"{row['next_bp'] / 100:g}",
        "next_share": f"{row['next_bp'] / 100:g} %" if row["next_bp"] != row["share_bp"] else "",
        **{f"in_{name}": f"{Decimal(value) * 100:f}".rstrip("0").rstrip(".") if "." in value else f"{int(value) * 100}" for name, value in row["rates"].items()},
        "plan": str(row["plan"] or ""),
        "plans": [{"id": str(one["id"]), "name": one["name"]} for one in row["plans"] if one["active"] or one["id"] == row["plan"]],
        "keys": [
            {"id": str(one["id"]), "name": one["label"] or f"{one['app_key'][:8]}…", "short": f"{one['app_key'][:8]}…{one['app_key'][-4:]}",
             "active": one["active"], "legacy": one["legacy"], "used_ms": one["used_ms"]}
            for one in row["keys"]
        ],
    }  # fmt: skip


def user(row: Row) -> Row:
    """A user with accounts, team, bot and newest rewards."""
    bot = row["bot"]
    return rows.user_base(row) | {
        "tenant": row["tenant"],
        "inviter": row["inviter"] or MISSING,
        "team": rows.whole(row["team"]),
        **{name: figure(row[name]) for name in ("hold", "team_hold", "self", "gift", "reward", "rewards")},
        "bot": f"botstate.{bot.get('observed') or 'none'}",
        "bot_reason": bot.get("reason", ""),
        "bot_reason_zh": in_chinese(bot.get("reason", "")),
        "bot_scans": rows.whole(bot.get("scans", 0)),
        "accounts": [
            {"id": str(a["id"]), "exchange": a["exchange"], "mode": a["mode"], "key": a["key"] or MISSING, "balance": figure(a["balance"]),
             "synced_ms": a["synced_ms"], "error": a["error"]}
            for a in row["accounts"]
        ],
        "direct": [rows.user_base(one) | {"hold": figure(one["hold"])} for one in row["direct"]],
        "bindings": [
            {"id": str(b["id"]), "code": b["code"], "active": b["active"], "trades": rows.whole(b["trades"]), "profit": figure(b["profit"], sign=True)}
            for b in row["bindings"]
        ],
        "moves": [
            {"id": str(m["id"]), "change": f"change.{m['change']}", "card": "card.self" if m["card"] == 1 else "card.gift",
             "amount": figure(m["amount"], 4, sign=True), "remark": m["remark"], "at_ms": m["at_ms"]}
            for m in row["moves"]
        ],
        "waiting": figure(row["waiting"]),
        "newest": [
            {"id": str(r["id"]), "type": f"reward.{r['type']}", "amount": figure(r["amount"], 4, sign=True), "at_ms": r["at_ms"]}
            for r in row["newest_rewards"]
        ],
    }  # fmt: skip


def pool(row: Row) -> Row:
    """A pool and where it went."""
    total = row["pool_amount"] or Decimal(1)
    return rows.pool(row) | {
        "paid": [
            {"id": str(r["id"]), "user": r["user"], "type": f"reward.{r['type']}", "amount": figure(r["amount"], 8),
             "percent": round(r["amount"] / total * 100)}
            for r in row["rewards"]
        ]
    }  # fmt: skip


def transaction(row: Row) -> Row:
    """A transaction and its entries."""
    return rows.transaction(row) | {
        "lines": [money_rows.entry(one) for one in row["lines"]],
        "sums_to": figure(row["sums_to"], 8),
        "cause": [{"id": str(one["id"]), "k": f"ledger.cause_{one['what']}", "path": one["path"]} for one in row["cause"]],
        "reversible": row["reversible"],
        "correction": str(row["correction"]["id"] or ""),
        "correction_status": f"correction.{row['correction']['status']}" if row["correction"]["id"] else "",
        "undone": row["correction"]["status"] in ("requested", "done"),
    }


def account(row: Row) -> Row:
    """A balance and its newest entries."""
    lines = [money_rows.entry(one) | {"at_ms": one["at_ms"], "what": money_rows.kind_key(one["what"]), "reference": one["reference"]} for one in row["lines"]]
    return rows.account(row) | {"lines": lines}


_STEPS = {
    "asked": "withdrawal.step_asked", "approved": "withdrawal.step_approved", "completed": "withdrawal.step_completed",
    "rejected": "withdrawal.step_rejected", "failed": "withdrawal.step_failed",
}  # fmt: skip


def withdrawal(row: Row) -> Row:
    """A request: amounts, wallet, approvals, what may be done now."""
    pending, approved = row["status"] == "pending", row["status"] == "approved"
    return rows.withdrawal(row) | {
        "before": figure(row["before"]) if row["held"] else "",
        "frozen": figure(-row["amount"], sign=True),
        "free": figure(row["free"]),
        "held": row["held"],
        "used": rows.whole(row["used"]),
        "fresh": row["used"] == 0,
        "remark": row["remark"],
        "four_eyes": figure(row["four_eyes"], 0),
        "two": row["needs"] > 1,
        "can_approve": pending and not row["mine"],
        "mine": pending and row["mine"],
        "can_pay": approved,
        "approvals": [{**one, "place": str(one["place"])} for one in row["approvals"]],
        "done_ms": row["done_ms"],
        "steps": [{"at_ms": one["at_ms"], "name": _STEPS[one["name"]]} for one in row["steps"]],
    }


def audit(row: Row) -> Row:
    """One act with everything that was noted."""
    changed, noted = operator_rows.changes(row["detail"])
    return rows.audit(row) | {"changed": changed, "pairs": noted}


DETAILS: dict[str, Callable[[Row], Any]] = {
    "orders": order, "positions": position, "history": position, "scans": scan, "nodes": node, "tenants": tenant, "users": user,
    "pools": pool, "transactions": transaction, "accounts": account, "withdrawals": withdrawal, "audit": audit,
    "offers": rows.offer, **merchant_rows.DETAILS, **money_rows.DETAILS, **desk_rows.DETAILS, **operator_rows.DETAILS,
    **trade_rows.DETAILS, **queue_rows.DETAILS,
}  # fmt: skip
