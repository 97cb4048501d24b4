"""The trial balance of a month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.clock import utcnow
from backend.dashboards.lists.people import tenant_choices
from backend.identity.principal import Principal
from backend.ledger.books import TrialLine, trial_balance
from backend.money import from_units
from state.base import needs, read, signed_in
from state.words import figure

MONTHS = 24


class Books(rx.State):
    """``month`` is "2026-01"; ``tenant`` an id or "" for the whole platform."""

    month: str = ""
    months: list[str] = []
    tenant: str = ""
    tenants: list[dict[str, str]] = []
    lines: list[dict[str, Any]] = []
    sums: list[dict[str, Any]] = []
    balanced: bool = True
    ready: bool = False
    _allowed: ClassVar[tuple[str, ...]] = ("admin",)

    @rx.event
    @needs("admin")
    async def load(self) -> None:
        """The page: this month, the whole platform."""
        who = await signed_in(self)
        self.months = _months(utcnow())
        self.month, self.tenant = self.months[0], ""
        self.tenants = await read(lambda session: tenant_choices(session, who))
        await self._read(who)

    @rx.event
    @needs("admin")
    async def set_month(self, month: str) -> None:
        """Another month."""
        if month in self.months:
            self.month = month
            await self._read(await signed_in(self))

    @rx.event
    @needs("admin")
    async def set_tenant(self, tenant: str) -> None:
        """One tenant's accounts, or all with ""."""
        known = {one["id"] for one in self.tenants}
        self.tenant = str(tenant) if str(tenant) in known else ""
        await self._read(await signed_in(self))

    async def _read(self, who: Principal) -> None:
        start = datetime.strptime(self.month, "%Y-%m").replace(tzinfo=UTC)
        end = (start + timedelta(days=32)).replace(day=1)
        tenant_id = int(self.tenant) if self.tenant else None

        def work(session: Session) -> list[TrialLine]:
            return trial_balance(session, start, end, tenant_id)

        found = await read(work)
        self.lines = [_line(place, one) for place, one in enumerate(found)]
        self.sums, self.balanced = _sums(found)
        self.ready = True


def _months(now: datetime) -> list[str]:
    out, moment = [], now.replace(day=1)
    for _ in range(MONTHS):
        out.append(f"{moment:%Y-%m}")
        moment = (moment - timedelta(days=1)).replace(day=1)
    return out


def _line(place: int, one: TrialLine) -> dict[str, Any]:
    names = ("opening", "received", "given", "closing")
    return {
        "id": str(place),
        "owner": f"owner.{one.owner_kind}",
        "kind": f"account.{one.kind}",
        "code": one.kind,
        "currency": one.currency,
        **{name: figure(from_units(getattr(one, name)), 8) for name in names},
    }


def _sums(found: list[TrialLine]) -> tuple[list[dict[str, Any]], bool]:
    """Sums by currency. Over the whole platform opening and closing are zero and received equals given."""
    totals: dict[str, list[int]] = {}
    for one in found:
        row = totals.setdefault(one.currency, [0, 0, 0, 0])
        for place, value in enumerate((one.opening, one.received, one.given, one.closing)):
            row[place] += value
    balanced = all(row[0] == row[3] == 0 and row[1] == row[2] for row in totals.values())
    names = ("opening", "received", "given", "closing")
    return [
        {"currency": currency} | {name: figure(from_units(value), 8) for name, value in zip(names, row, strict=True)}
        for currency, row in totals.items()
    ], balanced
