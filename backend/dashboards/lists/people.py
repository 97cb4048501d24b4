"""Tenants and users as lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from backend.billing.hwm import next_share, share_at
from backend.billing.queries import tenant_money, user_money
from backend.billing.rates import NAMES, rates_of
from backend.billing.rules import plain
from backend.billing.standing import NOTHING, holds
from backend.billing.withdrawal_rules import APPROVED, PENDING
from backend.branding.service import reveals
from backend.clock import to_ms, utcnow
from backend.dashboards.lists.base import ANY_ID, Find, ListOf, Row, between, matching, paged, where
from backend.dashboards.lists.trading import person
from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.merchant.keys import keys
from backend.merchant.quota import plans
from backend.models import (
    Binding,
    Bot,
    ExchangeAccount,
    PointCardLog,
    Reward,
    Strategy,
    Tenant,
    TenantStrategy,
    User,
    UserAncestor,
    Withdrawal,
)
from backend.money import from_units
from backend.portfolio.queries import Listing

LEVELS = tuple(str(level) for level in range(8))
ON_OFF = ("1", "0")


def tenants(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Tenants with their stock and size."""
    statement = where(select(Tenant), find, status=col(Tenant.status))
    statement = matching(statement, find, col(Tenant.name), col(Tenant.email), col(Tenant.app_key))
    sorts = {"name": col(Tenant.name), "created_ms": col(Tenant.created_at)}
    rows, total = paged(session, statement, find, sorts, col(Tenant.id))
    ids = [tenant.id for tenant in rows]
    people = _counts(session, User.tenant_id, ids, col(User.is_root).is_(False))
    accounts = _counts(session, ExchangeAccount.tenant_id, ids, ExchangeAccount.status == 1)
    return Listing([_tenant(session, one, people, accounts) for one in rows], total)


def _tenant(session: Session, tenant: Tenant, people: dict[int, int], accounts: dict[int, int]) -> Row:
    assert tenant.id is not None
    money = tenant_money(session, tenant.id)
    return {
        "id": tenant.id,
        "name": tenant.name,
        "email": tenant.email,
        "app_key": tenant.app_key,
        "billing": tenant.billing_scheme,
        "people": people.get(tenant.id, 0),
        "accounts": accounts.get(tenant.id, 0),
        "self": from_units(money.point_self),
        "gift": from_units(money.point_gift),
        "tech": from_units(money.tech_reward_total),
        "undist": from_units(money.undist_reward_total),
        "active": tenant.status == 1,
        "created_ms": to_ms(tenant.created_at),
    }


def tenant_detail(session: Session, who: Principal, tenant_id: int) -> Row:
    """A tenant. Raises ``NotFound``."""
    tenant = get_scoped(session, who, Tenant, tenant_id)
    people = _counts(session, User.tenant_id, [tenant_id], col(User.is_root).is_(False))
    accounts = _counts(session, ExchangeAccount.tenant_id, [tenant_id], ExchangeAccount.status == 1)
    strategies = select(func.count()).select_from(TenantStrategy).where(
        TenantStrategy.tenant_id == tenant_id, TenantStrategy.status == 1
    )
    bots = select(func.count()).select_from(Bot).where(Bot.tenant_id == tenant_id, Bot.observed == "running")
    return _tenant(session, tenant, people, accounts) | {
        "strategies": int(session.exec(strategies).one()),
        "bots": int(session.exec(bots).one()),
        "root": tenant.root_user_id,
        "reveals": reveals(session, tenant_id),
        "share_bp": share_at(session, tenant_id, None, utcnow()),
        "next_bp": next_share(session, tenant_id),
        "rates": {name: plain(getattr(rates_of(session, tenant_id), name)) for name in NAMES},
        "plan": tenant.quota_plan_id or 0,
        "plans": [{"id": one.id, "name": one.name, "active": one.status == 1} for one in plans(session)],
        "keys": [
            {"id": one.id, "app_key": one.app_key, "label": one.label, "active": one.status == 1, "legacy": one.legacy,
             "used_ms": to_ms(one.last_used_at) if one.last_used_at else 0}
            for one in keys(session, tenant_id)
        ],
    }  # fmt: skip


def tenant_choices(session: Session, who: Principal) -> list[dict[str, str]]:
    """[{id, name}] for a filter; at most 200."""
    rows = session.exec(scoped(select(Tenant), who, Tenant).order_by(col(Tenant.name)).limit(200)).all()
    return [{"id": str(tenant.id), "name": tenant.name} for tenant in rows]


def users(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Users without the tenants' root users, newest first."""
    inviter = aliased(User)
    statement = (
        select(User, Tenant.name, inviter, Bot.observed)
        .join(Tenant, col(Tenant.id) == User.tenant_id, isouter=True)
        .join(inviter, col(inviter.id) == User.inviter_id, isouter=True)
        .join(Bot, col(Bot.user_id) == User.id, isouter=True)
        .where(col(User.is_root).is_(False))
    )
    columns = {"tenant": User.tenant_id, "status": User.status, "level": User.member_level, "inviter": User.inviter_id}
    statement = between(where(scoped(statement, who, User), find, **columns), find, col(User.created_at))
    if find.only.get("bot"):
        running = Bot.observed == "running"
        statement = statement.where(running if find.only["bot"] == "running" else func.coalesce(Bot.observed, "") != "running")
    statement = matching(statement, find, col(User.name), col(User.email), col(User.invite_code))
    sorts = {"name": col(User.name), "level": col(User.member_level), "joined_ms": col(User.created_at)}
    rows, total = paged(session, statement, find, sorts, col(User.id))
    ids = [user.id for user, *_ in rows]
    money = user_money(session, ids)
    held = holds(session, [one for one in ids if one is not None])
    team = _team_sizes(session, ids)
    found = []
    for user, tenant, above, bot in rows:
        own = money[user.id]
        found.append(
            user_row(user) | {
                "tenant": tenant or "", "inviter": person(above), "bot": bot or "", "hold": held.get(user.id, NOTHING)[0],
                "team": team.get(user.id, 0), "self": from_units(own.point_self), "gift": from_units(own.point_gift),
                "cards": from_units(own.point_self + own.point_gift), "reward": from_units(own.reward),
                "rewards": from_units(own.total_reward),
            }
        )  # fmt: skip
    return Listing(found, total)


def user_row(user: User) -> Row:
    """What stands in the user's own row."""
    return {
        "id": user.id, "name": user.name or user.email, "email": user.email, "code": user.invite_code,
        "level": user.member_level, "market_node": user.is_market_node, "active": user.status == 1,
        "joined_ms": to_ms(user.created_at),
    }  # fmt: skip


def user_detail(session: Session, who: Principal, user_id: int) -> Row:
    """A user with accounts, bot, money, the line above and the direct team. Raises ``NotFound``."""
    user = get_scoped(session, who, User, user_id)
    if user.is_root:
        raise NotFound
    own = user_money(session, [user_id])[user_id]
    tenant = session.get(Tenant, user.tenant_id)
    bot = session.exec(scoped(select(Bot), who, Bot).where(Bot.user_id == user_id)).first()
    accounts = session.exec(scoped(select(ExchangeAccount), who, ExchangeAccount).where(ExchangeAccount.user_id == user_id)).all()
    direct = session.exec(
        scoped(select(User), who, User).where(User.inviter_id == user_id).order_by(col(User.id).desc()).limit(20)
    ).all()
    rewards = session.exec(
        scoped(select(Reward), who, Reward).where(Reward.user_id == user_id).order_by(col(Reward.id).desc()).limit(8)
    ).all()
    held = holds(session, [user_id, *[one.id for one in direct if one.id is not None]])
    inviter = session.get(User, user.inviter_id) if user.inviter_id else None
    return user_row(user) | {
        "tenant": tenant.name if tenant else "",
        "tenant_id": user.tenant_id,
        "inviter": person(inviter),
        "hold": held.get(user_id, NOTHING)[0],
        "team_hold": held.get(user_id, NOTHING)[1],
        "team": _team_sizes(session, [user_id]).get(user_id, 0),
        "self": from_units(own.point_self),
        "gift": from_units(own.point_gift),
        "reward": from_units(own.reward),
        "rewards": from_units(own.total_reward),
        "bot": {"observed": bot.observed, "desired": bot.desired, "reason": bot.reason, "scans": bot.scan_count} if bot else {},
        "accounts": [
            {"id": a.id, "exchange": a.exchange, "mode": a.mode.upper(), "key": a.key_hint, "balance": a.futures_balance,
             "active": a.status == 1, "synced_ms": to_ms(a.last_sync_at) if a.last_sync_at else 0, "error": a.last_sync_error}
            for a in accounts
        ],
        "direct": [user_row(one) | {"hold": held.get(one.id or 0, NOTHING)[0]} for one in direct],
        "bindings": [
            {"id": b.id, "code": code, "active": b.status == 1, "profit": b.total_profit, "trades": b.total_trades, "account": b.account_id}
            for b, code in session.exec(
                scoped(select(Binding, Strategy.code), who, Binding)
                .join(Strategy, col(Strategy.id) == Binding.strategy_id)
                .where(Binding.user_id == user_id).order_by(col(Binding.id).desc()).limit(20)
            ).all()
        ],
        "moves": [
            {"id": m.id, "change": m.change_type, "card": m.card_type, "amount": from_units(m.amount), "remark": m.remark, "at_ms": to_ms(m.created_at)}
            for m in session.exec(
                scoped(select(PointCardLog), who, PointCardLog).where(PointCardLog.user_id == user_id)
                .order_by(col(PointCardLog.id).desc()).limit(8)
            ).all()
        ],
        "waiting": from_units(
            session.exec(
                scoped(select(func.coalesce(func.sum(Withdrawal.amount), 0)), who, Withdrawal).where(
                    Withdrawal.user_id == user_id, col(Withdrawal.status).in_((PENDING, APPROVED))
                )
            ).one()
        ),
        "newest_rewards": [
            {"id": r.id, "type": r.reward_type, "amount": from_units(r.amount), "at_ms": to_ms(r.created_at)} for r in rewards
        ],
    }  # fmt: skip


def _counts(session: Session, column: Any, ids: Sequence[int | None], *more: Any) -> dict[int, int]:
    rows = session.exec(select(column, func.count()).where(column.in_(ids), *more).group_by(column)).all()
    return {int(key): int(n) for key, n in rows}


def _team_sizes(session: Session, ids: Sequence[int | None]) -> dict[int, int]:
    return _counts(session, col(UserAncestor.ancestor_id), ids)


TENANTS = ListOf(
    tenants, ("admin",),
    ("id", "name", "email", "app_key", "billing", "people", "accounts", "self", "gift", "tech", "undist", "active", "created_ms"),
    sorts=("name", "created_ms"), filters={"status": ON_OFF}, detail=tenant_detail,
)  # fmt: skip
USERS = ListOf(
    users, ("admin", "tenant"),
    ("id", "name", "email", "code", "tenant", "inviter", "level", "market_node", "hold", "team", "self", "gift", "reward",
     "rewards", "bot", "active", "joined_ms"),
    sorts=("name", "level", "joined_ms"),
    filters={"tenant": ANY_ID, "status": ON_OFF, "level": LEVELS, "bot": ("running", "stopped"), "inviter": ANY_ID},
    dated=True, detail=user_detail,
)  # fmt: skip
