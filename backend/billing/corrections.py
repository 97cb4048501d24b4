"""Corrections: one admin asks for a ledger transaction to be undone, another one agrees, and the opposite is posted.

Only moves that nothing else was built upon can be undone so: card recharges and transfers, and funding. Withdrawals
have steps of their own that return the money; a settlement is followed by pools and rewards, and a trade whose result
changes is corrected in the agent's next billing period.
"""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from backend.billing.cards import INSERT_LOG
from backend.clock import utcnow
from backend.errors import Conflict, InvalidInput, NotFound
from backend.identity.principal import Principal
from backend.ledger import service as ledger
from backend.ledger.rules import AccountRef, tenant_card, user_account
from backend.ledger.statements import Wire, stamp
from backend.models import LedgerReversal, LedgerTransaction, PointCardLog
from backend.portfolio.queries import Listing, Window
from backend.security import audit

REQUESTED, DONE, REFUSED = "requested", "done", "refused"
REVERSIBLE = ("recharge_tenant", "recharge_user", "transfer_points", "funding")


class NotReversible(InvalidInput):
    """This kind of transaction is not undone by its opposite."""

    code = "not_reversible"


class ReversalDecided(InvalidInput):
    """This correction was decided already. Reload it."""

    code = "reversal_decided"


class OtherAdminNeeded(Conflict):
    """You asked for this correction yourself. A second admin must decide."""

    code = "second_admin_needed"


def request(session: Session, transaction_id: int, who: Principal, reason: str, *, ip: str = "") -> LedgerReversal:
    """Ask for a transaction to be undone. Asking again while it is undecided returns the first request.

    Raises ``NotFound``, ``NotReversible``, ``ReversalDecided`` (it is undone already), ``InvalidInput`` (no reason).
    """
    reason = _reason(reason)
    header = session.get(LedgerTransaction, transaction_id, with_for_update=True)
    if header is None:
        raise NotFound(f"There is no ledger transaction {transaction_id}.")
    if header.kind not in REVERSIBLE:
        raise NotReversible(f"A {header.kind} is not undone by its opposite; only {', '.join(REVERSIBLE)} are.")
    row = session.exec(select(LedgerReversal).where(LedgerReversal.transaction_id == transaction_id)).first()
    if row is not None and row.status == DONE:
        raise ReversalDecided("This transaction was undone already.")
    if row is not None and row.status == REQUESTED:
        return row
    row = row or LedgerReversal(transaction_id=transaction_id, tenant_id=header.tenant_id, reason="", requested_by=0)
    row.reason, row.status, row.requested_by, row.requested_at = reason, REQUESTED, who.id, utcnow()
    row.decided_by, row.decided_at, row.decision = None, None, ""
    return _audited(session, row, who, "request", ip)


def approve(session: Session, reversal_id: int, who: Principal, *, ip: str = "") -> LedgerReversal:
    """Agree, as another admin: the opposite is posted, and the point-card journal says so.

    Raises ``NotFound``, ``ReversalDecided``, ``OtherAdminNeeded``, ``InsufficientBalance`` (the points have gone).
    """
    row = _undecided(session, reversal_id)
    if row.requested_by == who.id:
        raise OtherAdminNeeded
    wire = Wire(session)
    logs = session.exec(
        select(PointCardLog).where(PointCardLog.transaction_id == row.transaction_id).order_by(col(PointCardLog.id))
    ).all()
    pockets = {ref for log in logs for ref in _pockets(log)}
    done = ledger.reverse(session, row.transaction_id, row.reason, f"admin:{who.id}", watch=sorted(pockets, key=str))
    for log in logs:
        _log_opposite(wire, log, done, row.reason)
    row.status, row.decided_by, row.decided_at, row.reversal_id = DONE, who.id, utcnow(), done.id
    return _audited(session, row, who, "approve", ip)


def refuse(session: Session, reversal_id: int, who: Principal, reason: str, *, ip: str = "") -> LedgerReversal:
    """Decline; the one who asked may also take it back so. Raises ``NotFound``, ``ReversalDecided``."""
    reason = _reason(reason)
    row = _undecided(session, reversal_id)
    row.status, row.decided_by, row.decided_at, row.decision = REFUSED, who.id, utcnow(), reason
    return _audited(session, row, who, "refuse", ip)


def reversals(session: Session, status: str | None, window: Window) -> Listing[LedgerReversal]:
    """Corrections, newest first. For admins only: the caller checks."""
    statement = select(LedgerReversal)
    if status:
        statement = statement.where(LedgerReversal.status == status)
    rows = session.exec(statement.order_by(col(LedgerReversal.id).desc())).all()
    return Listing(list(rows[window.offset : window.offset + window.limit]), len(rows))


def _undecided(session: Session, reversal_id: int) -> LedgerReversal:
    row = session.get(LedgerReversal, reversal_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(f"There is no correction {reversal_id}.")
    if row.status != REQUESTED:
        raise ReversalDecided
    return row


def _pockets(log: PointCardLog) -> list[AccountRef]:
    if log.user_id is None:
        return [tenant_card(log.tenant_id, "point_self"), tenant_card(log.tenant_id, "point_gift")]
    return [user_account(log.tenant_id, log.user_id, kind) for kind in ("point_self", "point_gift")]


def _log_opposite(wire: Wire, log: PointCardLog, done: ledger.PostedTransaction, reason: str) -> None:
    own, gift = (done.balances[ref] for ref in _pockets(log))
    before_own = own + log.amount if log.card_type == 1 else own
    before_gift = gift + log.amount if log.card_type == 2 else gift
    wire.run(
        INSERT_LOG,
        (log.tenant_id, log.user_id, log.related_user_id, done.id, log.change_type, log.source_type, log.card_type,
         -log.amount, before_own, own, before_gift, gift, f"冲正: {reason}"[:255], stamp()),
    )  # fmt: skip


def _reason(text: str) -> str:
    text = " ".join(text.split())[:200]
    if not text:
        raise InvalidInput("Say why: the reason is kept with the correction.")
    return text


def _audited(session: Session, row: LedgerReversal, who: Principal, action: str, ip: str) -> LedgerReversal:
    session.add(row)
    session.flush()
    detail: dict[str, Any] = {"transaction_id": row.transaction_id, "reason": row.decision or row.reason}
    target = f"reversal:{row.id}"
    audit.record(session, who, f"reversal.{action}", target, detail=detail, ip=ip, tenant_id=row.tenant_id)
    return row
