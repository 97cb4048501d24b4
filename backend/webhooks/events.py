"""Writes what is to be told, in the transaction of what happened. Sending is somebody else's work (``delivery``).

Each verb costs one small query where a tenant has no endpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
from sqlmodel import Session

from backend.billing.rules import Payment, plain
from backend.billing.withdrawal_rules import STATUS_NAMES
from backend.clock import utcnow
from backend.ledger.statements import Wire, insert_sql, stamp
from backend.models import Binding, Position, WebhookDelivery, Withdrawal
from backend.money import format_units
from backend.webhooks.rules import EventType, crossed_below, message_id, payload

_ENDPOINTS = "SELECT id, events, low_points FROM webhook_endpoint WHERE tenant_id = %s AND status = 1"
_INSERT = insert_sql(
    WebhookDelivery, "tenant_id", "endpoint_id", "message_id", "event", "reference", "payload", "status", "attempts",
    "next_at", "http_status", "error", "took_ms", "created_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One endpoint that is switched on."""

    id: int
    events: frozenset[str]
    low_points: Decimal


def subscribers(wire: Wire, tenant_id: int) -> list[Subscriber]:
    """The tenant's endpoints that are switched on."""
    rows = wire.rows(_ENDPOINTS, (tenant_id,))
    return [Subscriber(int(one), frozenset(orjson.loads(events)), Decimal(str(low))) for one, events, low in rows]


def tell(
    wire: Wire, tenant_id: int, kind: EventType, *, reference: str, data: dict[str, Any], to: Sequence[Subscriber]
) -> int:
    """Write one message per endpoint. ``reference`` names the event: the same one is never told twice under two ids."""
    if not to:
        return 0
    now = utcnow()
    text = payload(kind, now.isoformat(timespec="milliseconds").replace("+00:00", "Z"), data)
    number = message_id(kind, reference)
    wire.insert_many(
        _INSERT,
        [
            (
                tenant_id,
                one.id,
                number,
                kind.value,
                reference[:64],
                text,
                "PENDING",
                0,
                stamp(now),
                0,
                "",
                0,
                stamp(now),
            )
            for one in to
        ],
    )
    return len(to)


def _wanting(found: Sequence[Subscriber], kind: EventType) -> list[Subscriber]:
    return [one for one in found if kind.value in one.events]


def trade_closed(session: Session, position: Position) -> None:
    """A position became flat."""
    session.flush()
    wire = Wire(session)
    to = _wanting(subscribers(wire, position.tenant_id), EventType.TRADE_CLOSED)
    if not to:
        return
    data = {
        "position_id": position.id,
        "user_id": position.user_id,
        "account_id": position.account_id,
        "strategy": position.strategy_code,
        "mode": position.mode,
        "symbol": position.symbol,
        "side": position.position_side,
        "entry_price": _text(position.entry_price),
        "exit_price": _text(position.exit_price),
        "realized_pnl": _text(position.realized_pnl),
        "fee": _text(position.total_fee),
        "reason": position.close_reason,
        "closed_at": None if position.closed_at is None else position.closed_at.isoformat(),
    }
    tell(wire, position.tenant_id, EventType.TRADE_CLOSED, reference=f"position:{position.id}", data=data, to=to)


def charged(
    wire: Wire,
    tenant_id: int,
    user_id: int,
    found: Sequence[Subscriber],
    *,
    reference: str,
    before: int,
    after: int,
) -> None:
    """Points were taken from a user's cards; ``before`` and ``after`` are units of both cards together."""
    was, now = Decimal(before).scaleb(-8), Decimal(after).scaleb(-8)
    to = [one for one in _wanting(found, EventType.POINT_CARD_LOW) if crossed_below(was, now, one.low_points)]
    data = {"user_id": user_id, "balance": format_units(after), "was": format_units(before)}
    tell(wire, tenant_id, EventType.POINT_CARD_LOW, reference=f"{reference}:user:{user_id}", data=data, to=to)


def rewarded(
    wire: Wire,
    tenant_id: int,
    source_user_id: int,
    *,
    pool_id: int,
    payments: Sequence[Payment],
    found: Sequence[Subscriber],
) -> None:
    """A profit pool was distributed."""
    to = _wanting(found, EventType.REWARD_PAID)
    if not to:
        return
    rewards = [
        {"user_id": one.user_id, "type": one.reward_type, "amount": plain(one.amount), "rate": plain(one.rate)}
        for one in payments
    ]
    data = {"pool_id": pool_id, "source_user_id": source_user_id, "rewards": rewards}
    tell(wire, tenant_id, EventType.REWARD_PAID, reference=f"pool:{pool_id}", data=data, to=to)


def withdrawal_changed(session: Session, row: Withdrawal) -> None:
    """A withdrawal was asked for or reached another state."""
    session.flush()
    wire = Wire(session)
    to = _wanting(subscribers(wire, row.tenant_id), EventType.WITHDRAWAL_CHANGED)
    state = STATUS_NAMES[row.status]
    data = {
        "withdrawal_id": row.id,
        "user_id": row.user_id,
        "state": state,
        "amount": format_units(row.amount),
        "fee": format_units(row.fee),
        "actual_amount": format_units(row.actual_amount),
        "network": row.wallet_network,
        "reason": row.reason,
        "tx_hash": row.tx_hash,
    }
    tell(wire, row.tenant_id, EventType.WITHDRAWAL_CHANGED, reference=f"withdrawal:{row.id}:{state}", data=data, to=to)


def binding_stopped(session: Session, tenant_id: int, binding: Binding, why: str) -> None:
    """A subscription ended."""
    session.flush()
    wire = Wire(session)
    to = _wanting(subscribers(wire, tenant_id), EventType.BINDING_STOPPED)
    # A binding can be stopped again after it was opened again: each stop is an event of its own.
    reference = f"binding:{binding.id}:{int(utcnow().timestamp() * 1000)}"
    data = {"binding_id": binding.id, "user_id": binding.user_id, "account_id": binding.account_id, "why": why}
    tell(wire, tenant_id, EventType.BINDING_STOPPED, reference=reference, data=data, to=to)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
