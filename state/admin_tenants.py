"""What an operator agrees with a tenant: sign-in, terms, rates, plan, keys. The tenant is the open row of ``Lists``."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.billing import hwm
from backend.billing.rates import NAMES, rates_of, set_rates
from backend.billing.rules import RATES
from backend.dashboards import service
from backend.errors import InvalidInput
from backend.identity.principal import Principal
from backend.merchant import keys, quota
from backend.security import audit
from state.base import needs
from state.merchant import act, open_row, row_id
from state.ui import say

_HUNDRED = Decimal(100)


class Tenants(rx.State):
    """``form`` is the open form (sign_in | terms | rates | ""); ``made`` a key just issued, shown until it is closed."""

    form: str = ""
    made: dict[str, str] = {}
    _allowed: ClassVar[tuple[str, ...]] = ("admin",)

    @rx.event
    @needs("admin")
    async def fresh(self) -> None:
        """The page was opened."""
        self.form, self.made = "", {}

    @rx.event
    @needs("admin")
    async def open_form(self, name: str) -> None:
        """Open one form of the drawer, or close it with ""; a secret on show is gone."""
        self.form, self.made = name if name in ("sign_in", "terms", "rates") else "", {}

    @rx.event
    @needs("admin", may="people")
    async def save_sign_in(self, form: dict[str, Any]) -> None:
        """Name, e-mail and, if given, a new password."""
        tenant_id = await open_row(self)
        name, email, password = (str(form.get(key, "")) for key in ("name", "email", "password"))
        await act(self, lambda session, who: service.edit_tenant(session, who, tenant_id, name=name, email=email, password=password))
        self.form = ""
        await say(self, "tenant.saved", name=name)

    @rx.event
    @needs("admin", may="money")
    async def save_terms(self, form: dict[str, Any]) -> None:
        """How its agents are billed, and the profit share in percent."""
        tenant_id, scheme, share = await open_row(self), str(form.get("scheme", "")), _part(form.get("share"))
        await act(self, lambda session, who: _terms(session, who, tenant_id, scheme, share))
        self.form = ""
        await say(self, "tenant.terms_saved")

    @rx.event
    @needs("admin", may="money")
    async def save_rates(self, form: dict[str, Any]) -> None:
        """Rates of billing and distribution in percent, with the reason."""
        tenant_id, reason = await open_row(self), str(form.get("reason", ""))
        rates = {name: _part(form.get(name)) for name in NAMES}
        await act(self, lambda session, who: _rates(session, who, tenant_id, rates, reason))
        self.form = ""
        await say(self, "tenant.rates_saved")

    @rx.event
    @needs("admin", may="settings")
    async def set_plan(self, plan: str) -> None:
        """Another quota plan, or none with ""."""
        tenant_id, plan_id = await open_row(self), row_id(plan) if plan else None
        name = await act(self, lambda session, who: _plan(session, who, tenant_id, plan_id))
        await say(self, "plan.assigned" if plan_id else "plan.released", name=name)

    @rx.event
    @needs("admin", may="settings")
    async def issue_key(self) -> None:
        """A further API key; its secret is shown now and never again."""
        tenant_id = await open_row(self)
        made = await act(self, lambda session, who: keys.issue_key(session, who, tenant_id, "issued by the platform"))
        self.form, self.made = "", {"app_key": made.key.app_key, "app_secret": made.app_secret}

    @rx.event
    @needs("admin", may="settings")
    async def revoke_key(self, key: str) -> None:
        """End one of the tenant's keys at once."""
        key_id = row_id(key)
        row = await act(self, lambda session, who: keys.revoke_key(session, who, key_id))
        await say(self, "key.revoked_now", name=row.label or row.app_key[:8])


def _terms(session: Session, who: Principal, tenant_id: int, scheme: str, share: Decimal) -> None:
    # The share first: a scheme is recorded with the share of its day.
    if hwm.next_share(session, tenant_id) != int(share * 10_000):
        hwm.set_share(session, who, tenant_id, share)
    hwm.set_scheme(session, who, tenant_id, scheme)


def _rates(session: Session, who: Principal, tenant_id: int, rates: dict[str, Decimal], reason: str) -> None:
    now = rates_of(session, tenant_id)
    if all(getattr(now, name) == value for name, value in rates.items()):
        raise InvalidInput("These are the rates in force already.")
    if not reason.strip():
        raise InvalidInput("Say why: the reason is kept with the rates.")
    own = {name: value for name, value in rates.items() if value != getattr(RATES, name)}
    set_rates(session, who, tenant_id, own, reason.strip())


def _plan(session: Session, who: Principal, tenant_id: int, plan_id: int | None) -> str:
    tenant = quota.assign_plan(session, tenant_id, plan_id)
    audit.record(session, who, "tenant.plan", f"tenant:{tenant_id}", detail={"plan_id": plan_id}, tenant_id=tenant_id)
    return tenant.name


def _part(value: Any) -> Decimal:
    """Percent as a person writes it, as a part of one. Raises ``InvalidInput``."""
    text = str(value or "").strip().rstrip("%").strip()
    try:
        number = Decimal(text) if len(text) <= 8 and text.isascii() else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 <= number <= _HUNDRED:
        raise InvalidInput("Write a percentage between 0 and 100, such as 20 or 12.5.")
    return number / _HUNDRED
