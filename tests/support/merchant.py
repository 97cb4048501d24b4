"""A merchant's own system: signs and sends calls as the manual says, written without the code it tests."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from backend.identity.service import create_user
from backend.models import User
from tests.support.doors import PASSWORD, Owned, World

WHEN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
"""How a time is written."""
LISTED = {"list", "total", "page", "limit"}
"""What every list has."""


def signature(secret: str, method: str, path: str, query: Mapping[str, Any], body: bytes, stamp: str, nonce: str) -> str:
    """Version 2."""
    pairs = sorted((quote(str(name), safe="-._~"), quote(str(value), safe="-._~")) for name, value in query.items())
    text = "\n".join(
        [method, path, "&".join(f"{n}={v}" for n, v in pairs), hashlib.sha256(body).hexdigest(), stamp, nonce]
    )
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class Merchant:
    """One tenant's client."""

    def __init__(self, world: World, app_key: str, secret: str, peer: str = "127.0.0.1") -> None:
        self.world, self.app_key, self.secret, self.peer = world, app_key, secret, peer

    def headers(self, method: str, path: str, query: Mapping[str, Any], body: bytes, **changes: str) -> dict[str, str]:
        """Signed headers; ``changes`` replaces the values that are signed: ``timestamp``, ``nonce``."""
        stamp = changes.get("timestamp", str(int(time.time())))
        nonce = changes.get("nonce", secrets.token_hex(16))
        return {
            "X-App-Key": self.app_key,
            "X-Timestamp": stamp,
            "X-Nonce": nonce,
            "X-Sign-Version": "2",
            "X-Sign": signature(self.secret, method, path, query, body, stamp, nonce),
        }

    async def send(self, method: str, path: str, query: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Send exactly this."""
        url = f"{path}?{query}" if query else path
        async with self.world.client(peer=self.peer) as client:
            kind = {"Content-Type": "application/x-www-form-urlencoded"} if method == "POST" else {}
            return await client.request(method, url, content=body, headers={**kind, **headers})

    async def get(self, path: str, **query: Any) -> httpx.Response:
        """A signed GET below ``/merchant``."""
        path = f"/merchant{path}"
        return await self.send("GET", path, urlencode(query), b"", self.headers("GET", path, query, b""))

    async def post(self, path: str, key: str = "", **form: Any) -> httpx.Response:
        """A signed POST below ``/merchant``; ``key`` is the Idempotency-Key."""
        path, body = f"/merchant{path}", urlencode(form).encode()
        more = {"Idempotency-Key": key} if key else {}
        return await self.send("POST", path, "", body, {**self.headers("POST", path, {}, body), **more})

    async def legacy(self, method: str, path: str, **fields: Any) -> httpx.Response:
        """A call with the old MD5 signature."""
        stamp = str(int(time.time()))
        text = f"{self.app_key}{stamp}{self.secret}"
        headers = {"X-App-Key": self.app_key, "X-Timestamp": stamp, "X-Sign": hashlib.md5(text.encode()).hexdigest()}
        path, sent = f"/merchant{path}", urlencode(fields)
        return await self.send(method, path, sent if method == "GET" else "", sent.encode() if method == "POST" else b"", headers)


def merchant(world: World, owned: Owned, peer: str = "127.0.0.1") -> Merchant:
    """The client of one of the world's tenants."""
    return Merchant(world, owned.app_key, owned.app_secret, peer)


def data(answer: httpx.Response, msg: str = "success") -> Any:
    """The data of a success."""
    body = answer.json()
    assert (answer.status_code, body["code"], body["msg"]) == (200, 0, msg), answer.text
    assert set(body) == {"code", "msg", "data"}
    return body["data"]


def refused(answer: httpx.Response) -> str:
    """The sentence of a refusal by the rules."""
    body = answer.json()
    assert (answer.status_code, body["code"], body["data"]) == (200, 1, None), answer.text
    assert set(body) == {"code", "msg", "data"}
    return str(body["msg"])


def stopped(answer: httpx.Response, status: int) -> str:
    """The sentence of a refusal with an HTTP status."""
    body = answer.json()
    assert (answer.status_code, body["code"], body["data"]) == (status, status, None), answer.text
    return str(body["msg"])


def member(world: World, name: str, code: str | None = None) -> User:
    """One more user of tenant A."""
    return world.db.run(
        lambda s: create_user(s, world.a.tenant_id, f"{name}@a.example", PASSWORD, code, password_hash="x")
    )


def user_code(world: World, user_id: int) -> str:
    """The invite code of a user."""
    with world.db.reading() as session:
        user = session.get(User, user_id)
        assert user
        return user.invite_code
