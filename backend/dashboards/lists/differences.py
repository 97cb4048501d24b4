"""Platform against exchange as a list: what each said, the cause, what was done."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.clock import to_ms
from backend.dashboards.lists.base import ANY_ID, Find, ListOf, Row, between, matching, paged, where
from backend.dashboards.lists.trading import person
from backend.execution.differences import ACTIONS, CAUSES
from backend.identity.principal import Principal
from backend.identity.scope import scoped
from backend.models import Difference, ExchangeAccount, Order, Tenant, User
from backend.portfolio.queries import Listing


def _found(who: Principal, find: Find, by_cause: bool = True) -> Any:
    statement: Any = (
        select(Difference, ExchangeAccount, User)
        .join(ExchangeAccount, col(ExchangeAccount.id) == Difference.account_id, isouter=True)
        .join(User, col(User.id) == ExchangeAccount.user_id, isouter=True)
        .join(Tenant, col(Tenant.id) == Difference.tenant_id, isouter=True)
        .join(Order, col(Order.id) == Difference.order_id, isouter=True)
        .add_columns(col(Tenant.name), col(Order.order_id))
    )
    columns = {"action": Difference.action, "tenant": Difference.tenant_id, "account": Difference.account_id}
    if by_cause:
        columns["cause"] = Difference.cause
    statement = between(where(scoped(statement, who, Difference), find, **columns), find, col(Difference.created_at))
    return matching(statement, find, col(Difference.symbol), col(Order.order_id), col(User.name), col(User.email))


def differences(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Differences, newest first."""
    sorts = {"at_ms": col(Difference.created_at), "symbol": col(Difference.symbol)}
    rows, total = paged(session, _found(who, find), find, sorts, col(Difference.id))
    return Listing([_row(*row) for row in rows], total)


def _row(row: Difference, account: ExchangeAccount | None, user: User | None, tenant: str | None, order: str | None) -> Row:
    return {
        "id": row.id, "at_ms": to_ms(row.created_at), "tenant": tenant or "", "user": person(user), "account_id": row.account_id,
        "exchange": account.exchange if account else "", "mode": account.mode.upper() if account else "",
        "symbol": row.symbol, "cause": row.cause, "platform_says": row.platform_says, "exchange_says": row.exchange_says,
        "action": row.action, "order_id": order or "", "order": row.order_id or 0, "position_id": row.position_id or 0,
    }  # fmt: skip


def difference_totals(session: Session, who: Principal, find: Find) -> Row:
    """How many of each cause match, whatever cause is chosen."""
    statement = _found(who, find, by_cause=False).with_only_columns(Difference.cause, func.count(), maintain_column_froms=True)
    counted = {str(cause): int(n) for cause, n in session.exec(statement.group_by(col(Difference.cause)).order_by(None)).all()}
    return {"": sum(counted.values())} | {cause: counted.get(cause, 0) for cause in CAUSES}


DIFFERENCES = ListOf(
    differences, ("admin", "tenant"),
    ("at_ms", "tenant", "user", "account_id", "exchange", "mode", "symbol", "cause", "platform_says", "exchange_says", "action",
     "order_id", "position_id"),
    sorts=("at_ms", "symbol"), filters={"cause": CAUSES, "action": ACTIONS, "tenant": ANY_ID, "account": ANY_ID}, dated=True,
    totals=difference_totals,
)  # fmt: skip
