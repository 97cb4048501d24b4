"""Platform against exchange: each difference is written down once, with its cause and what was done about it."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Final

from sqlmodel import Session, col, func, select

from backend.execution.service import close
from backend.identity.principal import Principal
from backend.identity.scope import scoped
from backend.models import Difference, ExchangeAccount, Order, Position
from backend.portfolio.queries import Listing, Window

CLOSED_OUTSIDE: Final = "closed_outside"
ORDER_ABSENT: Final = "order_absent"
STOP_MISSING: Final = "stop_missing"
QUANTITY_LARGER: Final = "quantity_larger"
QUANTITY_UNEXPLAINED: Final = "quantity_less"
OPPOSITE_SIDE: Final = "opposite_side"
FOREIGN_POSITION: Final = "foreign"
LOST_ANSWER: Final = "answer_lost"
CAUSES: Final = (
    CLOSED_OUTSIDE, ORDER_ABSENT, STOP_MISSING, QUANTITY_LARGER, QUANTITY_UNEXPLAINED, OPPOSITE_SIDE, FOREIGN_POSITION, LOST_ANSWER,
)  # fmt: skip
ACTIONS: Final = ("booked", "sent_again", "expired", "stop_restored", "blocked", "told", "adopted")


def closed_outside(session: Session, position: Position, order: Order, quantity: Decimal) -> None:
    """The exchange closed (part of) a position by no order of ours; its trades were booked."""
    fact = f"closed:{position.id}:{order.exchange_order_id}"[:64]
    _of_order(session, fact, order, CLOSED_OUTSIDE, (f"open {position.quantity:f}", f"closed {quantity:f}"), action="booked")


def end_absent(session: Session, order: Order, status: str, reason: str) -> None:
    """An order proven absent reaches its final state, and the difference is kept."""
    stop = order.order_type == "STOP_MARKET"
    done = "stop_restored" if stop else "expired"
    _of_order(session, f"absent:{order.id}:end", order, STOP_MISSING if stop else ORDER_ABSENT, (order.status, "absent"), action=done)
    close(order, status, reason)


def send_again(session: Session, order: Order, reason: str) -> None:
    """An order proven absent while it is fresh goes once more, with the same id, over the same executor."""
    _of_order(session, f"absent:{order.id}:{order.attempt}", order, ORDER_ABSENT, (order.status, "absent"), action="sent_again")
    order.status, order.reason = "PENDING", reason


def differences(session: Session, who: Principal, window: Window) -> Listing[Difference]:
    """Newest first; a tenant sees its own."""
    statement = scoped(select(Difference), who, Difference)
    total = session.exec(scoped(select(func.count()).select_from(Difference), who, Difference)).one()
    rows = session.exec(statement.order_by(col(Difference.id).desc()).offset(window.offset).limit(window.limit)).all()
    return Listing(list(rows), int(total))


def written(session: Session, facts: Collection[str]) -> set[str]:
    """Those of ``facts`` that were written down already."""
    return set(session.exec(select(Difference.fact).where(col(Difference.fact).in_(facts))).all())


def note(
    session: Session, fact: str, whose: Order | Position | ExchangeAccount, cause: str, *, symbol: str, platform_says: str,
    exchange_says: str, action: str, order_id: int | None = None, position_id: int | None = None,
) -> bool:  # fmt: skip
    """Write a difference down, once per ``fact``; whether it was new."""
    if written(session, [fact]):
        return False
    account_id = whose.id if isinstance(whose, ExchangeAccount) else whose.account_id
    assert account_id is not None
    session.add(
        Difference(
            fact=fact, tenant_id=whose.tenant_id, account_id=account_id, order_id=order_id, position_id=position_id, symbol=symbol,
            cause=cause, platform_says=platform_says[:100], exchange_says=exchange_says[:100], action=action,
        )
    )  # fmt: skip
    return True


def _of_order(session: Session, fact: str, order: Order, cause: str, says: tuple[str, str], *, action: str) -> None:
    """``says``: what the platform says of the order, and what the exchange says."""
    note(
        session, fact, order, cause, symbol=order.symbol, platform_says=says[0], exchange_says=says[1], action=action,
        order_id=order.id, position_id=order.position_id,
    )  # fmt: skip
