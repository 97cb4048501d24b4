"""The tenant's own doors of its webhooks: endpoints, what was sent to them, and sending it again."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StrictBool
from sqlmodel import Session

from backend.api.context import context_of, peer, read, run, tenant
from backend.api.params import Amount, Id, IdQuery, Text, done, listed, window
from backend.identity.principal import Principal
from backend.models import WebhookDelivery, WebhookEndpoint
from backend.money import parse_amount
from backend.portfolio.queries import Window
from backend.webhooks import queries, service

router = APIRouter(prefix="/api/tenant", tags=["tenant webhooks"])

Tenant = Annotated[Principal, Depends(tenant)]
Page = Annotated[Window, Depends(window)]
Url = Annotated[str, Field(max_length=500)]
Events = Annotated[list[Annotated[str, Field(max_length=32)]], Field(max_length=20)]


class NewHook(BaseModel):
    """Where to send what; ``low_points`` is the card total below which ``point_card.low`` is told."""

    url: Url
    events: Events
    low_points: Amount = "10"


class HookChange(BaseModel):
    """What of an endpoint is to change."""

    url: Url | None = None
    events: Events | None = None
    low_points: Amount | None = None
    on: StrictBool | None = None


@router.get("/webhooks")
async def endpoints(request: Request, who: Tenant) -> Response:
    """The endpoints, newest first; never their secrets."""
    rows = await read(request, lambda session: [_endpoint(row) for row in queries.endpoints(session, who)])
    return done(rows, total=len(rows))


@router.post("/webhooks")
async def create(request: Request, body: NewHook, who: Tenant) -> Response:
    """A further endpoint. ``secret`` is in this answer only."""
    low, vault = _points(body.low_points), context_of(request).vault
    return await _with_secret(
        request,
        lambda session: service.create_endpoint(
            session, who, body.url, body.events, low, ip=peer(request), vault=vault
        ),
    )


@router.put("/webhooks/{endpoint_id}")
async def change(request: Request, endpoint_id: Id, body: HookChange, who: Tenant) -> Response:
    """Change address, events or threshold, or switch it on or off."""
    low = _points(body.low_points) if body.low_points is not None else None
    row = await run(
        request,
        lambda session: service.change_endpoint(
            session, who, endpoint_id, url=body.url, events=body.events, low_points=low, on=body.on, ip=peer(request)
        ),
    )
    return done(_endpoint(row))


@router.delete("/webhooks/{endpoint_id}")
async def remove(request: Request, endpoint_id: Id, who: Tenant) -> Response:
    """Remove an endpoint; what was not sent to it is given up."""
    await run(request, lambda session: service.remove_endpoint(session, who, endpoint_id, ip=peer(request)))
    return done()


@router.post("/webhooks/{endpoint_id}/rotate")
async def rotate(request: Request, endpoint_id: Id, who: Tenant) -> Response:
    """A new secret, in this answer only; for a day the old one signs, too."""
    vault = context_of(request).vault
    return await _with_secret(
        request, lambda session: service.rotate_secret(session, who, endpoint_id, ip=peer(request), vault=vault)
    )


@router.post("/webhooks/{endpoint_id}/test")
async def test(request: Request, endpoint_id: Id, who: Tenant) -> Response:
    """Send a ``test.ping``."""
    await run(request, lambda session: service.send_test(session, who, endpoint_id))
    return done()


@router.get("/webhook-deliveries")
async def deliveries(
    request: Request,
    who: Tenant,
    page: Page,
    *,
    status: Annotated[str, Query(pattern="^(PENDING|DELIVERED|DEAD)?$")] = "",
    event: Annotated[str, Query(max_length=32)] = "",
    endpoint_id: IdQuery = None,
    find: Text = None,
) -> Response:
    """Messages, newest first."""
    found = await read(
        request,
        lambda session: queries.deliveries(
            session, who, status=status, event=event, endpoint_id=endpoint_id, find=find or "", window=page
        ),
    )
    return listed(found, page, _delivery)


@router.post("/webhook-deliveries/{delivery_id}/replay")
async def replay(request: Request, delivery_id: Id, who: Tenant) -> Response:
    """Send a message again, with its first id and body."""
    row = await run(request, lambda session: service.replay(session, who, delivery_id, ip=peer(request)))
    return done(_delivery(row))


async def _with_secret(request: Request, work: Callable[[Session], service.NewEndpoint]) -> Response:
    made = await run(request, work)
    return done({**_endpoint(made.endpoint), "secret": made.secret})


def _points(value: str | int) -> Decimal:
    return parse_amount(value, allow_zero=True)


def _endpoint(row: WebhookEndpoint) -> dict[str, Any]:
    names = ("id", "url", "events", "low_points", "status", "stopped_why", "old_until", "created_at")
    return {name: getattr(row, name) for name in names}


def _delivery(row: WebhookDelivery) -> dict[str, Any]:
    names = (
        "id", "endpoint_id", "message_id", "event", "reference", "payload", "status", "attempts", "next_at", "http_status",
        "error", "took_ms", "created_at", "tried_at", "delivered_at",
    )  # fmt: skip
    return {name: getattr(row, name) for name in names}
