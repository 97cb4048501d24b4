"""Rows and totals of the lists as text."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from backend.notifications.phrases import in_chinese
from state import desk_rows, merchant_rows, money_rows, operator_rows, queue_rows, trade_rows
from state.agent_common import base_of, exit_key
from state.notices import folded
from state.words import MISSING, compact, figure, percent, price, quantity

Row = dict[str, Any]
PROBLEMS = ("UNKNOWN", "REJECTED", "EXPIRED", "FAILED")
DOTS = {"on": "dot", "silent": "dot stale", "draining": "dot stale"}


def _id(row: Row) -> Row:
    return {"id": str(row["id"])}


def _pick(row: Row, *names: str) -> Row:
    return {name: row[name] for name in names}


def whole(value: int) -> str:
    """A count with thousands separators."""
    return f"{value:,}"


def order(row: Row) -> Row:
    """An order in a list."""
    return _id(row) | _pick(row, "at_ms", "order_id", "tenant", "user", "side", "node", "mode") | {
        "base": base_of(row["symbol"]),
        "symbol": row["symbol"],
        "leg": f"leg.{row['leg']}",
        "quantity": quantity(row["filled"] or row["quantity"]),
        "price": price(row["price"]),
        "fee": figure(row["fee"]) if row["fee"] else MISSING,
        "status": f"order.{row['status']}",
        "look": row["status"] in PROBLEMS,
        "reason": (why := "" if row["status"] == "FILLED" else row["error"] or row["reason"]),
        "reason_zh": in_chinese(why),
    }  # fmt: skip


def fill(row: Row) -> Row:
    """An execution."""
    return _id(row) | _pick(row, "at_ms", "order_id", "tenant", "user", "side", "mode", "fill_id") | {
        "order": str(row["order"]),
        "base": base_of(row["symbol"]),
        "trade": f"trade.{row['trade']}",
        "quantity": quantity(row["quantity"]),
        "price": price(row["price"]),
        "value": figure(row["value"]),
        "fee": figure(row["fee"], 4),
        "pnl": figure(row["pnl"], sign=True) if row["pnl"] else MISSING,
    }  # fmt: skip


def position(row: Row) -> Row:
    """A position, open or closed."""
    closed = row["status"] != "OPEN"
    return _id(row) | _pick(row, "tenant", "user", "side", "mode", "opened_ms", "closed_ms", "strategy") | {
        "base": base_of(row["symbol"]),
        "symbol": row["symbol"],
        "lev": f"{row['leverage']}×",
        "closed": closed,
        "quantity": quantity(row["quantity"]) if not closed else MISSING,
        "margin": figure(row["margin"]) if not closed else MISSING,
        "entry": price(row["entry"]),
        "mark": price(row["mark"]),
        "pnl": figure(row["pnl"], sign=True),
        "roi": percent(row["roi"], sign=True),
        "realized": figure(row["realized"], sign=True),
        "fee": figure(row["fee"]),
        "net": figure(row["net"], sign=True),
        "stop": price(row["stop_loss"]),
        "target": price(row["take_profit"]),
        "score": str(row["score"]),
        "why": exit_key(row["reason"]) if closed else "pos.open",
    }  # fmt: skip


def scan(row: Row) -> Row:
    """A scan."""
    return _id(row) | _pick(row, "at_ms", "strategy", "timeframe", "bar_ms") | {
        "symbols": whole(row["symbols"]),
        "signals": whole(row["signals"]),
        "orders": whole(row["orders"]),
        "took": f"{row['duration_ms'] / 1000:.2f} s",
        "made": row["orders"] > 0,
    }  # fmt: skip


def node(row: Row) -> Row:
    """A node."""
    taking = "draining" if row["draining"] else "on"
    state = "off" if not row["enabled"] else taking if row["online"] else "silent" if row["beat_ms"] else "joining"
    return _pick(row, "id", "code", "name", "version", "beat_ms", "error", "enabled", "draining", "key_offered") | {
        "egress": row["egress"] or MISSING,
        "skew": f"{row['skew_ms']:+d} ms" if row["skew_ms"] is not None else MISSING,
        "accounts": whole(row["accounts"]),
        "orders": whole(row["orders"]),
        "latency": f"{row['latency_ms']} ms" if row["latency_ms"] is not None else MISSING,
        "inflight": str(row["inflight"]),
        "dot": DOTS.get(state, "dot off"),
        "state": f"node.{state}",
        "quiet": state == "silent",
    }


def tenant(row: Row) -> Row:
    """A tenant."""
    return _id(row) | _pick(row, "name", "email", "app_key", "billing", "active", "created_ms") | {
        "people": whole(row["people"]),
        "accounts": whole(row["accounts"]),
        **{name: figure(row[name]) for name in ("self", "gift", "tech", "undist")},
    }  # fmt: skip


def user(row: Row) -> Row:
    """A user in a list."""
    return user_base(row) | _pick(row, "tenant", "inviter") | {
        "bot": f"botstate.{row['bot'] or 'none'}",
        "running": row["bot"] == "running",
        "team": whole(row["team"]),
        **{name: figure(row[name]) for name in ("hold", "cards", "self", "gift", "reward", "rewards")},
    }  # fmt: skip


def user_base(row: Row) -> Row:
    """Who a user is."""
    return _id(row) | _pick(row, "name", "email", "code", "market_node", "active", "joined_ms") | {"level": f"S{row['level']}"}


def card(row: Row) -> Row:
    """One line of the point-card journal."""
    own = row["card"] == 1
    before, after = ("before_self", "after_self") if own else ("before_gift", "after_gift")
    return _id(row) | _pick(row, "at_ms", "tenant", "related", "remark") | {
        "user": row["user"],
        "stock": not row["user"],
        "change": f"change.{row['change']}",
        "card": "card.self" if own else "card.gift",
        "amount": figure(row["amount"], 4, sign=True),
        "before": figure(row[before]),
        "after": figure(row[after]),
    }  # fmt: skip


def reward(row: Row) -> Row:
    """A reward."""
    levels = f"S{row['from_level']} → S{row['to_level']}" if row["from_level"] is not None and row["to_level"] is not None else ""
    return _id(row) | _pick(row, "at_ms", "tenant", "user", "source", "root", "batch", "remark") | {
        "type": f"reward.{row['type']}",
        "amount": figure(row["amount"], 4),
        "rate": _rate(row["rate"]),
        "levels": levels,
        "pool": str(row["pool"]),
    }  # fmt: skip


def _rate(text: str) -> str:
    try:
        value = Decimal(text)
    except ArithmeticError:
        return MISSING
    return percent(value, 0) if value else MISSING


def pool(row: Row) -> Row:
    """A profit pool."""
    shares = ("tech_amount", "direct_distributed", "diff_distributed", "peer_distributed", "network_undistributed", "platform_amount")
    return _id(row) | _pick(row, "at_ms", "tenant", "user", "error", "stuck", "settled_ms") | {
        "status": f"pool.{row['status']}",
        "look": row["status"] == "failed",
        "open": row["status"] != "settled",
        "tries": str(row["tries"]),
        "profit": figure(row["profit_amount"], sign=True),
        "charge": figure(row["deduct_amount"]),
        "taken_self": figure(row["self_deduct"], 4),
        "taken_gift": figure(row["gift_deduct"], 4),
        "pool": figure(row["pool_amount"], 4),
        **{name: figure(row[name], 4) for name in shares},
    }  # fmt: skip


def transaction(row: Row) -> Row:
    """A ledger transaction."""
    return _id(row) | _pick(row, "at_ms", "reference", "key", "tenant", "actor", "remark") | {
        "kind": money_rows.kind_key(row["kind"]),
        "entries": str(row["entries"]),
        "moved": figure(row["moved"], 8),
    }  # fmt: skip


def account(row: Row) -> Row:
    """A ledger balance."""
    return _id(row) | _pick(row, "tenant", "owner", "kind", "currency", "created_ms", "overdraft") | {
        "owner_kind": f"owner.{row['owner_kind']}",
        "balance": figure(row["balance"], 8),
    }  # fmt: skip


def withdrawal(row: Row) -> Row:
    """A request for payout."""
    wallet = row["wallet"]
    word = "second" if row["second"] else row["status"]
    return _id(row) | _pick(row, "at_ms", "tenant", "user", "network", "wallet", "reason", "tx_hash") | {
        "code": f"W-{row['id']}",
        "amount": figure(row["amount"]),
        "fee": figure(-row["fee"], sign=True),
        "actual": figure(row["actual"]),
        "short": f"{wallet[:4]}…{wallet[-4:]}",
        "status": f"withdrawal.{word}",
        "state": row["status"],
        "waits": row["status"] in ("pending", "approved"),
    }  # fmt: skip


def audit(row: Row) -> Row:
    """One line of the audit trail."""
    return _id(row) | _pick(row, "at_ms", "actor", "action", "target", "ok", "ip", "tenant") | {
        "actor_kind": f"actor.{row['actor_kind']}",
        "said": " · ".join(f"{key} {value}" for key, value in row["detail"].items())[:160],
    }  # fmt: skip


def notice(row: Row) -> Row:
    """A notification."""
    both = {"title_zh": in_chinese(row["title"]), "body_zh": in_chinese(row["body"])}
    return _id(row) | _pick(row, "at_ms", "title", "body", "link", "unread") | both | {"type": f"notice.{row['type']}"}


def offer(row: Row) -> Row:
    """A strategy a tenant may offer."""
    return _id(row) | _pick(row, "code", "name", "text", "timeframe", "offered") | {
        "text_zh": in_chinese(row["text"]),
        "symbols": whole(row["symbols"]) if row["symbols"] else "–",
        "capital": figure(row["capital"]),
        "min_capital": figure(row["min_capital"]),
        "leverage": f"{row['leverage']}×",
        "risk": f"risk.{row['risk_mode']}",
        "followers": whole(row["followers"]),
        "own": any(row[name] is not None for name in ("own_capital", "own_leverage", "own_risk_mode")),
        "in_capital": f"{row['own_capital']:f}" if row["own_capital"] is not None else "",
        "in_leverage": str(row["own_leverage"] or ""),
        "in_risk": str(row["own_risk_mode"] or ""),
    }  # fmt: skip


def _written(row: Row) -> Row:
    """Totals: counts with separators, money with two places."""
    return {key: figure(value) if isinstance(value, Decimal) else whole(value) if isinstance(value, int) else MISSING for key, value in row.items()}


def _history(row: Row) -> Row:
    factor = row["gains"] / row["losses"] if row["losses"] else None
    return _written(row) | {
        "net": figure(row["net"], sign=True),
        "net_short": compact(row["net"]),
        "win": percent(Decimal(row["won"]) / row["n"], 1) if row["n"] else MISSING,
        "lost": whole(row["n"] - row["won"]),
        "factor": figure(factor) if factor is not None else MISSING,
        "fee": figure(-row["fee"], sign=True),
        "best": figure(row["best"], sign=True),
        "worst": figure(row["worst"], sign=True),
        "average": figure(row["net"] / row["n"], sign=True) if row["n"] else MISSING,
    }


def _signed(row: Row) -> Row:
    return _written(row) | {"plus": figure(row["plus"], sign=True), "minus": figure(row["minus"], sign=True)}


ROWS: dict[str, Callable[[Row], Row]] = {
    "orders": order, "fills": fill, "positions": position, "history": position, "scans": scan, "nodes": node,
    "tenants": tenant, "users": user, "cards": card, "rewards": reward, "pools": pool, "transactions": transaction,
    "accounts": account, "withdrawals": withdrawal, "audit": audit, "notices": notice, "offers": offer, **merchant_rows.ROWS,
    **money_rows.ROWS, **desk_rows.ROWS, **operator_rows.ROWS, **trade_rows.ROWS, **queue_rows.ROWS,
}  # fmt: skip
FOLDS: dict[str, Callable[[list[Row]], list[Row]]] = {"notices": folded}
"""What puts rows of a page together."""
TOTALS: dict[str, Callable[[Row], Row]] = {
    "orders": _written, "positions": _written, "history": _history, "cards": _signed, "rewards": _written, "pools": _written,
    "withdrawals": _written, "notices": _written, **merchant_rows.TOTALS, **money_rows.TOTALS, **operator_rows.TOTALS, **trade_rows.TOTALS, **queue_rows.TOTALS,
}  # fmt: skip
