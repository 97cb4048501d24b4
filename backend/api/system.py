"""Health, metrics and invariants."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse, Response

from backend.api.context import admin, context_of, is_local, read, signed_in
from backend.api.params import answer
from backend.identity.principal import Principal
from backend.monitoring import metrics
from backend.monitoring.health import Health, HealthCheck
from backend.monitoring.service import refresh_gauges, run_invariants
from backend.version import VERSION

router = APIRouter(tags=["system"])

CHECK_TIMEOUT_S = 3.0


@router.get("/api/health")
async def health(request: Request) -> Response:
    """``status`` is ``ok`` when every part answers (200), else ``degraded`` (503); each part says how it is."""
    checks = context_of(request).health
    found = await asyncio.gather(*(_ask(check) for check in checks.values()))
    parts = dict(zip(checks, found, strict=True))
    ok = all(part.ok for part in found)
    body = {
        "status": "ok" if ok else "degraded",
        "service": "ironbull",
        "version": VERSION,
        **{name: "ok" if part.ok else part.detail for name, part in parts.items()},
        "checks": {name: asdict(part) for name, part in parts.items()},
    }
    return answer(body, 200 if ok else 503)


@router.get("/metrics", response_class=PlainTextResponse)
async def prometheus(request: Request) -> Response:
    """Prometheus metrics: for this machine, or for an admin's token."""
    if not is_local(request):
        await signed_in(request, "admin")
    await read(request, refresh_gauges)
    return Response(metrics.render(), media_type=metrics.CONTENT_TYPE)


@router.get("/api/system/invariants")
async def invariants(request: Request, who: Annotated[Principal, Depends(admin)]) -> Response:
    """Every business invariant, checked now."""
    found = await read(request, run_invariants)
    return answer({"success": True, "ok": all(one.ok for one in found), "data": [asdict(one) for one in found]})


async def _ask(check: HealthCheck) -> Health:
    try:
        return await asyncio.wait_for(asyncio.to_thread(check), CHECK_TIMEOUT_S)
    except TimeoutError:
        return Health(False, "does not answer in time")
