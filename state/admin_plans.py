"""What an operator does with quota plans, and the switch that shows a merchant its users' exchange secrets."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.branding.service import set_reveal
from backend.errors import InvalidInput
from backend.identity.principal import Principal
from backend.merchant import quota
from backend.money import parse_amount
from backend.security import audit
from state.base import needs
from state.merchant import act, open_row, row_id
from state.merchant_rows import LIMITS
from state.ui import say


class Plans(rx.State):
    """``making`` shows the form of a new plan."""

    making: bool = False
    _allowed: ClassVar[tuple[str, ...]] = ("admin",)

    @rx.event
    @needs("admin")
    async def fresh(self) -> None:
        """The page was opened."""
        self.making = False

    @rx.event
    @needs("admin")
    async def make(self, on: bool) -> None:
        """Open or close the form of a new plan."""
        self.making = on is True

    @rx.event
    @needs("admin", may="settings")
    async def create(self, form: dict[str, Any]) -> None:
        """A further plan."""
        values = _values(form)
        row = await act(self, lambda session, who: _save(session, who, None, values))
        self.making = False
        await say(self, "plan.created", name=row.name)

    @rx.event
    @needs("admin", may="settings")
    async def save(self, form: dict[str, Any]) -> None:
        """Change the open plan; it holds for its tenants from the next call."""
        plan_id, values = await open_row(self), _values(form)
        row = await act(self, lambda session, who: _save(session, who, plan_id, values))
        await say(self, "plan.saved", name=row.name)

    @rx.event
    @needs("admin", may="settings")
    async def toggle(self) -> None:
        """Offer the open plan, or no longer; tenants that have it keep it."""
        plan_id = await open_row(self)

        def work(session: Session, who: Principal) -> Any:
            row = quota.toggle_plan(session, plan_id)
            audit.record(session, who, "quota_plan.toggle", f"quota_plan:{plan_id}", detail={"status": row.status})
            return row

        row = await act(self, work)
        await say(self, "plan.offered_now" if row.status == 1 else "plan.stopped_now", name=row.name)

    @rx.event
    @needs("admin", may="settings")
    async def assign(self, form: dict[str, Any]) -> None:
        """Give a tenant the open plan."""
        plan_id, tenant_id = await open_row(self), row_id(form.get("tenant", ""))
        name = await act(self, lambda session, who: _assign(session, who, tenant_id, plan_id))
        await say(self, "plan.assigned", name=name)

    @rx.event
    @needs("admin", may="settings")
    async def release(self, tenant: str) -> None:
        """Take a tenant's plan away: it is without limits then."""
        tenant_id = row_id(tenant)
        name = await act(self, lambda session, who: _assign(session, who, tenant_id, None))
        await say(self, "plan.released", name=name)

    @rx.event
    @needs("admin", may="settings")
    async def reveal(self, tenant: str, on: bool) -> None:
        """Let a tenant's merchant API answer exchange secrets in plain, or no longer."""
        tenant_id, on = row_id(tenant), on is True
        name = await act(self, lambda session, who: set_reveal(session, who, tenant_id, on))
        await say(self, "reveal.on_now" if on else "reveal.off_now", name=name, bad=on)


def _save(session: Session, who: Principal, plan_id: int | None, values: dict[str, Any]) -> Any:
    row = quota.save_plan(session, plan_id, values)
    audit.record(session, who, "quota_plan.save", f"quota_plan:{row.id}", detail=values)
    return row


def _assign(session: Session, who: Principal, tenant_id: int, plan_id: int | None) -> str:
    tenant = quota.assign_plan(session, tenant_id, plan_id)
    audit.record(session, who, "tenant.plan", f"tenant:{tenant_id}", detail={"plan_id": plan_id}, tenant_id=tenant_id)
    return tenant.name


def _values(form: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {name: _whole(form.get(name)) for name in LIMITS}
    values |= {name: str(form.get(name, "")) for name in ("name", "description")}
    if "code" in form:
        values["code"] = str(form["code"])
    values["sort_order"] = _whole(form.get("sort_order"))
    values["price_monthly"] = parse_amount(str(form.get("price") or "0").strip().replace(",", ""), allow_zero=True)
    return values


def _whole(value: Any) -> int:
    text = str(value or "").strip().replace(",", "") or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise InvalidInput("Limits are whole numbers; 0 is unlimited.")
    return int(text)
