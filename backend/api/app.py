"""The HTTP application: every door behind one wall, with one mapping from errors to answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from backend.api.context import ApiContext
from backend.api.doors import core_routers
from backend.api.guard import Wall
from backend.api.live import live_router
from backend.api.merchant import envelope
from backend.api.openapi import document
from backend.db import Database
from backend.errors import IronBullError, NotFound
from backend.live import Hub, hub
from backend.monitoring.health import HealthCheck, database_check, market_check, scheduler_check
from backend.security.tokens import TokenSigner
from backend.security.vault import Vault
from backend.settings import Settings, get_settings
from backend.version import VERSION

_TITLES = {
    400: ("bad_request", "The request is not valid."),
    404: ("not_found", "There is no such object, or it is not yours."),
    405: ("method_not_allowed", "This method is not possible here."),
}


class Api(FastAPI):
    """FastAPI whose description of itself says what the doors have in common."""

    def openapi(self) -> dict[str, Any]:
        return document(self)


def create_api(
    db: Database,
    settings: Settings | None = None,
    *,
    live: Hub | None = None,
    routers: Sequence[APIRouter] = (),
    health: Mapping[str, HealthCheck] | None = None,
) -> FastAPI:
    """The FastAPI application with every door, ready to be served alone or mounted under the pages.

    ``routers`` are further rooms' doors; ``health`` replaces or adds the checks behind ``/api/health``. The app needs
    no lifespan. Its ``state.context`` is the ``ApiContext``.
    """
    settings = settings or get_settings()
    live = live or hub
    context = ApiContext(
        db=db,
        settings=settings,
        signer=TokenSigner(settings.jwt_key.get_secret_value()),
        vault=Vault(settings.master_key.get_secret_value()),
        health={
            "database": database_check(db),
            "scheduler": scheduler_check(db),
            "market": market_check(live),
            **(health or {}),
        },
    )
    api = Api(
        title="IronBull",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
    )
    api.state.context = context
    api.add_exception_handler(IronBullError, _expected)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http)
    # First, because all browsers of a restarted platform dial it at once, and each dial looks through the doors before it.
    api.include_router(live_router(context, live))
    for router in (*core_routers(), *routers):
        api.include_router(router)
    api.include_router(_nothing_else())
    api.add_middleware(Wall)
    return api


def _nothing_else() -> APIRouter:
    """Unknown doors answer in JSON instead of falling through to the pages."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/api/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
    async def unknown(path: str) -> None:
        raise NotFound

    return router


async def _expected(request: Request, error: Exception) -> Response:
    assert isinstance(error, IronBullError)
    return _answer(request, error.status, error.code, error.message)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = [
        {"field": ".".join(str(part) for part in item["loc"][1:]) or str(item["loc"][0]), "message": item["msg"]}
        for item in error.errors()[:20]
    ]
    names = ", ".join(field["field"] for field in fields[:5])
    return _answer(request, 422, "invalid_input", f"Not valid: {names}. Correct it and send it again.", fields=fields)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, detail = _TITLES.get(error.status_code, ("error", "The request was refused."))
    answer = _answer(request, error.status_code, code, detail)
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


def _answer(request: Request, status: int, code: str, detail: str, **more: Any) -> Response:
    request_id = getattr(request.state, "request_id", "")
    headers = {"Retry-After": "60"} if status == 429 else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if request.url.path.startswith(f"{envelope.PREFIX}/"):
        body = envelope.body(status, envelope.sentence(status, detail), request_id=request_id)
    else:
        body = orjson.dumps({"detail": detail, "code": code, "request_id": request_id, **more})
    return Response(body, status, headers, media_type="application/json")
