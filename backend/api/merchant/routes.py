"""All merchant doors in one list."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from backend.api.merchant.envelope import PREFIX
from backend.api.merchant.money import money
from backend.api.merchant.users import strategies, users

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]

_open = APIRouter(prefix=PREFIX, tags=["merchant"])


@_open.get("/health")
async def health() -> dict[str, str]:
    """Whether the merchant API answers; needs no signature."""
    return {"status": "ok", "service": "merchant-api"}


def merchant_routers() -> list[APIRouter]:
    """The routers of the merchant API. The last one answers for every other path below the prefix."""
    doors = [_open, users.router, money.router, strategies.router]
    known = {route.path for router in doors for route in router.routes if isinstance(route, APIRoute)}
    rest = APIRouter(include_in_schema=False)

    @rest.api_route(f"{PREFIX}/{{path:path}}", methods=_METHODS)
    async def unknown(path: str) -> None:
        raise HTTPException(405 if f"{PREFIX}/{path}" in known else 404)

    return [*doors, rest]
