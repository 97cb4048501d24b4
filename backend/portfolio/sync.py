"""Balances as the exchange reports them: account rows, equity peaks, equity snapshots."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal, InvalidOperation
from typing import Any

import structlog
from sqlmodel import Session, col, select

from backend.billing import standing
from backend.bots.watchdog import failed_user
from backend.clock import from_ms, utcnow
from backend.db import Database
from backend.execution.credentials import UNREADABLE, UNREADABLE_TEXT, account_tasks
from backend.execution.dispatcher import node_targets
from backend.execution.wire import NotAnswered, Wire
from backend.market.feed import Prices
from backend.models import EquitySnapshot, ExchangeAccount

log = structlog.get_logger("sync")

DEADLINE_S = 20.0


async def sync_balances(db: Database, wire: Wire, prices: Prices | None) -> int:
    """Read every enabled account's balance and record it. Returns how many accounts answered."""
    accounts = await db.aread(lambda s: s.exec(select(ExchangeAccount).where(ExchangeAccount.status == 1)).all())
    groups: dict[int | None, list[int]] = defaultdict(list)
    for account in accounts:
        if account.id is not None and account.credentials_sealed:
            groups[account.node_id].append(account.id)
    ids = {i for group in groups.values() for i in group}
    if not ids:
        return 0
    tasks, targets = await db.aread(
        lambda s: (account_tasks(s, ids), node_targets(s, [node for node in groups if node is not None]))
    )
    rows: list[dict[str, Any]] = [
        {"account_id": i, "success": False, "error": UNREADABLE_TEXT, "error_code": UNREADABLE} for i in sorted(ids - tasks.keys())
    ]
    for node, members in groups.items():
        try:
            answer = await wire.call(
                targets.get(node) if node is not None else None,
                "/api/sync-balance",
                {"tasks": [tasks[i] for i in members if i in tasks]},
                DEADLINE_S,
            )
        except NotAnswered as failure:
            log.warning("balances not read", node=node, reason=failure.message)
            continue
        rows += [row for row in answer.get("results") or [] if isinstance(row, dict)]
    market_ms = prices.market_ms if prices is not None else None
    return await db.arun(lambda s: _record(s, rows, market_ms))


def _record(session: Session, rows: list[dict[str, Any]], market_ms: int | None) -> int:
    now = utcnow()
    answered = 0
    found = {
        account.id: account
        for account in session.exec(
            select(ExchangeAccount).where(col(ExchangeAccount.id).in_([row.get("account_id") for row in rows]))
        ).all()
    }
    for row in rows:
        account = found.get(row.get("account_id"))
        if account is None or account.id is None:
            continue
        balance, equity, available = (_amount(row.get(name)) for name in ("balance", "equity", "available"))
        if not row.get("success") or balance is None or equity is None or available is None:
            account.last_sync_error = str(row.get("error") or "The exchange sent no usable balance.")[:255]
            session.add(account)
            failed_user(session, account.user_id, str(row.get("error_code") or ""), account.last_sync_error)
            continue
        account.balance, account.futures_balance, account.futures_available = balance, equity, available
        account.equity_peak = max(account.equity_peak, equity)
        account.last_sync_at, account.last_sync_error = now, ""
        session.add(account)
        session.add(
            EquitySnapshot(
                tenant_id=account.tenant_id,
                user_id=account.user_id,
                account_id=account.id,
                mode=account.mode,
                at=now,
                market_at=from_ms(market_ms) if market_ms is not None else now,
                balance=balance,
                unrealized_pnl=equity - balance,
                equity=equity,
            )
        )
        answered += 1
    standing.update(session, [account.user_id for account in found.values()])
    return answered


def _amount(value: Any) -> Decimal | None:
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
