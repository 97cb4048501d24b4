"""The lists' query parameters, as classes that FastAPI fills, turned into the queries' filters."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from backend.api.params import IdQuery, Text, moment
from backend.portfolio.queries import FillFilter, OrderFilter, PositionFilter, TransactionFilter


@dataclass(kw_only=True)
class _Times:
    start_time: Text = None
    end_time: Text = None

    def values(self) -> dict[str, Any]:
        """The filter's fields; an empty text does not filter. Raises ``InvalidInput`` for a bad time."""
        given = {item.name: getattr(self, item.name) for item in fields(self)}
        start, end = given.pop("start_time"), given.pop("end_time")
        given = {name: value for name, value in given.items() if value not in (None, "")}
        return {**given, "start": moment(start, "start_time"), "end": moment(end, "end_time", end=True)}


@dataclass(kw_only=True)
class OrderQuery(_Times):
    """Filters of order lists."""

    account_id: IdQuery = None
    user_id: IdQuery = None
    symbol: Text = None
    exchange: Text = None
    side: Text = None
    status: Text = None
    signal_id: Text = None
    order_id: Text = None
    trade_type: Text = None
    close_reason: Text = None
    position_side: Text = None
    mode: Text = None

    def find(self, tenant_id: int | None = None) -> OrderFilter:
        """As the query takes it."""
        return OrderFilter(tenant_id=tenant_id, **self.values())


@dataclass(kw_only=True)
class FillQuery(_Times):
    """Filters of fill lists."""

    account_id: IdQuery = None
    user_id: IdQuery = None
    order_id: Text = None
    symbol: Text = None
    side: Text = None
    trade_type: Text = None
    mode: Text = None

    def find(self, tenant_id: int | None = None) -> FillFilter:
        """As the query takes it."""
        return FillFilter(tenant_id=tenant_id, **self.values())


@dataclass(kw_only=True)
class PositionQuery(_Times):
    """Filters of position lists."""

    account_id: IdQuery = None
    user_id: IdQuery = None
    symbol: Text = None
    exchange: Text = None
    position_side: Text = None
    status: Text = None
    close_reason: Text = None
    mode: Text = None
    has_position: bool | None = None

    def find(self, tenant_id: int | None = None) -> PositionFilter:
        """As the query takes it."""
        return PositionFilter(tenant_id=tenant_id, **self.values())


@dataclass(kw_only=True)
class TradeQuery(_Times):
    """Filters of an agent's trades."""

    symbol: Text = None

    def find(self) -> PositionFilter:
        """Closed positions, as the query takes it."""
        return PositionFilter(has_position=False, **self.values())


@dataclass(kw_only=True)
class TransactionQuery(_Times):
    """Filters of ledger entries."""

    ledger_account_id: IdQuery = None
    transaction_type: Text = None
    source_type: Text = None
    source_id: Text = None

    def find(self, tenant_id: int | None = None) -> TransactionFilter:
        """As the query takes it."""
        return TransactionFilter(tenant_id=tenant_id, **self.values())


@dataclass(kw_only=True)
class AccountQuery:
    """Filters of ledger accounts."""

    account_id: IdQuery = None
    currency: Text = None
