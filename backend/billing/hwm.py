"""Billing periods under the high-water mark: closing months, terms, and the way from draft to paid.

The locking law: the user's row before its periods are closed, a period's row before its status changes. A trade is
counted in the first period closed after it is known and never again; what changes afterwards is counted as the
difference, in the next period. Figures are integers of 1e-8; a trade's profit and fee are each cut to that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from sqlmodel import Session, col, select

from backend.billing import hwm_rules as rules
from backend.billing.hwm_items import period_items
from backend.billing.hwm_rules import APPROVED, DRAFT, INVOICED, PAID, BillingPeriodState, Mark, PeriodBill
from backend.clock import utcnow
from backend.errors import InvalidInput, NotFound
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.ledger import service as ledger
from backend.ledger.rules import Posting, tenant_card, user_account
from backend.models import BillingItem, BillingPeriod, BillingTerms, EquitySnapshot, Tenant, User
from backend.money import exact_units, format_units, from_units
from backend.notifications.service import notify_agent
from backend.security import audit

SCHEMES = ("per_close", "hwm")
GRACE = timedelta(minutes=10)
"""The job closes a month this long after its end, so that trades of its last seconds are known."""
_MARK_AGE = timedelta(hours=24)
_BP = Decimal(10_000)


# Terms ----------------------------------------------------------------------------------------------------


def set_share(
    session: Session, who: Principal, tenant_id: int, share: Decimal, *, user_id: int | None = None, ip: str = ""
) -> BillingTerms:
    """Agree a profit share (0 to 1, at most 4 places) with a tenant's agents, or with one of them.

    The first agreement holds from the beginning, a change from the next month on. Raises ``InvalidInput``,
    ``NotFound``.
    """
    points = share * _BP
    if not share.is_finite() or not 0 <= share <= 1 or points != int(points):
        raise InvalidInput("The profit share is between 0 and 1 with at most 4 decimal places, such as 0.20.")
    tenant = _tenant(session, tenant_id)
    if user_id is not None:
        get_scoped(session, tenant_id, User, user_id, lock=True)
    first = not _terms(session, tenant_id, user_id)
    since = rules.month_start(tenant.created_at) if first else rules.month_after(rules.month_start(utcnow()))
    row = BillingTerms(
        tenant_id=tenant_id,
        user_id=user_id,
        share_bp=int(points),
        effective_from=since,
        actor=f"{who.kind}:{who.id}",
    )
    session.add(row)
    target = f"user:{user_id}" if user_id is not None else f"tenant:{tenant_id}"
    detail = {"share": f"{share:f}", "effective_from": since.isoformat()}
    audit.record(session, who, "billing.share", target, detail=detail, ip=ip, tenant_id=tenant_id)
    session.flush()
    return row


def set_scheme(session: Session, who: Principal, tenant_id: int, scheme: str, *, ip: str = "") -> Tenant:
    """Choose how a tenant's agents are billed, from now on. Leaving the mark closes the running month today.

    Raises ``InvalidInput``, ``NotFound``.
    """
    if scheme not in SCHEMES:
        raise InvalidInput(f"The billing scheme is one of {', '.join(SCHEMES)}.")
    tenant = _tenant(session, tenant_id, lock=True)
    if tenant.billing_scheme == scheme:
        return tenant
    now = utcnow()
    if tenant.billing_scheme == "hwm":
        agents = select(User).where(User.tenant_id == tenant_id, col(User.is_root).is_(False)).order_by(col(User.id))
        for user in session.exec(agents).all():
            close_until(session, user, now, part=True)
    tenant.billing_scheme = scheme
    session.add(tenant)
    session.add(
        BillingTerms(
            tenant_id=tenant_id,
            scheme=scheme,
            share_bp=share_at(session, tenant_id, None, now),
            effective_from=now,
            actor=f"{who.kind}:{who.id}",
        )
    )
    audit.record(
        session, who, "billing.scheme", f"tenant:{tenant_id}", detail={"scheme": scheme}, ip=ip, tenant_id=tenant_id
    )
    session.flush()
    return tenant


def share_at(session: Session, tenant_id: int, user_id: int | None, moment: datetime) -> int:
    """The share in 1/10000 in force: the agent's own, else the tenant's, else 20 %."""
    for owner in (user_id, None) if user_id is not None else (None,):
        known = [row for row in _terms(session, tenant_id, owner) if row.effective_from <= moment]
        if known:
            return max(known, key=lambda row: (row.effective_from, row.id or 0)).share_bp
    return int(rules.DEFAULT_SHARE * _BP)


def next_share(session: Session, tenant_id: int) -> int:
    """The tenant's share in 1/10000 from the next month on: what was agreed last."""
    return share_at(session, tenant_id, None, rules.month_after(rules.month_start(utcnow())))


def _terms(session: Session, tenant_id: int, user_id: int | None) -> list[BillingTerms]:
    statement = select(BillingTerms).where(BillingTerms.tenant_id == tenant_id, BillingTerms.user_id == user_id)
    return list(session.exec(statement.order_by(col(BillingTerms.id))))


def _counted_from(session: Session, tenant: Tenant) -> datetime:
    """Since when trades count: the last switch to the mark, or the tenant's beginning."""
    assert tenant.id is not None
    switches = [row for row in _terms(session, tenant.id, None) if row.scheme]
    return switches[-1].effective_from if switches and switches[-1].scheme == "hwm" else tenant.created_at


def _tenant(session: Session, tenant_id: int, *, lock: bool = False) -> Tenant:
    row = session.get(Tenant, tenant_id, with_for_update=lock or None)
    if row is None:
        raise NotFound(f"There is no tenant {tenant_id}.")
    return row


# Closing --------------------------------------------------------------------------------------------------


def due_users(session: Session, now: datetime, limit: int) -> list[User]:
    """Agents of tenants billed by the mark whose last ended month is not closed yet."""
    month = rules.month_start(now)
    closed = select(BillingPeriod.user_id).where(col(BillingPeriod.end_at) >= month)
    # A scheme chosen this month has no ended month yet.
    young = select(BillingTerms.tenant_id).where(BillingTerms.scheme != "", col(BillingTerms.effective_from) >= month)
    return list(
        session.exec(
            select(User)
            .join(Tenant, col(Tenant.id) == col(User.tenant_id))
            .where(Tenant.billing_scheme == "hwm", col(User.is_root).is_(False))
            .where(col(User.created_at) < month, col(User.id).not_in(closed), col(Tenant.id).not_in(young))
            .where(col(Tenant.created_at) < month)
            .order_by(col(User.id))
            .limit(limit)
        )
    )


def close_until(session: Session, user: User, now: datetime, *, part: bool = False) -> list[BillingPeriod]:
    """Close every month of an agent that has ended by ``now``, also months in which nothing happened.

    ``part`` closes the running month at ``now`` as well: an agent who leaves is billed to that day. Closing again
    changes nothing. Returns the periods it made.
    """
    assert user.id is not None
    get_scoped(session, user.tenant_id, User, user.id, lock=True)
    tenant = _tenant(session, user.tenant_id)
    if tenant.billing_scheme != "hwm":
        return []
    since = _counted_from(session, tenant)
    last = _last_period(session, user.id)
    start = rules.month_start(max(user.created_at, since))
    if last is not None:
        start = max(start, last.end_at)
    made = []
    for begin, end in _spans(start, now, part):
        last = _close(session, user, (begin, end), since, last)
        made.append(last)
    return made


def recompute(session: Session, period_id: int, who: Principal, *, ip: str = "") -> BillingPeriod:
    """Close a draft again with what is known now; only an agent's last period, and only while it is a draft.

    Raises ``NotFound``, ``BillingPeriodState``.
    """
    row = _locked(session, period_id)
    last = _last_period(session, row.user_id)
    if row.status != DRAFT or last is None or last.id != row.id:
        raise BillingPeriodState("Only the last period of an agent can be computed again, while it is a draft.")
    user, tenant = session.get(User, row.user_id), _tenant(session, row.tenant_id)
    assert user is not None
    for item in session.exec(select(BillingItem).where(BillingItem.period_id == row.id)):
        session.delete(item)
    begin, end = row.start_at, row.end_at
    session.delete(row)
    session.flush()
    made = _close(session, user, (begin, end), _counted_from(session, tenant), _last_period(session, row.user_id))
    _audit(session, made, who, "recompute", ip)
    return made


def _spans(start: datetime, now: datetime, part: bool) -> Iterator[tuple[datetime, datetime]]:
    while (end := rules.month_after(rules.month_start(start))) <= now:
        yield start, end
        start = end
    if part and start < now:
        yield start, now


def _close(
    session: Session, user: User, span: tuple[datetime, datetime], since: datetime, last: BillingPeriod | None
) -> BillingPeriod:
    start, end = span
    assert user.id is not None
    items = period_items(session, user, start, end, since)
    mark = Mark() if last is None else Mark(from_units(last.ending_c), from_units(last.high_after))
    share_bp = share_at(session, user.tenant_id, user.id, start)
    pnl = sum(item.amount for item in items)
    found = rules.bill(mark, from_units(pnl), Decimal(share_bp) / _BP, _unrealized(session, user.id, end))
    row = BillingPeriod(
        tenant_id=user.tenant_id,
        user_id=user.id,
        start_at=start,
        end_at=end,
        share_bp=share_bp,
        trades=sum(item.kind == "trade" for item in items),
        starting_c=exact_units(found.start.cumulative),
        pnl=pnl,
        unrealized=exact_units(found.unrealized),
        ending_c=exact_units(found.cumulative),
        c_bill=exact_units(found.billable),
        high_before=exact_units(found.start.high),
        high_after=exact_units(found.high),
        fee=exact_units(found.invoice),
    )
    session.add(row)
    session.flush()
    assert row.id is not None
    for item in items:
        item.period_id = row.id
    session.add_all(items)
    session.flush()
    return row


def _unrealized(session: Session, user_id: int, end: datetime) -> Decimal:
    """Unrealised profit at the end, by the last reading of each account within a day before; 0 without one."""
    newest: dict[int, Decimal] = {}
    rows = session.exec(
        select(EquitySnapshot.account_id, col(EquitySnapshot.unrealized_pnl))
        .where(EquitySnapshot.user_id == user_id)
        .where(col(EquitySnapshot.at) < end, col(EquitySnapshot.at) >= end - _MARK_AGE)
        .order_by(col(EquitySnapshot.id))
    )
    for account_id, value in rows:
        newest[account_id] = value
    return rules.cut(rules.total(newest.values()))


def _last_period(session: Session, user_id: int) -> BillingPeriod | None:
    statement = select(BillingPeriod).where(BillingPeriod.user_id == user_id)
    return session.exec(statement.order_by(col(BillingPeriod.end_at).desc(), col(BillingPeriod.id).desc())).first()


# From draft to paid ---------------------------------------------------------------------------------------


def approve(session: Session, period_id: int, who: Principal, *, ip: str = "") -> BillingPeriod:
    """Fix a draft for good. Earlier periods of the agent come first. Raises ``NotFound``, ``BillingPeriodState``."""
    row = _locked(session, period_id)
    row.status = rules.next_status(row.status, APPROVED)
    earlier = session.exec(
        select(BillingPeriod.id).where(
            BillingPeriod.user_id == row.user_id,
            BillingPeriod.status == DRAFT,
            col(BillingPeriod.start_at) < row.start_at,
        )
    ).first()
    if earlier is not None:
        raise BillingPeriodState(f"Approve the earlier period {earlier} of this agent first.")
    row.approved_by, row.approved_at = who.id, utcnow()
    row.digest = digest(session, row)
    return _audit(session, row, who, "approve", ip)


def invoice(session: Session, period_id: int, who: Principal, *, ip: str = "") -> BillingPeriod:
    """Send the invoice of an approved period; the agent is told. Raises ``NotFound``, ``BillingPeriodState``."""
    row = _locked(session, period_id)
    row.status = rules.next_status(row.status, INVOICED)
    row.invoiced_at = utcnow()
    row.invoice_no = f"IB-{row.start_at:%Y%m}-{row.id:06d}"
    due, income = user_account(row.tenant_id, row.user_id, "share_due"), tenant_card(row.tenant_id, "share_income")
    _post(session, row, who, "share_invoice", [Posting(due, -row.fee), Posting(income, row.fee)])
    notify_agent(
        session,
        row.tenant_id,
        row.user_id,
        "billing",
        f"Invoice {row.invoice_no}",
        message=f"Profit share for {row.start_at:%B %Y}: {format_units(row.fee)[:-6]} USDT. The statement shows every trade.",
    )
    return _audit(session, row, who, "invoice", ip)


def mark_paid(session: Session, period_id: int, who: Principal, reference: str = "", *, ip: str = "") -> BillingPeriod:
    """An invoice was paid. Raises ``NotFound``, ``BillingPeriodState``."""
    row = _locked(session, period_id)
    row.status = rules.next_status(row.status, PAID)
    row.paid_at, row.payment_reference = utcnow(), " ".join(reference.split())[:128]
    due, paid = (user_account(row.tenant_id, row.user_id, kind) for kind in ("share_due", "share_paid"))
    _post(session, row, who, "share_payment", [Posting(due, row.fee), Posting(paid, -row.fee)])
    return _audit(session, row, who, "paid", ip)


def _post(session: Session, row: BillingPeriod, who: Principal, kind: str, postings: list[Posting]) -> None:
    """Book a step of a period once; a month without a fee moves nothing."""
    if row.fee:
        ledger.post(
            session,
            f"{kind}:{row.id}",
            postings,
            kind=kind,
            tenant_id=row.tenant_id,
            reference=f"billing_period:{row.id}",
            actor=f"{who.kind}:{who.id}",
            remark=row.invoice_no,
        )


def digest(session: Session, row: BillingPeriod) -> str:
    """The fingerprint of a period's figures and lines: kept at approval, and still equal ever after."""
    figures: tuple[object, ...] = (
        row.user_id,
        row.start_at.isoformat(),
        row.end_at.isoformat(),
        row.share_bp,
        row.starting_c,
        row.pnl,
    )
    figures += (row.unrealized, row.ending_c, row.c_bill, row.high_before, row.high_after, row.fee)
    lines = ["|".join(map(str, figures))]
    statement = select(BillingItem).where(BillingItem.period_id == row.id).order_by(col(BillingItem.id))
    for item in session.exec(statement):
        values = (item.kind, item.source_id, item.symbol, item.at.isoformat(), item.pnl, item.fee, item.funding)
        lines.append("|".join(map(str, (*values, item.amount))))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def bill_of(row: BillingPeriod) -> PeriodBill:
    """The stored period as the rules see it, worked out anew from its own figures."""
    start = Mark(from_units(row.starting_c), from_units(row.high_before))
    return rules.bill(start, from_units(row.pnl), Decimal(row.share_bp) / _BP, from_units(row.unrealized))


def _locked(session: Session, period_id: int) -> BillingPeriod:
    row = session.get(BillingPeriod, period_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(f"There is no billing period {period_id}.")
    return row


def _audit(session: Session, row: BillingPeriod, who: Principal, action: str, ip: str) -> BillingPeriod:
    session.add(row)
    detail = {"fee": format_units(row.fee), "status": row.status}
    target = f"billing_period:{row.id}"
    audit.record(session, who, f"billing.{action}", target, detail=detail, ip=ip, tenant_id=row.tenant_id)
    session.flush()
    return row
