"""Limits before every entry, by HTTP: what is set, what holds, and what it refused."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlmodel import Session

from backend.api.context import EVERY, May, admin, anyone, peer, read, run
from backend.api.params import IdQuery, done
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.models import ExchangeAccount
from backend.risk import limits, refusals
from backend.risk.limit_rules import as_json

router = APIRouter(tags=["risk"])

Admin = Annotated[Principal, Depends(admin)]
Anyone = Annotated[Principal, Depends(anyone)]
Trader = Annotated[Principal, Depends(May("trading", EVERY))]
Scope = Annotated[str, Query(max_length=12)]
Number = Annotated[int, Query(ge=0, le=2**63 - 1)]
Symbol = Annotated[str, Field(max_length=32)]
Value = str | int | float | Annotated[list[Symbol], Field(max_length=500)] | None


class Limits(BaseModel):
    """All limits of a scope; what is left out is off."""

    limits: Annotated[dict[Annotated[str, Field(max_length=32)], Value], Field(max_length=40)]


@router.get("/api/risk/rules")
async def rules(request: Request, who: Anyone, scope: Scope = limits.PLATFORM, id: Number = 0) -> Response:
    """What the platform, a tenant or an agent has set."""
    return done(await read(request, lambda session: as_json(limits.own_limits(session, who, scope, id))))


@router.put("/api/risk/rules")
async def save(request: Request, body: Limits, who: Trader, scope: Scope = limits.PLATFORM, id: Number = 0) -> Response:
    """Replace them. Everybody's stricter limit wins; nobody can widen another's."""
    given = {name: str(value) if isinstance(value, int | float) else value for name, value in body.limits.items()}
    saved = await run(request, lambda s: as_json(limits.set_limits(s, who, scope, id, given, ip=peer(request))))
    return done(saved)


@router.get("/api/risk/in-force")
async def in_force(request: Request, who: Anyone, account_id: Annotated[int, Query(ge=1, le=2**63 - 1)]) -> Response:
    """The limits that hold for an account, and whose each is."""

    def work(session: Session) -> list[dict[str, Any]]:
        account = get_scoped(session, who, ExchangeAccount, account_id)
        return limits.shown(limits.in_force(session, [account])[account_id])

    return done(await read(request, work))


@router.get("/api/risk/violations")
async def violations(request: Request, who: Admin, days: Annotated[int, Query(ge=1, le=90)] = 7, tenant_id: IdQuery = None) -> Response:
    """Entries that limits refused in the last days: by UTC day, by limit, and the newest 200 with had and needed."""
    return done(await read(request, lambda session: refusals.violations(session, days, tenant_id)))
