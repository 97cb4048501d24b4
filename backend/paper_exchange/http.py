"""The exchange as a bare ASGI application: one dictionary look-up per request, faults at the edge."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import inspect
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from backend.paper_exchange.errors import VenueError, refuse
from backend.paper_exchange.exchange import Exchange, wall_ms
from backend.paper_exchange.faults import Fault, of_kind, refusal, spoil
from backend.paper_exchange.model import Account
from backend.paper_exchange.signing import check_signature, known_account, parse_pairs

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
MAX_BODY = 1_000_000
OPEN, KEYED, SIGNED, CONTROL = "open", "keyed", "signed", "control"


@dataclass
class Call:
    """One request as a handler sees it. ``account`` is set for keyed and signed routes."""

    method: str
    path: str
    params: dict[str, str]
    body: bytes
    faults: list[Fault]
    caller: Account | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        assert self.caller is not None
        return self.caller


Handler = Callable[[Exchange, Call], Any]


@dataclass(frozen=True)
class Route:
    """A handler with its weight and who may call it."""

    handler: Handler
    access: str = OPEN
    weight: int | Callable[[dict[str, str]], int] = 1


class Dropped(Exception):
    """The connection shall be closed without a reply."""


class PaperApp:
    """Routes requests of one exchange."""

    def __init__(self, exchange: Exchange, routes: dict[tuple[str, str], Route]) -> None:
        self.exchange = exchange
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        root = scope.get("root_path", "")
        if root and path.startswith(root):
            path = path[len(root) :]
        faults: list[Fault] = []
        extra: dict[str, str] = {}
        try:
            status, body = await self._answer(scope, receive, path, faults, extra)
        except Dropped:
            _hang_up(send)
            return
        except VenueError as error:
            status, body = error.status, orjson.dumps(error.body())
            if error.retry_after_s is not None:
                extra["retry-after"] = str(error.retry_after_s)
        except Exception:  # the edge of one request: nothing of the failure reaches the caller
            log.exception("paper exchange request failed: %s %s", scope["method"], path)
            unknown = refuse(-1000)
            status, body = unknown.status, orjson.dumps(unknown.body())
        for fault in of_kind(faults, "delay", when="after"):
            await asyncio.sleep(fault.detail["delay_ms"] / 1000)
        for fault in of_kind(faults, "status", when="after"):
            status, body = _status_reply(fault, extra)
        if any(of_kind(faults, "drop", when="after")):
            _hang_up(send)
            return
        await _reply(send, status, body, extra, next(of_kind(faults, "cut"), None))

    async def _answer(
        self, scope: Scope, receive: Receive, path: str, faults: list[Fault], extra: dict[str, str]
    ) -> tuple[int, bytes]:
        method = scope["method"]
        route, account_id = self.routes.get((method, path)), ""
        if route is None and path.startswith("/paper/accounts/") and path.endswith("/dump"):
            account_id = path.removeprefix("/paper/accounts/").removesuffix("/dump")
            route = self.routes.get((method, "/paper/accounts/{id}/dump"))
        if route is None:
            raise refuse(-5000, path, method)
        exchange = self.exchange
        if not exchange.started:
            raise refuse(-1001)
        query = scope["query_string"].decode("latin-1")
        body = await _read_body(receive) if method in ("POST", "PUT", "DELETE") else b""
        call = Call(method, path, {}, body, faults, headers=extra)
        headers = dict(scope["headers"])
        if route.access == CONTROL:
            _check_control(exchange, headers)
        if path.startswith("/paper"):
            call.params = parse_pairs(query) | {"account_id": account_id}
            return await self._run(route, call)
        address = scope["client"][0] if scope.get("client") else "127.0.0.1"
        key = headers.get(b"x-mbx-apikey", b"").decode("latin-1")
        if exchange.faults.active:
            await self._strike(call, key, faults, extra)
        text = body.decode("utf-8", "replace")
        form = query + "&" + text if text else query
        call.params = parse_pairs(form)
        weight = route.weight if isinstance(route.weight, int) else route.weight(call.params)
        extra["x-mbx-used-weight-1m"] = str(exchange.use_weight(address, weight))
        if route.access in (KEYED, SIGNED):
            call.caller = known_account(exchange.book.by_key, key, address)
            if route.access == SIGNED:
                check_signature(call.caller, call.params, query, text, wall_ms())
            exchange.check_countdowns()
        return await self._run(route, call)

    async def _run(self, route: Route, call: Call) -> tuple[int, bytes]:
        exchange = self.exchange
        with contextlib.ExitStack() as undo:
            undo.callback(exchange.reload)  # what is half done is forgotten
            try:
                reply = route.handler(exchange, call)
                if inspect.isawaitable(reply):
                    reply = await reply
            except VenueError:
                # What was done before the refusal (a run-out countdown, half a batch) is kept.
                exchange.flush()
                undo.pop_all()
                raise
            undo.pop_all()
        exchange.flush()
        for fault in of_kind(call.faults, "garbage"):
            if "body" in fault.detail:
                return 200, str(fault.detail["body"]).encode()
            if not isinstance(reply, bytes):
                reply = spoil(reply, fault.detail.get("fields", {"avgPrice": "NaN"}))
        if isinstance(reply, bytes):
            return 200, reply
        return 200, orjson.dumps(reply, option=orjson.OPT_SERIALIZE_NUMPY)

    async def _strike(self, call: Call, key: str, faults: list[Fault], extra: dict[str, str]) -> None:
        """Faults that act before the request takes effect."""
        account = self.exchange.book.by_key.get(key)
        names = frozenset({key, account.name, str(account.account_id)} if account else {key})
        faults.extend(self.exchange.faults.strike(call.method, call.path, names))
        for fault in of_kind(faults, "delay", when="before"):
            await asyncio.sleep(fault.detail["delay_ms"] / 1000)
        if any(of_kind(faults, "drop", when="before")):
            raise Dropped
        for fault in of_kind(faults, "error", "reject_stops"):
            raise refusal(fault)
        for fault in of_kind(faults, "status", when="before"):
            status, body = _status_reply(fault, extra)
            raise _RawReply(status, body)


class _RawReply(VenueError):
    """A reply of a status fault, with a body that need not be the venue's."""

    def __init__(self, status: int, raw: bytes) -> None:
        super().__init__(0, "", status)
        self.raw = raw

    def body(self) -> Any:
        return orjson.Fragment(self.raw)


def _status_reply(fault: Fault, extra: dict[str, str]) -> tuple[int, bytes]:
    status = int(fault.detail["status"])
    if "retry_after_s" in fault.detail:
        extra["retry-after"] = str(fault.detail["retry_after_s"])
    body = fault.detail.get("body")
    if body is None:
        body = {
            429: '{"code":-1003,"msg":"Too many requests."}',
            418: '{"code":-1003,"msg":"Way too many requests; IP banned."}',
            503: '{"code":-1007,"msg":"Timeout waiting for response from backend server. '
            'Send status unknown; execution status unknown."}',
        }.get(status, f"<html><body>{status}</body></html>")
    return status, str(body).encode()


def _check_control(exchange: Exchange, headers: dict[bytes, bytes]) -> None:
    given = headers.get(b"x-paper-token", b"")
    if not hmac.compare_digest(given, exchange.control_token.encode()):
        raise VenueError(-2015, "The control token is missing or wrong.", 401)


async def _read_body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Dropped
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY:
            raise VenueError(-1130, "The request is too large.", 413)
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


async def _reply(send: Send, status: int, body: bytes, extra: dict[str, str], cut: Fault | None) -> None:
    length = len(body)
    if cut is not None:
        body = body[: max(0, cut.detail["bytes"])]
        if cut.detail.get("clean"):
            length = len(body)
    kind = b"text/html" if body[:1] == b"<" else b"application/json;charset=UTF-8"
    headers = [(b"content-type", kind), (b"content-length", str(length).encode())]
    headers += [(name.encode(), value.encode()) for name, value in extra.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if length != len(body):
        await send({"type": "http.response.body", "body": body, "more_body": True})
        _hang_up(send)
        return
    await send({"type": "http.response.body", "body": body})


def _hang_up(send: Send) -> None:
    """Closes the TCP connection under a request.

    ASGI has no word for this, so the server's request object is looked for behind ``send`` and the wrappers
    of frameworks around it. It is told that the client is gone, so that it does not answer 500 by itself.
    """
    waiting: list[Any] = [send]
    seen: set[int] = set()
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        owner = getattr(thing, "__self__", None)
        transport = getattr(owner, "transport", None)
        if owner is not None and transport is not None:
            owner.disconnected = True
            transport.close()
            return
        waiting += [cell.cell_contents for cell in getattr(thing, "__closure__", None) or ()]
        waiting += [value for value in (owner, getattr(thing, "func", None)) if callable(value)]
