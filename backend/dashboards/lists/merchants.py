"""API keys of a tenant and quota plans as lists."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.clock import to_ms
from backend.dashboards.lists.base import Find, ListOf, Row, matching, paged
from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.merchant.keys import ACTIVE
from backend.models import MerchantKey, QuotaPlan, Tenant
from backend.portfolio.queries import Listing

ON_OFF = ("1", "0")
SHOWN = 100


def keys(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """The tenant's API keys, newest first; never a secret."""
    statement = matching(scoped(select(MerchantKey), who, MerchantKey), find, col(MerchantKey.label), col(MerchantKey.app_key))
    if find.only.get("status"):
        statement = statement.where(MerchantKey.status == int(find.only["status"]))
    sorts = {"created_ms": col(MerchantKey.created_at), "used_ms": col(MerchantKey.last_used_at), "label": col(MerchantKey.label)}
    rows, total = paged(session, statement, find, sorts, col(MerchantKey.id))
    return Listing([_key(row) for row in rows], total)


def key_totals(session: Session, who: Principal, find: Find) -> Row:
    """{active, legacy}: keys in use, and how many of them accept the old signature."""
    mine = scoped(select(MerchantKey), who, MerchantKey).where(MerchantKey.status == ACTIVE)
    rows = session.exec(mine).all()
    return {"active": len(rows), "legacy": sum(1 for row in rows if row.legacy)}


def key_detail(session: Session, who: Principal, key_id: int) -> Row:
    """One key. Raises ``NotFound``."""
    return _key(get_scoped(session, who, MerchantKey, key_id))


def _key(row: MerchantKey) -> Row:
    return {
        "id": row.id, "app_key": row.app_key, "label": row.label, "active": row.status == ACTIVE, "ips": row.ips,
        "legacy": row.legacy, "legacy_writes": row.legacy_writes, "created_ms": to_ms(row.created_at),
        "used_ms": to_ms(row.last_used_at) if row.last_used_at else None,
        "revoked_ms": to_ms(row.revoked_at) if row.revoked_at else None,
    }  # fmt: skip


def plans(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Quota plans in their order, with how many tenants have each."""
    statement = matching(select(QuotaPlan), find, col(QuotaPlan.name), col(QuotaPlan.code))
    if find.only.get("status"):
        statement = statement.where(QuotaPlan.status == int(find.only["status"]))
    rows = list(session.exec(statement.order_by(col(QuotaPlan.sort_order), col(QuotaPlan.id))).all())
    used = _holders(session)
    found = [_plan(row, used.get(row.id or 0, 0)) for row in rows]
    if find.sort:
        found.sort(key=lambda row: row[find.sort], reverse=find.desc)
    return Listing(found[find.offset : find.offset + find.limit], len(found))


def plan_totals(session: Session, who: Principal, find: Find) -> Row:
    """{without}: tenants that have no plan and so no limit."""
    without = select(func.count()).select_from(Tenant).where(col(Tenant.quota_plan_id).is_(None))
    return {"without": int(session.exec(without).one())}


def plan_detail(session: Session, who: Principal, plan_id: int) -> Row:
    """A plan and the tenants that have it. Raises ``NotFound``."""
    row = session.get(QuotaPlan, plan_id)
    if row is None:
        raise NotFound
    holders = session.exec(select(Tenant).where(Tenant.quota_plan_id == plan_id).order_by(Tenant.name).limit(SHOWN)).all()
    return _plan(row, _holders(session).get(plan_id, 0)) | {"holders": [{"id": one.id, "name": one.name} for one in holders]}


def _holders(session: Session) -> dict[int, int]:
    rows: Any = session.exec(
        select(Tenant.quota_plan_id, func.count()).where(col(Tenant.quota_plan_id).is_not(None)).group_by(col(Tenant.quota_plan_id))
    ).all()
    return {int(plan): int(count) for plan, count in rows}


def _plan(row: QuotaPlan, tenants: int) -> Row:
    names = (
        "id", "code", "name", "description", "api_calls_daily", "api_calls_monthly", "max_users", "max_strategies",
        "max_exchange_accounts", "sort_order",
    )  # fmt: skip
    return {name: getattr(row, name) for name in names} | {
        "price": row.price_monthly, "active": row.status == 1, "tenants": tenants,
    }  # fmt: skip


KEYS = ListOf(
    keys, ("tenant",),
    ("label", "app_key", "active", "created_ms", "used_ms", "revoked_ms", "ips", "legacy", "legacy_writes"),
    sorts=("created_ms", "used_ms", "label"), filters={"status": ON_OFF}, detail=key_detail, totals=key_totals,
)  # fmt: skip
PLANS = ListOf(
    plans, ("admin",),
    ("code", "name", "description", "price", "api_calls_daily", "api_calls_monthly", "max_users", "max_strategies",
     "max_exchange_accounts", "tenants", "active"),
    sorts=("price", "tenants", "name"), filters={"status": ON_OFF}, detail=plan_detail, totals=plan_totals,
)  # fmt: skip
