"""Reads of the ledger and its invariants. Amounts are integers of 1e-8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import Session

from backend.ledger.rules import AccountRef
from backend.models import LedgerAccount, LedgerEntry, LedgerTransaction
from backend.models.tables import table_of
from backend.money import format_units
from backend.monitoring.rules import Invariant

_account = table_of(LedgerAccount)
_entry = table_of(LedgerEntry)
_transaction = table_of(LedgerTransaction)


@dataclass(frozen=True, slots=True)
class BalanceDifference:
    """An account whose stored balance is not the sum of its entries."""

    account_id: int
    name: str
    balance: int
    entries: int


def balance(session: Session, ref: AccountRef) -> int:
    """The balance of one account; 0 when nothing was ever posted to it."""
    return balances(session, [ref])[ref]


def balances(session: Session, refs: Sequence[AccountRef]) -> dict[AccountRef, int]:
    """Balances of several accounts."""
    found: dict[AccountRef, int] = dict.fromkeys(refs, 0)
    owners = {ref.owner_id for ref in refs}
    rows = session.execute(
        select(_account.c.owner_kind, _account.c.owner_id, _account.c.kind, _account.c.currency, _account.c.balance)
        .where(_account.c.owner_id.in_(owners))
        .where(_account.c.owner_kind.in_({ref.owner_kind for ref in refs}))
    )
    for row in rows:
        ref = AccountRef(*row[:4])
        if ref in found:
            found[ref] = row[4]
    return found


def total(session: Session, kind: str, tenant_id: int | None = None, currency: str = "USDT") -> int:
    """Sum of all balances of one kind, of one tenant or of all."""
    query = select(func.coalesce(func.sum(_account.c.balance), 0)).where(
        _account.c.kind == kind, _account.c.currency == currency
    )
    if tenant_id is not None:
        query = query.where(_account.c.tenant_id == tenant_id)
    return int(session.execute(query).scalar_one())


def balance_differences(session: Session, limit: int = 100) -> list[BalanceDifference]:
    """Accounts whose balance is not the sum of their entries (none, unless the database was damaged)."""
    sums = (
        select(_entry.c.account_id, func.sum(_entry.c.amount).label("total")).group_by(_entry.c.account_id).subquery()
    )
    entries = func.coalesce(sums.c.total, 0)
    rows = session.execute(
        select(_account, entries.label("entries"))
        .select_from(_account.outerjoin(sums, sums.c.account_id == _account.c.id))
        .where(_account.c.balance != entries)
        .order_by(_account.c.id)
        .limit(limit)
    )
    return [
        BalanceDifference(
            row.id, f"{row.kind} of {row.owner_kind} {row.owner_id} ({row.currency})", row.balance, int(row.entries)
        )
        for row in rows
    ]


def check_zero_sum(session: Session) -> Invariant:
    """All entries of a currency sum to zero, and so do the entries of every transaction."""
    per_currency = session.execute(
        select(_entry.c.currency, func.sum(_entry.c.amount), func.count()).group_by(_entry.c.currency)
    ).all()
    wrong = [f"{currency} is off by {format_units(int(amount))}" for currency, amount, _ in per_currency if amount]
    torn = session.execute(
        select(_entry.c.transaction_id, _entry.c.currency)
        .group_by(_entry.c.transaction_id, _entry.c.currency)
        .having(func.sum(_entry.c.amount) != 0)
        .limit(5)
    ).all()
    wrong += [f"transaction {number} does not sum to zero in {currency}" for number, currency in torn]
    checked = sum(int(count) for _, _, count in per_currency)
    return Invariant("ledger sums to zero", not wrong, checked, "; ".join(wrong))


def check_balances(session: Session) -> Invariant:
    """Every balance equals the sum of its entries."""
    different = balance_differences(session)
    checked = int(session.execute(select(func.count()).select_from(_account)).scalar_one())
    text = "; ".join(
        f"{one.name}: balance {format_units(one.balance)}, entries {format_units(one.entries)}" for one in different[:5]
    )
    return Invariant("balances equal their entries", not different, checked, text)


def check_not_negative(session: Session) -> Invariant:
    """No spendable balance is below zero."""
    rows = session.execute(
        select(_account.c.kind, _account.c.owner_kind, _account.c.owner_id, _account.c.balance)
        .where(_account.c.overdraft.is_(False), _account.c.balance < 0)
        .limit(5)
    ).all()
    checked = int(
        session.execute(select(func.count()).select_from(_account).where(_account.c.overdraft.is_(False))).scalar_one()
    )
    text = "; ".join(f"{kind} of {owner} {number}: {format_units(value)}" for kind, owner, number, value in rows)
    return Invariant("no spendable balance is negative", not rows, checked, text)


ALL_CHECKS = (check_zero_sum, check_balances, check_not_negative)
"""Every invariant of this room."""
