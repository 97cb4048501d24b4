"""Exchange accounts as a list: whose, where, what the key is called, the balance, who executes, what went wrong last."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from backend.clock import to_ms
from backend.dashboards.lists.base import ANY_ID, ANY_TEXT, Find, ListOf, Row, matching, paged, where
from backend.dashboards.lists.trading import MODES, person
from backend.errors import NotFound
from backend.execution.nodes import is_online
from backend.execution.routing import in_flight
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.models import AuditLog, ExchangeAccount, ExecutionNode, Order, Position, Tenant, User
from backend.portfolio.queries import Listing

CENTRE, NODE, TROUBLE, OFF = "centre", "node", "trouble", "off"
STATES = (NODE, CENTRE, TROUBLE, OFF)


def _found(who: Principal, find: Find, by_state: bool = True) -> Any:
    statement: Any = (
        select(ExchangeAccount, User, Tenant.name, ExecutionNode)
        .join(User, col(User.id) == ExchangeAccount.user_id, isouter=True)
        .join(Tenant, col(Tenant.id) == ExchangeAccount.tenant_id, isouter=True)
        .join(ExecutionNode, col(ExecutionNode.id) == ExchangeAccount.node_id, isouter=True)
    )
    columns = {
        "tenant": ExchangeAccount.tenant_id, "user": ExchangeAccount.user_id, "node": ExchangeAccount.node_id,
        "mode": ExchangeAccount.mode, "exchange": ExchangeAccount.exchange,
    }  # fmt: skip
    statement = where(scoped(statement, who, ExchangeAccount), find, **columns)
    state = find.only.get("state") if by_state else ""
    if state:
        statement = statement.where(_is(state))
    return matching(statement, find, col(User.name), col(User.email), col(ExchangeAccount.key_hint), col(ExecutionNode.node_code))


def _is(state: str) -> Any:
    on = col(ExchangeAccount.status) == 1
    return {
        NODE: on & col(ExchangeAccount.node_id).is_not(None),
        CENTRE: on & col(ExchangeAccount.node_id).is_(None),
        TROUBLE: on & (col(ExchangeAccount.last_sync_error) != ""),
        OFF: ~on,
    }[state]


def exchange_accounts(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Exchange accounts, newest first."""
    sorts = {
        "user": col(User.name), "balance": col(ExchangeAccount.futures_balance), "available": col(ExchangeAccount.futures_available),
        "synced_ms": col(ExchangeAccount.last_sync_at), "node": col(ExecutionNode.node_code), "created_ms": col(ExchangeAccount.created_at),
    }  # fmt: skip
    rows, total = paged(session, _found(who, find), find, sorts, col(ExchangeAccount.id))
    return Listing([_row(*row) for row in rows], total)


def _row(account: ExchangeAccount, user: User | None, tenant: str | None, node: ExecutionNode | None) -> Row:
    return {
        "id": account.id, "tenant": tenant or "", "user": person(user), "user_id": account.user_id, "exchange": account.exchange,
        "type": account.account_type, "mode": account.mode.upper(), "key": account.key_hint, "balance": account.futures_balance,
        "available": account.futures_available, "node": node.node_code if node else "", "node_id": account.node_id or 0,
        "executor": _executor(node), "egress": node.egress_ip if node else "", "enabled": account.status == 1,
        "synced_ms": to_ms(account.last_sync_at) if account.last_sync_at else 0, "error": account.last_sync_error,
        "created_ms": to_ms(account.created_at),
    }  # fmt: skip


def _executor(node: ExecutionNode | None) -> str:
    """centre | on | draining | silent | off | joining: who executes, and how that one is."""
    if node is None:
        return CENTRE
    if node.status != 1:
        return "off"
    if node.last_heartbeat_at is None:
        return "joining"
    if not is_online(node):
        return "silent"
    return "draining" if node.draining else "on"


def account_totals(session: Session, who: Principal, find: Find) -> Row:
    """How many are in each state, whatever state is chosen; one may be in two."""
    statement = _found(who, find, by_state=False)
    counts = [func.coalesce(func.sum(case((_is(state), 1), else_=0)), 0) for state in STATES]
    row = session.exec(statement.with_only_columns(func.count(), *counts, maintain_column_froms=True).order_by(None)).one()
    return {"": int(row[0])} | {state: int(row[place + 1]) for place, state in enumerate(STATES)}


def account_detail(session: Session, who: Principal, account_id: int) -> Row:
    """One account with what it holds, what is on its way and who moved it last. Raises ``NotFound``."""
    get_scoped(session, who, ExchangeAccount, account_id)
    found = session.exec(_found(who, Find()).where(ExchangeAccount.id == account_id)).first()
    if found is None:
        raise NotFound
    held = select(func.count()).select_from(Position).where(Position.account_id == account_id, Position.status == "OPEN")
    newest = select(Order).where(Order.account_id == account_id).order_by(col(Order.id).desc()).limit(6)
    moves = select(AuditLog).where(AuditLog.action == "node.assign").order_by(col(AuditLog.id).desc()).limit(200)
    return _row(*found) | {
        "positions": int(session.exec(held).one()),
        "busy": in_flight(session, [account_id]).get(account_id, ""),
        "orders": [
            {"id": o.id, "at_ms": to_ms(o.created_at), "symbol": o.symbol, "side": o.position_side, "status": o.status}
            for o in session.exec(newest).all()
        ],
        "moves": [
            {"id": one.id, "at_ms": to_ms(one.at), "to": one.target.partition(":")[2], "by": one.actor_id}
            for one in session.exec(moves).all()
            if account_id in one.detail.get("accounts", [])
        ][:5] if who.kind == "admin" else [],
    }  # fmt: skip


EXCHANGE_ACCOUNTS = ListOf(
    exchange_accounts, ("admin", "tenant"),
    ("id", "tenant", "user", "exchange", "type", "mode", "key", "balance", "available", "node", "executor", "egress", "enabled",
     "synced_ms", "error", "created_ms"),
    sorts=("user", "balance", "available", "synced_ms", "node", "created_ms"),
    filters={"state": STATES, "node": ANY_ID, "tenant": ANY_ID, "user": ANY_ID, "mode": MODES, "exchange": ANY_TEXT},
    detail=account_detail, totals=account_totals,
)  # fmt: skip
