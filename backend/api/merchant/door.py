"""One way into every merchant door: admit, read the parameters, do the work in one transaction, answer.

A door is a plain function ``(session, call, parameters) -> data``. Doors that move money honour ``Idempotency-Key``.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel
from sqlmodel import Session

from backend.api.context import ApiContext, context_of, read, run
from backend.api.merchant import envelope
from backend.api.merchant.auth import FORM, WARNING, parameters, read_call
from backend.errors import IronBullError
from backend.merchant import repeats, rules
from backend.merchant.admission import Caller, SignedCall, admit
from backend.merchant.errors import BadParameters, InProgress, QuotaExceeded

Work = Callable[[Session, "Call", Any], Any]


@dataclass(frozen=True, slots=True)
class Call:
    """What a door's function may use. ``key`` is unique to this call; ``prepared`` is what ``before`` made."""

    who: Caller
    context: ApiContext
    key: str = ""
    prepared: Any = None


@dataclass(frozen=True, slots=True)
class Said:
    """Data with a message of its own."""

    data: Any
    msg: str


@dataclass(frozen=True, slots=True)
class _Door:
    work: Work
    takes: type[BaseModel]
    msg: str
    writes: bool
    money: bool
    before: Callable[[Any], Any] | None


class Doors:
    """Registers functions as doors of one router."""

    def __init__(self, tag: str) -> None:
        self.router = APIRouter(prefix=envelope.PREFIX, tags=[tag])

    def get(self, path: str, takes: type[BaseModel]) -> Callable[[Work], Work]:
        """A door that only reads."""
        return lambda work: self._add("GET", path, _Door(work, takes, "success", False, False, None))

    def post(
        self,
        path: str,
        takes: type[BaseModel],
        msg: str = "success",
        *,
        money: bool = False,
        before: Callable[[Any], Any] | None = None,
    ) -> Callable[[Work], Work]:
        """A door that writes. ``before(parameters)`` runs first, outside of the transaction."""
        return lambda work: self._add("POST", path, _Door(work, takes, msg, True, money, before))

    def _add(self, method: str, path: str, door: _Door) -> Work:
        async def endpoint(request: Request) -> Response:
            return await _serve(request, door)

        self.router.add_api_route(
            path,
            endpoint,
            methods=[method],
            name=door.work.__name__,
            description=door.work.__doc__,
            responses=_RESPONSES,
            openapi_extra=_documented(door),
        )
        return door.work


async def _serve(request: Request, door: _Door) -> Response:
    headers: dict[str, str] = {}
    try:
        signed = await read_call(request)
        vault = context_of(request).vault
        who = await run(request, lambda session: admit(session, signed, vault))
        headers |= who.allowance.headers() | (WARNING if who.legacy else {})
        if not who.allowance.allowed:
            raise who.allowance.refusal()
        given = parameters(request, signed, door.takes)
        if not door.writes:
            call = Call(who, context_of(request))
            body = await read(request, lambda session: _done(door, door.work(session, call, given)))
            return envelope.answer(body, headers=headers)
        prepared = await asyncio.to_thread(door.before, given) if door.before else None
        call = Call(who, context_of(request), f"merchant:{who.tenant_id}:{uuid.uuid4().hex}", prepared)
        key = _idempotency_key(request) if door.money else ""
        if key:
            return await _once(request, door, call, given, key=key, mark=_mark(signed), headers=headers)
        body = await run(request, lambda session: _done(door, door.work(session, call, given)))
        return envelope.answer(body, headers=headers)
    except IronBullError as error:
        headers |= getattr(error, "headers", {})
        return envelope.answer(envelope.refusal(error), envelope.status_of(error), headers)


async def _once(
    request: Request, door: _Door, call: Call, given: Any, *, key: str, mark: str, headers: dict[str, str]
) -> Response:
    """The work of one Idempotency-Key, or the answer it was given before. ``mark`` tells calls apart."""
    tenant_id = call.who.tenant_id
    held = await run(request, lambda session: repeats.claim(session, tenant_id, key, mark))
    if isinstance(held, repeats.StoredAnswer):
        return envelope.answer(held.body, held.status, {**headers, "Idempotent-Replayed": "true"})
    status, settled = 200, False

    def work(session: Session) -> bytes:
        content = _done(door, door.work(session, call, given))
        repeats.store(session, held, 200, content.decode())
        return content

    try:
        try:
            body = await run(request, work)
        except (InProgress, QuotaExceeded):
            raise
        except IronBullError as error:
            status, body = envelope.status_of(error), envelope.refusal(error)
            if status >= 500:
                raise
            refused = body.decode()
            await run(request, lambda session: repeats.store(session, held, status, refused))
        settled = True
        return envelope.answer(body, status, headers)
    finally:
        if not settled:
            await run(request, lambda session: repeats.release(session, held))


def _done(door: _Door, result: Any) -> bytes:
    if isinstance(result, Said):
        return envelope.body(0, result.msg, result.data)
    return envelope.body(0, door.msg, result)


def _mark(signed: SignedCall) -> str:
    pairs = sorted(rules.read_pairs(signed.body))
    return rules.digest(signed.method, signed.path, *(part for pair in pairs for part in pair))


def _idempotency_key(request: Request) -> str:
    values = request.headers.getlist("idempotency-key")
    if not values:
        return ""
    if len(values) > 1 or not rules.is_idempotency_key(values[0]):
        raise BadParameters("Idempotency-Key 格式错误，应为 1-255 个可见字符")
    return values[0]


# How the doors appear in the OpenAPI document -------------------------------------------------------------

_ENVELOPE = {
    "type": "object",
    "required": ["code", "msg", "data"],
    "properties": {"code": {"type": "integer"}, "msg": {"type": "string"}, "data": {}},
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {"application/json": {"schema": _ENVELOPE}}}
    for status, text in (
        (200, "code 0: done; code 1: refused, msg says why"),
        (401, "not signed, or not correctly"),
        (403, "this key may not do this"),
        (409, "the first call with this Idempotency-Key is still under way"),
        (413, "the body is larger than 1 MB"),
        (415, "the body is compressed"),
        (422, "a parameter is missing or of the wrong kind"),
        (429, "the quota plan allows no more"),
    )
}
_HEADERS = (
    ("X-App-Key", True),
    ("X-Timestamp", True),
    ("X-Nonce", False),
    ("X-Sign-Version", False),
    ("X-Sign", True),
)


def _documented(door: _Door) -> dict[str, Any]:
    schema = door.takes.model_json_schema()
    needed = schema.get("required", [])
    headers = [*_HEADERS, *([("Idempotency-Key", False)] if door.money else [])]
    found: dict[str, Any] = {
        "parameters": [
            {"name": name, "in": "header", "required": required, "schema": {"type": "string"}}
            for name, required in headers
        ]
    }
    # A field that is not needed may also be there without a value.
    properties = {
        name: one if name in needed else {"anyOf": [one, {"type": "string", "maxLength": 0}]}
        for name, one in schema.get("properties", {}).items()
    }
    if door.writes:
        shape = {"type": "object", "properties": properties, "required": needed}
        found["requestBody"] = {"required": True, "content": {FORM: {"schema": shape}}}
    else:
        found["parameters"] += [
            {"name": name, "in": "query", "required": name in needed, "schema": one} for name, one in properties.items()
        ]
    return found
