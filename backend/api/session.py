"""The browser's doors: plain forms that set or clear the session cookie and send the browser on."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import Any, cast
from urllib.parse import parse_qs, urlencode

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse
from sqlmodel import Session

from backend.api.context import (
    COOKIE,
    context_of,
    is_local,
    peer,
    read,
    require_same_origin,
    run,
    same_origin,
    user_agent,
)
from backend.errors import InvalidInput, IronBullError, NotAllowed, NotFound
from backend.identity import looking
from backend.identity.one_time import LIFETIME
from backend.identity.principal import Kind, Principal
from backend.identity.second_factor import SecondFactorNeeded
from backend.identity.service import first_admin_needed, revoke_session, set_up_first_admin, sign_in
from backend.identity.sessions import COOKIE_LIFETIME, resolve_session
from backend.security import audit

router = APIRouter(tags=["session"])

OWN = "sid_own"
"""Cookie of an admin's own session while the view of another person's account is open."""
SECOND = "second"
"""Cookie of a sign-in that waits for its second factor."""

HOME: dict[str, str] = {"admin": "/admin", "tenant": "/tenant", "agent": "/agent"}
_NEXT = re.compile(r"/(?![/\\])[^\\\x00-\x1f\x7f]{0,500}")
_LOCAL_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")


def safe_next(value: str, kind: str) -> str:
    """Where to go after signing in: a path of our own, never another site, never a door."""
    if _NEXT.fullmatch(value) and not value.startswith(("/api", "/login", "/_")):
        return value
    return HOME.get(kind, "/")


@router.post("/api/session/login", status_code=303, response_class=RedirectResponse)
async def login(request: Request) -> RedirectResponse:
    """Form ``kind`` (admin | tenant | agent), ``identifier`` (or ``email``/``username``), ``password``, ``next``."""
    form = await form_of(request)
    kind = form.get("kind", "agent")
    try:
        require_same_origin(request)
        identifier = form.get("identifier") or form.get("email") or form.get("username") or ""
        return await _enter(request, _kind(kind), identifier, form.get("password", ""), form.get("next", ""))
    except IronBullError as error:
        return back_to("/login", error.code, kind=kind, next=form.get("next", ""))


@router.post("/api/session/logout", status_code=303, response_class=RedirectResponse)
async def logout(request: Request) -> RedirectResponse:
    """Ends the session of the cookie, here and in every open tab; an admin who looks at another account leaves both."""
    require_same_origin(request)
    for name in (COOKIE, OWN):
        sid = request.cookies.get(name, "")
        who = await asyncio.to_thread(resolve_session, sid, context_of(request).db)
        if who is not None:
            await run(request, partial(_end, who=who, ip=peer(request)))
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(OWN, path="/")
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _end(session: Session, who: Principal, ip: str) -> None:
    if who.read_only:
        looking.end(session, who, ip=ip)
        return
    revoke_session(session, who.session_id)
    audit.record(session, who, "sign_out", ip=ip)


class PasswordsDiffer(InvalidInput):
    """The two passwords differ. Type the same one twice."""

    code = "differ"


@router.post("/api/session/setup", status_code=303, response_class=RedirectResponse)
async def setup(request: Request) -> RedirectResponse:
    """Form ``username``, ``password``: makes the first administrator and signs in. In production only from this
    machine; everywhere only while there is no administrator."""
    form = await form_of(request)
    username, password = form.get("username", ""), form.get("password", "")
    try:
        require_same_origin(request)
        if context_of(request).settings.production and not is_local(request):
            raise NotAllowed("Make the first administrator on the server itself: `ironbull admin create`.")

        if form.get("again", password) != password:
            raise PasswordsDiffer

        def make(session: Session) -> None:
            admin = set_up_first_admin(session, username, password)
            audit.record(session, None, "admin.setup", f"admin:{admin.id}", ip=peer(request))

        await run(request, make)
        return await _enter(request, "admin", username, password, form.get("next", ""))
    except IronBullError as error:
        return back_to("/setup", error.code)


@router.get("/api/session/setup")
async def setup_needed(request: Request) -> dict[str, bool]:
    """Whether the first administrator is still to be made."""
    return {"needed": await read(request, first_admin_needed)}


@router.get("/api/demo/accounts")
async def demo_accounts(request: Request) -> JSONResponse:
    """The demo's accounts with their passwords; only on a demo, only from this machine."""
    return JSONResponse(await _demo(request))


@router.post("/api/session/demo", status_code=303, response_class=RedirectResponse)
async def demo_login(request: Request) -> RedirectResponse:
    """Form ``kind``, ``index`` (default 0), ``next``: one click into the demo."""
    accounts = await _demo(request)
    form = await form_of(request)
    kind = form.get("kind", "agent")
    try:
        require_same_origin(request)
        identifier, password = _demo_credentials(accounts, _kind(kind), form.get("index", "0"))
        return await _enter(request, _kind(kind), identifier, password, form.get("next", ""))
    except IronBullError as error:
        return back_to("/login", error.code, kind=kind)


async def _enter(request: Request, kind: Kind, identifier: str, password: str, wanted: str) -> RedirectResponse:
    try:
        _, sid = await asyncio.to_thread(
            sign_in, context_of(request).db, kind, identifier, password, ip=peer(request), user_agent=user_agent(request)
        )
    except SecondFactorNeeded as needed:
        answer = RedirectResponse(f"/login/second?{urlencode({'next': wanted})}" if wanted else "/login/second", 303)
        lifetime = int(LIFETIME["second"].total_seconds())
        return with_cookie(request, answer, SECOND, needed.details["secret"], lifetime)
    return entered(request, kind, sid, wanted)


def entered(request: Request, kind: Kind, sid: str, wanted: str = "") -> RedirectResponse:
    """Into the app with the session's cookie."""
    answer = RedirectResponse(safe_next(wanted, kind), 303)
    return with_cookie(request, answer, COOKIE, sid, int(COOKIE_LIFETIME[kind].total_seconds()))


def with_cookie(request: Request, answer: RedirectResponse, name: str, value: str, max_age_s: int) -> RedirectResponse:
    """The answer with a cookie no script can read."""
    context = context_of(request)
    secure = context.settings.public_url.startswith("https://") or request.url.scheme == "https"
    answer.set_cookie(name, value, max_age=max_age_s, httponly=True, samesite="lax", secure=secure, path="/")
    return answer


async def form_of(request: Request) -> dict[str, str]:
    """A url-encoded form; the last value of a repeated field. No file uploads, so no multipart."""
    body = (await request.body()).decode("utf-8", "replace")
    try:
        fields = parse_qs(body, keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise InvalidInput("The form has too many fields.") from error
    return {name: values[-1][:1_000] for name, values in fields.items()}


def _kind(value: str) -> Kind:
    if value not in HOME:
        raise InvalidInput("Sign in as admin, tenant or agent.")
    return cast(Kind, value)


def back_to(page: str, code: str, **query: str) -> RedirectResponse:
    return RedirectResponse(f"{page}?{urlencode({'error': code, **{k: v for k, v in query.items() if v}})}", 303)


async def _demo(request: Request) -> dict[str, Any]:
    settings = context_of(request).settings
    host = request.headers.get("host", "")
    if not settings.demo or not is_local(request) or not _LOCAL_HOST.fullmatch(host):
        raise NotFound
    if request.headers.get("origin") and not same_origin(request, settings):
        raise NotFound
    path = settings.home / "demo.json"
    try:
        accounts: dict[str, Any] = orjson.loads(await asyncio.to_thread(path.read_bytes))
    except (OSError, orjson.JSONDecodeError):
        raise NotFound("The demo accounts are not ready yet.") from None
    return accounts


def _demo_credentials(accounts: dict[str, Any], kind: Kind, index: str) -> tuple[str, str]:
    try:
        account = accounts["admin"] if kind == "admin" else accounts[f"{kind}s"][int(index)]
        return account["username" if kind == "admin" else "email"], account["password"]
    except (KeyError, IndexError, ValueError, TypeError):
        raise NotFound("There is no such demo account.") from None
