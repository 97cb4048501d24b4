"""What every door shares: the database, the settings, the keys, and who is asking."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fastapi import Request
from sqlmodel import Session
from starlette.requests import HTTPConnection

from backend.db import Database
from backend.errors import IronBullError, NotAllowed, NotSignedIn
from backend.identity import rights
from backend.identity.personal import TOKEN_PREFIX
from backend.identity.principal import Kind, Principal
from backend.identity.sessions import resolve, resolve_session
from backend.monitoring.health import HealthCheck
from backend.security.tokens import Claims, InvalidToken, TokenSigner
from backend.security.vault import Vault
from backend.settings import Settings

T = TypeVar("T")
COOKIE = "sid"
SAFE = ("GET", "HEAD", "OPTIONS")


class ForeignOrigin(IronBullError):
    """The request comes from another site. Open the platform's own page and try again."""

    code = "foreign_origin"
    status = 403


class OutOfScope(NotAllowed):
    """This token may not do that. Make one with the scope it needs in Settings."""

    code = "out_of_scope"


@dataclass
class ApiContext:
    """Built once by ``create_api``; doors reach it as ``request.app.state.context``."""

    db: Database
    settings: Settings
    signer: TokenSigner
    vault: Vault
    health: dict[str, HealthCheck] = field(default_factory=dict)


def context_of(request: HTTPConnection) -> ApiContext:
    """The context of the app that serves this request."""
    context: ApiContext = request.app.state.context
    return context


async def run(request: Request, work: Callable[[Session], T]) -> T:
    """``work(session)`` as one transaction in a worker thread."""
    return await context_of(request).db.arun(work)


async def read(request: Request, work: Callable[[Session], T]) -> T:
    """``work(session)`` in a reading session in a worker thread."""
    return await context_of(request).db.aread(work)


def peer(request: HTTPConnection) -> str:
    """The address of the other end."""
    return request.client.host if request.client else ""


def is_local(request: HTTPConnection) -> bool:
    """Whether the request was made on this machine and not passed on by a proxy."""
    if any(name in request.headers for name in ("x-forwarded-for", "forwarded", "x-real-ip")):
        return False
    try:
        address = ipaddress.ip_address(peer(request))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def allowed_origins(settings: Settings) -> set[str]:
    """Origins named in the settings."""
    named = {settings.public_url, *settings.cors_origins.split(",")}
    return {_origin(value.strip()) for value in named if value.strip()}


def same_origin(request: HTTPConnection, settings: Settings) -> bool:
    """Whether the browser says that the request comes from our own page: the ``Origin`` must be this host or one
    named in the settings. Without a usable ``Origin`` only the browser's own ``Sec-Fetch-Site`` counts."""
    origin = request.headers.get("origin", "")
    if not origin or origin == "null":
        return request.headers.get("sec-fetch-site") == "same-origin"
    if _origin(origin) in allowed_origins(settings):
        return True
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and parts.netloc == request.headers.get("host", "")


def require_same_origin(request: Request) -> None:
    """For doors that act on the session cookie. Raises ``ForeignOrigin``."""
    if not same_origin(request, context_of(request).settings):
        raise ForeignOrigin


async def signed_in(request: Request, *kinds: Kind, right: str = "") -> Principal:
    """The person behind the bearer token or, on our own pages, the session cookie.

    ``right`` is what an admin's role must have; a changing request of an admin needs one named. Raises ``NotSignedIn``,
    ``InvalidToken``, ``NotAllowed`` (signed in as another kind; or the role may not, the session only reads) and, for a
    changing request by cookie, ``ForeignOrigin``.
    """
    context = context_of(request)
    header = request.headers.get("authorization", "")
    if header:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise InvalidToken
        principal = await _bearer(context, token.strip())
        if principal.scopes and _scope_of(request) not in principal.scopes.split():
            raise OutOfScope
    else:
        sid = request.cookies.get(COOKIE, "")
        found = await asyncio.to_thread(resolve_session, sid, context.db) if sid else None
        if found is None:
            raise NotSignedIn
        principal = found
        if request.method not in SAFE:
            require_same_origin(request)
    if principal.kind not in kinds:
        raise NotAllowed
    changing = request.method not in SAFE
    # A changing door without a right of its own is nobody's: the role table must name every one.
    if changing and not right and principal.kind == "admin":
        raise rights.RoleMayNot
    rights.require(principal, right or rights.READ, changing=changing)
    return principal


async def _bearer(context: ApiContext, token: str) -> Principal:
    """Behind a signed token of a sign-in, or a token made in the settings."""
    if token.startswith(TOKEN_PREFIX):
        owner = await asyncio.to_thread(resolve, token, "bearer", context.db)
        if owner is None:
            raise InvalidToken
        return owner
    claims = context.signer.read(token)
    person: Principal | None = await asyncio.to_thread(resolve, claims.token_id, "bearer", context.db)
    if person is None or not _matches(person, claims):
        raise InvalidToken
    return person


def _scope_of(request: Request) -> str:
    """What a request needs. Whatever is about the account's own safety is for people, not for programs."""
    if request.url.path.startswith("/api/auth/") and request.url.path != "/api/auth/me":
        return "account"
    return "read" if request.method in SAFE else "write"


async def admin(request: Request) -> Principal:
    """Dependency: a signed-in admin, who looks."""
    return await signed_in(request, "admin")


@dataclass(frozen=True)
class May:
    """Dependency: somebody of ``kinds`` who, being an admin, has a role with ``right``."""

    right: str
    kinds: tuple[Kind, ...] = ("admin",)

    async def __call__(self, request: Request) -> Principal:
        """The person. Raises what ``signed_in`` raises."""
        return await signed_in(request, *self.kinds, right=self.right)


EVERY: tuple[Kind, ...] = ("admin", "tenant", "agent")


async def tenant(request: Request) -> Principal:
    """Dependency: a signed-in tenant."""
    return await signed_in(request, "tenant")


async def agent(request: Request) -> Principal:
    """Dependency: a signed-in agent."""
    return await signed_in(request, "agent")


async def anyone(request: Request) -> Principal:
    """Dependency: any signed-in person."""
    return await signed_in(request, "admin", "tenant", "agent")


def _matches(principal: Principal, claims: Claims) -> bool:
    return principal.kind == claims.kind and principal.id == claims.subject_id


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def user_agent(request: HTTPConnection) -> str:
    """The browser's own words about itself, cut."""
    return request.headers.get("user-agent", "")[:255]


Json = dict[str, Any]
