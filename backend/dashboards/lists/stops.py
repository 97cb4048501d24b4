"""Stops on trading as a person sees them."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, func, select

from backend.clock import to_ms
from backend.dashboards.lists.base import Find, ListOf, Row, between, paged, where
from backend.dashboards.lists.trading import person
from backend.identity.principal import Principal
from backend.models import ExchangeAccount, KillSwitch, Tenant, User
from backend.portfolio.queries import Listing
from backend.risk.stops import may_lift, seen_by
from backend.risk.switches import SCOPES


def stops(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Stops, newest first."""
    statement: Any = select(KillSwitch, Tenant.name, User).join(Tenant, col(Tenant.id) == KillSwitch.tenant_id, isouter=True)
    statement = statement.join(User, col(User.id) == KillSwitch.user_id, isouter=True).where(seen_by(who))
    statement = between(where(statement, find, scope=KillSwitch.scope), find, col(KillSwitch.created_at))
    if find.only.get("state"):
        on = KillSwitch.slot == 1
        statement = statement.where(on if find.only["state"] == "on" else col(KillSwitch.slot).is_(None))
    rows, total = paged(session, statement, find, {}, col(KillSwitch.id))
    return Listing([_row(session, who, *one) for one in rows], total)


def _row(session: Session, who: Principal, row: KillSwitch, tenant: str | None, user: User | None) -> Row:
    account = session.get(ExchangeAccount, row.scope_id) if row.scope == "account" else None
    return {
        "id": row.id, "at_ms": to_ms(row.created_at), "scope": row.scope, "scope_id": row.scope_id, "mode": row.mode,
        "tenant": tenant or "", "user": person(user) if user else "", "exchange": account.exchange if account else "",
        "reason": row.reason, "by": row.actor.partition(":")[0], "on": row.slot == 1,
        "lifted_ms": to_ms(row.lifted_at) if row.lifted_at else 0, "lift_reason": row.lift_reason,
        "may_lift": row.slot == 1 and may_lift(who, row),
    }  # fmt: skip


def stop_totals(session: Session, who: Principal, find: Find) -> Row:
    """How many hold now."""
    return {"on": session.exec(select(func.count()).select_from(KillSwitch).where(KillSwitch.slot == 1, seen_by(who))).one()}


STOPS = ListOf(
    stops, ("admin", "tenant", "agent"),
    ("id", "at_ms", "scope", "scope_id", "mode", "tenant", "user", "exchange", "reason", "by", "on", "lifted_ms", "lift_reason"),
    filters={"scope": SCOPES, "state": ("on", "off")}, dated=True, totals=stop_totals,
)  # fmt: skip
