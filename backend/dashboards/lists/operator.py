"""What operators watch over: incidents, maintenance windows, broadcasts, what tenants offer, and users by what they bring."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from backend.clock import now_ms, to_ms
from backend.dashboards.lists.base import ANY_ID, Find, ListOf, Row, between, matching, paged, where
from backend.dashboards.lists.trading import person
from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.models import (
    Admin,
    Binding,
    Broadcast,
    Incident,
    LedgerAccount,
    Maintenance,
    Order,
    Strategy,
    Tenant,
    TenantStrategy,
    User,
)
from backend.models.types import UNIT
from backend.money import from_units
from backend.monitoring.watch_rules import CHECKS
from backend.portfolio.queries import Listing

ZERO = Decimal(0)
TIERS = ("none", "to_100", "to_1000", "to_10000", "over")
_EDGES = (0, 100, 1_000, 10_000)


def incidents(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Incidents, newest first."""
    statement = _incidents(find)
    rows, total = paged(session, statement, find, {"at_ms": col(Incident.opened_at), "told": col(Incident.told)}, col(Incident.id))
    names = _admins(session, {row.acked_by for row in rows if row.acked_by})
    return Listing([_incident(row, names) for row in rows], total)


def _incidents(find: Find, by_state: bool = True) -> Any:
    statement = where(select(Incident), find, check=Incident.check, severity=Incident.severity)
    if by_state and find.only.get("state"):
        open_now = Incident.slot == 1
        statement = statement.where(open_now if find.only["state"] == "open" else col(Incident.slot).is_(None))
    return matching(between(statement, find, col(Incident.opened_at)), find, col(Incident.key), col(Incident.detail))


def _incident(row: Incident, names: dict[int, str]) -> Row:
    return {
        "id": row.id, "at_ms": to_ms(row.opened_at), "check": row.check, "subject": row.subject, "severity": row.severity,
        "limit": row.key.rpartition(":")[2], "value": row.value, "bound": row.bound, "detail": row.detail, "seen": row.seen,
        "told": row.told, "open": row.slot == 1, "escalated": row.escalated_at is not None,
        "taken_by": names.get(row.acked_by or 0, ""), "ended_ms": to_ms(row.closed_at) if row.closed_at else 0,
        "told_ms": to_ms(row.told_at) if row.told_at else 0,
    }  # fmt: skip


def incident_detail(session: Session, who: Principal, row_id: int) -> Row:
    """One incident. Raises ``NotFound``."""
    row = session.get(Incident, row_id)
    if row is None:
        raise NotFound
    return _incident(row, _admins(session, {row.acked_by} if row.acked_by else set()))


def incident_totals(session: Session, who: Principal, find: Find) -> Row:
    """{"": all, open, over}."""
    statement = _incidents(find, by_state=False).with_only_columns(func.count(), maintain_column_froms=True)
    every, open_now = (int(session.scalar(one) or 0) for one in (statement, statement.where(Incident.slot == 1)))
    return {"": every, "open": open_now, "over": every - open_now}


def windows(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Maintenance windows, newest first."""
    rows, total = paged(session, between(select(Maintenance), find, col(Maintenance.starts_at)), find, {}, col(Maintenance.id))
    names, now = _admins(session, {row.admin_id for row in rows}), now_ms()
    return Listing(
        [
            {"id": row.id, "at_ms": to_ms(row.starts_at), "check": row.check, "subject": row.subject, "reason": row.reason,
             "ends_ms": to_ms(row.ends_at), "holds": to_ms(row.starts_at) <= now < to_ms(row.ends_at), "by": names.get(row.admin_id, "")}
            for row in rows
        ],
        total,
    )  # fmt: skip


def broadcasts(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """What was told to many, newest first."""
    statement = matching(between(select(Broadcast), find, col(Broadcast.created_at)), find, col(Broadcast.title), col(Broadcast.message))
    rows, total = paged(session, statement, find, {"at_ms": col(Broadcast.created_at), "people": col(Broadcast.people)}, col(Broadcast.id))
    names = _admins(session, {row.admin_id for row in rows})
    return Listing(
        [
            {"id": row.id, "at_ms": to_ms(row.created_at), "by": names.get(row.admin_id, ""), "title": row.title, "message": row.message,
             "link": row.link, "people": row.people, "role": row.segment.get("role", ""), "bot": row.segment.get("bot", ""),
             "mode": row.segment.get("mode", ""), "tenant_id": row.segment.get("tenant_id", 0)}
            for row in rows
        ],
        total,
    )  # fmt: skip


def instances(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """What tenants offer to their users: own values where set, else the catalogue's."""
    followers = select(func.count()).where(
        Binding.tenant_id == TenantStrategy.tenant_id, Binding.strategy_id == TenantStrategy.strategy_id, Binding.status == 1
    )
    statement: Any = (
        select(TenantStrategy, Strategy, Tenant.name, followers.correlate(TenantStrategy).scalar_subquery())
        .join(Strategy, col(Strategy.id) == TenantStrategy.strategy_id)
        .join(Tenant, col(Tenant.id) == TenantStrategy.tenant_id)
    )
    statement = where(statement, find, tenant=TenantStrategy.tenant_id, strategy=TenantStrategy.strategy_id)
    if find.only.get("status"):
        statement = statement.where(TenantStrategy.status == int(find.only["status"]))
    statement = matching(statement, find, col(Strategy.code), col(Strategy.name), col(Tenant.name))
    rows, total = paged(session, statement, find, {"tenant": col(Tenant.name), "code": col(Strategy.code)}, col(TenantStrategy.id))
    return Listing([_instance(*row) for row in rows], total)


def _instance(own: TenantStrategy, strategy: Strategy, tenant: str, followers: int) -> Row:
    return {
        "id": own.id, "tenant": tenant, "tenant_id": own.tenant_id, "strategy_id": own.strategy_id, "code": strategy.code, "name": strategy.name,
        "status": own.status, "scanned": strategy.status == 1, "followers": int(followers),
        "capital": own.capital if own.capital is not None else strategy.capital, "own_capital": own.capital is not None,
        "leverage": own.leverage if own.leverage is not None else strategy.leverage, "own_leverage": own.leverage is not None,
        "risk_mode": own.risk_mode if own.risk_mode is not None else strategy.risk_mode, "own_risk": own.risk_mode is not None,
        "min_capital": strategy.min_capital,
    }  # fmt: skip


def ranking(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Users by points held, rewards earned or orders made."""
    cards, rewards, orders = _cards(), _rewards(), _orders()
    points = func.coalesce(cards.c.units, 0)
    statement: Any = (
        select(User, Tenant.name)
        .add_columns(points, func.coalesce(rewards.c.units, 0), func.coalesce(orders.c.n, 0))
        .join(Tenant, col(Tenant.id) == User.tenant_id)
        .join(cards, cards.c.owner_id == User.id, isouter=True)
        .join(rewards, rewards.c.owner_id == User.id, isouter=True)
        .join(orders, orders.c.user_id == User.id, isouter=True)
        .where(col(User.is_root).is_(False))
    )
    statement = matching(where(statement, find, tenant=User.tenant_id), find, col(User.name), col(User.email))
    tier = find.only.get("tier", "")
    if tier:
        place = TIERS.index(tier)
        if place > 0:
            edge = _EDGES[place - 1] * UNIT
            statement = statement.where(points >= edge if tier == "over" else points > edge)
        if place < len(_EDGES):
            edge = _EDGES[place] * UNIT
            statement = statement.where(points < edge if tier == "to_10000" else points <= edge)
    sorts = {"points": points, "rewards": func.coalesce(rewards.c.units, 0), "orders": func.coalesce(orders.c.n, 0), "joined_ms": col(User.created_at)}
    if not find.sort:
        find = replace(find, sort="points", desc=True)
    rows, total = paged(session, statement, find, sorts, col(User.id))
    return Listing(
        [
            {"id": user.id, "user": person(user), "email": user.email, "tenant": tenant, "level": user.member_level,
             "points": from_units(int(held)), "rewards": from_units(int(earned)), "orders": int(made), "joined_ms": to_ms(user.created_at)}
            for user, tenant, held, earned, made in rows
        ],
        total,
    )  # fmt: skip


def tiers(session: Session, tenant_id: int | None = None) -> Row:
    """How many users hold how many points: {none, to_100, to_1000, to_10000, over, "": all, points: their sum}."""
    cards = _cards()
    points = func.coalesce(cards.c.units, 0)
    word = case(
        (points <= 0, "none"), (points <= 100 * UNIT, "to_100"), (points <= 1_000 * UNIT, "to_1000"), (points < 10_000 * UNIT, "to_10000"),
        else_="over",
    )  # fmt: skip
    statement = select(word, func.count(), func.coalesce(func.sum(points), 0)).select_from(User)
    statement = statement.join(cards, cards.c.owner_id == User.id, isouter=True).where(col(User.is_root).is_(False))
    if tenant_id is not None:
        statement = statement.where(User.tenant_id == tenant_id)
    found: Row = dict.fromkeys(TIERS, 0)
    total = 0
    for name, count, units in session.exec(statement.group_by(word)).all():
        found[str(name)] = int(count)
        total += int(units)
    return found | {"": sum(found.values()), "points": from_units(total)}


def _tiers(session: Session, who: Principal, find: Find) -> Row:
    return tiers(session, find.number("tenant"))


def _cards() -> Any:
    return _units("point_self", "point_gift")


def _rewards() -> Any:
    return _units("reward")


def _units(*kinds: str) -> Any:
    held = select(LedgerAccount.owner_id, func.sum(LedgerAccount.balance).label("units"))
    held = held.where(LedgerAccount.owner_kind == "user", col(LedgerAccount.kind).in_(kinds)).group_by(col(LedgerAccount.owner_id))
    return held.subquery()


def _orders() -> Any:
    return select(Order.user_id, func.count().label("n")).group_by(col(Order.user_id)).subquery()


def _admins(session: Session, ids: set[int]) -> dict[int, str]:
    rows = session.exec(select(Admin.id, Admin.username).where(col(Admin.id).in_(ids))).all() if ids else []
    return {int(number or 0): name for number, name in rows}


INCIDENTS = ListOf(
    incidents, ("admin",),
    ("at_ms", "check", "subject", "severity", "limit", "value", "bound", "detail", "seen", "told", "open", "escalated", "taken_by", "ended_ms"),
    sorts=("at_ms", "told"), filters={"state": ("open", "over"), "check": CHECKS, "severity": ("warning", "critical")}, dated=True,
    detail=incident_detail, totals=incident_totals,
)  # fmt: skip
WINDOWS = ListOf(windows, ("admin",), ("at_ms", "ends_ms", "check", "subject", "reason", "by"), dated=True)
BROADCASTS = ListOf(
    broadcasts, ("admin",), ("at_ms", "by", "title", "message", "link", "people", "role", "bot", "mode", "tenant_id"), sorts=("at_ms", "people"), dated=True
)
INSTANCES = ListOf(
    instances, ("admin",), ("tenant", "code", "name", "status", "scanned", "followers", "capital", "leverage", "risk_mode", "min_capital"),
    sorts=("tenant", "code"), filters={"tenant": ANY_ID, "strategy": ANY_ID, "status": ("0", "1")},
)  # fmt: skip
RANKING = ListOf(
    ranking, ("admin",), ("user", "email", "tenant", "level", "points", "rewards", "orders", "joined_ms"),
    sorts=("points", "rewards", "orders", "joined_ms"), filters={"tenant": ANY_ID, "tier": TIERS}, totals=_tiers,
)  # fmt: skip
