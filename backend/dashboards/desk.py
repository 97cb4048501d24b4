"""What the trading desk shows of an account, and the accounts people choose from."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from backend.dashboards.marks import marks, unrealized
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.models import ExchangeAccount, Order, Position, Tenant, User

MOST, RECENT = 500, 15

Row = dict[str, Any]


def accounts(session: Session, who: Principal, most: int = MOST) -> list[Row]:
    """Exchange accounts in use that the person may see, by tenant and user: {id, tenant, user, exchange, mode}."""
    statement = scoped(select(ExchangeAccount, User, Tenant.name), who, ExchangeAccount).join(User, col(User.id) == ExchangeAccount.user_id)
    statement = statement.join(Tenant, col(Tenant.id) == ExchangeAccount.tenant_id).where(ExchangeAccount.status == 1)
    rows = session.exec(statement.order_by(col(Tenant.name), col(User.name), col(ExchangeAccount.id)).limit(most)).all()
    return [
        {"id": account.id, "tenant": tenant, "user": user.name or user.email, "exchange": account.exchange, "mode": account.mode.upper()}
        for account, user, tenant in rows
    ]


def tenants(session: Session, most: int = MOST) -> list[Row]:
    """{id, name} of tenants in service, by name."""
    rows = session.exec(select(Tenant).where(Tenant.status == 1).order_by(col(Tenant.name)).limit(most)).all()
    return [{"id": row.id, "name": row.name} for row in rows]


def of_account(session: Session, who: Principal, account_id: int) -> Row:
    """{balance, mode, held: [(position, mark, profit)], orders: the newest}. Raises ``NotFound``."""
    account, prices = get_scoped(session, who, ExchangeAccount, account_id), marks()
    held = session.exec(select(Position).where(Position.account_id == account_id, Position.status == "OPEN").order_by(col(Position.id).desc())).all()
    orders = session.exec(select(Order).where(Order.account_id == account_id).order_by(col(Order.id).desc()).limit(RECENT)).all()
    return {
        "balance": account.futures_balance, "mode": account.mode.upper(), "orders": list(orders),
        "held": [(row, prices.get(row.symbol), unrealized(row, prices.get(row.symbol))) for row in held],
    }  # fmt: skip


def symbol_of(session: Session, position_id: int) -> str:
    """Of a position; "" when there is none."""
    row = session.get(Position, position_id)
    return row.symbol if row is not None else ""
