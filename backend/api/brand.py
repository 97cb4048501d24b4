"""A tenant's logo, for everybody: it stands on pages before sign-in, too."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from backend.api.context import read
from backend.api.params import Id
from backend.branding.service import profile_of
from backend.errors import NotFound

router = APIRouter(tags=["brand"])


@router.get("/api/brand/{tenant_id}/logo")
async def logo(request: Request, tenant_id: Id) -> Response:
    """The picture as it was uploaded; its address carries a mark that changes with it."""
    row = await read(request, lambda session: profile_of(session, tenant_id))
    if row.logo is None:
        raise NotFound
    headers = {"Cache-Control": "public, max-age=86400", "Content-Disposition": "inline"}
    return Response(row.logo, headers=headers, media_type=row.logo_type)
