"""Subscriptions kept by operators: who follows which strategy with which account; made, changed, deleted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, TypeVar

from sqlalchemy import func
from sqlalchemy import select as sa_select
from sqlmodel import Session, SQLModel, col, select

from backend.billing.queries import user_money
from backend.dashboards import service
from backend.errors import Conflict, InvalidInput, NotFound
from backend.identity import rights
from backend.identity.principal import Principal
from backend.merchant.instances import check_size
from backend.merchant.offers import offered_strategy, sizing_of
from backend.merchant.quota import check_room
from backend.models import Binding, ExchangeAccount, Strategy, Tenant, TenantStrategy, User
from backend.models.tables import table_of
from backend.money import from_units
from backend.portfolio.queries import Listing, Window
from backend.security import audit

_Row = TypeVar("_Row", bound=SQLModel)
FIELDS = ("mode", "ratio", "capital", "leverage", "risk_mode", "max_loss_per_trade")


class AlreadyFollowed(Conflict):
    """This account follows this strategy already."""

    code = "already_followed"


class StillRunning(Conflict):
    """Stop this subscription before you delete it."""

    code = "still_running"


def subscriptions(session: Session, window: Window, *, tenant_id: int | None, user_id: int | None, status: int | None) -> Listing[dict[str, Any]]:
    """Newest first, with what each would trade."""
    statement = select(Binding)
    for column, value in ((Binding.tenant_id, tenant_id), (Binding.user_id, user_id), (Binding.status, status)):
        if value is not None:
            statement = statement.where(column == value)
    total = session.exec(select(func.count()).select_from(statement.subquery())).one()
    rows = session.exec(statement.order_by(col(Binding.id).desc()).limit(window.limit).offset(window.offset)).all()
    return Listing(_shapes(session, rows), int(total))


def create(session: Session, who: Principal, *, user_id: int, account_id: int, strategy_code: str, values: dict[str, Any]) -> dict[str, Any]:
    """A further subscription. Raises ``NotFound``, ``AlreadyFollowed``, ``Conflict``, ``InvalidInput``, ``QuotaExceeded``."""
    rights.require(who, "trading", changing=True)
    # Locked, so that of two at once the second one finds what the first one made.
    user, account = session.get(User, user_id), session.get(ExchangeAccount, account_id, with_for_update=True)
    strategy = session.exec(select(Strategy).where(Strategy.code == strategy_code)).first()
    if user is None or user.is_root or account is None or strategy is None:
        raise NotFound
    if account.user_id != user_id:
        raise InvalidInput("The exchange account belongs to another user.")
    if strategy.status != 1 or offered_strategy(session, user.tenant_id, strategy.id or 0) is None or account.status != 1:
        raise Conflict("The exchange account or the strategy is switched off. Switch that on first.")
    known = select(Binding.id).where(Binding.account_id == account_id, Binding.strategy_id == strategy.id)
    if session.exec(known).first() is not None:
        raise AlreadyFollowed
    check_room(session, user.tenant_id, "max_strategies")
    row = Binding(tenant_id=user.tenant_id, user_id=user_id, account_id=account_id, strategy_id=strategy.id or 0)
    _write(row, values)
    session.add(row)
    session.flush()
    detail = {"strategy": strategy_code, "account": account_id, **{name: str(value) for name, value in values.items()}}
    audit.record(session, who, "binding.create", f"binding:{row.id}", detail=detail, tenant_id=user.tenant_id)
    return shape(session, row)


def change(session: Session, who: Principal, binding_id: int, values: dict[str, Any], status: int | None) -> dict[str, Any]:
    """Change the named fields and, if given, run or stop it. Raises ``NotFound``, ``InvalidInput``, ``Conflict``."""
    rights.require(who, "trading", changing=True)
    if not values and status is None:
        raise InvalidInput("Name at least one field to change.")
    row = _one(session, binding_id)
    detail = {name: f"{getattr(row, name)} -> {value}" for name, value in values.items() if getattr(row, name) != value}
    _write(row, values)
    session.add(row)
    session.flush()
    if detail:
        audit.record(session, who, "binding.change", f"binding:{binding_id}", detail=detail, tenant_id=row.tenant_id)
    if status is not None and status != row.status:
        service.switch_binding(session, who, binding_id, status == 1)
    return shape(session, row)


def remove(session: Session, who: Principal, binding_id: int) -> None:
    """Delete a stopped one. Raises ``NotFound``, ``StillRunning``."""
    rights.require(who, "trading", changing=True)
    row = _one(session, binding_id)
    if row.status == 1:
        raise StillRunning
    audit.record(session, who, "binding.delete", f"binding:{binding_id}", tenant_id=row.tenant_id)
    session.delete(row)
    session.flush()


def shape(session: Session, row: Binding) -> dict[str, Any]:
    """The documented row; of the key only its last characters."""
    return _shapes(session, [row])[0]


def _shapes(session: Session, rows: Sequence[Binding]) -> list[dict[str, Any]]:
    """The documented rows of many, with as many queries as for one."""
    users = _by_id(session, User, {row.user_id for row in rows})
    accounts = _by_id(session, ExchangeAccount, {row.account_id for row in rows})
    strategies = _by_id(session, Strategy, {row.strategy_id for row in rows})
    tenants = _by_id(session, Tenant, {row.tenant_id for row in rows})
    own = select(TenantStrategy).where(col(TenantStrategy.tenant_id).in_(tenants))
    instances = {(one.tenant_id, one.strategy_id): one for one in session.exec(own).all()}
    cards = user_money(session, list(users))
    found = []
    for row in rows:
        account, strategy, money = accounts[row.account_id], strategies[row.strategy_id], cards[row.user_id]
        own_points, given = from_units(money.point_self), from_units(money.point_gift)
        found.append({
            "id": row.id, "user_id": row.user_id, "user_email": users[row.user_id].email,
            "tenant_id": row.tenant_id, "tenant_name": tenants[row.tenant_id].name,
            "account_id": row.account_id, "exchange": account.exchange, "exchange_account_label": f"{account.exchange}({account.key_hint})",
            "strategy_code": strategy.code, "strategy_name": strategy.name, "mode": row.mode, "ratio": row.ratio,
            **sizing_of(row, instances.get((row.tenant_id, row.strategy_id)), strategy),
            "max_loss_per_trade": row.max_loss_per_trade, "total_profit": row.total_profit, "total_trades": row.total_trades,
            "point_card_self": own_points, "point_card_gift": given, "point_card_total": own_points + given,
            "status": row.status, "created_at": row.created_at,
        })  # fmt: skip
    return found


def _by_id(session: Session, model: type[_Row], ids: Collection[int]) -> dict[int, _Row]:
    number = table_of(model).c.id
    return {row[0]: row[1] for row in session.execute(sa_select(number, model).where(number.in_(ids)))}


def _one(session: Session, binding_id: int) -> Binding:
    row = session.get(Binding, binding_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound
    return row


def _write(row: Binding, values: dict[str, Any]) -> None:
    for name, value in values.items():
        check_size(name, value)
        if name == "mode" and value not in (1, 2):
            raise InvalidInput("The mode is 1 (once) or 2 (again and again).")
        if name == "ratio" and not 1 <= value <= 100:
            raise InvalidInput("The ratio is 1 to 100 percent.")
        setattr(row, name, value)
