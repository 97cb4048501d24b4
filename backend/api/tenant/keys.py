"""The tenant's own doors of its API keys and its usage."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StrictBool
from sqlmodel import Session

from backend.api import shapes
from backend.api.context import context_of, peer, read, run, tenant
from backend.api.params import Id, done
from backend.identity.principal import Principal
from backend.merchant import keys, quota
from backend.models import MerchantKey

router = APIRouter(tags=["tenant keys"])

Tenant = Annotated[Principal, Depends(tenant)]
Label = Annotated[str, Field(max_length=64)]


class NewKey(BaseModel):
    """A name for the key."""

    label: Label = ""


class KeyChange(BaseModel):
    """What of a key is to change."""

    label: Label | None = None
    ips: list[Annotated[str, Field(max_length=64)]] | None = Field(None, max_length=50)
    legacy: StrictBool | None = None
    legacy_writes: StrictBool | None = None


@router.get("/api/tenant/merchant-keys")
async def own_keys(request: Request, who: Tenant) -> Response:
    """The keys, newest first; never their secrets."""
    rows = await read(request, lambda session: [_key(row) for row in keys.keys(session, who.tenant_id or 0)])
    return done(rows, total=len(rows))


@router.post("/api/tenant/merchant-keys")
async def issue(request: Request, body: NewKey, who: Tenant) -> Response:
    """A further key. ``app_secret`` is in this answer only; two keys can be active at once."""
    vault = context_of(request).vault

    def work(session: Session) -> dict[str, Any]:
        made = keys.issue_key(session, who, who.tenant_id or 0, body.label, ip=peer(request), vault=vault)
        return {**_key(made.key), "app_secret": made.app_secret}

    return done(await run(request, work))


@router.put("/api/tenant/merchant-keys/{key_id}")
async def configure(request: Request, key_id: Id, body: KeyChange, who: Tenant) -> Response:
    """Addresses and networks that may use the key, and whether the MD5 signature is accepted."""
    change = body.model_dump(exclude_none=True)
    row = await run(request, lambda session: keys.configure_key(session, who, key_id, ip=peer(request), **change))
    return done(_key(row))


@router.post("/api/tenant/merchant-keys/{key_id}/revoke")
async def revoke(request: Request, key_id: Id, who: Tenant) -> Response:
    """End a key at once."""
    return done(_key(await run(request, lambda session: keys.revoke_key(session, who, key_id, ip=peer(request)))))


@router.get("/api/tenant/quota-usage")
async def usage(request: Request, who: Tenant, days: Annotated[int, Query(ge=1, le=366)] = 30) -> Response:
    """Limits, what is used, and calls by day (UTC)."""
    return done(shapes.usage(await read(request, lambda session: quota.usage(session, who.tenant_id or 0, days))))


def _key(row: MerchantKey) -> dict[str, Any]:
    names = ("id", "app_key", "label", "ips", "legacy", "legacy_writes", "status", "created_at", "last_used_at", "revoked_at")
    return {name: getattr(row, name) for name in names}
