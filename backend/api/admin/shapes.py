"""Money rows as they leave through the admin doors: amounts as decimal texts of 8 places."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from backend.billing.lists import POOL_NAMES, Row
from backend.billing.service import MAX_POOL_TRIES, POOL_FAILED
from backend.billing.withdrawal_rules import STATUS_NAMES, STATUS_TEXTS
from backend.models import PointCardLog, ProfitPool, Reward, Withdrawal
from backend.money import from_units

Json = dict[str, Any]

_POOL = (
    "profit_amount", "deduct_amount", "self_deduct", "gift_deduct", "pool_amount", "tech_amount", "network_amount",
    "platform_amount", "direct_distributed", "diff_distributed", "peer_distributed", "network_undistributed",
)  # fmt: skip
_LOG = ("amount", "before_self", "after_self", "before_gift", "after_gift")


def withdrawal(found: Row | Withdrawal) -> Json:
    """A withdrawal with its user's e-mail."""
    row, email = found if isinstance(found, tuple) else (found, "")
    names = (
        "id", "tenant_id", "user_id", "wallet_address", "wallet_network", "status", "tx_hash", "remark",
        "approvals_needed", "audit_by", "audit_at", "second_audit_by", "second_audit_at", "finished_by",
        "completed_at", "created_at",
    )  # fmt: skip
    return {
        **{name: getattr(row, name) for name in names},
        **amounts(row, ("amount", "fee", "actual_amount")),
        "user_email": email,
        "status_name": STATUS_NAMES[row.status],
        "status_text": STATUS_TEXTS[row.status],
        "reject_reason": row.reason,
        "needs_second_approval": row.status == 0 and row.approvals_needed > 1 and row.audit_by is not None,
    }


def reward(found: Row) -> Json:
    """A reward with its user's e-mail."""
    row, email = found
    assert isinstance(row, Reward)
    names = (
        "id", "tenant_id", "user_id", "source_user_id", "reward_type", "rate", "from_level", "to_level",
        "settle_batch", "remark", "created_at",
    )  # fmt: skip
    plain = {name: getattr(row, name) for name in names}
    return {**plain, **amounts(row, ("amount",)), "user_email": email, "profit_pool_id": row.pool_id}


def pool(found: Row) -> Json:
    """A profit pool with its user's e-mail."""
    row, email = found
    assert isinstance(row, ProfitPool)
    names = (
        "id", "tenant_id", "user_id", "settlement_id", "status", "retry_count", "last_error", "settle_batch",
        "settled_at", "created_at",
    )  # fmt: skip
    return {
        **{name: getattr(row, name) for name in names},
        **amounts(row, _POOL),
        "user_email": email,
        "status_name": POOL_NAMES[row.status],
        "stuck": row.status == POOL_FAILED and row.retry_count >= MAX_POOL_TRIES,
    }


def card_log(found: Row) -> Json:
    """A row of the point-card journal with its user's e-mail."""
    row, email = found
    assert isinstance(row, PointCardLog)
    names = (
        "id", "tenant_id", "user_id", "related_user_id", "transaction_id", "change_type", "source_type", "card_type",
        "remark", "created_at",
    )  # fmt: skip
    return {**{name: getattr(row, name) for name in names}, **amounts(row, _LOG), "user_email": email}


def amounts(row: Any, names: tuple[str, ...]) -> dict[str, Decimal]:
    """Unit fields as decimals."""
    return {name: from_units(getattr(row, name)) for name in names}
