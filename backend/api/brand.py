"""A tenant's face, for everybody: it stands on pages before sign-in, too."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from backend.api.context import read
from backend.api.params import Id, done
from backend.branding.service import logo_href, profile_of
from backend.errors import NotFound
from backend.models import Tenant

router = APIRouter(tags=["brand"])


@router.get("/api/brand/{tenant_id}")
async def face(request: Request, tenant_id: Id) -> Response:
    """Name, colour and words of a tenant, with the address of its logo (empty without one)."""

    def work(session: Session) -> dict[str, str]:
        tenant = session.get(Tenant, tenant_id)
        if tenant is None or tenant.status != 1:
            raise NotFound
        row = profile_of(session, tenant_id)
        return {
            "name": row.brand or tenant.name,
            "accent": row.accent,
            "headline": row.headline,
            "landing_text": row.landing_text,
            "logo": logo_href(row),
        }

    return done(await read(request, work))


@router.get("/api/brand/{tenant_id}/logo")
async def logo(request: Request, tenant_id: Id) -> Response:
    """The picture as it was uploaded; its address carries a mark that changes with it."""
    row = await read(request, lambda session: profile_of(session, tenant_id))
    if row.logo is None:
        raise NotFound
    headers = {"Cache-Control": "public, max-age=86400", "Content-Disposition": "inline"}
    return Response(row.logo, headers=headers, media_type=row.logo_type)
