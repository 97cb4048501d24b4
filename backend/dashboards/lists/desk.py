"""The operators, the strategy catalogue and the subscriptions as lists."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.billing.queries import user_money
from backend.clock import to_ms, utcnow
from backend.dashboards.lists.base import ANY_ID, ANY_TEXT, Find, ListOf, Row, between, matching, paged, where
from backend.dashboards.lists.trading import person
from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.merchant import offers
from backend.models import (
    Admin,
    AuditLog,
    Binding,
    ExchangeAccount,
    LoginSession,
    Strategy,
    Tenant,
    TenantStrategy,
    User,
)
from backend.money import from_units
from backend.portfolio.queries import Listing

ON_OFF = ("1", "0")


def admins(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """The platform's operators."""
    statement = where(select(Admin), find, status=col(Admin.status))
    statement = matching(statement, find, col(Admin.username), col(Admin.nickname))
    sorts = {"username": col(Admin.username), "login_ms": col(Admin.last_login_at), "created_ms": col(Admin.created_at)}
    rows, total = paged(session, statement, find, sorts, col(Admin.id))
    return Listing([_admin(row, who) for row in rows], total)


def _admin(row: Admin, who: Principal) -> Row:
    return {
        "id": row.id, "username": row.username, "nickname": row.nickname, "role": row.role, "active": row.status == 1,
        "login_ms": to_ms(row.last_login_at) if row.last_login_at else 0, "created_ms": to_ms(row.created_at),
        "me": who.kind == "admin" and who.id == row.id,
    }  # fmt: skip


def admin_detail(session: Session, who: Principal, admin_id: int) -> Row:
    """An operator, the open sessions and the newest acts. Raises ``NotFound``."""
    row = session.get(Admin, admin_id)
    if row is None:
        raise NotFound
    mine = select(AuditLog).where(AuditLog.actor_kind == "admin", AuditLog.actor_id == admin_id)
    alive = select(func.count()).select_from(LoginSession).where(
        LoginSession.kind == "admin", LoginSession.subject_id == admin_id, col(LoginSession.revoked_at).is_(None),
        LoginSession.expires_at > utcnow(),
    )  # fmt: skip
    return _admin(row, who) | {
        "sessions": int(session.exec(alive).one()),
        "acts": [
            {"id": one.id, "at_ms": to_ms(one.at), "action": one.action, "target": one.target, "ok": one.ok}
            for one in session.exec(mine.order_by(col(AuditLog.id).desc()).limit(8)).all()
        ],
    }


def strategies(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """The catalogue, off or on, with how many offer and follow each."""
    statement = where(select(Strategy), find, status=col(Strategy.status))
    statement = matching(statement, find, col(Strategy.code), col(Strategy.name))
    sorts = {"code": col(Strategy.code), "min_confidence": col(Strategy.min_confidence)}
    rows, total = paged(session, statement, find, sorts, col(Strategy.id))
    return Listing([_strategy(session, row) for row in rows], total)


def _strategy(session: Session, row: Strategy) -> Row:
    def count(model: Any) -> int:
        chosen = select(func.count()).select_from(model).where(model.strategy_id == row.id, model.status == 1)
        return int(session.exec(chosen).one())

    return {
        "id": row.id, "code": row.code, "name": row.name, "text": row.description, "algorithm": row.algorithm,
        "timeframe": row.timeframe, "symbols": len(row.symbols), "capital": row.capital, "leverage": row.leverage,
        "risk_mode": row.risk_mode, "max_loss": row.max_loss_per_trade, "min_capital": row.min_capital,
        "min_confidence": row.min_confidence, "cooldown_minutes": row.cooldown_minutes, "active": row.status == 1,
        "offered": count(TenantStrategy), "followers": count(Binding), "created_ms": to_ms(row.created_at),
    }  # fmt: skip


def strategy_detail(session: Session, who: Principal, strategy_id: int) -> Row:
    """One strategy with its algorithm's settings. Raises ``NotFound``."""
    row = session.get(Strategy, strategy_id)
    if row is None:
        raise NotFound
    return _strategy(session, row) | {"config": dict(row.config), "watched": list(row.symbols)}


def bindings(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Who follows which strategy on which account, and on which terms, newest first."""
    columns = {"tenant": Binding.tenant_id, "status": Binding.status, "user": Binding.user_id, "strategy": Strategy.code}
    statement = between(where(scoped(_joined(), who, Binding), find, **columns), find, col(Binding.created_at))
    statement = matching(statement, find, col(User.name), col(User.email), col(Strategy.code))
    sorts = {"at_ms": col(Binding.created_at), "trades": col(Binding.total_trades), "profit": col(Binding.total_profit)}
    rows, total = paged(session, statement, find, sorts, col(Binding.id))
    return Listing([_binding(session, *row) for row in rows], total)


def _joined() -> Any:
    return (
        select(Binding, Strategy, User, ExchangeAccount)
        .join(Strategy, col(Strategy.id) == Binding.strategy_id)
        .join(User, col(User.id) == Binding.user_id)
        .join(ExchangeAccount, col(ExchangeAccount.id) == Binding.account_id)
    )


def _binding(session: Session, row: Binding, strategy: Strategy, user: User, account: ExchangeAccount) -> Row:
    instance = offers.instance_of(session, row.tenant_id, row.strategy_id)
    sizing = offers.sizing_of(row, instance, strategy)
    held = user_money(session, [row.user_id])[row.user_id]
    terms = offers.effective(instance, strategy)
    tenant = session.get_one(Tenant, row.tenant_id)
    return {
        "id": row.id, "at_ms": to_ms(row.created_at), "tenant": tenant.name, "user": person(user), "user_id": row.user_id,
        "account_id": row.account_id, "exchange": account.exchange, "mode": account.mode.upper(), "strategy": strategy.code,
        "shots": "single" if row.mode == 1 else "loop", "ratio": row.ratio,
        "capital": row.capital if row.capital is not None else terms.capital, "leverage": sizing["leverage"],
        "risk_mode": sizing["risk_mode"], "amount": Decimal(sizing["amount_usdt"]), "max_loss": row.max_loss_per_trade,
        "profit": row.total_profit, "trades": row.total_trades, "active": row.status == 1,
        "cards": from_units(held.point_self + held.point_gift), "offered": instance is not None and instance.status == 1,
        "strategy_on": strategy.status == 1,
    }  # fmt: skip


def binding_detail(session: Session, who: Principal, binding_id: int) -> Row:
    """One subscription. Raises ``NotFound``."""
    get_scoped(session, who, Binding, binding_id)
    return _binding(session, *session.exec(_joined().where(Binding.id == binding_id)).one())


ADMINS = ListOf(
    admins, ("admin",), ("id", "username", "nickname", "role", "active", "login_ms", "created_ms"),
    sorts=("username", "login_ms", "created_ms"), filters={"status": ON_OFF}, detail=admin_detail,
)  # fmt: skip
STRATEGIES = ListOf(
    strategies, ("admin",),
    ("id", "code", "name", "algorithm", "timeframe", "symbols", "capital", "leverage", "risk_mode", "max_loss", "min_capital",
     "min_confidence", "cooldown_minutes", "offered", "followers", "active"),
    sorts=("code", "min_confidence"), filters={"status": ON_OFF}, detail=strategy_detail,
)  # fmt: skip
BINDINGS = ListOf(
    bindings, ("admin", "tenant"),
    ("id", "at_ms", "tenant", "user", "exchange", "mode", "strategy", "shots", "ratio", "capital", "leverage", "risk_mode", "amount",
     "max_loss", "profit", "trades", "cards", "active"),
    sorts=("at_ms", "trades", "profit"),
    filters={"tenant": ANY_ID, "status": ON_OFF, "user": ANY_ID, "strategy": ANY_TEXT}, dated=True, detail=binding_detail,
)  # fmt: skip
