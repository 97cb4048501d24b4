"""HTTP/1.1 for the centre's dispatch: keep-alive connections with next to nothing around the socket.

General clients cost several times the wire for a hundred small requests at once (`bench/dispatch.py` measures it). What
is needed here is little: send one request, read one reply of known or chunked length, give up at a deadline. Anything
unexpected in a reply closes the connection and counts as no reply. Outcomes are handed to a callback straight from the
socket, without a task or a future per request.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import urlsplit

from .protocol import HEADER_REPLY_SIGNATURE, HEADER_TIMESTAMP

MAX_HEAD_BYTES: Final = 32 * 1024
MAX_REPLY_BYTES: Final = 64 * 1024 * 1024
IDLE_S: Final = 50.0  # below the node's own keep-alive time, so that it rarely closes under a request
MAX_IDLE_PER_NODE: Final = 8
CONNECT_TIMEOUT_S: Final = 5.0

_TIMESTAMP: Final = HEADER_TIMESTAMP.lower().encode()
_SIGNATURE: Final = HEADER_REPLY_SIGNATURE.lower().encode()
_NAMES: Final = frozenset((b"content-length", b"transfer-encoding", b"connection", _TIMESTAMP, _SIGNATURE))


class NotConnected(Exception):
    """No connection could be made: nothing was sent."""


class NoReply(Exception):
    """The request was (perhaps) sent and no complete, sensible reply came.

    `timeout` tells if it was for time; `untouched` if not one byte of a reply had come.
    """

    def __init__(self, *, timeout: bool = False, untouched: bool = False) -> None:
        super().__init__("timeout" if timeout else "cut off")
        self.timeout = timeout
        self.untouched = untouched


@dataclass(slots=True)
class Reply:
    """Status and body, the two header fields of the signature, and whether the node closes the connection."""

    status: int
    body: bytes
    timestamp: str
    signature: str
    closing: bool


Done = Callable[[Reply | NoReply | NotConnected], None]


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    __slots__ = ("_buffer", "_done", "_home", "idle_since", "open", "transport")

    def __init__(self, home: Endpoint) -> None:
        self._home = home
        self._done: Done | None = None
        self._buffer = b""
        self.open = True
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def start(self, request: bytes, done: Done) -> None:
        """Write the request; the outcome goes to `done`."""
        self._done = done
        self.transport.write(request)

    def give_up(self, done: Done) -> None:
        """The time of the request that `done` waits for is over; nothing happens if it was answered."""
        if self._done is done:
            self._fail(True)

    def data_received(self, data: bytes) -> None:
        if self._done is None:  # bytes nobody asked for
            self._fail()
            return
        self._buffer = self._buffer + data if self._buffer else data
        try:
            found = _parse(self._buffer)
        except ValueError:
            self._fail()
            return
        if found is None:
            return
        reply, size = found
        done, self._done = self._done, None
        if reply.closing or size != len(self._buffer):
            self.open = False
            self.transport.close()
        else:
            self._home.keep(self)
        self._buffer = b""
        if done is not None:
            done(reply)

    def eof_received(self) -> None:
        self.open = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        untouched = not self._buffer
        done, self._done = self._done, None
        if done is not None:
            done(NoReply(untouched=untouched))

    def _fail(self, timeout: bool = False) -> None:
        """Close at once: too late or nonsense."""
        self.open = False
        done, self._done = self._done, None
        self.transport.abort()
        if done is not None:
            done(NoReply(timeout=timeout))


def _parse(data: bytes) -> tuple[Reply, int] | None:
    """The reply and its size when it is complete; raises `ValueError` on anything malformed."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if len(data) > MAX_HEAD_BYTES:
            raise ValueError("head too large")
        return None
    if data[:7] != b"HTTP/1." or end > MAX_HEAD_BYTES:
        raise ValueError("not HTTP/1")
    head = data[:end].lower()  # a signature is lower case hex, so nothing of it is lost
    status, start = int(data[9:12]), end + 4
    fields = _fields(head)
    stamp, signature = fields.get(_TIMESTAMP, b"").decode(), fields.get(_SIGNATURE, b"").decode()
    closing = fields.get(b"connection") == b"close"
    length, encoding = fields.get(b"content-length", b""), fields.get(b"transfer-encoding", b"")
    if encoding:
        if encoding != b"chunked" or length:
            raise ValueError("unclear length")
        chunked = _chunks(data, start)
        return None if chunked is None else (Reply(status, chunked[0], stamp, signature, closing), chunked[1])
    if not length.isdigit() or int(length) > MAX_REPLY_BYTES:
        raise ValueError("bad length")
    stop = start + int(length)
    return None if len(data) < stop else (Reply(status, data[start:stop], stamp, signature, closing), stop)


def _fields(head: bytes) -> dict[bytes, bytes]:
    """The header fields that matter here, by lower-case name; raises `ValueError` when one is repeated."""
    found: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name in _NAMES:
            if name in found:
                raise ValueError("repeated header")
            found[name] = value.strip(b" \t")
    return found


def _chunks(data: bytes, at: int) -> tuple[bytes, int] | None:
    """The joined chunks and where they end, once the last one is here; re-read from the start, replies are small."""
    if len(data) > MAX_REPLY_BYTES:
        raise ValueError("reply too large")
    parts: list[bytes] = []
    while True:
        line = data.find(b"\r\n", at)
        if line < 0:
            return None
        size = int(data[at:line].split(b";")[0], 16)
        start, end = line + 2, line + 2 + size
        if size < 0:
            raise ValueError("bad chunk")
        if len(data) < end + 2:
            return None
        if data[end : end + 2] != b"\r\n":
            raise ValueError("bad chunk")
        if size == 0:
            return b"".join(parts), end + 2
        parts.append(data[start:end])
        at = end + 2


class Endpoint:
    """One node's address and its idle connections."""

    def __init__(self, base_url: str, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("a node's address must be http(s)://host[:port][/path]")
        self.prefix = parts.path.rstrip("/")
        self.host_header = parts.netloc.rpartition("@")[2]
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self._idle: list[_Connection] = []
        self.heads: dict[tuple[str, str], bytes] = {}  # beginnings of requests, made once

    def start(self, raw: bytes, done: Done) -> Callable[[Done], None] | None:
        """Send over a kept connection and call `done` later; None, with nothing sent, when there is none.

        The answer is a function that ends the wait of `done`, to be called at its deadline.

        The outcome may be `NoReply` with `untouched`: the connection was most likely closed while it lay idle. The
        same bytes may then be sent once more with `request`; a node takes a nonce once, so nothing can run twice.
        """
        while self._idle:
            connection = self._idle.pop()
            if connection.open and time.monotonic() - connection.idle_since < IDLE_S:
                connection.start(raw, done)
                return connection.give_up
            connection.transport.close()
        return None

    async def request(self, raw: bytes, deadline: float) -> Reply:
        """Send over a fresh connection; raises `NotConnected` or `NoReply`."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(min(deadline, loop.time() + CONNECT_TIMEOUT_S)):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self), self._host, self._port, ssl=self._tls
                )
        except (OSError, TimeoutError):
            raise NotConnected from None
        waiter: asyncio.Future[Reply] = loop.create_future()

        def done(outcome: Reply | NoReply | NotConnected) -> None:
            if waiter.done():
                return
            if isinstance(outcome, Reply):
                waiter.set_result(outcome)
            else:
                waiter.set_exception(outcome)

        connection.start(raw, done)
        timer = loop.call_at(deadline, connection.give_up, done)
        try:
            return await waiter
        finally:
            timer.cancel()

    def keep(self, connection: _Connection) -> None:
        """Take a connection back after a complete reply."""
        if len(self._idle) < MAX_IDLE_PER_NODE:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        else:
            connection.open = False
            connection.transport.close()

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().transport.close()
