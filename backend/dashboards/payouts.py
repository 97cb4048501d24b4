"""A merchant's own tree put through the payout simulator: who would receive what of a profit, and why. Writes nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlmodel import Session, col, select

from backend.billing.queries import user_money
from backend.billing.rates import rates_of
from backend.billing.rules import Payment
from backend.billing.simulate import TreeMember, simulate
from backend.billing.tree import chain_above
from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.ledger.statements import Wire
from backend.models import Tenant, User
from backend.money import from_units

CHOICES = 200


def sources(session: Session, who: Principal) -> list[dict[str, str]]:
    """People whose profit can be tried, in the order they came."""
    statement = scoped(select(User), who, User).where(col(User.is_root).is_(False)).order_by(col(User.id)).limit(CHOICES)
    return [{"id": str(user.id), "name": user.name or user.email} for user in session.exec(statement).all()]


def cards_of(session: Session, who: Principal, user_id: int) -> tuple[Decimal, Decimal]:
    """The paid and the given points a user has now. Raises ``NotFound``."""
    get_scoped(session, who, User, user_id)
    money = user_money(session, [user_id])[user_id]
    return from_units(money.point_self), from_units(money.point_gift)


def try_profit(
    session: Session, who: Principal, user_id: int, *, profit: Decimal, own: Decimal, gift: Decimal
) -> dict[str, Any]:
    """The settlement of ``profit`` of a user in today's tree with today's rates. Raises ``NotFound``, ``InvalidInput``."""
    user = get_scoped(session, who, User, user_id)
    tenant = session.get(Tenant, user.tenant_id)
    if tenant is None:
        raise NotFound
    session.flush()
    chain = chain_above(Wire(session), user_id)
    path = list(chain.path)
    members = [TreeMember(user_id, path[0].user_id if path else None, chain.source_level)]
    for place, member in enumerate(path):
        above = path[place + 1].user_id if place + 1 < len(path) else None
        members.append(TreeMember(member.user_id, above, member.level, member.market_node, member.self_hold_usdt))
    rates = rates_of(session, user.tenant_id)
    root_id = tenant.root_user_id
    found = simulate(profit, own, gift, source_id=user_id, root_id=root_id, members=members, rates=rates)
    names = _names(session, who, [one.user_id for one in found.payments])
    levels = {member.id: member for member in members}
    return {
        "charge": found.cards.nominal,
        "forgiven": found.cards.forgiven,
        "self": found.cards.self_deduct,
        "gift": found.cards.gift_deduct,
        "pool": found.cards.pool,
        "payments": [_payment(one, names, levels, root_id) for one in found.payments],
    }


def _payment(one: Payment, names: dict[int, str], members: dict[int, TreeMember], root_id: int | None) -> dict[str, Any]:
    member = members.get(one.user_id)
    return {
        "user_id": one.user_id,
        "user": names.get(one.user_id, f"#{one.user_id}"),
        "root": one.user_id == root_id,
        "type": one.reward_type,
        "rate": one.rate,
        "amount": one.amount,
        "level": member.level if member is not None else None,
        "node": member.market_node if member is not None else False,
        "hold": member.self_hold if member is not None else None,
        "from_level": one.from_level,
        "to_level": one.to_level,
    }


def _names(session: Session, who: Principal, ids: list[int]) -> dict[int, str]:
    statement = scoped(select(User.id, User.name, User.email), who, User).where(col(User.id).in_(ids))
    return {int(number): name or email for number, name, email in session.exec(statement).all()}
