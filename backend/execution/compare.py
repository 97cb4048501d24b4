"""Positions row by row: what the exchange holds against what the platform holds, with the cause and what was done.

Less than here is explained by trades elsewhere (``foreign``); this is about the rest: more than here, the other side, a
position nobody knows, a stop that left, a loss that no trade explains. What is not ours is never touched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sqlalchemy import insert
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.execution.differences import (
    FOREIGN_POSITION,
    LOST_ANSWER,
    OPPOSITE_SIDE,
    QUANTITY_LARGER,
    QUANTITY_UNEXPLAINED,
    STOP_MISSING,
    note,
    written,
)
from backend.execution.service import close
from backend.models import Difference, ExchangeAccount, ForeignPosition, Notification, Order, Position
from backend.models.tables import table_of

Reports = Mapping[int, Sequence[Mapping[str, Any]]]
Key = tuple[int, Any, Any]
"""Account, symbol and side of a position."""

BLOCKS_AFTER: Final = 2
"""One report may be older than what was booked meanwhile: the second in a row counts."""
STOP_CHECK: Final = timedelta(minutes=5)
_QUIET: Final = timedelta(seconds=15)
_LATE: Final = timedelta(hours=48)
_LOOSE: Final = ("PENDING", "SENT", "UNKNOWN", "PARTIAL", "OPEN")
_ASKED: Final = "ADOPT_ASKED"


def quantity_of(row: Mapping[str, Any]) -> Decimal:
    """A reported quantity; 0 where it is none."""
    try:
        value = Decimal(str(row.get("quantity")))
    except InvalidOperation:
        return Decimal(0)
    return value if value.is_finite() else Decimal(0)


def less(session: Session, reports: Reports) -> tuple[list[Position], set[Key]]:
    """Positions that are open here with more quantity than the exchange shows, and the keys of those that agree exactly."""
    there: dict[Key, Decimal] = defaultdict(Decimal)
    for account_id, rows in reports.items():
        for row in rows:
            there[account_id, row.get("symbol"), row.get("position_side")] += quantity_of(row)
    held = session.connection().execute(
        columns(
            col(Position.id), col(Position.account_id), col(Position.symbol), col(Position.position_side), col(Position.quantity)
        ).where(col(Position.account_id).in_(list(reports)), col(Position.status) == "OPEN")
    )
    ids, agreeing = [], set()
    for pk, account, symbol, side, quantity in held:
        shown = there.get((account, symbol, side), Decimal(0))
        if shown < quantity:
            ids.append(pk)
        elif shown == quantity:
            agreeing.add((account, symbol, side))
    short = select(Position).where(col(Position.id).in_(ids)).order_by(col(Position.id))
    return list(session.exec(short).all()) if ids else [], agreeing


def surplus(session: Session, reports: Reports, agreeing: Set[Key]) -> list[Order]:
    """Note what accounts hold beyond what the platform knows. Returns orders that may have made it: ask for them.

    ``agreeing``: what ``less`` found to be the same on both sides; it is nearly all, and not looked at again.
    """
    adopt: list[Order] = []
    odd = {
        account_id: [row for row in rows if (account_id, row.get("symbol"), row.get("position_side")) not in agreeing]
        for account_id, rows in reports.items()
    }
    foreign = _known(session, reports)
    asked = [account_id for account_id in sorted(reports) if odd[account_id] or account_id in foreign]
    if not asked:
        return adopt
    held = _held(session, asked)
    accounts = {row.id: row for row in session.exec(select(ExchangeAccount).where(col(ExchangeAccount.id).in_(asked))).all()}
    for account_id in asked:
        account = accounts.get(account_id)
        if account is None:
            continue
        seen: set[tuple[str, str]] = set()
        for row in odd[account_id]:
            symbol, side, there = str(row.get("symbol")), str(row.get("position_side")), quantity_of(row)
            if there <= 0 or not symbol:
                continue
            ours = held.get((account_id, symbol), {})
            extra = there - ours.get(side, Decimal(0))
            if extra <= 0 or _moving(session, account_id, symbol):
                continue
            candidates = _candidates(session, account_id, symbol, side) if side not in ours else []
            if candidates:
                adopt += candidates
                continue
            seen.add((symbol, side))
            _foreign(session, account, symbol, side, extra=extra, ours=ours)
        for known in foreign.get(account_id, ()):
            if (known.symbol, known.position_side) not in seen:
                session.delete(known)
    session.flush()
    return adopt


def _held(session: Session, account_ids: Sequence[int]) -> dict[tuple[int, str], dict[str, Decimal]]:
    """What is open here by (account, symbol) and side: asked once for all accounts, not row by row."""
    rows = session.connection().execute(
        columns(col(Position.account_id), col(Position.symbol), col(Position.position_side), col(Position.quantity)).where(
            col(Position.account_id).in_(account_ids), col(Position.status) == "OPEN"
        )
    )
    found: dict[tuple[int, str], dict[str, Decimal]] = {}
    for account_id, symbol, side, quantity in rows:
        found.setdefault((account_id, symbol), {})[side] = quantity
    return found


def _known(session: Session, reports: Reports) -> dict[int, list[ForeignPosition]]:
    """The foreign positions noted so far, by account."""
    found: dict[int, list[ForeignPosition]] = {}
    for row in session.exec(select(ForeignPosition).where(col(ForeignPosition.account_id).in_(list(reports)))).all():
        found.setdefault(row.account_id, []).append(row)
    return found


def _moving(session: Session, account_id: int, symbol: str) -> bool:
    """Something of ours is on its way in this symbol, or just was: the report proves nothing yet."""
    loose = select(Order.id).where(
        Order.account_id == account_id, Order.symbol == symbol, col(Order.status).in_(_LOOSE), Order.order_type != "STOP_MARKET"
    )
    closed = select(Position.id).where(Position.account_id == account_id, Position.symbol == symbol, col(Position.updated_at) > utcnow() - _QUIET)
    return session.exec(loose).first() is not None or session.exec(closed).first() is not None


def _candidates(session: Session, account_id: int, symbol: str, side: str) -> list[Order]:
    """Entries that were given up though one of them may have been filled: they are asked for once more, never sent again."""
    rows = session.exec(
        select(Order).where(
            Order.account_id == account_id, Order.symbol == symbol, Order.position_side == side, Order.trade_type == "OPEN",
            col(Order.status).in_(("EXPIRED", "FAILED")), Order.filled_quantity == 0, Order.attempt > 0,
            col(Order.expires_at) < utcnow(), col(Order.created_at) > utcnow() - _LATE, Order.error_code != _ASKED,
        )
    ).all()  # fmt: skip
    for order in rows:
        order.status, order.reason, order.error_code = "UNKNOWN", "the exchange holds a position it may have made", _ASKED
        order.looked_at, order.absent_looks = None, 0
        session.add(order)
    return list(rows)


def _foreign(session: Session, account: ExchangeAccount, symbol: str, side: str, *, extra: Decimal, ours: Mapping[str, Decimal]) -> None:
    assert account.id is not None
    row = session.get(ForeignPosition, (account.id, symbol, side))
    if row is None:
        row = ForeignPosition(
            account_id=account.id, symbol=symbol, position_side=side, tenant_id=account.tenant_id, user_id=account.user_id
        )
    row.quantity, row.seen_at, row.looks = f"{extra:f}", utcnow(), row.looks + 1
    session.add(row)
    if row.looks != BLOCKS_AFTER:
        return
    cause = QUANTITY_LARGER if side in ours else OPPOSITE_SIDE if ours else FOREIGN_POSITION
    held = next(iter(ours.items()), None)
    says = f"open {ours[side]:f}" if side in ours else f"open {held[1]:f}" if held else "absent"
    note(
        session, f"{cause}:{account.id}:{symbol}:{side}:{int(row.created_at.timestamp())}"[:64], account, cause,
        symbol=symbol, platform_says=says, exchange_says=f"open {extra:f}", action="blocked",
    )  # fmt: skip
    session.add(
        Notification(
            tenant_id=account.tenant_id, user_id=account.user_id, type="risk_alert", title=f"{symbol} is blocked",
            message=f"Your account holds {extra:f} {side} of it that the platform did not open. It is left alone, and nothing is opened "
            "in this symbol until it is closed.",
            link="/agent/positions",
        )
    )  # fmt: skip


def blocked_symbols(session: Session, account_ids: Sequence[int]) -> dict[int, set[str]]:
    """Symbols in which an account may open nothing, because it holds there what is not ours."""
    found: dict[int, set[str]] = {}
    rows = session.exec(
        select(ForeignPosition).where(col(ForeignPosition.account_id).in_(account_ids), ForeignPosition.looks >= BLOCKS_AFTER)
    ).all()
    for row in rows:
        found.setdefault(row.account_id, set()).add(row.symbol)
    return found


def unexplained(session: Session, position_ids: Sequence[int], reports: Reports) -> None:
    """Positions of which the exchange holds less, and no order or trade says why: people must look. Told once per quantity."""
    for position in session.exec(select(Position).where(col(Position.id).in_(position_ids), Position.status == "OPEN")).all():
        if _moving(session, position.account_id, position.symbol):
            continue
        there = sum(
            (quantity_of(r) for r in reports.get(position.account_id, ()) if (r.get("symbol"), r.get("position_side")) == (position.symbol, position.position_side)),
            Decimal(0),
        )
        fresh = note(
            session, f"less:{position.id}:{there:f}"[:64], position, QUANTITY_UNEXPLAINED, symbol=position.symbol,
            platform_says=f"open {position.quantity:f}", exchange_says=f"open {there:f}" if there else "absent", action="told",
            position_id=position.id,
        )  # fmt: skip
        if fresh and there < position.quantity:
            session.add(
                Notification(
                    audience="platform", tenant_id=position.tenant_id, type="risk_alert", title=f"{position.symbol} does not agree with the exchange",
                    message=f"The platform holds {position.quantity:f} {position.position_side}, the exchange {there:f}, and no trade says why. Compare the account with the exchange.",
                    link="/admin/differences",
                )
            )  # fmt: skip


def stops_to_check(session: Session, account_ids: Sequence[int]) -> list[Order]:
    """Resting stops of open positions that were not seen at the exchange for a while, at most 200."""
    now = utcnow()
    rows = session.exec(
        select(Order)
        .join(Position, col(Position.id) == col(Order.position_id))
        .where(
            col(Order.account_id).in_(account_ids), Order.order_type == "STOP_MARKET", Order.status == "OPEN", Position.status == "OPEN",
            Position.stop_status == "OPEN", col(Order.looked_at).is_(None) | (col(Order.looked_at) < now - STOP_CHECK) | (Order.absent_looks > 0),
        )
        .order_by(col(Order.looked_at), col(Order.id))
        .limit(200)
    ).all()  # fmt: skip
    return [order for order in rows if order.looked_at is not None or now - order.created_at > _QUIET]


def stops_gone(session: Session, order_ids: Sequence[int]) -> int:
    """Stops that the exchange ended while their position is open: the position waits for another. Returns how many."""
    lost = 0
    for order in session.exec(select(Order).where(col(Order.id).in_(order_ids)).order_by(col(Order.id))).all():
        position = session.get(Position, order.position_id) if order.position_id else None
        if order.status not in {"CANCELLED", "EXPIRED", "REJECTED"} or position is None or position.status != "OPEN":
            continue
        if position.stop_client_order_id != order.client_order_id or position.stop_status != "OPEN":
            continue
        position.stop_status = "LOST"
        session.add(position)
        note(
            session, f"stop:{order.id}", position, STOP_MISSING, symbol=position.symbol, platform_says="OPEN", exchange_says=order.status,
            action="stop_restored", order_id=order.id, position_id=position.id,
        )  # fmt: skip
        lost += 1
    return lost


def found_again(session: Session, order_ids: Sequence[int]) -> None:
    """Orders whose answer was lost and that the exchange knew: written down with what they had become."""
    orders = session.exec(select(Order).where(col(Order.id).in_(order_ids))).all()
    facts = {order.id: f"lost:{order.id}:{order.attempt}" for order in orders}
    noted = written(session, facts.values())
    rows = [
        {
            "fact": facts[order.id], "tenant_id": order.tenant_id, "account_id": order.account_id, "order_id": order.id,
            "position_id": order.position_id, "symbol": order.symbol, "cause": LOST_ANSWER, "platform_says": "UNKNOWN",
            "exchange_says": order.status, "action": "adopted", "created_at": utcnow(),
        }
        for order in orders
        if facts[order.id] not in noted
    ]  # fmt: skip
    if rows:
        session.connection().execute(insert(table_of(Difference)), rows)
    for order in orders:
        if order.error_code == _ASKED or (order.status in {"EXPIRED", "FAILED"} and order.filled_quantity > 0):
            close(order, "FILLED", "filled, found later")
            session.add(order)
