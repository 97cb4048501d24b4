"""Reads of the merchant's overview. Plain values out; the states format them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.billing.queries import tenant_money, user_money
from backend.billing.standing import NOTHING, holds
from backend.clock import to_ms, utcnow
from backend.identity.principal import Principal
from backend.identity.scope import scoped
from backend.models import Binding, Bot, ExchangeAccount, Reward, Settlement, TenantStrategy, User
from backend.money import from_units


def overview(session: Session, who: Principal) -> dict[str, Any]:
    """Figures of the cards."""
    since = utcnow() - timedelta(days=30)
    week = utcnow() - timedelta(days=7)
    people = scoped(select(func.count()).select_from(User), who, User).where(col(User.is_root).is_(False))
    capital, accounts = session.exec(
        scoped(select(func.coalesce(func.sum(ExchangeAccount.futures_balance), 0), func.count()), who, ExchangeAccount).where(
            ExchangeAccount.status == 1
        )
    ).one()
    paid, receivers = session.exec(
        scoped(select(func.coalesce(func.sum(Reward.amount), 0), func.count(func.distinct(Reward.user_id))), who, Reward).where(
            col(Reward.created_at) >= since
        )
    ).one()
    money = tenant_money(session, who.id)
    return {
        "people": int(session.exec(people).one()),
        "people_week": int(session.exec(people.where(col(User.created_at) >= week)).one()),
        "trading": int(session.exec(scoped(select(func.count()).select_from(Bot), who, Bot).where(Bot.desired == "running")).one()),
        "capital": Decimal(capital),
        "accounts": int(accounts),
        "cards_self": from_units(money.point_self),
        "cards_gift": from_units(money.point_gift),
        "rewards": from_units(int(paid)),
        "receivers": int(receivers),
        **_settled_today(session, who),
        "strategies": int(
            session.exec(
                select(func.count()).select_from(TenantStrategy).where(
                    TenantStrategy.tenant_id == who.id, TenantStrategy.status == 1
                )
            ).one()
        ),
        "followers": int(session.exec(scoped(select(func.count()).select_from(Binding), who, Binding).where(Binding.status == 1)).one()),
    }  # fmt: skip


def _settled_today(session: Session, who: Principal) -> dict[str, Any]:
    """Since 00:00 UTC: the profit that was billed, what the cards paid for it, the rewards paid out of it."""
    start = utcnow().replace(hour=0, minute=0, second=0, microsecond=0)
    taken = func.coalesce(func.sum(Settlement.self_deduct + Settlement.gift_deduct), 0)
    billed = scoped(select(func.coalesce(func.sum(Settlement.profit), 0), taken, func.count()), who, Settlement)
    profit, deducted, fills = session.exec(
        billed.where(col(Settlement.created_at) >= start, Settlement.deduct_total > 0)
    ).one()
    rewards = scoped(select(func.coalesce(func.sum(Reward.amount), 0)), who, Reward)
    return {
        "today_profit": from_units(int(profit)),
        "today_deducted": from_units(int(deducted)),
        "today_fills": int(fills),
        "today_rewards": from_units(int(session.exec(rewards.where(col(Reward.created_at) >= start)).one())),
    }


def tree(session: Session, who: Principal, limit: int = 500) -> list[dict[str, Any]]:
    """The invite tree in reading order with its depth: root first, each person before those they invited."""
    users = list(session.exec(scoped(select(User), who, User).order_by(col(User.id)).limit(limit)).all())
    ids = [user.id for user in users if user.id is not None]
    money = user_money(session, ids)
    held = holds(session, ids)
    children: dict[int | None, list[User]] = {}
    known = set(ids)
    for user in users:
        children.setdefault(user.inviter_id if user.inviter_id in known else None, []).append(user)
    rows: list[dict[str, Any]] = []
    waiting = [(user, 0) for user in reversed(children.get(None, []))]
    while waiting:
        user, depth = waiting.pop()
        assert user.id is not None
        own, below = held.get(user.id, NOTHING)
        rows.append({
            "id": str(user.id),
            "depth": depth,
            "name": user.name or user.email,
            "root": user.is_root,
            "market_node": user.is_market_node,
            "level": user.member_level,
            "hold": None if user.is_root else own,
            "team": below,
            "rewards": from_units(money[user.id].total_reward),
            "cards": from_units(money[user.id].point_self + money[user.id].point_gift),
            "invited": len(children.get(user.id, [])),
            "email": user.email,
            "code": user.invite_code,
            "active": user.status == 1,
            "joined_ms": to_ms(user.created_at),
        })
        waiting += [(child, depth + 1) for child in reversed(children.get(user.id, []))]
    return rows


def settlements(session: Session, who: Principal, limit: int = 8) -> list[dict[str, Any]]:
    """The newest settlements of realised results, with whose they are."""
    statement = scoped(select(Settlement, User.name), who, Settlement).join(User, col(User.id) == Settlement.user_id)
    statement = statement.where(Settlement.profit != 0)
    return [
        {
            "id": str(row.id), "at_ms": to_ms(row.created_at), "user": name, "profit": from_units(row.profit),
            "deducted": from_units(row.self_deduct + row.gift_deduct),
        }
        for row, name in session.exec(statement.order_by(col(Settlement.id).desc()).limit(limit)).all()
    ]  # fmt: skip
