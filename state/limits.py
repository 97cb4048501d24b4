"""Limits before every entry: what the platform, a tenant or an agent sets, and what holds."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.dashboards.lists.people import tenant_choices
from backend.identity.principal import Principal
from backend.risk import limits, refusals
from backend.risk.limit_rules import RULES, as_json
from state.base import needs, read, signed_in, write
from state.ui import say

NAMES = tuple(rule.name for rule in RULES)
REFUSED_DAYS = 14


class Limits(rx.State):
    """``own`` are the form's values by name, ``rows`` what holds: {id, name, value, source}."""

    own: dict[str, str] = {}
    rows: list[dict[str, str]] = []
    tenants: list[dict[str, str]] = []
    tenant: str = ""
    refused: list[dict[str, str]] = []
    refused_days: list[dict[str, str]] = []
    refused_total: str = "0"
    version: int = 0
    ready: bool = False
    _allowed: ClassVar[tuple[str, ...]] = ("admin", "tenant", "agent")

    @rx.event
    @needs()
    async def load(self) -> None:
        """The page was opened."""
        who = await signed_in(self)
        self.tenant = ""
        self.tenants = await read(lambda session: tenant_choices(session, who)) if who.kind == "admin" else []
        await self._read(who)

    @rx.event
    @needs("admin")
    async def choose(self, tenant: str) -> None:
        """A tenant's limits, or the platform's with ""."""
        self.tenant = str(tenant) if str(tenant) in {one["id"] for one in self.tenants} else ""
        await self._read(await signed_in(self))

    @rx.event
    @needs(may="trading")
    async def save(self, form: dict[str, Any]) -> None:
        """Replace the limits shown."""
        who = await signed_in(self)
        scope, number = _scope(who, self.tenant)
        given = {name: str(form.get(name, "")).strip() for name in NAMES}
        await write(lambda session: limits.set_limits(session, who, scope, number, given))
        await self._read(who)
        await say(self, "limits.saved")

    async def _read(self, who: Principal) -> None:
        scope, number = _scope(who, self.tenant)
        if who.kind == "admin":
            found = await read(lambda session: refusals.violations(session, REFUSED_DAYS, number or None))
            self.refused_total = f"{found['total']:,}"
            self.refused = [{"id": one["rule_name"], "name": f"limit.name.{one['rule_name']}", "n": f"{one['count']:,}"} for one in found["by_rule"]]
            self.refused_days = _bars(found["daily"])
        own, shown = await read(lambda session: _read(session, who, scope, number))
        self.own = {name: _text(own.get(name, "")) for name in NAMES}
        self.rows = [
            {"id": f"{one['name']}:{one['source']}", "name": f"limit.name.{one['name']}", "value": _said(one["value"]), "source": f"limits.of.{one['source']}"}
            for one in shown
        ]
        self.version += 1
        self.ready = True


def _scope(who: Principal, tenant: str) -> tuple[str, int]:
    if who.kind == "admin":
        return (limits.TENANT, int(tenant)) if tenant else (limits.PLATFORM, 0)
    return (limits.TENANT, who.tenant_id or 0) if who.kind == "tenant" else (limits.AGENT, who.id)


def _read(session: Session, who: Principal, scope: str, number: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Own limits, and what holds below."""
    return as_json(limits.own_limits(session, who, scope, number)), limits.held_below(session, who, scope, number)


def _bars(daily: dict[str, list[Any]]) -> list[dict[str, str]]:
    most = max(daily["violations"], default=0) or 1
    return [
        {"h": f"{max(2, round(100 * count / most))}%", "kind": "bad" if count else "", "title": f"{day}: {count:,}"}
        for day, count in zip(daily["dates"], daily["violations"], strict=True)
    ]


def _said(value: Any) -> str:
    """A limit as people read it: figures with their thousands apart."""
    return _text(value) if isinstance(value, (list, str)) and not _number(value) else f"{Decimal(str(value)):,f}"


def _number(value: Any) -> bool:
    try:
        return Decimal(str(value)).is_finite()
    except InvalidOperation:
        return False


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
