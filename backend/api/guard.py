"""The outer wall of every HTTP door: request id, body limits, JSON sanity, security headers, no exception text.

Only the platform's own doors are walled (``/api``, ``/merchant``, ...); the pages' own traffic passes through with
the security headers added.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
import traceback
import uuid
from typing import Any

import orjson
import structlog
from sqlalchemy.exc import StatementError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.merchant import envelope
from backend.db import DatabaseAway, is_away
from backend.errors import InvalidInput, IronBullError
from backend.monitoring.metrics import observe_request

MAX_BODY = 1_000_000
MAX_DEPTH = 32
BODY_DEADLINE_S = 15.0
MAX_DISCARDED = 8_000_000
DISCARD_S = 2.0
DOORS = ("/api/", "/merchant", "/metrics")

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)

log = structlog.get_logger("api")


class BodyTooLarge(IronBullError):
    """The request body is larger than 1 MB."""

    code = "body_too_large"
    status = 413


class BodyTooSlow(IronBullError):
    """The request body did not arrive in time. Send it again."""

    code = "body_timeout"
    status = 408


class EncodingRefused(IronBullError):
    """Send the request body without compression."""

    code = "encoding_refused"
    status = 415


class BadJson(InvalidInput):
    """The body is not usable JSON."""

    code = "bad_json"


class _Gone(Exception):
    """The client went away while sending."""


class Wall:
    """ASGI middleware; the outermost of the doors."""

    def __init__(self, app: ASGIApp, body_deadline_s: float = BODY_DEADLINE_S) -> None:
        self.app = app
        self.body_deadline_s = body_deadline_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        if not path.startswith(DOORS):
            await self.app(scope, receive, _with_headers(send, _PAGE_HEADERS))
            return
        await self._door(scope, receive, send)

    async def _door(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        sent_status = 0

        async def note(message: Message) -> None:
            nonlocal sent_status
            if message["type"] == "http.response.start":
                sent_status = message["status"]
            await send(message)

        headers = [*_API_HEADERS, (b"x-request-id", request_id.encode())]
        answer = _with_headers(note, headers)
        try:
            await self.app(scope, await self._checked_body(scope, receive), answer)
        except IronBullError as error:
            await _refuse(answer, error.status, error.code, error.message, request_id, path=scope["path"])
        except _Gone:
            return
        except Exception as error:  # the edge: whatever it was, the caller learns only the request id
            log.error("request_failed", request_id=request_id, method=scope["method"], path=scope["path"], **told(error))
            if sent_status:
                raise
            if is_away(error):
                gone = DatabaseAway()
                await _refuse(answer, gone.status, gone.code, gone.message, request_id, path=scope["path"])
                return
            await _refuse(
                answer,
                500,
                "internal_error",
                "Something went wrong on our side. Quote the request id.",
                request_id,
                path=scope["path"],
            )
        finally:
            route = scope.get("route")
            observe_request(
                scope["method"], getattr(route, "path", "(none)"), sent_status, time.perf_counter() - started
            )

    async def _checked_body(self, scope: Scope, receive: Receive) -> Receive:
        """Read the whole body within the limits, check it, and give it to the app as one message."""
        if _header(scope, b"content-encoding").lower() not in ("", "identity"):
            raise EncodingRefused
        length = _header(scope, b"content-length")
        try:
            if length.isascii() and length.isdigit() and int(length[:12]) > MAX_BODY:
                raise BodyTooLarge
            body = await asyncio.wait_for(_read_body(receive), self.body_deadline_s)
        except BodyTooLarge:
            await _discard(receive)
            raise
        except TimeoutError:
            raise BodyTooSlow from None
        if body and "json" in _header(scope, b"content-type").lower():
            check_json(body)
        given = False

        async def replay() -> Message:
            nonlocal given
            if not given:
                given = True
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        return replay


_PAGE_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
]
_API_HEADERS = [
    *_PAGE_HEADERS,
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


def _with_headers(send: Send, extra: list[tuple[bytes, bytes]]) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            present = {name.lower() for name, _ in headers}
            headers.extend((name, value) for name, value in extra if name not in present)
            message = {**message, "headers": headers}
        await send(message)

    return sender


def _request_id(scope: Scope) -> str:
    given = _header(scope, b"x-request-id")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


async def _read_body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY:
            raise BodyTooLarge
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


async def _discard(receive: Receive) -> None:
    """Read on for a moment without keeping anything: a caller who is still sending would not see the answer."""
    left = MAX_DISCARDED
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_S):
            while left > 0:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
                left -= len(message.get("body", b""))


def check_json(body: bytes) -> None:
    """Refuse JSON that is nested too deep, repeats a key, holds NaN or Infinity, or is not valid Unicode.

    Raises ``BadJson``.
    """
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise BadJson(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
    try:
        value = json.loads(body, object_pairs_hook=_no_repeats, parse_constant=_no_constants)
        if b"\\u" in body:
            json.dumps(value, ensure_ascii=False).encode()
    except BadJson:
        raise
    except (ValueError, RecursionError) as error:
        raise BadJson from error


def _depth(body: bytes) -> int:
    deepest = depth = 0
    for mark in re.findall(rb"[\[\]{}]", _STRINGS.sub(b"", body)):
        depth += 1 if mark in (b"[", b"{") else -1
        deepest = max(deepest, depth)
    return deepest


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJson("The JSON repeats a key.")
    return found


def _no_constants(name: str) -> Any:
    raise BadJson(f"{name} is not a number.")


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return ""


def told(error: BaseException) -> dict[str, str]:
    """A failure for the log: where and what, without the values a database statement carried."""
    said = error.orig if isinstance(error, StatementError) else error
    where = "".join(traceback.format_tb(error.__traceback__, limit=-6))
    return {"error": type(error).__name__, "said": str(said)[:500], "where": where}


async def _refuse(send: Send, status: int, code: str, detail: str, request_id: str, *, path: str) -> None:
    if path.startswith(f"{envelope.PREFIX}/"):
        body = envelope.body(status, envelope.sentence(status, detail), request_id=request_id)
    else:
        body = orjson.dumps({"detail": detail, "code": code, "request_id": request_id})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 413:  # what is left of the body is not read
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
