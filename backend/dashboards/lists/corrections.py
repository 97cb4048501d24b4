"""Corrections of the ledger: what waits for a second admin comes first, with what agreeing would do to the books."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from backend.billing.corrections import DONE, REFUSED, REQUESTED
from backend.clock import to_ms
from backend.dashboards.lists.base import ANY_ID, Find, ListOf, Row, between, matching, paged, where
from backend.dashboards.lists.money import owner_of
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.ledger.rules import OVERDRAFT_KINDS
from backend.models import Admin, LedgerAccount, LedgerEntry, LedgerReversal, LedgerTransaction, Tenant
from backend.money import from_units
from backend.portfolio.queries import Listing

STATES = (REQUESTED, DONE, REFUSED)


def corrections(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Corrections: undecided ones first, then by age."""
    statement = (
        select(LedgerReversal, LedgerTransaction, Tenant.name)
        .join(LedgerTransaction, col(LedgerTransaction.id) == LedgerReversal.transaction_id)
        .join(Tenant, col(Tenant.id) == LedgerReversal.tenant_id, isouter=True)
    )
    columns = {"status": LedgerReversal.status, "tenant": LedgerReversal.tenant_id}
    statement = where(scoped(statement, who, LedgerReversal), find, **columns)
    statement = between(statement, find, col(LedgerReversal.requested_at))
    statement = matching(statement, find, col(LedgerReversal.reason), col(LedgerTransaction.reference))
    waits = case((col(LedgerReversal.status) == REQUESTED, 1), else_=0)
    found = find if find.sort else replace(find, sort="waits", desc=True)
    rows, total = paged(
        session, statement, found, {"at_ms": col(LedgerReversal.requested_at), "waits": waits}, col(LedgerReversal.id)
    )
    names = _admins(session, [row for row, *_ in rows])
    return Listing([_row(row, header, tenant, names, who) for row, header, tenant in rows], total)


def _admins(session: Session, rows: list[LedgerReversal]) -> dict[int, str]:
    ids = {one for row in rows for one in (row.requested_by, row.decided_by) if one}
    return {one.id or 0: one.username for one in session.exec(select(Admin).where(col(Admin.id).in_(ids))).all()} if ids else {}


def _row(row: LedgerReversal, header: LedgerTransaction, tenant: str | None, names: dict[int, str], who: Principal) -> Row:
    return {
        "id": row.id, "at_ms": to_ms(row.requested_at), "transaction_id": row.transaction_id, "kind": header.kind,
        "tenant": tenant or "", "reason": row.reason, "status": row.status, "asked_by": names.get(row.requested_by, ""),
        "decided_by": names.get(row.decided_by or 0, ""), "decided_ms": to_ms(row.decided_at) if row.decided_at else 0,
        "decision": row.decision, "reversal_id": row.reversal_id or 0,
        "mine": row.requested_by == who.id and who.kind == "admin",
    }  # fmt: skip


def correction_detail(session: Session, who: Principal, reversal_id: int) -> Row:
    """One with the entries agreeing would post, each with the balance now and after. Raises ``NotFound``."""
    row = get_scoped(session, who, LedgerReversal, reversal_id)
    header = session.get_one(LedgerTransaction, row.transaction_id)
    tenant = session.get(Tenant, row.tenant_id) if row.tenant_id else None
    found = session.exec(
        select(LedgerEntry, LedgerAccount)
        .join(LedgerAccount, col(LedgerAccount.id) == LedgerEntry.account_id)
        .where(LedgerEntry.transaction_id == row.transaction_id)
        .order_by(col(LedgerEntry.id))
    ).all()
    running: dict[int, int] = {}
    lines = []
    for entry, account in found:
        before = running.get(account.id or 0, account.balance)
        running[account.id or 0] = after = before - entry.amount
        lines.append(
            {"id": entry.id, "account": account.id, "kind": account.kind, "owner_kind": account.owner_kind,
             "owner": owner_of(session, account), "currency": entry.currency, "amount": from_units(-entry.amount),
             "before": from_units(before), "after": from_units(after), "transaction": entry.transaction_id}
        )  # fmt: skip
    # Judged as a whole, as the ledger does: money may pass through an empty account.
    short = any(running[a.id or 0] < 0 and a.kind not in OVERDRAFT_KINDS for _, a in found)
    moved = from_units(sum(entry.amount for entry, _ in found if entry.amount > 0))
    names = _admins(session, [row])
    return _row(row, header, tenant.name if tenant else "", names, who) | {
        "moved": moved, "currency": found[0][0].currency if found else "", "lines": lines, "reference": header.reference,
        "posted_ms": to_ms(header.created_at), "short": short and row.status == REQUESTED,
    }  # fmt: skip


def correction_totals(session: Session, who: Principal, find: Find) -> Row:
    """How many are in each state."""
    statement: Any = scoped(select(LedgerReversal.status, func.count()), who, LedgerReversal)
    counts = dict(session.exec(where(statement, find, tenant=LedgerReversal.tenant_id).group_by(col(LedgerReversal.status))).all())
    return {f"n_{name}": int(counts.get(name, 0)) for name in STATES}


CORRECTIONS = ListOf(
    corrections, ("admin",),
    ("id", "at_ms", "transaction_id", "kind", "tenant", "reason", "status", "asked_by", "decided_by", "decided_ms", "decision",
     "reversal_id"),
    sorts=("at_ms",), filters={"status": STATES, "tenant": ANY_ID}, dated=True, detail=correction_detail,
    totals=correction_totals,
)  # fmt: skip
