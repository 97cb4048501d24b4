"""The kill switch: stop opening, or close everything, for an account, a tenant or the platform.

It is asked twice: when a scan is judged (so that the signal panel says why), and when orders are claimed for sending (so
that nothing written before is sent after). Closing goes through the outbox like any close; positions that appear after the
switch was set, from orders that were on the wire, are closed too, for as long as it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, and_, or_, true
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.errors import Conflict, InvalidInput, NotAllowed, NotFound
from backend.execution.service import write_close
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.models import ExchangeAccount, KillSwitch, Notification, Position, Tenant
from backend.risk.limits import hard_stopped
from backend.risk.switches import ACCOUNT, CLOSE, ENTRIES, MODES, PLATFORM, SCOPES, TENANT, WORDS, active
from backend.security import audit

CLOSE_REASON = "KILL"
OPERATOR = Principal("admin", 0, None, "operator", "", "owner", 0)
"""Who works at the machine itself."""
SYSTEM = Principal("admin", -1, None, "system", "", "owner", 0)
"""The platform acting by a limit."""



class AlreadyStopped(Conflict):
    """Trading is stopped here already. Reload the page."""

    code = "already_stopped"


class NotStopped(Conflict):
    """This stop was lifted already. Reload the page."""

    code = "not_stopped"


def engage(
    session: Session, who: Principal, scope: str, scope_id: int, *, mode: str, reason: str, ip: str = ""
) -> KillSwitch:
    """Stop trading. On a stop that holds, ``close`` makes it stricter; anything else raises ``AlreadyStopped``.

    Admins stop anything, tenants themselves and their accounts, agents their own accounts. Raises ``NotAllowed``,
    ``NotFound``, ``InvalidInput``.
    """
    if mode not in MODES:
        raise InvalidInput(f"The mode is one of {', '.join(MODES)}.")
    reason = _reason(reason)
    scope_id, tenant_id, user_id = _target(session, who, scope, scope_id)
    row = session.exec(
        select(KillSwitch).where(KillSwitch.scope == scope, KillSwitch.scope_id == scope_id, KillSwitch.slot == 1).with_for_update()
    ).first()
    if row is not None and mode in (row.mode, ENTRIES):
        raise AlreadyStopped
    trading = f"{_word(row)} -> {_word(mode)}"
    if row is None:
        row = KillSwitch(scope=scope, scope_id=scope_id, tenant_id=tenant_id, user_id=user_id, mode=mode, reason=reason)
    row.mode, row.reason, row.actor = mode, reason, f"{who.kind}:{who.id}"
    session.add(row)
    try:
        session.flush()
    except IntegrityError:
        raise AlreadyStopped from None
    detail = {"scope": scope, "id": scope_id, "mode": mode, "reason": reason, "trading": trading}
    audit.record(session, who, "kill.engage", f"{scope}:{scope_id}", detail=detail, ip=ip, tenant_id=tenant_id)
    _tell(session, row, "Trading is stopped", f"{_who(who)}: {reason}")
    return row


def hard_stop(session: Session) -> int:
    """Close everything of accounts that have lost their limit from the peak, until a person lifts it. Returns how many."""
    holds, count = active(session), 0
    for account, lost, limit in hard_stopped(session):
        if holds.modes.get((ACCOUNT, account.id or 0)) == CLOSE:
            continue
        reason = f"equity is {lost:.1f} % below its peak, the {limit.source}'s limit is {limit.value:f} %"
        engage(session, SYSTEM, ACCOUNT, account.id or 0, mode=CLOSE, reason=reason)
        count += 1
    return count


def lift(session: Session, who: Principal, stop_id: int, reason: str, *, ip: str = "") -> KillSwitch:
    """Let trading go on. Who could not have set a stop cannot lift it: a tenant's stop is not lifted by its agents.

    Raises ``NotFound``, ``NotStopped``, ``InvalidInput``.
    """
    reason = _reason(reason)
    row = session.get(KillSwitch, stop_id, with_for_update=True, populate_existing=True)
    if row is None or not may_lift(who, row):
        raise NotFound
    if row.slot != 1:
        raise NotStopped
    if row.scope == ACCOUNT and row.actor == f"{SYSTEM.kind}:{SYSTEM.id}":
        # From here on the loss counts anew; else the same loss would stop the account again at once.
        account = session.get(ExchangeAccount, row.scope_id, with_for_update=True)
        if account is not None:
            account.equity_peak = account.futures_balance
            session.add(account)
    row.slot, row.lifted_at, row.lifted_by, row.lift_reason = None, utcnow(), f"{who.kind}:{who.id}", reason
    session.add(row)
    session.flush()
    detail = {"scope": row.scope, "id": row.scope_id, "reason": reason, "trading": f"{_word(row)} -> {_word(None)}"}
    audit.record(session, who, "kill.lift", f"{row.scope}:{row.scope_id}", detail=detail, ip=ip, tenant_id=row.tenant_id)
    _tell(session, row, "Trading goes on", f"{_who(who)}: {reason}")
    return row


def _word(stop: KillSwitch | str | None) -> str:
    mode = stop.mode if isinstance(stop, KillSwitch) else stop
    return {ENTRIES: "no new positions", CLOSE: "everything is closed"}.get(mode or "", "open")


def seen_by(who: Principal) -> ColumnElement[bool]:
    """The condition on ``KillSwitch`` for the stops that touch a person."""
    if who.kind == "admin":
        return true()
    tenant, scope = col(KillSwitch.tenant_id), col(KillSwitch.scope)
    mine = tenant == who.tenant_id if who.kind == "tenant" else col(KillSwitch.user_id) == who.id
    return or_(scope == PLATFORM, and_(scope == TENANT, tenant == who.tenant_id), and_(scope == ACCOUNT, mine))


def holding(session: Session, who: Principal) -> list[KillSwitch]:
    """The stops that hold and touch a person, widest first."""
    rows = session.exec(select(KillSwitch).where(KillSwitch.slot == 1, seen_by(who))).all()
    return sorted(rows, key=lambda row: (SCOPES.index(row.scope), row.id or 0))


def sweep(session: Session, prices: Mapping[str, Decimal], market_at: datetime | None) -> int:
    """Write a close for every open position below a ``close`` stop that has none yet. Returns how many were written."""
    stops = active(session)
    if CLOSE not in stops.modes.values():
        return 0
    written = 0
    rows = session.exec(select(Position).where(Position.status == "OPEN", Position.quantity != 0).order_by(col(Position.id))).all()
    for row in rows:
        found = stops.of(row.tenant_id, row.account_id)
        if found is not None and found[1] == CLOSE:
            price = prices.get(row.symbol, row.entry_price)
            written += write_close(session, row, CLOSE_REASON, price=price, market_at=market_at) is not None
    return written


def _target(session: Session, who: Principal, scope: str, scope_id: int) -> tuple[int, int | None, int | None]:
    if scope == PLATFORM:
        if who.kind != "admin":
            raise NotAllowed
        return 0, None, None
    if scope == TENANT:
        if who.kind == "agent":
            raise NotAllowed
        tenant = get_scoped(session, who, Tenant, scope_id)
        return tenant.id or 0, tenant.id, None
    if scope != ACCOUNT:
        raise InvalidInput(f"The scope is one of {', '.join(SCOPES)}.")
    account = get_scoped(session, who, ExchangeAccount, scope_id)
    return account.id or 0, account.tenant_id, account.user_id


def may_lift(who: Principal, row: KillSwitch) -> bool:
    """Whether a person may end a stop: admins any, others only what one of them has set."""
    if who.kind == "admin":
        return True
    setter = row.actor.partition(":")[0]
    if who.kind == "tenant":
        return row.tenant_id == who.tenant_id and setter != "admin"
    return row.user_id == who.id and row.scope == ACCOUNT and setter == "agent"


def _tell(session: Session, row: KillSwitch, title: str, message: str) -> None:
    """A risk alert to everyone it touches."""

    def alert(audience: str, tenant_id: int | None = None, user_id: int | None = None) -> None:
        page = "/admin/stops" if audience == "platform" else f"/{audience}/stops"
        session.add(
            Notification(
                audience=audience, tenant_id=tenant_id, user_id=user_id, type="risk_alert",
                title=f"{title} for {WORDS[row.scope]}"[:160], message=message[:500], link=page,
            )
        )  # fmt: skip

    alert("platform")
    if row.scope == PLATFORM:
        for tenant_id in session.exec(select(Tenant.id).where(Tenant.status == 1)).all():
            alert("tenant", tenant_id)
        return
    alert("tenant", row.tenant_id)
    if row.user_id is not None:
        alert("agent", row.tenant_id, row.user_id)


def _who(who: Principal) -> str:
    return {"admin": "The platform", "tenant": "The merchant"}.get(who.kind, "You")


def _reason(text: str) -> str:
    text = " ".join(str(text).split())[:200]
    if not text:
        raise InvalidInput("Say why: the reason is kept with the stop.")
    return text
