"""The books as an accountant reads them: the trial balance of a month, and one transaction with all its entries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from backend.errors import NotFound
from backend.models import LedgerAccount, LedgerEntry, LedgerReversal, LedgerSeal, LedgerTransaction


@dataclass(frozen=True, slots=True)
class TrialLine:
    """All accounts of one kind and currency in a month, in units: what they held, received, gave, and hold."""

    owner_kind: str
    kind: str
    currency: str
    opening: int
    received: int
    given: int

    @property
    def closing(self) -> int:
        """Opening plus received minus given."""
        return self.opening + self.received - self.given


@dataclass(frozen=True)
class Posted:
    """A ledger transaction with its entries, its place in the hash chain, and its correction if there is one."""

    transaction: LedgerTransaction
    entries: list[tuple[LedgerEntry, LedgerAccount]]
    seal: LedgerSeal | None
    reversal: LedgerReversal | None


def trial_balance(session: Session, start: datetime, end: datetime, tenant_id: int | None = None) -> list[TrialLine]:
    """The trial balance of [start, end). The columns of a currency sum to zero (received equals given) for the whole
    platform; one tenant's accounts alone need not, because points come from the platform."""
    at, amount = col(LedgerTransaction.created_at), col(LedgerEntry.amount)
    statement = (
        select(
            LedgerAccount.owner_kind,
            LedgerAccount.kind,
            LedgerEntry.currency,
            func.coalesce(func.sum(case((at < start, amount), else_=0)), 0),
        )
        .add_columns(
            func.coalesce(func.sum(case(((at >= start) & (amount > 0), amount), else_=0)), 0),
            func.coalesce(func.sum(case(((at >= start) & (amount < 0), -amount), else_=0)), 0),
        )
        .select_from(LedgerEntry)
        .join(LedgerTransaction, col(LedgerTransaction.id) == col(LedgerEntry.transaction_id))
        .join(LedgerAccount, col(LedgerAccount.id) == col(LedgerEntry.account_id))
        .where(at < end)
        .group_by(col(LedgerAccount.owner_kind), col(LedgerAccount.kind), col(LedgerEntry.currency))
        .order_by(col(LedgerEntry.currency), col(LedgerAccount.owner_kind), col(LedgerAccount.kind))
    )
    if tenant_id is not None:
        statement = statement.where(col(LedgerAccount.tenant_id) == tenant_id)
    return [
        TrialLine(owner, kind, currency, int(opening), int(received), int(given))
        for owner, kind, currency, opening, received, given in session.execute(statement)
    ]


def posted(session: Session, transaction_id: int) -> Posted:
    """One transaction. Raises ``NotFound``."""
    transaction = session.get(LedgerTransaction, transaction_id)
    if transaction is None:
        raise NotFound(f"There is no ledger transaction {transaction_id}.")
    entries = session.exec(
        select(LedgerEntry, LedgerAccount)
        .join(LedgerAccount, col(LedgerAccount.id) == col(LedgerEntry.account_id))
        .where(LedgerEntry.transaction_id == transaction_id)
        .order_by(col(LedgerEntry.id))
    ).all()
    reversal = session.exec(select(LedgerReversal).where(LedgerReversal.transaction_id == transaction_id)).first()
    return Posted(transaction, [(e, a) for e, a in entries], session.get(LedgerSeal, transaction_id), reversal)
