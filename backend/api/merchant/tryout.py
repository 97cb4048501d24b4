"""A signed call made for the merchant, so that it can compare its own: every step is shown, only the secret is not.

The call goes over HTTP to this platform's own address, through every check a merchant's call meets.
"""

from __future__ import annotations

import json
import secrets
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

import httpx
from fastapi.routing import APIRoute
from sqlmodel import Session

from backend.api.merchant.auth import FORM
from backend.api.merchant.routes import merchant_routers
from backend.errors import InvalidInput, NotFound, Unavailable
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.merchant import rules
from backend.merchant.keys import ACTIVE, secret_of
from backend.models import MerchantKey
from backend.security.vault import Vault

TIMEOUT_S = 15.0
MAX_VALUE, MAX_REPLY = 512, 64_000


@dataclass(frozen=True, slots=True)
class Door:
    """One endpoint and what it takes: (name, whether it must be given)."""

    name: str
    method: str
    path: str
    text: str
    fields: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request ready to be sent, and the text its signature was made of."""

    method: str
    path: str
    query: str
    body: str
    text: str
    headers: dict[str, str]

    def curl(self, base: str) -> str:
        """The same request for a shell; good once, for five minutes."""
        url = f"{base}{self.path}" + (f"?{self.query}" if self.query else "")
        parts = ["curl", "-sS", *(["-X", "POST", "--data-binary", self.body] if self.method == "POST" else []), url]
        words = [shlex.quote(part) for part in parts]
        words += [f"\\\n  -H {shlex.quote(f'{name}: {value}')}" for name, value in self.headers.items()]
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``accepted``: the signature was found good, whatever the rules then said."""

    status: int
    accepted: bool
    body: str
    took_ms: int
    headers: dict[str, str]


@cache
def doors() -> tuple[Door, ...]:
    """The signed endpoints in the order of the manual."""
    found = []
    for router in merchant_routers():
        for route in router.routes:
            if isinstance(route, APIRoute) and route.openapi_extra and route.openapi_extra.get("parameters"):
                found.append(_door(route))
    return tuple(found)


def door_of(name: str) -> Door:
    """An endpoint by its name. Raises ``NotFound``."""
    door = next((one for one in doors() if one.name == name), None)
    if door is None:
        raise NotFound("There is no such endpoint. Choose one of the list.")
    return door


def sign_call(
    session: Session, who: Principal, key_id: int, door: Door, values: Mapping[str, Any], *, vault: Vault
) -> SignedRequest:
    """Sign a call of ``door`` with one of the caller's own keys; empty values are left out.

    Raises ``NotFound`` for a key that is not theirs, ``InvalidInput`` for a revoked one or a value that is too long.
    """
    key = get_scoped(session, who, MerchantKey, key_id)
    if key.status != ACTIVE:
        raise InvalidInput("This key is revoked. Choose another.")
    given = {name: str(values.get(name) or "").strip() for name, _ in door.fields}
    if any(len(value) > MAX_VALUE or not value.isprintable() for value in given.values()):
        raise InvalidInput(f"A value must have at most {MAX_VALUE} visible characters.")
    pairs = [(name, value) for name, value in given.items() if value]
    query = "" if door.method == "POST" else rules.canonical_query(pairs)
    body = urlencode(pairs) if door.method == "POST" else ""
    stamp, nonce = str(int(time.time())), secrets.token_hex(16)
    text = rules.canonical_string(door.method, door.path, query, body.encode(), timestamp=stamp, nonce=nonce)
    headers = {
        "X-App-Key": key.app_key,
        "X-Timestamp": stamp,
        "X-Nonce": nonce,
        "X-Sign-Version": rules.SIGN_VERSION,
        "X-Sign": rules.sign(secret_of(key, vault), text),
    }
    if door.method == "POST":
        headers["Content-Type"] = FORM
    return SignedRequest(door.method, door.path, query, body, text, headers)


async def send(base: str, request: SignedRequest) -> Reply:
    """Send it to this platform. Raises ``Unavailable`` when it does not answer."""
    url = f"{base}{request.path}" + (f"?{request.query}" if request.query else "")
    started = time.perf_counter()
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
            answer = await client.request(
                request.method, url, content=request.body.encode() or None, headers=request.headers
            )
    except httpx.HTTPError:
        raise Unavailable("The merchant API did not answer. Try again shortly.") from None
    took_ms = int((time.perf_counter() - started) * 1000)
    shown = {name: value for name, value in answer.headers.items() if name.startswith(("x-quota", "retry-after"))}
    return Reply(answer.status_code, answer.status_code not in (401, 404, 405), _pretty(answer.text), took_ms, shown)


def _door(route: APIRoute) -> Door:
    extra = route.openapi_extra or {}
    method = next(iter(route.methods or ()))
    fields = [(one["name"], bool(one["required"])) for one in extra["parameters"] if one["in"] == "query"]
    for content in extra.get("requestBody", {}).get("content", {}).values():
        schema = content["schema"]
        fields += [(name, name in schema["required"]) for name in schema["properties"]]
    return Door(route.name, method, route.path, route.description.split("\n\n")[0], tuple(fields))


def _pretty(text: str) -> str:
    try:
        found = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        found = text
    return found if len(found) <= MAX_REPLY else found[:MAX_REPLY] + "\n…"
