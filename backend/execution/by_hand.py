"""What people do with an open position themselves: close it, close a part, move its stop or its target.

A close is written to the outbox like any other and sent once. A stop is moved by saying where it should be; the reconciler takes
the old one off the exchange and rests the new one there, and until then the centre itself watches the new price.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from backend.clock import utcnow
from backend.errors import Conflict, InvalidInput
from backend.execution.service import write_close
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.models import Order, Position
from backend.security import audit

CLOSE_REASON = "MANUAL"
MOVE = "MOVE"
"""``stop_status`` of a position whose stop rests where it no longer should."""

_REQUEST = re.compile(r"[A-Za-z0-9_-]{8,30}")


class PositionNotOpen(Conflict):
    """This position is closed already. Its result is in the history."""

    code = "position_not_open"


class CloseOnItsWay(Conflict):
    """A close of this position is on its way. Wait for its result."""

    code = "close_on_its_way"


class StopBusy(Conflict):
    """The stop is being placed or moved right now. Try again in a few seconds."""

    code = "stop_busy"


class NoPrice(Conflict):
    """There is no current price of this symbol, so nothing can be checked against it. Try again shortly."""

    code = "no_price"


class WrongSide(InvalidInput):
    """A stop lies on the losing side of the current price, a target on the winning side."""

    code = "wrong_side"


def close_by_hand(
    session: Session,
    who: Principal,
    position_id: int,
    *,
    request_id: str,
    price: Decimal | None,
    share_pct: int = 100,
    market_at: datetime | None = None,
    ip: str = "",
) -> Order:
    """Write the order that closes ``share_pct`` (1 to 100) percent of a position; a repeat of ``request_id`` answers the same order.

    Raises ``NotFound``, ``PositionNotOpen``, ``CloseOnItsWay``, ``InvalidInput``.
    """
    if not _REQUEST.fullmatch(request_id):
        raise InvalidInput("The request id is 8 to 30 letters, digits, - or _.")
    if isinstance(share_pct, bool) or not 1 <= share_pct <= 100:
        raise InvalidInput("The share is a whole number from 1 to 100 percent.")
    position = get_scoped(session, who, Position, position_id, lock=True)
    identity = f"MC{request_id}"
    earlier = session.exec(
        select(Order).where(Order.position_id == position.id, Order.signal_id == identity)
    ).first()
    if earlier is not None:
        return earlier
    if position.status != "OPEN" or position.quantity <= 0:
        raise PositionNotOpen
    part = position.quantity if share_pct == 100 else position.quantity * share_pct / 100
    try:
        order = write_close(
            session, position, CLOSE_REASON, price=price or position.entry_price, market_at=market_at, signal_id=identity, quantity=part
        )
        session.flush()
    except IntegrityError:
        raise CloseOnItsWay from None
    if order is None:
        raise CloseOnItsWay
    detail = {"symbol": position.symbol, "side": position.position_side, "share_pct": share_pct, "quantity": str(part), "order": order.order_id}
    audit.record(session, who, "position.close", f"position:{position.id}", detail=detail, ip=ip, tenant_id=position.tenant_id)
    return order


def move_stop(session: Session, who: Principal, position_id: int, price: Decimal, *, mark: Decimal | None, ip: str = "") -> Position:
    """Let the protective stop rest at ``price``. The same price again changes nothing.

    Raises ``NotFound``, ``PositionNotOpen``, ``StopBusy``, ``NoPrice``, ``WrongSide``, ``InvalidInput``.
    """
    position = _checked(session, who, position_id, price, mark, below_for="LONG")
    if position.stop_loss == price:
        return position
    bare = position.stop_status == "NONE" and position.stop_loss is None
    if position.stop_status != "OPEN" and not bare:
        raise StopBusy
    detail = {"symbol": position.symbol, "from": str(position.stop_loss), "to": str(price)}
    position.stop_loss, position.updated_at = price, utcnow()
    if not bare:
        position.stop_status = MOVE
    session.add(position)
    audit.record(session, who, "position.stop", f"position:{position.id}", detail=detail, ip=ip, tenant_id=position.tenant_id)
    return position


def move_target(
    session: Session, who: Principal, position_id: int, price: Decimal | None, *, mark: Decimal | None, ip: str = ""
) -> Position:
    """Take profit at ``price``; None takes the target away. The centre watches it itself.

    Raises ``NotFound``, ``PositionNotOpen``, ``NoPrice``, ``WrongSide``, ``InvalidInput``.
    """
    position = _checked(session, who, position_id, price, mark, below_for="SHORT")
    if position.take_profit == price:
        return position
    detail = {"symbol": position.symbol, "from": str(position.take_profit), "to": str(price)}
    position.take_profit, position.updated_at = price, utcnow()
    session.add(position)
    audit.record(session, who, "position.target", f"position:{position.id}", detail=detail, ip=ip, tenant_id=position.tenant_id)
    return position


def _checked(
    session: Session, who: Principal, position_id: int, price: Decimal | None, mark: Decimal | None, *, below_for: str
) -> Position:
    """The open position, locked. ``below_for``: the side for which the price must lie below the mark."""
    if price is not None and not (price.is_finite() and Decimal("1e-12") <= price <= Decimal("1e12")):
        raise InvalidInput("The price is a number above 0.")
    position = get_scoped(session, who, Position, position_id, lock=True)
    if position.status != "OPEN" or position.quantity <= 0:
        raise PositionNotOpen
    if price is None:
        return position
    if mark is None:
        raise NoPrice
    if (price >= mark) if position.position_side == below_for else (price <= mark):
        word = "below" if position.position_side == below_for else "above"
        raise WrongSide(f"The price must lie {word} the current price of {mark.normalize():f}.")
    return position
