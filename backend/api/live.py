"""The ``/live`` websocket: topics of the hub, pushed to the browsers that may see them.

The client sends ``{"sub": [topic, ...]}`` or ``{"unsub": [...]}``; the server sends ``{"t": topic, "d": {...}, "ts": ms}``,
and ``{"t": topic, "error": "not_allowed"}`` for a topic that is not theirs. Close codes: 4401 not signed in (any more),
4400 bad message, 4429 too many connections.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass

import orjson
import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from sqlmodel import select

from backend.api.context import ApiContext, same_origin
from backend.api.guard import told
from backend.identity.principal import Principal
from backend.identity.sessions import on_sessions_changed, resolve_session, still_valid
from backend.live import Hub, Watcher, may_watch
from backend.models import User

MAX_TOPICS = 64
MAX_MESSAGE = 8_192
MAX_PER_SESSION = 32
CHECK_S = 3.0

log = structlog.get_logger("live")


@dataclass(eq=False)
class _Connection:
    socket: WebSocket
    watcher: Watcher
    principal: Principal


class LiveConnections:
    """The open sockets of this process, and the watch that closes those whose session has ended."""

    def __init__(self, context: ApiContext, hub: Hub) -> None:
        self.context = context
        self.hub = hub
        self._open: set[_Connection] = set()
        self._by_session: Counter[int] = Counter()
        self._guard: asyncio.Task[None] | None = None
        self._check_now: asyncio.Event | None = None
        self._listening = False

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from handshake to close."""
        if not same_origin(socket, self.context.settings):
            await socket.close(4403)  # before accept: the handshake is answered with 403
            return
        sid = socket.cookies.get("sid", "")
        principal = await asyncio.to_thread(resolve_session, sid, self.context.db)
        await socket.accept()
        if principal is None:
            await socket.close(4401)
            return
        if self._by_session[principal.session_id] >= MAX_PER_SESSION:
            await socket.close(4429)
            return
        connection = _Connection(socket, Watcher(asyncio.get_running_loop()), principal)
        self._open.add(connection)
        self._by_session[principal.session_id] += 1
        self._start_guard()
        writer = asyncio.create_task(self._write(connection))
        reader = asyncio.create_task(self._read(connection))
        try:
            await asyncio.wait({writer, reader}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.hub.unwatch(connection.watcher)
            self._open.discard(connection)
            self._by_session[principal.session_id] -= 1
            if not self._by_session[principal.session_id]:
                del self._by_session[principal.session_id]
            for task in (writer, reader):
                task.cancel()
            await asyncio.gather(writer, reader, return_exceptions=True)

    async def _write(self, connection: _Connection) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
            while True:
                for message in await connection.watcher.read():
                    await connection.socket.send_text(message)

    async def _read(self, connection: _Connection) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
            while True:
                text = await connection.socket.receive_text()
                request = _parse(text)
                if request is None:
                    await connection.socket.close(4400)
                    return
                for topic in request.get("unsub", []):
                    self.hub.unwatch(connection.watcher, topic)
                for topic in request.get("sub", []):
                    await self._subscribe(connection, topic)

    async def _subscribe(self, connection: _Connection, topic: str) -> None:
        watcher = connection.watcher
        error = None
        if len(watcher.topics) >= MAX_TOPICS:
            error = "too_many_topics"
        elif not await self._allowed(connection.principal, topic):
            error = "not_allowed"
        if error is None:
            self.hub.watch(watcher, topic)
        else:
            watcher.put_raw(f"!{topic}", orjson.dumps({"t": topic, "error": error}))

    async def _allowed(self, principal: Principal, topic: str) -> bool:
        if principal.kind != "tenant":
            return may_watch(principal, topic, _nobody)

        def tenant_of(user_id: int) -> int | None:
            with self.context.db.reading() as session:
                return session.exec(select(User.tenant_id).where(User.id == user_id)).first()

        return await asyncio.to_thread(may_watch, principal, topic, tenant_of)

    def _start_guard(self) -> None:
        if self._guard is not None and not self._guard.done():
            return
        loop = asyncio.get_running_loop()
        self._check_now = asyncio.Event()
        wake = self._check_now
        if not self._listening:
            self._listening = True
            on_sessions_changed(lambda: self._wake(loop))
        self._guard = loop.create_task(self._watch_sessions(wake))

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._check_now is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._check_now.set)

    async def _watch_sessions(self, wake: asyncio.Event) -> None:
        """Every few seconds, and at once when sessions change in this process, close what has ended."""
        while self._open:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), CHECK_S)
            wake.clear()
            try:
                await self._close_ended()
            except Exception as error:  # the watch must outlive a database that is away for a moment
                log.error("live_session_check_failed", **told(error))

    async def _close_ended(self) -> None:
        connections = list(self._open)
        ids = [connection.principal.session_id for connection in connections]
        valid = await self.context.db.aread(lambda session: still_valid(session, ids))
        for connection in connections:
            if connection.principal.session_id not in valid:
                self.hub.unwatch(connection.watcher)
                with contextlib.suppress(RuntimeError, OSError, TimeoutError):
                    await asyncio.wait_for(connection.socket.close(4401), 1.0)


def _nobody(user_id: int) -> None:
    """Whose user it is matters to tenants alone."""


def live_router(context: ApiContext, hub: Hub) -> APIRouter:
    """The route, bound to one hub."""
    router = APIRouter()
    connections = LiveConnections(context, hub)

    @router.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await connections.serve(socket)

    return router


def _parse(text: str) -> dict[str, list[str]] | None:
    if len(text) > MAX_MESSAGE:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict) or not set(value) <= {"sub", "unsub"}:
        return None
    for topics in value.values():
        if not isinstance(topics, list) or len(topics) > MAX_TOPICS:
            return None
        if not all(isinstance(topic, str) and 0 < len(topic) <= 64 for topic in topics):
            return None
    return value
