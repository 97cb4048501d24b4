"""The withdrawal queue: what waits for a person comes first."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from backend.billing.withdrawal_rules import APPROVED, COMPLETED, FAILED, PENDING, REJECTED, STATUS_NAMES
from backend.billing.withdrawals import POLICY
from backend.clock import to_ms, utcnow
from backend.dashboards.lists.base import ANY_ID, Find, ListOf, Row, between, matching, paged, where
from backend.dashboards.lists.trading import person
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.ledger.queries import balance
from backend.ledger.rules import user_account
from backend.models import Admin, LedgerTransaction, Tenant, User, Withdrawal
from backend.money import from_units
from backend.portfolio.queries import Listing

_WAITING = {PENDING: 0, APPROVED: 1}
_BACK = {"withdraw_reject_return": "rejected", "withdraw_fail_return": "failed"}


def _statement(who: Principal, find: Find) -> Any:
    statement = (
        select(Withdrawal, User, Tenant.name)
        .join(User, col(User.id) == Withdrawal.user_id, isouter=True)
        .join(Tenant, col(Tenant.id) == Withdrawal.tenant_id, isouter=True)
    )
    columns = {"status": Withdrawal.status, "tenant": Withdrawal.tenant_id, "user": Withdrawal.user_id}
    statement = between(where(scoped(statement, who, Withdrawal), find, **columns), find, col(Withdrawal.created_at))
    return matching(statement, find, col(User.name), col(User.email), col(Withdrawal.wallet_address), col(Withdrawal.tx_hash))


def withdrawals(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Withdrawals: waiting ones first (oldest first), then those to be paid, then the rest by age."""
    statement = _statement(who, find)
    sorts = {"at_ms": col(Withdrawal.created_at), "amount": col(Withdrawal.amount)}
    if not find.sort:
        rank = case(_WAITING, value=col(Withdrawal.status), else_=2)
        waiting = case((col(Withdrawal.status).in_(list(_WAITING)), col(Withdrawal.id)), else_=-col(Withdrawal.id))
        total = int(session.exec(select(func.count()).select_from(statement.subquery())).one())
        rows = session.exec(statement.order_by(rank, waiting).limit(find.limit).offset(find.offset)).all()
    else:
        rows, total = paged(session, statement, find, sorts, col(Withdrawal.id))
    return Listing([_row(*one) for one in rows], total)


def _row(row: Withdrawal, user: User | None, tenant: str | None) -> Row:
    second = row.status == PENDING and row.approvals_needed > 1
    return {
        "id": row.id, "at_ms": to_ms(row.created_at), "tenant": tenant or "", "user": person(user),
        "amount": from_units(row.amount), "fee": from_units(row.fee), "actual": from_units(row.actual_amount),
        "network": row.wallet_network, "wallet": row.wallet_address, "status": STATUS_NAMES[row.status],
        "needs": row.approvals_needed, "second": second, "half": second and row.audit_by is not None,
        "remark": row.remark, "reason": row.reason, "tx_hash": row.tx_hash,
        "done_ms": to_ms(row.completed_at) if row.completed_at else 0,
    }  # fmt: skip


def withdrawal_detail(session: Session, who: Principal, withdrawal_id: int) -> Row:
    """One with its approvals, the balance behind it and how the wallet was used before. Raises ``NotFound``."""
    row = get_scoped(session, who, Withdrawal, withdrawal_id)
    tenant = session.get(Tenant, row.tenant_id)
    free = from_units(balance(session, user_account(row.tenant_id, row.user_id, "reward")))
    held = row.status in _WAITING
    used = session.exec(
        select(func.count()).select_from(Withdrawal).where(
            Withdrawal.user_id == row.user_id, Withdrawal.wallet_address == row.wallet_address, Withdrawal.status == COMPLETED
        )
    ).one()
    approvals = [
        {"admin": _admin(session, by), "at_ms": to_ms(at), "place": place, "me": by == who.id and who.kind == "admin"}
        for place, by, at in ((1, row.audit_by, row.audit_at), (2, row.second_audit_by, row.second_audit_at))
        if by is not None and at is not None
    ]
    return _row(row, session.get(User, row.user_id), tenant.name if tenant else "") | {
        "free": free, "held": held, "before": free + from_units(row.amount) if held else None, "used": int(used),
        "approvals": approvals if row.status != REJECTED and who.kind == "admin" else [], "four_eyes": POLICY.four_eyes_usdt or Decimal(0),
        "mine": any(one["me"] for one in approvals), "steps": _steps(session, row),
    }  # fmt: skip


def _steps(session: Session, row: Withdrawal) -> list[Row]:
    """Its way so far, oldest first; when it came back is what the ledger says. No names of admins."""
    approved = row.second_audit_at if row.approvals_needed > 1 else row.audit_at
    steps = [("asked", row.created_at), ("approved", approved if row.status in (APPROVED, COMPLETED, FAILED) else None), ("completed", row.completed_at)]
    if row.status in (REJECTED, FAILED):
        posted = select(LedgerTransaction.kind, LedgerTransaction.created_at).where(LedgerTransaction.reference == f"withdrawal:{row.id}")
        steps += [(_BACK[kind], at) for kind, at in session.exec(posted).all() if kind in _BACK]
    return [{"name": name, "at_ms": to_ms(at)} for name, at in steps if at is not None]


def _admin(session: Session, admin_id: int) -> str:
    found = session.get(Admin, admin_id)
    return found.username if found else f"#{admin_id}"


def withdrawal_totals(session: Session, who: Principal, find: Find) -> Row:
    """Count and sum by status; ``paid_month`` is of this UTC month."""
    statement = scoped(select(Withdrawal.status, func.count(), func.sum(Withdrawal.amount)), who, Withdrawal)
    statement = where(statement, find, tenant=Withdrawal.tenant_id).group_by(col(Withdrawal.status))
    found: Row = {}
    for name in STATUS_NAMES.values():
        found |= {f"n_{name}": 0, f"sum_{name}": from_units(0)}
    for status, count, total in session.exec(statement).all():
        found |= {f"n_{STATUS_NAMES[status]}": int(count), f"sum_{STATUS_NAMES[status]}": from_units(int(total or 0))}
    month = utcnow().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    paid = scoped(select(func.count(), func.coalesce(func.sum(Withdrawal.actual_amount), 0)), who, Withdrawal)
    count, total = session.exec(paid.where(Withdrawal.status == COMPLETED, col(Withdrawal.completed_at) >= month)).one()
    return found | {"n_month": int(count), "sum_month": from_units(int(total))}


WITHDRAWALS = ListOf(
    withdrawals, ("admin", "tenant", "agent"),
    ("id", "at_ms", "tenant", "user", "amount", "fee", "actual", "network", "wallet", "status", "reason", "tx_hash", "done_ms"),
    sorts=("at_ms", "amount"), filters={"status": tuple(str(one) for one in STATUS_NAMES), "tenant": ANY_ID, "user": ANY_ID},
    dated=True, detail=withdrawal_detail, totals=withdrawal_totals,
)  # fmt: skip
