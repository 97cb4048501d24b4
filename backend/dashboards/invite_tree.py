"""The invite tree of a merchant, read a branch at a time: it may have any number of people."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.billing.queries import user_money
from backend.billing.standing import NOTHING, holds
from backend.clock import to_ms
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.models import User, UserAncestor
from backend.money import from_units

BRANCH = 100
FOUND = 20


def summary(session: Session, who: Principal) -> dict[str, int]:
    """Members, those directly below the root, the deepest level, market nodes."""
    mine = scoped(select(func.count()).select_from(User), who, User)
    members = mine.where(col(User.is_root).is_(False))
    root = _root(session, who)
    depth = session.exec(
        scoped(
            select(func.coalesce(func.max(UserAncestor.depth), 0)).join(User, col(User.id) == UserAncestor.descendant_id),
            who,
            User,
        )
    ).one()
    return {
        "members": int(session.exec(members).one()),
        "direct": int(session.exec(mine.where(User.inviter_id == root.id)).one()) if root is not None else 0,
        "depth": int(depth),
        "nodes": int(session.exec(mine.where(col(User.is_market_node).is_(True))).one()),
    }


def roots(session: Session, who: Principal) -> list[dict[str, Any]]:
    """Where the tree begins: people nobody invited, the tenant's root first."""
    statement = scoped(select(User), who, User).where(col(User.inviter_id).is_(None))
    return _rows(session, list(session.exec(statement.order_by(col(User.is_root).desc(), col(User.id)).limit(BRANCH)).all()))


def branch(session: Session, who: Principal, parent_id: int, after: int = 0) -> list[dict[str, Any]]:
    """The people ``parent_id`` invited, in the order they came, from after id ``after``; at most ``BRANCH``.

    Raises ``NotFound`` for somebody else's user.
    """
    get_scoped(session, who, User, parent_id)
    statement = scoped(select(User), who, User).where(User.inviter_id == parent_id, col(User.id) > after)
    return _rows(session, list(session.exec(statement.order_by(col(User.id)).limit(BRANCH)).all()))


def lines_to(session: Session, who: Principal, text: str) -> list[list[int]]:
    """For each person found by name, e-mail, invite code or number: the ids from the top down to them."""
    wanted = text.strip()
    if not wanted:
        return []
    match = (
        col(User.name).contains(wanted, autoescape=True)
        | col(User.email).contains(wanted, autoescape=True)
        | (col(User.invite_code) == wanted.upper())
    )
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 18:
        match = match | (col(User.id) == int(wanted))
    found = session.exec(scoped(select(User.id), who, User).where(match).order_by(col(User.id)).limit(FOUND)).all()
    above: dict[int, list[tuple[int, int]]] = {number: [] for number in found if number is not None}
    pairs = session.exec(
        select(UserAncestor.descendant_id, UserAncestor.depth, UserAncestor.ancestor_id).where(
            col(UserAncestor.descendant_id).in_(list(above))
        )
    ).all()
    for number, depth, ancestor in pairs:
        above[number].append((depth, ancestor))
    return [[*(one for _, one in sorted(line, reverse=True)), number] for number, line in above.items()]


def person(session: Session, who: Principal, user_id: int) -> dict[str, Any]:
    """One member with money. Raises ``NotFound``."""
    user = get_scoped(session, who, User, user_id)
    row = _rows(session, [user])[0]
    money = user_money(session, [user_id])[user_id]
    inviter = session.get(User, user.inviter_id) if user.inviter_id is not None else None
    return row | {
        "email": user.email,
        "code": user.invite_code,
        "active": user.status == 1,
        "joined_ms": to_ms(user.created_at),
        "inviter": "" if inviter is None else inviter.name or inviter.email,
        "cards": from_units(money.point_self + money.point_gift),
        "rewards": from_units(money.total_reward),
    }


def _root(session: Session, who: Principal) -> User | None:
    found: User | None = session.exec(
        scoped(select(User), who, User).where(col(User.is_root).is_(True)).order_by(col(User.id))
    ).first()
    return found


def _rows(session: Session, users: list[User]) -> list[dict[str, Any]]:
    ids = [user.id for user in users if user.id is not None]
    if not ids:
        return []
    held = holds(session, ids)
    invited = _counted(session, select(User.inviter_id, func.count()).where(col(User.inviter_id).in_(ids)).group_by(col(User.inviter_id)))
    below = _counted(
        session,
        select(UserAncestor.ancestor_id, func.count())
        .where(col(UserAncestor.ancestor_id).in_(ids))
        .group_by(col(UserAncestor.ancestor_id)),
    )
    return [
        {
            "id": user.id,
            "name": user.name or user.email,
            "root": user.is_root,
            "market_node": user.is_market_node,
            "active": user.status == 1,
            "level": user.member_level,
            "hold": held.get(user.id or 0, NOTHING)[0],
            "team": held.get(user.id or 0, NOTHING)[1],
            "invited": invited.get(user.id or 0, 0),
            "below": below.get(user.id or 0, 0),
        }
        for user in users
    ]


def _counted(session: Session, statement: Any) -> dict[int, int]:
    return {int(number): int(count) for number, count in session.exec(statement).all()}


