"""The operator's doors of quota plans: plans, who has which, and how much of it is used."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StrictBool, StrictInt
from sqlmodel import Session

from backend.api import shapes
from backend.api.context import May, admin, peer, read, run
from backend.api.params import Amount, BodyId, Id, done
from backend.branding.service import set_reveal
from backend.identity.principal import Principal
from backend.merchant import quota
from backend.merchant.rules import money
from backend.models import QuotaPlan
from backend.money import parse_amount
from backend.security import audit

router = APIRouter(tags=["quota"])

Admin = Annotated[Principal, Depends(admin)]
Engineer = Annotated[Principal, Depends(May("settings"))]
Limit = Annotated[StrictInt, Field(ge=0, le=2_000_000_000)]


class PlanChange(BaseModel):
    """What of a plan is to change; 0 is unlimited."""

    code: str | None = Field(None, max_length=32)
    name: str | None = Field(None, max_length=64)
    description: str | None = Field(None, max_length=255)
    api_calls_daily: Limit | None = None
    api_calls_monthly: Limit | None = None
    max_users: Limit | None = None
    max_strategies: Limit | None = None
    max_exchange_accounts: Limit | None = None
    price_monthly: Amount | None = None
    sort_order: Annotated[StrictInt, Field(ge=0, le=10_000)] | None = None

    def values(self) -> dict[str, Any]:
        """As the room takes it. Raises ``InvalidAmount``."""
        given = self.model_dump(exclude_none=True)
        if "price_monthly" in given:
            given["price_monthly"] = parse_amount(given["price_monthly"], allow_zero=True)
        return given


class Switch(BaseModel):
    """On or off."""

    on: StrictBool


class Assignment(BaseModel):
    """The plan a tenant gets; null for none, which is unlimited."""

    plan_id: BodyId | None


@router.get("/api/quota-plans")
async def plans(request: Request, who: Admin) -> Response:
    """All plans in their order."""
    rows = await read(request, lambda session: [_plan(row) for row in quota.plans(session)])
    return done(rows, total=len(rows))


@router.post("/api/quota-plans")
async def new_plan(request: Request, body: PlanChange, who: Engineer) -> Response:
    """A further plan; ``code`` and ``name`` are required."""
    return await _save(request, who, None, body)


@router.put("/api/quota-plans/{plan_id}")
async def change_plan(request: Request, plan_id: Id, body: PlanChange, who: Engineer) -> Response:
    """Change a plan; it holds for its tenants from the next call."""
    return await _save(request, who, plan_id, body)


@router.patch("/api/quota-plans/{plan_id}/toggle")
async def toggle_plan(request: Request, plan_id: Id, who: Engineer) -> Response:
    """Offer a plan, or no longer; tenants that have it keep it."""

    def work(session: Session) -> dict[str, Any]:
        row = quota.toggle_plan(session, plan_id)
        audit.record(session, who, "quota_plan.toggle", f"quota_plan:{plan_id}", ip=peer(request))
        return _plan(row)

    return done(await run(request, work))


@router.post("/api/tenants/{tenant_id}/assign-plan")
async def assign_plan(request: Request, tenant_id: Id, body: Assignment, who: Engineer) -> Response:
    """Give a tenant a plan."""

    def work(session: Session) -> None:
        quota.assign_plan(session, tenant_id, body.plan_id)
        detail = {"plan_id": body.plan_id}
        audit.record(
            session, who, "tenant.plan", f"tenant:{tenant_id}", detail=detail, ip=peer(request), tenant_id=tenant_id
        )

    await run(request, work)
    return done()


@router.post("/api/tenants/{tenant_id}/reveal-secrets")
async def reveal_secrets(request: Request, tenant_id: Id, body: Switch, who: Engineer) -> Response:
    """Let the merchant API of this tenant answer its users' exchange secrets in plain, or no longer. Audited.

    Whoever holds one of the tenant's keys can then trade with, and where the exchange allows it empty, those accounts.
    """
    await run(request, lambda session: set_reveal(session, who, tenant_id, body.on))
    return done()


@router.get("/api/quota-usage/{tenant_id}")
async def usage(
    request: Request, tenant_id: Id, who: Admin, days: Annotated[int, Query(ge=1, le=366)] = 30
) -> Response:
    """Limits, what is used, and calls by day (UTC)."""
    return done(shapes.usage(await read(request, lambda session: quota.usage(session, tenant_id, days))))


async def _save(request: Request, who: Principal, plan_id: int | None, body: PlanChange) -> Response:
    values = body.values()

    def work(session: Session) -> dict[str, Any]:
        row = quota.save_plan(session, plan_id, values)
        audit.record(session, who, "quota_plan.save", f"quota_plan:{row.id}", detail=values, ip=peer(request))
        return _plan(row)

    return done(await run(request, work))


def _plan(row: QuotaPlan) -> dict[str, Any]:
    names = ("id", "code", "name", *quota.LIMITS, "description", "status", "sort_order", "created_at")
    return {**{name: getattr(row, name) for name in names}, "price_monthly": money(row.price_monthly)}
