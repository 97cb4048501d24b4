"""The exchange's income record, read into ours: funding is booked, deposits and withdrawals are kept apart from profit."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import structlog
from sqlmodel import Session, col, select

from backend.billing.income import FUNDING, TRADING, record_income
from backend.clock import from_ms, to_ms
from backend.db import Database
from backend.errors import IronBullError
from backend.execution.credentials import account_tasks
from backend.execution.dispatcher import node_targets
from backend.execution.wire import NotAnswered, Wire
from backend.models import AccountIncome, ExchangeAccount, Position

log = structlog.get_logger("sync")

DEADLINE_S = 30.0
# An exchange writes a line seconds after its time: lines are asked for again for a while, known ones count once.
OVERLAP = timedelta(minutes=5)
MAX_PAGES = 20
FOREIGN_FUNDING = "FOREIGN_FUNDING"
"""Funding of a position that is not the platform's: kept, never booked or billed."""


async def sync_incomes(db: Database, wire: Wire) -> int:
    """Read the income record of every enabled account. Returns how many new lines were kept."""
    accounts = await db.aread(lambda s: s.exec(select(ExchangeAccount).where(ExchangeAccount.status == 1)).all())
    since = {a.id: _since(a) for a in accounts if a.id is not None and a.credentials_sealed}
    nodes = {a.id: a.node_id for a in accounts}
    kept = 0
    for _ in range(MAX_PAGES):
        rows = await _ask(db, wire, since, nodes)
        since = {}
        for row in rows:
            new, next_ms = await db.arun(partial(_record, row=row))
            kept += new
            if row.get("more") is True and next_ms is not None:
                since[row["account_id"]] = next_ms
        if not since:
            break
    return kept


def _since(account: ExchangeAccount) -> int:
    start = account.income_read_ms or to_ms(account.created_at)
    return start - int(OVERLAP.total_seconds() * 1000)


async def _ask(
    db: Database, wire: Wire, since: dict[int, int], nodes: dict[int | None, int | None]
) -> list[dict[str, Any]]:
    if not since:
        return []
    groups: dict[int | None, list[int]] = defaultdict(list)
    for account_id in since:
        groups[nodes[account_id]].append(account_id)
    tasks, targets = await db.aread(
        lambda s: (account_tasks(s, set(since)), node_targets(s, [node for node in groups if node is not None]))
    )
    rows: list[dict[str, Any]] = []
    for node, members in groups.items():
        body = {"tasks": [{**tasks[i], "since_ms": since[i]} for i in members if i in tasks]}
        try:
            target = targets.get(node) if node is not None else None
            answer = await wire.call(target, "/api/sync-incomes", body, DEADLINE_S)
        except NotAnswered as failure:
            log.warning("incomes not read", node=node, reason=failure.message)
            continue
        found = [row for row in answer.get("results") or [] if isinstance(row, dict)]
        rows += [row for row in found if row.get("success") is True and row.get("account_id") in members]
    return rows


def _record(session: Session, row: dict[str, Any]) -> tuple[int, int | None]:
    """Keep one page of one account. Returns how many lines were new, and where the next page begins."""
    account = session.get(ExchangeAccount, row["account_id"], with_for_update=True)
    lines = row.get("incomes")
    if account is None or not isinstance(lines, list):
        return 0, None
    known = _known(session, account, lines)
    kept = 0
    latest = account.income_read_ms
    for line in lines:
        try:
            time_ms, kind = int(line["time_ms"]), str(line["income_type"])
            latest = max(latest, time_ms)
            if str(line["income_id"]) in known:
                continue
            if kind in TRADING and kind != FUNDING:
                continue  # fills tell these
            if kind == FUNDING and not _ours(session, account, str(line["symbol"]), from_ms(time_ms)):
                kind = FOREIGN_FUNDING
            record_income(
                session,
                account,
                exchange_id=str(line["income_id"]),
                income_type=kind,
                amount=Decimal(str(line["amount"])),
                at=from_ms(time_ms),
                symbol=str(line["symbol"]),
                currency=str(line["currency"]),
            )
            kept += 1
        except (KeyError, ValueError, ArithmeticError, IronBullError) as error:
            log.warning("income line not understood", account=account.id, problem=type(error).__name__)
    moved = latest > account.income_read_ms
    account.income_read_ms = latest
    session.add(account)
    # A page full of lines of one millisecond would be read forever; the next millisecond ends that.
    return kept, latest if moved else latest + 1


def _known(session: Session, account: ExchangeAccount, lines: list[Any]) -> set[str]:
    """Ids of lines that are kept already. Lines of the types kept here never share an id."""
    ids = [str(line.get("income_id")) for line in lines if isinstance(line, dict)]
    statement = select(AccountIncome.exchange_id).where(
        AccountIncome.account_id == account.id, col(AccountIncome.exchange_id).in_(ids)
    )
    return set(session.exec(statement).all())


def _ours(session: Session, account: ExchangeAccount, symbol: str, at: datetime) -> bool:
    """Whether the platform had a position in the symbol at that moment, give or take what clocks differ."""
    slack = timedelta(minutes=1)
    found = session.exec(
        select(Position.id)
        .where(Position.account_id == account.id, Position.symbol == symbol, col(Position.opened_at) <= at + slack)
        .where(col(Position.closed_at).is_(None) | (col(Position.closed_at) >= at - slack))
        .limit(1)
    ).first()
    return found is not None
