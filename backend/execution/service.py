"""The life of an order intent: write, claim, give back, expire. One outbox, one state machine.

Locking law: an order row is locked before its position row, orders and positions in id order.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import case, update
from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.errors import Conflict, InvalidInput
from backend.execution.routing import route
from backend.execution.rules import client_order_id
from backend.models import ExchangeAccount, Job, Order, Position
from backend.risk.switches import CODE as KILL_CODE
from backend.risk.switches import active, refuse_entries

OPEN_STATES = ("PENDING", "SENT", "UNKNOWN", "OPEN", "PARTIAL")
FINAL_STATES = ("FILLED", "REJECTED", "EXPIRED", "CANCELLED", "FAILED")

_CLOSING = ("CLOSE", "REDUCE")
_ENTERING = ("OPEN", "ADD")

REFUSED_PAUSE = timedelta(seconds=2)
"""After the exchange refused a close, what it knows of the position is asked before the next try."""

ORPHANED_AFTER = timedelta(seconds=45)
"""Longer than any executor is waited for: whoever claimed an order has an answer by then, or has forgotten it."""

RESEND_LIMIT = 2
"""An order found absent may be sent once more, with the same id: two attempts in all."""

_UNHEARD = "whoever sent it did not say what came of it"

PORTION = 500
"""Orders claimed in one transaction."""


@dataclass(frozen=True)
class EntryIntent:
    """What one account should open. Prices in quote currency; ``amount_usdt`` is the notional."""

    account: ExchangeAccount
    binding_id: int | None
    signal_id: str
    strategy_code: str
    symbol: str
    position_side: str
    amount_usdt: Decimal
    leverage: int
    price: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    market_at: datetime | None
    ttl_s: float
    order_type: str = "MARKET"


def new_order_id() -> str:
    """``ORD-`` and 16 upper hex digits."""
    return f"ORD-{secrets.token_hex(8).upper()}"


def write_entry(session: Session, intent: EntryIntent) -> Order:
    """Write the intent to open a position, PENDING, with its deterministic client order id.

    Raises ``InvalidInput`` when the notional is not positive.
    """
    if intent.amount_usdt <= 0:
        raise InvalidInput("The order amount must be greater than 0.")
    account = intent.account
    assert account.id is not None
    order = Order(
        order_id=new_order_id(),
        tenant_id=account.tenant_id,
        user_id=account.user_id,
        account_id=account.id,
        node_id=account.node_id,
        binding_id=intent.binding_id,
        signal_id=intent.signal_id,
        strategy_code=intent.strategy_code,
        client_order_id=client_order_id(intent.signal_id, account.id, "entry"),
        exchange=account.exchange,
        mode=account.mode,
        symbol=intent.symbol,
        side="BUY" if intent.position_side == "LONG" else "SELL",
        position_side=intent.position_side,
        trade_type="OPEN",
        order_type=intent.order_type,
        amount_usdt=intent.amount_usdt,
        price=intent.price,
        stop_loss=intent.stop_loss,
        take_profit=intent.take_profit,
        leverage=intent.leverage,
        market_at=intent.market_at,
        expires_at=utcnow() + timedelta(seconds=intent.ttl_s),
    )
    session.add(order)
    return order


def write_close(
    session: Session,
    position: Position,
    reason: str,
    *,
    price: Decimal,
    market_at: datetime | None,
    signal_id: str = "",
    quantity: Decimal | None = None,
) -> Order | None:
    """Write the intent to close ``position``, or only ``quantity`` of it. None when a close is already on its way or nothing is open."""
    assert position.id is not None
    closing = session.exec(
        select(Order).where(
            Order.position_id == position.id,
            Order.trade_type == "CLOSE",
            Order.order_type == "MARKET",
        )
    ).all()
    if position.status != "OPEN" or position.quantity <= 0 or any(order.status in OPEN_STATES for order in closing):
        return None
    if any(order.status == "REJECTED" and utcnow() - order.updated_at < REFUSED_PAUSE for order in closing):
        return None
    account = session.get(ExchangeAccount, position.account_id)
    if account is None:
        raise Conflict("The exchange account of this position is gone.")
    identity = signal_id or f"PM{position.id}"
    order = Order(
        order_id=new_order_id(),
        tenant_id=position.tenant_id,
        user_id=position.user_id,
        account_id=position.account_id,
        node_id=account.node_id,
        binding_id=position.binding_id,
        signal_id=identity,
        position_id=position.id,
        strategy_code=position.strategy_code,
        # Each new try to close is a new order; a retry of the same try keeps its id.
        client_order_id=client_order_id(f"close:{position.id}", position.account_id, str(len(closing))),
        exchange=position.exchange,
        mode=position.mode,
        symbol=position.symbol,
        side="SELL" if position.position_side == "LONG" else "BUY",
        position_side=position.position_side,
        trade_type="CLOSE",
        close_reason=reason,
        quantity=position.quantity if quantity is None else min(quantity, position.quantity),
        price=price,
        leverage=position.leverage,
        market_at=market_at,
        expires_at=utcnow() + timedelta(minutes=5),
    )
    session.add(order)
    return order


def claim(
    session: Session, limit: int = PORTION, only: Sequence[int] | None = None, *, waiting: Collection[int] = ()
) -> list[Order]:
    """Take PENDING orders for sending: they become SENT in this transaction, before anything is on the wire.

    Stale ones become EXPIRED with that reason instead, entries below a kill switch CANCELLED. ``only``: these and no others.
    Accounts that are ``waiting`` for an answer get nothing new.
    """
    expire_stale(session, only=only)
    rows = ready_orders(session, limit, only=only, waiting=waiting)
    if not rows:
        return []
    now = utcnow()
    refused = {order.id: why for order, why in refuse_entries(active(session), rows)}
    taken: list[Order] = []
    for order in rows:
        if order.id in refused:
            close(order, "CANCELLED", refused[order.id], KILL_CODE, "Not sent: " + refused[order.id] + ".")
        else:
            order.status, order.submitted_at, order.updated_at = "SENT", now, now
            order.attempt += 1
            order.absent_looks = 0
            order.looked_at = None
            taken.append(order)
        session.add(order)
    return taken


def expire_stale(session: Session, limit: int = 1_000, only: Sequence[int] | None = None) -> int:
    """End PENDING orders that came too late, the oldest first, at most ``limit`` in one go. Returns how many."""
    now = utcnow()
    mine = () if only is None else (col(Order.id).in_(only),)
    stale = session.exec(
        select(Order.id)
        .where(Order.status == "PENDING", col(Order.expires_at) <= now, *mine)
        # In the order of their index: what is not late is not read, however much of it waits.
        .order_by(col(Order.expires_at), col(Order.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if stale:
        session.connection().execute(
            update(Order)
            .where(col(Order.id).in_(stale), col(Order.status) == "PENDING")
            .values(
                status="EXPIRED", reason="expired before it could be sent", error_code="", error_message="", updated_at=now
            )
        )
    return len(stale)


def ready_orders(
    session: Session,
    limit: int,
    *,
    only: Sequence[int] | None = None,
    unplanned: bool = False,
    waiting: Collection[int] = (),
) -> list[Order]:
    """PENDING orders that may go now, locked, in id order: closes before entries, of a backlog of entries the newest.

    Those that wait for their node get their reason and do not stand in the way of the others. ``unplanned``: only orders
    that no job of the queue carries yet; ``waiting``: none of these accounts.
    """
    more = [] if only is None else [col(Order.id).in_(only)]
    if unplanned:
        more.append(col(Order.job_id).is_(None))
    if waiting:
        more.append(col(Order.account_id).not_in(waiting))
    rows: list[Order] = []
    now = utcnow()
    for kinds in (_CLOSING, _ENTERING):
        # Two plain ranges of an index: of a hundred thousand late orders not one is read to find the fresh.
        for fresh in (col(Order.expires_at) > now, col(Order.expires_at).is_(None)):
            rows += _ready(session, limit - len(rows), [fresh, col(Order.trade_type).in_(kinds), *more])
    return sorted(rows, key=lambda order: order.id or 0)


def _ready(session: Session, limit: int, where: Sequence[Any]) -> list[Order]:
    """At most ``limit`` of them, those that expire last first."""
    rows: list[Order] = []
    after: list[Any] = []
    while len(rows) < limit:
        wanted = limit - len(rows)
        found = session.exec(
            select(Order)
            .where(Order.status == "PENDING", *where, *after)
            .order_by(col(Order.expires_at).desc(), col(Order.id).desc())
            .limit(wanted)
            .with_for_update(skip_locked=True)
        ).all()
        rows += route(session, found)
        if len(found) < wanted:
            break
        last = found[-1]
        after = [col(Order.id) < last.id]
        if last.expires_at is not None:
            after = [col(Order.expires_at) <= last.expires_at, (col(Order.expires_at) < last.expires_at) | (col(Order.id) < last.id)]
    return rows


def close(order: Order, status: str, reason: str, code: str = "", message: str = "") -> None:
    """Bring an order to a final state with its reason."""
    order.status, order.reason, order.updated_at = status, reason[:64], utcnow()
    order.error_code, order.error_message = code[:32], message[:255]


def adopt_orphans(session: Session, older_than: datetime) -> int:
    """Orders claimed and then forgotten are UNKNOWN until the exchange was asked: their process is gone, or it never
    heard that its claim was committed, or could not write what came back.

    What a job of the queue has in hand is not orphaned.
    """
    now = utcnow()
    open_jobs = select(Job.id).where(col(Job.state).in_(("WAITING", "RUNNING")))
    free = (col(Order.status) == "SENT", col(Order.job_id).is_(None) | col(Order.job_id).not_in(open_jobs))
    # From now on time counts: what was signed for them may still arrive for a while (`RECV_WINDOW_MS`).
    adopted = {"status": "UNKNOWN", "reason": _UNHEARD, "updated_at": now}
    # Written by a clock that was set back since: its times say nothing, and what it wrote is not sent again.
    ahead = session.connection().execute(
        update(Order)
        .where(*free, col(Order.submitted_at) > now + ORPHANED_AFTER)
        .values(
            **adopted, submitted_at=now,
            expires_at=case((col(Order.expires_at).is_not(None), now)),
        )
    )  # fmt: skip
    late = session.connection().execute(
        update(Order)
        .where(*free, col(Order.submitted_at) < older_than)
        .values(**adopted)
    )
    return int(ahead.rowcount + late.rowcount)


def unresolved(session: Session, limit: int = 200, *, waiting: Collection[int] = ()) -> Sequence[Order]:
    """Orders whose outcome must be asked for, longest unasked first; none of accounts that are ``waiting`` for an answer."""
    free = [col(Order.account_id).not_in(waiting)] if waiting else []
    return session.exec(
        select(Order)
        .where(col(Order.status).in_(("UNKNOWN", "PARTIAL")), *free)
        .order_by(col(Order.looked_at), col(Order.id))
        .limit(limit)
    ).all()


def mark_unknown(session: Session, order_pks: Sequence[int], reason: str) -> None:
    """No answer, or one that cannot be trusted: the outcome is UNKNOWN, never failed."""
    if order_pks:
        session.connection().execute(
            update(Order)
            .where(col(Order.id).in_(order_pks), col(Order.status) == "SENT")
            .values(status="UNKNOWN", reason=reason[:64], updated_at=utcnow())
        )


def busy(session: Session) -> bool:
    """Whether any order is waiting, on its way or unknown."""
    query = select(Order.id).where(col(Order.status).in_(("PENDING", "SENT", "UNKNOWN"))).limit(1)
    return session.exec(query).first() is not None
