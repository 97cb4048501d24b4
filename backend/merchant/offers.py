"""What a tenant offers and what its users subscribe to, with the sizes they would trade."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlmodel import Session, col, select

from backend.execution.rules import SizingSource, fixed_notional
from backend.identity.scope import scoped
from backend.merchant import rules
from backend.merchant.errors import Refused
from backend.merchant.quota import UNBOUND
from backend.merchant.rules import money, shown
from backend.models import Binding, ExchangeAccount, Strategy, TenantStrategy, User

Data = dict[str, Any]


def find_user(session: Session, tenant_id: int, email: str, lock: bool = False) -> User | None:
    """A user of the tenant by address, without regard to case."""
    statement = scoped(select(User).where(User.email == email.strip().lower()), tenant_id, User)
    found: User | None = session.exec(statement.with_for_update() if lock else statement).first()
    return found


def user_of(session: Session, tenant_id: int, email: str, lock: bool = False) -> User:
    """The same. Raises the documented ``用户不存在``."""
    user = find_user(session, tenant_id, email, lock)
    if user is None:
        raise Refused("用户不存在")
    return user


@dataclass(frozen=True, slots=True)
class Effective:
    """A strategy as the tenant offers it."""

    capital: Decimal
    leverage: int
    risk_mode: int
    min_capital: Decimal
    amount_usdt: Decimal


def instance_of(session: Session, tenant_id: int, strategy_id: int) -> TenantStrategy | None:
    """The tenant's instance of a strategy, also a disabled one."""
    statement = select(TenantStrategy).where(TenantStrategy.strategy_id == strategy_id)
    found: TenantStrategy | None = session.exec(scoped(statement, tenant_id, TenantStrategy)).first()
    return found


def offered_strategy(session: Session, tenant_id: int, strategy_id: int) -> tuple[Strategy, TenantStrategy] | None:
    """A strategy the tenant offers now."""
    instance = instance_of(session, tenant_id, strategy_id)
    strategy = session.get(Strategy, strategy_id) if instance and instance.status == 1 else None
    return (strategy, instance) if strategy and instance else None


def effective(instance: TenantStrategy | None, strategy: Strategy) -> Effective:
    """The instance's values, the catalogue's where it has none."""
    own, master = _sources(instance, strategy)
    amount, leverage = fixed_notional(SizingSource(), own, master)
    minimum = instance.min_capital if instance and instance.min_capital is not None else strategy.min_capital
    return Effective(
        own.capital if own.capital is not None else strategy.capital,
        leverage,
        own.risk_mode or strategy.risk_mode,
        minimum,
        amount,
    )


def sizing_of(binding: Binding, instance: TenantStrategy | None, strategy: Strategy) -> Data:
    """capital, leverage, risk_mode, risk_mode_label, amount_usdt of a subscription, as it would trade."""
    own, master = _sources(instance, strategy)
    mine = SizingSource(binding.capital, binding.leverage, binding.risk_mode, binding.max_loss_per_trade)
    amount, leverage = fixed_notional(mine, own, master)
    fallback = effective(instance, strategy)
    risk_mode = binding.risk_mode or fallback.risk_mode
    return {
        "capital": money(binding.capital) if binding.capital is not None else None,
        "leverage": binding.leverage or leverage,
        "risk_mode": risk_mode,
        "risk_mode_label": rules.RISK_LABELS.get(risk_mode, ""),
        "amount_usdt": money(amount * binding.ratio / 100),
    }


def _sources(instance: TenantStrategy | None, strategy: Strategy) -> tuple[SizingSource, SizingSource]:
    master = SizingSource(strategy.capital, strategy.leverage, strategy.risk_mode, strategy.max_loss_per_trade)
    if instance is None:
        return SizingSource(), master
    return SizingSource(instance.capital, instance.leverage, instance.risk_mode, instance.max_loss_per_trade), master


def strategies(session: Session, tenant_id: int) -> list[Data]:
    """#10. What the tenant offers, its own values before the catalogue's."""
    statement = (
        select(TenantStrategy, Strategy)
        .join(Strategy, col(Strategy.id) == col(TenantStrategy.strategy_id))
        .where(TenantStrategy.status == 1, Strategy.status == 1)
        .order_by(col(TenantStrategy.sort_order), col(TenantStrategy.id))
    )
    found = []
    for instance, strategy in session.exec(scoped(statement, tenant_id, TenantStrategy)).all():
        own = effective(instance, strategy)
        found.append(
            {
                "id": strategy.id,
                "strategy_id": strategy.id,
                "name": instance.display_name or strategy.name,
                "description": instance.display_description or strategy.description,
                "symbol": _symbol(strategy),
                "timeframe": strategy.timeframe,
                "min_capital": money(own.min_capital),
                "capital": money(own.capital),
                "leverage": own.leverage,
                "risk_mode": own.risk_mode,
                "risk_mode_label": rules.RISK_LABELS.get(own.risk_mode, ""),
                "amount_usdt": money(own.amount_usdt),
                "status": instance.status,
            }
        )
    return found


def user_strategies(session: Session, tenant_id: int, email: str) -> list[Data]:
    """#14"""
    user = user_of(session, tenant_id, email)
    assert user.id is not None
    instances = {
        row.strategy_id: row for row in session.exec(scoped(select(TenantStrategy), tenant_id, TenantStrategy)).all()
    }
    found = []
    for binding, strategy in bindings_of(session, user.id):
        instance = instances.get(binding.strategy_id)
        found.append(
            {
                "strategy_id": binding.strategy_id,
                "strategy_name": (instance.display_name if instance else None) or strategy.name,
                "symbol": _symbol(strategy),
                "account_id": binding.account_id,
                "status": binding.status,
                "mode": binding.mode,
                **sizing_of(binding, instance, strategy),
                "total_profit": money(binding.total_profit, 8),
                "total_trades": binding.total_trades,
                "create_time": shown(binding.created_at),
            }
        )
    return found


def bindings_of(session: Session, user_id: int) -> list[tuple[Binding, Strategy]]:
    """A user's subscriptions, newest first; those of accounts that were unbound are gone."""
    rows = session.exec(
        select(Binding, Strategy)
        .join(Strategy, col(Strategy.id) == col(Binding.strategy_id))
        .join(ExchangeAccount, col(ExchangeAccount.id) == col(Binding.account_id))
        .where(Binding.user_id == user_id, ExchangeAccount.status != UNBOUND)
        .order_by(col(Binding.id).desc())
    ).all()
    return [(binding, strategy) for binding, strategy in rows]


def _symbol(strategy: Strategy) -> str:
    return strategy.symbols[0] if strategy.symbols else ""
