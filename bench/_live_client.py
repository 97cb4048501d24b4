"""Headless browsers in a process of their own: plain websockets that count what they are pushed, cheaply.

They speak as much as is needed: our ``/live``, and Reflex's socket (Socket.IO 4 over Engine.IO 4, websocket only).
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import statistics
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import uvloop

OPENING = 40
OPEN_LIMIT_S = 60.0
_MASK = b"\0\0\0\0"
_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A


@dataclass(frozen=True)
class Target:
    """Whom to dial. ``push`` marks a message that counts. ``watch`` names a Reflex handler; "" speaks ``/live``."""

    port: int
    push: bytes
    sids: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    watch: str = ""


@dataclass(frozen=True)
class Seen:
    """What the sessions saw: pushes per session and second, the 99th percentile of the time between two, and who is left."""

    rate_hz: float
    gap_p99_s: float
    sessions: int
    pushes: int


class Browser(asyncio.Protocol):
    """One session. ``opened`` is done with the first push."""

    __slots__ = ("_buffer", "_crowd", "_sid", "_talking", "_target", "_transport", "last_s", "opened")

    def __init__(self, target: Target, sid: str, crowd: Crowd) -> None:
        self._target, self._sid, self._crowd = target, sid, crowd
        self._buffer, self._talking = b"", False
        self._transport: Any = None
        self.last_s = 0.0
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Shake hands."""
        self._transport = transport
        port = self._target.port
        path = f"/_event/?EIO=4&transport=websocket&token={uuid.uuid4()}" if self._target.watch else "/live"
        cookie = f"Cookie: sid={self._sid}\r\n" if self._sid else ""
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\n{cookie}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, error: Exception | None) -> None:
        """The server went away, or we did."""
        self._crowd.lost(self)
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("the socket closed before its first push"))

    def data_received(self, data: bytes) -> None:
        """Whole frames; servers do not mask and these do not split."""
        data = self._buffer + data if self._buffer else data
        if not self._talking:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                self._transport.close()
                return
            self._talking, data = True, data[end + 4 :]
            if not self._target.watch:
                self._say(_TEXT, json.dumps({"sub": self._target.topics}).encode())
        at, length = 0, len(data)
        while length - at >= 2:
            size, head = data[at + 1], 2
            if size == 126:
                size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            if length - at < head + size:
                break
            self._heard(data[at], data[at + head : at + head + size])
            at += head + size
        self._buffer = data[at:]

    def _heard(self, kind: int, body: bytes) -> None:
        if kind == _TEXT:
            if self._target.push in body:
                self._pushed()
            elif self._target.watch:
                self._reflex(body)
        elif kind == _PING:
            self._say(_PONG, body)
        elif kind == _CLOSE:
            self._transport.close()

    def _pushed(self) -> None:
        now = time.perf_counter()
        if self.last_s:
            self._crowd.gaps.append(now - self.last_s)
        elif not self.opened.done():
            self.opened.set_result(None)
        self.last_s = now

    def _reflex(self, body: bytes) -> None:
        if body.startswith(b"0{"):
            boot = {"name": "reflex___state____state.hydrate_and_load", "payload": {"vars": {}}, "router_data": {"pathname": "/", "asPath": "/"}}
            self._say(_TEXT, b"40/_event," + json.dumps({"event": boot}).encode())
        elif body.startswith(b"40/_event"):
            event = {"name": self._target.watch, "payload": {}, "router_data": {"pathname": "/", "asPath": "/"}}
            self._say(_TEXT, b"42/_event," + json.dumps(["event", event]).encode())
        elif body == b"2":
            self._say(_TEXT, b"3")

    def _say(self, kind: int, body: bytes) -> None:
        size = len(body)
        head = bytes((kind, 0x80 | size)) if size < 126 else bytes((kind, 0x80 | 126)) + size.to_bytes(2, "big")
        self._transport.write(head + _MASK + body)

    def leave(self) -> None:
        """Close the socket."""
        self._transport.close()


class Crowd:
    """All sessions of this process."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._open: set[Browser] = set()
        self.gaps: list[float] = []

    def lost(self, one: Browser) -> None:
        """A socket closed."""
        self._open.discard(one)

    async def grow(self, size: int) -> int:
        """Until so many sessions are open and have been pushed to once; returns how many are."""
        loop = asyncio.get_running_loop()
        sids = self._target.sids or ("",)
        async with asyncio.timeout(OPEN_LIMIT_S):
            while len(self._open) < size:
                wanted = range(len(self._open), min(size, len(self._open) + OPENING))
                fresh = [Browser(self._target, sids[n % len(sids)], self) for n in wanted]
                await asyncio.gather(*(loop.create_connection(partial(_same, one), "127.0.0.1", self._target.port) for one in fresh))
                await asyncio.gather(*(one.opened for one in fresh))
                self._open.update(fresh)
        return len(self._open)

    async def look(self, seconds: float) -> Seen:
        """Count for so long. A session that waits for its next push counts with the time it has waited."""
        self.gaps = []
        started = time.perf_counter()
        await asyncio.sleep(seconds)
        gaps, ended = self.gaps, time.perf_counter()
        pushes, many = len(gaps), len(self._open)
        gaps = sorted(gaps + [ended - one.last_s for one in self._open if ended - one.last_s > 1.0])
        p99 = statistics.quantiles(gaps, n=100)[98] if len(gaps) > 1 else float("inf")
        return Seen(pushes / (ended - started) / max(many, 1), p99, many, pushes)

    async def leave(self) -> int:
        """Everybody goes."""
        for one in list(self._open):
            one.leave()
        await asyncio.sleep(0.2)
        return len(self._open)


def _same(one: Browser) -> Browser:
    return one


def _run(pipe: Connection, target: Target) -> None:
    async def main() -> None:
        crowd = Crowd(target)
        verbs: dict[str, Any] = {"grow": crowd.grow, "look": crowd.look, "leave": crowd.leave}
        loop = asyncio.get_running_loop()
        while True:
            word, *values = await loop.run_in_executor(None, pipe.recv)
            if word == "end":
                return
            try:
                pipe.send(await verbs[word](*values))
            except (OSError, TimeoutError) as error:
                pipe.send(f"{type(error).__name__}: {error}")

    uvloop.run(main())


class Crew:
    """The other end of the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def ask(self, word: str, *values: float) -> Any:
        """An answer, or ``RuntimeError`` with what went wrong there."""
        self._pipe.send((word, *values))
        answer = self._pipe.recv()
        if isinstance(answer, str):
            raise RuntimeError(answer)
        return answer


@contextmanager
def crew(target: Target) -> Iterator[Crew]:
    """A process full of headless browsers, ended with the block."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, target), daemon=True)
    process.start()
    try:
        yield Crew(ours)
    finally:
        ours.send(("end",))
        process.join(5)
        if process.is_alive():
            process.kill()
