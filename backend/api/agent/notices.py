"""The agent's notification channels: list, add, change, remove, try out, and what was sent."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, StrictBool, StrictInt

from backend.api.channels import NewChannel, Types, shape
from backend.api.context import agent, context_of, peer, read, run
from backend.api.params import Id, answer
from backend.identity.principal import Principal
from backend.models import NoticeDelivery
from backend.notifications import channels

router = APIRouter(tags=["agent"])

Agent = Annotated[Principal, Depends(agent)]
PATH = "/api/agent/notifications/channels"


class Wishes(BaseModel):
    """What goes through and when; minutes of the UTC day."""

    types: Types
    quiet_from_min: StrictInt = 0
    quiet_to_min: StrictInt = 0
    digest_min: StrictInt = 0
    on: StrictBool = True


@router.get(PATH)
async def listed(request: Request, who: Agent) -> Response:
    """All channels; addresses are hidden but for a hint."""
    return answer({"data": await read(request, lambda s: [shape(row) for row in channels.channels(s, who)])})


@router.post(PATH)
async def add(request: Request, body: NewChannel, who: Agent) -> Response:
    """A new channel. Errors: ``invalid_input`` 400, ``bad_address`` 400, ``too_many_channels`` 409."""
    private = context_of(request).settings.webhook_allow_private

    def work(session: Any) -> dict[str, Any]:
        return shape(
            channels.add(session, who, body.kind, body.target, types=body.types, allow_private=private, ip=peer(request))
        )

    return answer(await run(request, work))


@router.put(PATH + "/{channel_id}")
async def change(request: Request, channel_id: Id, body: Wishes, who: Agent) -> Response:
    """Change what goes through a channel, quiet hours and digest."""
    return answer(await run(request, lambda s: shape(channels.change(s, who, channel_id, **body.model_dump()))))


@router.delete(PATH + "/{channel_id}")
async def remove(request: Request, channel_id: Id, who: Agent) -> Response:
    """Forget a channel."""
    await run(request, lambda s: channels.remove(s, who, channel_id, ip=peer(request)))
    return answer({"id": channel_id, "removed": True})


@router.post(PATH + "/{channel_id}/test")
async def try_out(request: Request, channel_id: Id, who: Agent) -> Response:
    """Send a test message; its fate stands in the deliveries."""
    return answer(await run(request, lambda s: _sent(channels.try_out(s, who, channel_id))))


@router.get("/api/agent/notifications/deliveries")
async def deliveries(request: Request, who: Agent) -> Response:
    """The newest 100 deliveries."""
    return answer({"data": await read(request, lambda s: [_sent(row) for row in channels.log_of(s, who)])})


def _sent(row: NoticeDelivery) -> dict[str, Any]:
    return {
        "id": row.id, "channel_id": row.channel_id, "notification_id": row.notification_id, "status": row.status,
        "attempts": row.attempts, "error": row.error, "next_at": row.next_at, "sent_at": row.sent_at, "created_at": row.created_at,
    }  # fmt: skip
