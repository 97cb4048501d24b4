"""Doors of looking at the platform as somebody else: plain forms, since the session is a cookie."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from backend.api.context import COOKIE, context_of, peer, require_same_origin, run, signed_in, user_agent
from backend.api.params import MAX_ID
from backend.api.session import OWN, form_of, with_cookie
from backend.errors import InvalidInput
from backend.identity import looking
from backend.identity.sessions import COOKIE_LIFETIME, resolve_session

router = APIRouter(tags=["session"])
HOME = {"tenant": "/tenant", "agent": "/agent"}


@router.post("/api/session/look", status_code=303, response_class=RedirectResponse)
async def look(request: Request) -> RedirectResponse:
    """Form ``kind`` (tenant or agent), ``id``, ``reason``: see the platform as that person for 30 minutes, read-only."""
    who = await signed_in(request, "admin", right="people")
    require_same_origin(request)
    form = await form_of(request)
    kind, number = form.get("kind", ""), form.get("id", "")
    if not (number.isascii() and number.isdigit() and 0 < int(number[:20]) <= MAX_ID):
        raise InvalidInput("Name the person by id.")
    ip, agent = peer(request), user_agent(request)
    sid = await run(request, lambda s: looking.look(s, who, kind, int(number), form.get("reason", ""), ip=ip, user_agent=agent))
    answer = RedirectResponse(HOME[kind], 303)
    own = request.cookies.get(COOKIE, "")
    with_cookie(request, answer, OWN, own, int(COOKIE_LIFETIME["admin"].total_seconds()))
    return with_cookie(request, answer, COOKIE, sid, int(looking.LIFE.total_seconds()))


@router.post("/api/session/look/end", status_code=303, response_class=RedirectResponse)
async def end(request: Request) -> RedirectResponse:
    """Back to the admin's own session. Works when the time is over, too."""
    require_same_origin(request)
    db = context_of(request).db
    who = await asyncio.to_thread(resolve_session, request.cookies.get(COOKIE, ""), db)
    own = request.cookies.get(OWN, "")
    back = await asyncio.to_thread(resolve_session, own, db)
    if who is not None and who.read_only:
        await run(request, lambda s: looking.end(s, who, ip=peer(request)))
    answer = RedirectResponse("/admin/users" if back is not None and back.kind == "admin" else "/login", 303)
    answer.delete_cookie(OWN, path="/")
    if back is not None and back.kind == "admin":
        return with_cookie(request, answer, COOKIE, own, int(COOKIE_LIFETIME["admin"].total_seconds()))
    answer.delete_cookie(COOKIE, path="/")
    return answer
