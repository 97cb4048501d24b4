"""The operators' trading desk: open for an account, close, take back what was not sent yet. All of it goes the way of every
order: written to the outbox, sent once, reconciled, booked; and every act is audited with its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.errors import Conflict, InvalidInput, NotFound
from backend.execution.by_hand import NoPrice, WrongSide, close_by_hand
from backend.execution.service import OPEN_STATES, EntryIntent, write_entry
from backend.identity import rights
from backend.identity.principal import Principal
from backend.models import ExchangeAccount, Order, Position, Tenant, User
from backend.risk.limit_rules import Wanted, check
from backend.risk.limits import facts_of, in_force
from backend.risk.switches import active, sentence
from backend.security import audit

STRATEGY = "manual"
CANCEL_REASON = "taken back by an operator"
MAX_LEVERAGE = 125
_REQUEST = re.compile(r"[A-Za-z0-9_-]{8,30}")
_SYMBOL = re.compile(r"[A-Z0-9]{1,20}/[A-Z0-9]{2,10}")


class AlreadyHeld(Conflict):
    """This account holds this symbol on this side already, or an order for it is on its way."""

    code = "already_held"


class AlreadySent(Conflict):
    """This order was sent already. Close the position it makes instead."""

    code = "already_sent"


class TradingStopped(Conflict):
    """Trading is stopped for this account. Lift the stop first."""

    code = "trading_stopped"


class LimitReached(Conflict):
    """A limit of the platform, the merchant or the trader refuses this entry."""

    code = "limit_reached"


@dataclass(frozen=True)
class Wish:
    """What to open. ``amount_usdt`` is the notional; ``stop_loss`` is required, ``take_profit`` is not."""

    account_id: int
    symbol: str
    side: str
    amount_usdt: Decimal
    leverage: int
    stop_loss: Decimal
    take_profit: Decimal | None
    reason: str


def open_for(
    session: Session, who: Principal, wish: Wish, *, request_id: str, mark: Decimal | None, ttl_s: float, market_at: datetime | None = None, ip: str = ""
) -> Order:
    """Write the order that opens a position for an account; a repeat of ``request_id`` answers the same order.

    Raises ``RoleMayNot``, ``NotFound``, ``TradingStopped``, ``AlreadyHeld``, ``LimitReached``, ``NoPrice``, ``WrongSide``,
    ``InvalidInput``.
    """
    rights.require(who, "trading", changing=True)
    if not _REQUEST.fullmatch(request_id):
        raise InvalidInput("The request id is 8 to 30 letters, digits, - or _.")
    reason = _reason(wish.reason)
    account = session.get(ExchangeAccount, wish.account_id, with_for_update=True, populate_existing=True)
    if account is None:
        raise NotFound
    identity = f"MO{request_id}"
    earlier = session.exec(select(Order).where(Order.account_id == account.id, Order.signal_id == identity)).first()
    if earlier is not None:
        return earlier
    price = _checked(wish, mark)
    _may_trade(session, account)
    held = select(Position.id).where(
        Position.account_id == account.id, Position.symbol == wish.symbol, Position.position_side == wish.side, Position.status == "OPEN"
    )
    coming = select(Order.id).where(
        Order.account_id == account.id, Order.symbol == wish.symbol, Order.position_side == wish.side, Order.trade_type == "OPEN",
        col(Order.status).in_(OPEN_STATES),
    )  # fmt: skip
    if session.exec(held).first() is not None or session.exec(coming).first() is not None:
        raise AlreadyHeld
    _within_limits(session, account, wish, market_at or utcnow())
    order = write_entry(
        session,
        EntryIntent(
            account=account, binding_id=None, signal_id=identity, strategy_code=STRATEGY, symbol=wish.symbol, position_side=wish.side,
            amount_usdt=wish.amount_usdt, leverage=wish.leverage, price=price, stop_loss=wish.stop_loss, take_profit=wish.take_profit,
            market_at=market_at, ttl_s=ttl_s,
        ),
    )  # fmt: skip
    session.flush()
    detail = {
        "reason": reason, "symbol": wish.symbol, "side": wish.side, "amount_usdt": f"{wish.amount_usdt:f}", "leverage": wish.leverage,
        "stop": f"{wish.stop_loss:f}", "target": f"{wish.take_profit:f}" if wish.take_profit is not None else "none", "order": order.order_id,
    }  # fmt: skip
    audit.record(session, who, "desk.open", f"account:{account.id}", detail=detail, ip=ip, tenant_id=account.tenant_id)
    return order


def close_for(
    session: Session, who: Principal, position_id: int, *, request_id: str, price: Decimal | None, reason: str, share_pct: int = 100,
    market_at: datetime | None = None, ip: str = "",
) -> Order:  # fmt: skip
    """Close a position, or a share of it, for its owner. Raises ``RoleMayNot`` and what ``close_by_hand`` raises."""
    rights.require(who, "trading", changing=True)
    reason = _reason(reason)
    order = close_by_hand(session, who, position_id, request_id=request_id, price=price, share_pct=share_pct, market_at=market_at, ip=ip)
    detail = {"reason": reason, "order": order.order_id}
    audit.record(session, who, "desk.close", f"position:{position_id}", detail=detail, ip=ip, tenant_id=order.tenant_id)
    return order


def take_back(session: Session, who: Principal, order_pk: int, reason: str, *, ip: str = "") -> Order:
    """Cancel an order that was not sent yet. Raises ``RoleMayNot``, ``NotFound``, ``AlreadySent``, ``InvalidInput``."""
    rights.require(who, "trading", changing=True)
    reason = _reason(reason)
    order = session.get(Order, order_pk, with_for_update=True, populate_existing=True)
    if order is None:
        raise NotFound
    if order.status != "PENDING":
        raise AlreadySent
    order.status, order.reason, order.updated_at = "CANCELLED", CANCEL_REASON, utcnow()
    session.add(order)
    session.flush()
    detail = {"reason": reason, "status": "PENDING -> CANCELLED"}
    audit.record(session, who, "desk.cancel", f"order:{order.order_id}", detail=detail, ip=ip, tenant_id=order.tenant_id)
    return order


def _reason(text: str) -> str:
    reason = " ".join(text.split())[:200]
    if len(reason) < 3:
        raise InvalidInput("Say why; the reason is kept in the audit log.")
    return reason


def _checked(wish: Wish, mark: Decimal | None) -> Decimal:
    """The current price, when the wish fits it."""
    if wish.side not in ("LONG", "SHORT"):
        raise InvalidInput("The side is LONG or SHORT.")
    if not _SYMBOL.fullmatch(wish.symbol):
        raise InvalidInput("The symbol is written like BTC/USDT.")
    if not 1 <= wish.leverage <= MAX_LEVERAGE:
        raise InvalidInput(f"The leverage is a whole number from 1 to {MAX_LEVERAGE}.")
    prices = [one for one in (wish.amount_usdt, wish.stop_loss, wish.take_profit) if one is not None]
    if any(not one.is_finite() or not Decimal("1e-12") <= one <= Decimal("1e12") for one in prices):
        raise InvalidInput("Amount, stop and target are numbers above 0.")
    if mark is None:
        raise NoPrice
    sign = 1 if wish.side == "LONG" else -1
    if (mark - wish.stop_loss) * sign <= 0 or (wish.take_profit is not None and (wish.take_profit - mark) * sign <= 0):
        raise WrongSide(f"The stop lies on the losing side of the current price of {mark.normalize():f}, the target on the winning side.")
    return mark


def _may_trade(session: Session, account: ExchangeAccount) -> None:
    user, tenant = session.get(User, account.user_id), session.get(Tenant, account.tenant_id)
    if account.status != 1 or user is None or user.status != 1 or tenant is None or tenant.status != 1:
        raise TradingStopped("The account, its user or its tenant is switched off.")
    found = active(session).of(account.tenant_id, account.id or 0)
    if found is not None:
        raise TradingStopped(f"It cannot be opened: {sentence(found[0])}. Lift the stop first.")


def _within_limits(session: Session, account: ExchangeAccount, wish: Wish, market_at: datetime) -> None:
    """An operator's hand is held to the same limits as a strategy's."""
    limits = in_force(session, [account])
    facts = facts_of(session, [account], limits, market_at).get(account.id or 0)
    if facts is None:
        return
    refusal = check(limits[account.id or 0], facts, Wanted(wish.symbol, wish.side, wish.amount_usdt, wish.leverage))
    if refusal is not None:
        raise LimitReached(refusal.sentence)
