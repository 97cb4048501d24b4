"""Lists of orders, fills, positions, accounts and equity. Admin, tenant and agent use the same functions: ``who``
decides, through the scope helper, which rows exist at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlmodel import Session, SQLModel, col, select

from backend.identity.principal import Principal
from backend.identity.scope import scoped
from backend.models import (
    EquitySnapshot,
    ExchangeAccount,
    Fill,
    LedgerAccount,
    LedgerEntry,
    LedgerTransaction,
    Order,
    Position,
)
from backend.portfolio.paging import rows_of, total_of

Row = TypeVar("Row")
Who = Principal | int

MAX_LIMIT = 500


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """One page of rows and how many rows match in all."""

    rows: list[Row]
    total: int


@dataclass(frozen=True)
class Window:
    """Which part of a list: at most ``limit`` (1 to 500) rows after ``offset``."""

    limit: int = 100
    offset: int = 0


@dataclass(frozen=True)
class OrderFilter:
    """Empty fields do not filter; ``start`` is inclusive, ``end`` exclusive."""

    tenant_id: int | None = None
    user_id: int | None = None
    account_id: int | None = None
    symbol: str | None = None
    exchange: str | None = None
    side: str | None = None
    status: str | None = None
    signal_id: str | None = None
    order_id: str | None = None
    trade_type: str | None = None
    close_reason: str | None = None
    position_side: str | None = None
    mode: str | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class FillFilter:
    """As ``OrderFilter``. ``order_id`` is the public one (``ORD-...``)."""

    tenant_id: int | None = None
    user_id: int | None = None
    account_id: int | None = None
    order_id: str | None = None
    symbol: str | None = None
    side: str | None = None
    trade_type: str | None = None
    mode: str | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class PositionFilter:
    """As ``OrderFilter``; ``has_position`` keeps rows with a quantity (or without one), times are of opening."""

    tenant_id: int | None = None
    user_id: int | None = None
    account_id: int | None = None
    symbol: str | None = None
    exchange: str | None = None
    position_side: str | None = None
    status: str | None = None
    close_reason: str | None = None
    mode: str | None = None
    has_position: bool | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class TransactionFilter:
    """Ledger entries. ``transaction_type`` is the transaction's kind, ``source_id`` its reference."""

    tenant_id: int | None = None
    ledger_account_id: int | None = None
    transaction_type: str | None = None
    source_type: str | None = None
    source_id: str | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class FillRow:
    """A fill with what only its order knows."""

    fill: Fill
    order_id: str
    exchange: str
    market_type: str


@dataclass(frozen=True)
class TransactionRow:
    """One signed amount on one ledger account, with the transaction it belongs to."""

    entry: LedgerEntry
    transaction: LedgerTransaction
    account: LedgerAccount


def orders(session: Session, who: Who, find: OrderFilter | None = None, window: Window | None = None) -> Listing[Order]:
    """Orders, newest first."""
    find = find or OrderFilter()
    statement = _filtered(scoped(select(Order), who, Order), Order, find, col(Order.created_at))
    changes = find.status or find.close_reason
    return _listing(session, statement, col(Order.id), window, written=None if changes else col(Order.created_at))


def fills(session: Session, who: Who, find: FillFilter | None = None, window: Window | None = None) -> Listing[FillRow]:
    """Fills, newest first."""
    find = find or FillFilter()
    statement = (
        select(Fill, Order.order_id, Order.exchange, Order.market_type)
        .select_from(Fill)
        .join(Order, col(Order.id) == col(Fill.order_pk))
    )
    statement = _filtered(scoped(statement, who, Fill), Fill, find, col(Fill.filled_at), skip=("order_id",))
    if find.order_id is not None:
        statement = statement.where(Order.order_id == find.order_id)
    found = _listing(session, statement, col(Fill.id), window, written=col(Fill.created_at))
    return Listing([FillRow(*row) for row in found.rows], found.total)


def positions(
    session: Session, who: Who, find: PositionFilter | None = None, window: Window | None = None
) -> Listing[Position]:
    """Positions, newest first."""
    find = find or PositionFilter()
    statement = scoped(select(Position), who, Position)
    statement = _filtered(statement, Position, find, col(Position.opened_at), skip=("has_position",))
    if find.has_position is not None:
        is_open = Position.status == "OPEN"
        statement = statement.where(is_open if find.has_position else ~is_open)
    changes = find.status or find.close_reason or find.has_position is not None
    # A position knows when it was opened on the exchange; what was last changed long ago was also written long ago.
    return _listing(session, statement, col(Position.id), window, written=None if changes else col(Position.updated_at))


def exchange_accounts(
    session: Session, who: Who, tenant_id: int | None = None, window: Window | None = None
) -> Listing[ExchangeAccount]:
    """Exchange accounts with their cached balances; credentials stay sealed in the row and are for nobody here."""
    statement = scoped(select(ExchangeAccount), who, ExchangeAccount)
    if tenant_id is not None:
        statement = statement.where(ExchangeAccount.tenant_id == tenant_id)
    return _listing(session, statement, col(ExchangeAccount.id), window, desc=False)


def ledger_accounts(
    session: Session,
    who: Who,
    *,
    tenant_id: int | None = None,
    account_id: int | None = None,
    currency: str | None = None,
    window: Window | None = None,
) -> Listing[LedgerAccount]:
    """Ledger balances. ``account_id`` keeps those of one exchange account. Closed to agents: they have ``cards``."""
    statement = scoped(select(LedgerAccount), who, LedgerAccount)
    if tenant_id is not None:
        statement = statement.where(LedgerAccount.tenant_id == tenant_id)
    if account_id is not None:
        statement = statement.where(
            LedgerAccount.owner_kind == "exchange_account", LedgerAccount.owner_id == account_id
        )
    if currency is not None:
        statement = statement.where(LedgerAccount.currency == currency)
    return _listing(session, statement, col(LedgerAccount.id), window, desc=False)


def transactions(
    session: Session, who: Who, find: TransactionFilter | None = None, window: Window | None = None
) -> Listing[TransactionRow]:
    """Ledger entries, newest first, of the accounts ``who`` may see."""
    find = find or TransactionFilter()
    statement = (
        select(LedgerEntry, LedgerTransaction, LedgerAccount)
        .join(LedgerTransaction, col(LedgerTransaction.id) == col(LedgerEntry.transaction_id))
        .join(LedgerAccount, col(LedgerAccount.id) == col(LedgerEntry.account_id))
    )
    statement = scoped(statement, who, LedgerAccount)
    if find.tenant_id is not None:
        statement = statement.where(LedgerAccount.tenant_id == find.tenant_id)
    if find.ledger_account_id is not None:
        statement = statement.where(LedgerEntry.account_id == find.ledger_account_id)
    if find.transaction_type is not None:
        statement = statement.where(LedgerTransaction.kind == find.transaction_type)
    if find.source_type is not None:
        statement = statement.where(LedgerAccount.owner_kind == find.source_type)
    if find.source_id is not None:
        statement = statement.where(LedgerTransaction.reference == find.source_id)
    statement = _between(statement, col(LedgerTransaction.created_at), find.start, find.end)
    of_its_set = select(LedgerTransaction.created_at).where(LedgerTransaction.id == LedgerEntry.transaction_id)
    written = of_its_set.correlate(LedgerEntry).scalar_subquery()
    found = _listing(session, statement, col(LedgerEntry.id), window, written=written)
    return Listing([TransactionRow(*row) for row in found.rows], found.total)


def equity(
    session: Session, who: Who, account_id: int | None = None, since: datetime | None = None, points: int = 500
) -> Sequence[EquitySnapshot]:
    """The latest equity snapshots, oldest first, at most ``points``."""
    statement = scoped(select(EquitySnapshot), who, EquitySnapshot)
    if account_id is not None:
        statement = statement.where(EquitySnapshot.account_id == account_id)
    statement = _between(statement, col(EquitySnapshot.at), since, None)
    rows = session.exec(statement.order_by(col(EquitySnapshot.id).desc()).limit(points)).all()
    return list(reversed(rows))


def _filtered(statement: Any, model: type[SQLModel], find: Any, time_column: Any, skip: tuple[str, ...] = ()) -> Any:
    for item in fields(find):
        value = getattr(find, item.name)
        if value is None or item.name in ("start", "end", *skip):
            continue
        statement = statement.where(getattr(model, item.name) == value)
    return _between(statement, time_column, find.start, find.end)


def _between(statement: Any, column: Any, start: datetime | None, end: datetime | None) -> Any:
    if start is not None:
        statement = statement.where(column >= start)
    if end is not None:
        statement = statement.where(column < end)
    return statement


def _listing(
    session: Session, statement: Any, last: Any, window: Window | None, *, desc: bool = True, written: Any = None
) -> Listing[Any]:
    window = window or Window()
    total = total_of(session, statement, last, written)
    limit = min(max(window.limit, 1), MAX_LIMIT)
    return Listing(list(rows_of(session, statement, last, total, limit=limit, offset=window.offset, desc=desc)), total)
