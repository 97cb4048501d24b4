"""Nodes, the audit trail, notifications and a tenant's strategies as lists."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from backend.clock import to_ms
from backend.dashboards import admin
from backend.dashboards.lists.base import ANY_ID, Find, ListOf, Row, between, matching, paged, where
from backend.errors import NotFound
from backend.execution.node_health import history
from backend.execution.nodes import get_node, is_online
from backend.identity.principal import Principal
from backend.identity.scope import scoped
from backend.models import (
    Admin,
    AuditLog,
    Binding,
    ExchangeAccount,
    Strategy,
    Tenant,
    TenantStrategy,
    User,
)
from backend.notifications.service import notifications, unread_count
from backend.portfolio.queries import Listing, Window

ON_OFF = ("1", "0")


def nodes(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Execution nodes; there are few, so they are cut and sorted here."""
    rows = admin.nodes(session)
    if find.search:
        wanted = find.search.lower()
        rows = [row for row in rows if wanted in row["code"].lower() or wanted in row["name"].lower()]
    if find.only.get("status"):
        rows = [row for row in rows if row["enabled"] == (find.only["status"] == "1")]
    if find.sort:
        rows.sort(key=lambda row: (row[find.sort] is None, row[find.sort]), reverse=find.desc)
    return Listing(rows[find.offset : find.offset + find.limit], len(rows))


def node_detail(session: Session, who: Principal, node_id: int) -> Row:
    """A node with its accounts. Raises ``NotFound``."""
    node = get_node(session, node_id)
    row = next(one for one in admin.nodes(session) if one["id"] == str(node_id))
    found = session.exec(
        select(ExchangeAccount, User, Tenant.name)
        .join(User, col(User.id) == ExchangeAccount.user_id)
        .join(Tenant, col(Tenant.id) == ExchangeAccount.tenant_id)
        .where(ExchangeAccount.node_id == node_id, ExchangeAccount.status == 1)
        .order_by(col(ExchangeAccount.id))
        .limit(100)
    ).all()
    return row | {
        "url": node.base_url,
        "online": is_online(node),
        "created_ms": to_ms(node.created_at),
        "history": history(session, node_id),
        "served": [
            {"id": account.id, "user": user.name or user.email, "tenant": tenant, "exchange": account.exchange,
             "mode": account.mode.upper(), "balance": account.futures_balance}
            for account, user, tenant in found
        ],
    }  # fmt: skip


def audit(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Who did what, newest first."""
    statement = select(AuditLog, Tenant.name).join(Tenant, col(Tenant.id) == AuditLog.tenant_id, isouter=True)
    columns = {"actor": AuditLog.actor_kind, "tenant": AuditLog.tenant_id}
    statement = between(where(statement, find, **columns), find, col(AuditLog.at))
    if find.only.get("result"):
        statement = statement.where(col(AuditLog.ok).is_(find.only["result"] == "ok"))
    statement = matching(statement, find, col(AuditLog.action), col(AuditLog.target), col(AuditLog.ip))
    sorts = {"at_ms": col(AuditLog.at), "action": col(AuditLog.action)}
    rows, total = paged(session, statement, find, sorts, col(AuditLog.id), written=col(AuditLog.at))
    return Listing([_audit(session, *row) for row in rows], total)


def _audit(session: Session, row: AuditLog, tenant: str | None) -> Row:
    return {
        "id": row.id, "at_ms": to_ms(row.at), "actor_kind": row.actor_kind, "actor": _actor(session, row), "action": row.action,
        "target": row.target, "ok": row.ok, "ip": row.ip, "tenant": tenant or "", "detail": row.detail,
    }  # fmt: skip


def _actor(session: Session, row: AuditLog) -> str:
    if row.actor_id is None:
        return ""
    if row.actor_kind == "admin":
        admin_ = session.get(Admin, row.actor_id)
        return admin_.username if admin_ else f"#{row.actor_id}"
    if row.actor_kind == "tenant":
        tenant = session.get(Tenant, row.actor_id)
        return tenant.name if tenant else f"#{row.actor_id}"
    user = session.get(User, row.actor_id)
    return (user.name or user.email) if user else f"#{row.actor_id}"


def audit_detail(session: Session, who: Principal, row_id: int) -> Row:
    """One row of the trail. Raises ``NotFound``."""
    row = session.get(AuditLog, row_id)
    if row is None:
        raise NotFound
    tenant = session.get(Tenant, row.tenant_id) if row.tenant_id else None
    return _audit(session, row, tenant.name if tenant else "")


def notices(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """The person's own notifications, newest first."""
    window = Window(limit=find.limit, offset=find.offset)
    found = notifications(session, who, unread=find.only.get("read") == "unread", window=window)
    rows = [
        {"id": n.id, "at_ms": to_ms(n.created_at), "type": n.type, "title": n.title, "body": n.message, "link": n.link,
         "unread": not n.is_read}
        for n in found.rows
    ]  # fmt: skip
    return Listing(rows, found.total)


def notice_totals(session: Session, who: Principal, find: Find) -> Row:
    """{"": all, "unread": unread}."""
    return {"": notifications(session, who, window=Window(limit=1)).total, "unread": unread_count(session, who)}


def offers(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Strategies the tenant offers or may offer, with what its users get: own value, else the catalogue's."""
    own = scoped(select(TenantStrategy), who, TenantStrategy)
    taken = {row.strategy_id: row for row in session.exec(own).all()}
    statement = select(Strategy).where(or_(col(Strategy.status) == 1, col(Strategy.id).in_(list(taken))))
    statement = matching(statement, find, col(Strategy.code), col(Strategy.name))
    rows = session.exec(statement.order_by(Strategy.code)).all()
    followers = {
        int(key): int(n)
        for key, n in session.exec(
            scoped(select(Binding.strategy_id, func.count()), who, Binding).where(Binding.status == 1).group_by(col(Binding.strategy_id))
        ).all()
    }
    found = [_offer(row, taken.get(row.id or 0), followers.get(row.id or 0, 0)) for row in rows]
    if find.only.get("status"):
        found = [row for row in found if row["offered"] == (find.only["status"] == "1")]
    return Listing(found[find.offset : find.offset + find.limit], len(found))


def _offer(strategy: Strategy, own: TenantStrategy | None, followers: int) -> Row:
    def value(name: str) -> Any:
        mine = getattr(own, name) if own else None
        return mine if mine is not None else getattr(strategy, name)

    return {
        "id": strategy.id, "code": strategy.code, "name": (own.display_name if own else None) or strategy.name,
        "text": (own.display_description if own else None) or strategy.description, "timeframe": strategy.timeframe,
        "symbols": len(strategy.symbols), "capital": value("capital"), "leverage": value("leverage"),
        "risk_mode": value("risk_mode"), "max_loss": value("max_loss_per_trade"), "min_capital": value("min_capital"),
        "offered": bool(own and own.status == 1), "followers": followers, "available": strategy.status == 1,
        "own_capital": own.capital if own else None, "own_leverage": own.leverage if own else None,
        "own_risk_mode": own.risk_mode if own else None, "own_max_loss": own.max_loss_per_trade if own else None,
    }  # fmt: skip


def offer_detail(session: Session, who: Principal, strategy_id: int) -> Row:
    """One strategy with the tenant's own values. Raises ``NotFound``."""
    rows = offers(session, who, Find(limit=500)).rows
    found = next((row for row in rows if row["id"] == strategy_id), None)
    if found is None:
        raise NotFound
    return found


NODES = ListOf(
    nodes, ("admin",),
    ("code", "name", "enabled", "online", "accounts", "beat_ms", "latency_ms", "inflight", "orders", "version", "error"),
    sorts=("code", "accounts", "beat_ms", "latency_ms", "orders"), filters={"status": ON_OFF}, detail=node_detail,
)  # fmt: skip
AUDIT = ListOf(
    audit, ("admin",), ("at_ms", "actor_kind", "actor", "action", "target", "ok", "ip", "tenant", "detail"),
    sorts=("at_ms", "action"),
    filters={"actor": ("admin", "tenant", "agent", "system"), "result": ("ok", "failed"), "tenant": ANY_ID}, dated=True,
    detail=audit_detail,
)  # fmt: skip
NOTICES = ListOf(
    notices, ("agent", "tenant", "admin"), ("at_ms", "type", "title", "body", "unread"), filters={"read": ("unread",)},
    totals=notice_totals,
)  # fmt: skip
OFFERS = ListOf(
    offers, ("tenant",),
    ("code", "name", "timeframe", "symbols", "capital", "leverage", "risk_mode", "max_loss", "min_capital", "offered", "followers"),
    filters={"status": ON_OFF}, detail=offer_detail,
)  # fmt: skip
