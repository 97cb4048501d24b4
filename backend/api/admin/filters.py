"""Query parameters of the money lists, as classes that FastAPI fills, turned into the lists' filters."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any

from fastapi import Query

from backend.api.params import IdQuery, Text, moment
from backend.billing.lists import CardLogFilter, PoolFilter, RewardFilter, WithdrawalFilter

Number = Annotated[int | None, Query(ge=0, le=9)]


@dataclass(kw_only=True)
class _Query:
    tenant_id: IdQuery = None
    user_id: IdQuery = None
    start_date: Text = None
    end_date: Text = None

    def values(self) -> dict[str, Any]:
        """The filter's fields; an empty text does not filter. Raises ``InvalidInput`` for a bad date."""
        given = {item.name: getattr(self, item.name) for item in fields(self)}
        start, end = given.pop("start_date"), given.pop("end_date")
        given = {name: value for name, value in given.items() if value not in (None, "")}
        return {**given, "start": moment(start, "start_date"), "end": moment(end, "end_date", end=True)}


@dataclass(kw_only=True)
class WithdrawalQuery(_Query):
    """Of withdrawals."""

    status: Number = None
    wallet_network: Text = None

    def find(self) -> WithdrawalFilter:
        """As the list takes it."""
        return WithdrawalFilter(**self.values())


@dataclass(kw_only=True)
class PoolQuery(_Query):
    """Of profit pools."""

    status: Number = None

    def find(self) -> PoolFilter:
        """As the list takes it."""
        return PoolFilter(**self.values())


@dataclass(kw_only=True)
class RewardQuery(_Query):
    """Of rewards."""

    reward_type: Text = None
    profit_pool_id: IdQuery = None

    def find(self) -> RewardFilter:
        """As the list takes it."""
        values = self.values()
        pool_id = values.pop("profit_pool_id", None)
        return RewardFilter(**values, pool_id=pool_id)


@dataclass(kw_only=True)
class CardLogQuery(_Query):
    """Of the point-card journal."""

    change_type: Number = None

    def find(self) -> CardLogFilter:
        """As the list takes it."""
        return CardLogFilter(**self.values())
