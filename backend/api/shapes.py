"""Rows as they leave through the doors. Field names are the documented ones; no secret is ever among them."""

from __future__ import annotations

from typing import Any

from backend.execution.nodes import is_online
from backend.merchant.quota import Usage
from backend.models import (
    ExchangeAccount,
    ExecutionNode,
    LedgerAccount,
    Notification,
    Order,
    Position,
)
from backend.money import from_units
from backend.portfolio.queries import FillRow, TransactionRow

Json = dict[str, Any]

_ORDER = (
    "id", "order_id", "exchange_order_id", "client_order_id", "tenant_id", "user_id", "account_id", "signal_id",
    "strategy_code", "symbol", "exchange", "market_type", "side", "order_type", "trade_type", "close_reason",
    "quantity", "price", "stop_loss", "take_profit", "position_side", "leverage", "status", "reason", "mode",
    "filled_quantity", "avg_price", "total_fee", "fee_currency", "error_code", "error_message", "created_at",
    "submitted_at", "updated_at", "market_at",
)  # fmt: skip
_FILL = (
    "id", "fill_id", "tenant_id", "user_id", "account_id", "exchange_trade_id", "symbol", "side", "position_side",
    "trade_type", "quantity", "price", "fee", "fee_currency", "realized_pnl", "mode", "filled_at", "market_at",
)  # fmt: skip
_POSITION = (
    "id", "tenant_id", "user_id", "account_id", "strategy_code", "symbol", "exchange", "position_side", "status",
    "quantity", "avg_cost", "realized_pnl", "total_fee", "leverage", "entry_price", "exit_price", "stop_loss",
    "take_profit", "stop_status", "score", "close_reason", "mode", "opened_at", "closed_at", "opened_market_at",
    "closed_market_at", "updated_at",
)  # fmt: skip
_NOTIFICATION = ("id", "type", "title", "message", "link", "is_read", "created_at", "read_at")
_ACCOUNT = (
    "id", "tenant_id", "user_id", "exchange", "account_type", "mode", "balance", "futures_balance",
    "futures_available", "status", "last_sync_at", "last_sync_error", "created_at",
)  # fmt: skip
_NODE = (
    "id", "node_code", "name", "base_url", "status", "version", "latency_ms", "inflight", "last_error",
    "last_heartbeat_at", "created_at", "public_key", "offered_key", "draining", "egress_ip", "clock_skew_ms",
)  # fmt: skip


def order(row: Order) -> Json:
    """An order."""
    return _pick(row, _ORDER)


def fill(row: FillRow) -> Json:
    """A fill, with its order's public id, exchange and market type."""
    return {
        **_pick(row.fill, _FILL),
        "order_id": row.order_id,
        "exchange": row.exchange,
        "market_type": row.market_type,
    }


def position(row: Position) -> Json:
    """A position; ``available`` is what may be closed, which is all of it."""
    return {**_pick(row, _POSITION), "position_id": f"POS-{row.id}", "available": row.quantity}


def trade(row: Position) -> Json:
    """A finished position as a trade: direction, prices, net result."""
    net = row.realized_pnl - row.total_fee
    return {
        "id": row.id,
        "symbol": row.symbol,
        "direction": row.position_side,
        "strategy_code": row.strategy_code,
        "entry_price": row.entry_price,
        "exit_price": row.exit_price,
        "leverage": row.leverage,
        "score": row.score,
        "pnl": net,
        "gross_pnl": row.realized_pnl,
        "fee": row.total_fee,
        "close_reason": row.close_reason,
        "status": row.status,
        "mode": row.mode,
        "entry_time": row.opened_at,
        "exit_time": row.closed_at,
    }


def exchange_account(row: ExchangeAccount) -> Json:
    """An exchange account; of the key only its last characters."""
    return {**_pick(row, _ACCOUNT), "api_key": row.key_hint, "execution_node_id": row.node_id}


def ledger_account(row: LedgerAccount) -> Json:
    """A ledger balance."""
    amount = from_units(row.balance)
    return {
        "ledger_account_id": row.id,
        "tenant_id": row.tenant_id,
        "account_id": row.owner_id if row.owner_kind == "exchange_account" else None,
        "owner_kind": row.owner_kind,
        "owner_id": row.owner_id,
        "kind": row.kind,
        "currency": row.currency,
        "balance": amount,
        "available": amount,
        "status": "ACTIVE",
        "created_at": row.created_at,
    }


def transaction(row: TransactionRow) -> Json:
    """A ledger entry with its transaction."""
    account = row.account
    return {
        "id": row.entry.id,
        "transaction_id": row.transaction.id,
        "key": row.transaction.key,
        "ledger_account_id": account.id,
        "tenant_id": account.tenant_id,
        "account_id": account.owner_id if account.owner_kind == "exchange_account" else None,
        "account_kind": account.kind,
        "currency": row.entry.currency,
        "transaction_type": row.transaction.kind,
        "amount": from_units(row.entry.amount),
        "balance_after": from_units(row.entry.balance_after),
        "source_type": account.owner_kind,
        "source_id": row.transaction.reference,
        "status": "COMPLETED",
        "remark": row.transaction.remark,
        "transaction_at": row.transaction.created_at,
    }


def node(row: tuple[ExecutionNode, int]) -> Json:
    """A node, with how many enabled accounts it has and whether it is heard from."""
    found, accounts = row
    return {**_pick(found, _NODE), "account_count": accounts, "online": is_online(found)}


def notification(row: Notification) -> Json:
    """A notification."""
    return _pick(row, _NOTIFICATION)


def _pick(row: Any, names: tuple[str, ...]) -> Json:
    return {name: getattr(row, name) for name in names}


def usage(found: Usage) -> dict[str, Any]:
    """The documented shape of a tenant's usage."""
    refused = "" if found.api.allowed else found.api.refusal().message
    return {
        "api_quota": {
            "allowed": found.api.allowed,
            "plan_name": found.plan.name if found.plan else "",
            "reason": refused,
            "daily_limit": found.api.daily_limit,
            "daily_used": found.api.daily_used,
            "monthly_limit": found.api.monthly_limit,
            "monthly_used": found.api.monthly_used,
        },
        "resource_quota": {
            name: {"limit": one.limit, "used": one.used, "exceeded": one.exceeded}
            for name, one in found.resources.items()
        },
        "usage_history": [{"date": day, "api_calls": calls} for day, calls in found.history],
    }
