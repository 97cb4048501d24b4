"""What a tenant offers, kept by operators: an instance of a catalogue strategy with values of its own, or inherited ones."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlmodel import Session, col, select

from backend.errors import Conflict, InvalidInput, NotFound
from backend.identity import rights
from backend.identity.principal import Principal
from backend.merchant.offers import effective
from backend.models import Binding, Strategy, Tenant, TenantStrategy
from backend.money import check_amount
from backend.security import audit

FIELDS = ("display_name", "display_description", "capital", "leverage", "risk_mode", "max_loss_per_trade", "min_capital", "status", "sort_order")
COPIED = ("capital", "leverage", "risk_mode", "max_loss_per_trade", "min_capital")
MAX_LEVERAGE = 125
RISK_LABELS = {1: "steady", 2: "balanced", 3: "aggressive"}


class InstanceExists(Conflict):
    """This tenant offers this strategy already."""

    code = "instance_exists"


class InstanceInUse(Conflict):
    """Users follow it. Stop their subscriptions first, or switch it off."""

    code = "instance_in_use"


def instances(session: Session, tenant_id: int) -> list[dict[str, Any]]:
    """Every instance of a tenant in its order. Raises ``NotFound``."""
    _tenant(session, tenant_id)
    statement = select(TenantStrategy, Strategy).join(Strategy, col(Strategy.id) == TenantStrategy.strategy_id)
    rows = session.exec(statement.where(TenantStrategy.tenant_id == tenant_id).order_by(col(TenantStrategy.sort_order), col(TenantStrategy.id))).all()
    return [shape(row, strategy) for row, strategy in rows]


def create(session: Session, who: Principal, tenant_id: int, strategy_id: int, values: dict[str, Any], *, copy: bool = False) -> dict[str, Any]:
    """A further instance; ``copy`` writes the catalogue's values into it. Raises ``NotFound``, ``InstanceExists``, ``InvalidInput``."""
    rights.require(who, "settings", changing=True)
    _tenant(session, tenant_id, lock=True)
    strategy = session.get(Strategy, strategy_id)
    if strategy is None:
        raise NotFound
    known = select(TenantStrategy.id).where(TenantStrategy.tenant_id == tenant_id, TenantStrategy.strategy_id == strategy_id)
    if session.exec(known).first() is not None:
        raise InstanceExists
    row = TenantStrategy(tenant_id=tenant_id, strategy_id=strategy_id)
    if copy:
        _copy(row, strategy)
    _write(row, values)
    session.add(row)
    session.flush()
    detail = {"strategy": strategy.code, **{name: str(value) for name, value in values.items()}}
    audit.record(session, who, "instance.create", f"instance:{row.id}", detail=detail, tenant_id=tenant_id)
    return shape(row, strategy)


def change(session: Session, who: Principal, tenant_id: int, instance_id: int, values: dict[str, Any]) -> dict[str, Any]:
    """Change the named fields; None inherits. Raises ``NotFound``, ``InvalidInput``."""
    rights.require(who, "settings", changing=True)
    row, strategy = _one(session, tenant_id, instance_id)
    before = {name: getattr(row, name) for name in values}
    _write(row, values)
    session.add(row)
    session.flush()
    _note(session, who, "instance.change", row, before)
    return shape(row, strategy)


def copy_from_master(session: Session, who: Principal, tenant_id: int, instance_id: int) -> dict[str, Any]:
    """Write the catalogue's present values into the instance. Raises ``NotFound``."""
    rights.require(who, "settings", changing=True)
    row, strategy = _one(session, tenant_id, instance_id)
    before = {name: getattr(row, name) for name in COPIED}
    _copy(row, strategy)
    session.add(row)
    session.flush()
    _note(session, who, "instance.copy", row, before)
    return shape(row, strategy)


def remove(session: Session, who: Principal, tenant_id: int, instance_id: int) -> None:
    """Offer it no longer. Raises ``NotFound``, ``InstanceInUse``."""
    rights.require(who, "settings", changing=True)
    row, strategy = _one(session, tenant_id, instance_id)
    used = select(Binding.id).where(Binding.tenant_id == tenant_id, Binding.strategy_id == row.strategy_id, Binding.status == 1)
    if session.exec(used).first() is not None:
        raise InstanceInUse
    audit.record(session, who, "instance.delete", f"instance:{row.id}", detail={"strategy": strategy.code}, tenant_id=tenant_id)
    session.delete(row)
    session.flush()


def check_size(name: str, value: Any) -> None:
    """A field that says how much is traded, of an instance or a subscription; None inherits. Raises ``InvalidInput``."""
    if isinstance(value, Decimal):
        check_amount(value, allow_zero=name == "min_capital")
    if name == "leverage" and value is not None and not 1 <= value <= MAX_LEVERAGE:
        raise InvalidInput(f"The leverage is a whole number from 1 to {MAX_LEVERAGE}.")
    if name == "risk_mode" and value not in (None, *RISK_LABELS):
        raise InvalidInput("The risk mode is 1, 2 or 3.")


def shape(row: TenantStrategy, strategy: Strategy) -> dict[str, Any]:
    """The documented row: own values, the catalogue's where there are none."""
    now = effective(row, strategy)
    risk = row.risk_mode if row.risk_mode is not None else strategy.risk_mode
    return {
        "id": row.id, "tenant_id": row.tenant_id, "strategy_id": row.strategy_id, "strategy_code": strategy.code, "strategy_name": strategy.name,
        **{name: getattr(row, name) for name in FIELDS},
        "risk_mode_label": RISK_LABELS.get(risk, ""), "amount_usdt": now.amount_usdt,
    }  # fmt: skip


def _one(session: Session, tenant_id: int, instance_id: int) -> tuple[TenantStrategy, Strategy]:
    row = session.get(TenantStrategy, instance_id, with_for_update=True, populate_existing=True)
    if row is None or row.tenant_id != tenant_id:
        raise NotFound
    return row, session.get_one(Strategy, row.strategy_id)


def _tenant(session: Session, tenant_id: int, *, lock: bool = False) -> None:
    if session.get(Tenant, tenant_id, with_for_update=lock or None) is None:
        raise NotFound


def _copy(row: TenantStrategy, strategy: Strategy) -> None:
    for name in COPIED:
        setattr(row, name, getattr(strategy, name))


def _write(row: TenantStrategy, values: dict[str, Any]) -> None:
    for name, value in values.items():
        check_size(name, value)
        setattr(row, name, value)


def _note(session: Session, who: Principal, action: str, row: TenantStrategy, before: dict[str, Any]) -> None:
    detail = {name: f"{_said(value)} -> {_said(getattr(row, name))}" for name, value in before.items() if value != getattr(row, name)}
    if detail:
        audit.record(session, who, action, f"instance:{row.id}", detail=detail, tenant_id=row.tenant_id)


def _said(value: Any) -> str:
    return "inherited" if value is None else str(value)
