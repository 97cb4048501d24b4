"""The centre's side of the wire: one signed request to each of many nodes at once, each with its own deadline.

A dispatch to a hundred nodes must cost little more than the sockets themselves, so it runs on `http.py`, with nothing
between. Connections are kept alive; a node that hangs delays nobody else; a node that failed three times in
a row is left alone for a while and then probed with `/health`, never with an order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from . import protocol
from .http import Endpoint, NoReply, NotConnected, Reply
from .protocol import ProtocolError

BREAKER_FAILURES: Final = 3
BREAKER_REST_S: Final = 10.0
PROBE_TIMEOUT_S: Final = 2.0
_SLICE: Final = 5
_TIMESTAMP: Final = protocol.HEADER_TIMESTAMP.lower().encode()
_REPLY_SIGNATURE: Final = protocol.HEADER_REPLY_SIGNATURE.lower().encode()


class Delivery(StrEnum):
    """What is certain about one request."""

    ANSWERED = "ANSWERED"  # a genuine reply with results
    REFUSED = "REFUSED"  # a genuine refusal: nothing of the request was executed
    NOT_SENT = "NOT_SENT"  # the node was not reached: nothing was executed
    UNKNOWN = "UNKNOWN"  # it may have been executed: look the orders up


@dataclass(frozen=True, slots=True)
class Node:
    """Where a node is and the secret shared with it."""

    code: str
    base_url: str
    secret: str = field(repr=False)
    key: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.secret.encode())


@dataclass(frozen=True, slots=True)
class NodeReply:
    """What came back from one node. `clock_offset_ms` is the node's clock minus ours, None without a reply."""

    node_code: str
    delivery: Delivery
    status: int = 0
    data: dict[str, Any] = field(default_factory=dict)
    error_code: str | None = None
    error: str | None = None
    latency_ms: float = 0.0
    clock_offset_ms: int | None = None

    @property
    def ok(self) -> bool:
        """Whether `data` holds results."""
        return self.delivery is Delivery.ANSWERED


@dataclass(slots=True)
class _Call:
    """One request on its way. `raw` is sent again only over a fresh connection, with the same nonce."""

    node: Node
    endpoint: Endpoint
    signed_path: str
    nonce: str
    raw: bytes
    deadline: float
    started: float


@dataclass(slots=True)
class _Breaker:
    failures: int = 0
    open_until: float = 0.0
    probing: bool = False


class NodeClient:
    """Keep one per process and `close()` it at the end. Everything runs in the caller's event loop."""

    def __init__(self, *, breaker_failures: int = BREAKER_FAILURES, breaker_rest_s: float = BREAKER_REST_S) -> None:
        self._breaker_failures = breaker_failures
        self._breaker_rest_s = breaker_rest_s
        self._breakers: dict[str, _Breaker] = {}
        self._endpoints: dict[str, Endpoint] = {}

    async def __aenter__(self) -> NodeClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        for endpoint in self._endpoints.values():
            endpoint.close()
        self._endpoints.clear()

    def breaker_open(self, node_code: str) -> bool:
        """Whether requests to the node are refused right now."""
        breaker = self._breakers.get(node_code)
        return breaker is not None and breaker.failures >= self._breaker_failures

    async def dispatch(
        self,
        requests: Iterable[tuple[Node, str, Mapping[str, Any]]],
        *,
        timeout_s: float = 30.0,
        on_reply: Callable[[NodeReply], None] | None = None,
    ) -> list[NodeReply]:
        """Send each (node, path, body) at once; replies in the same order, never an exception.

        `on_reply` is called as each reply arrives, so that results are applied while a slow node is still awaited.
        """

        loop = asyncio.get_running_loop()
        replies: dict[int, NodeReply] = {}
        complete = loop.create_future()
        total: int | None = None
        tasks: set[asyncio.Task[None]] = set()

        def take(index: int, reply: NodeReply) -> None:
            replies[index] = reply
            if on_reply is not None:
                loop.call_soon(on_reply, reply)
            if len(replies) == total and not complete.done():
                complete.set_result(None)

        async def slow(index: int, node: Node, path: str, body: Mapping[str, Any]) -> None:
            take(index, await self.send(node, path, body, timeout_s=timeout_s))

        async def anew(index: int, call: _Call) -> None:
            take(index, await self._fresh(call))

        def follow(work: Coroutine[Any, Any, None]) -> None:
            task = asyncio.create_task(work)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        def start(index: int, call: _Call) -> bool:
            def done(outcome: Reply | NoReply | NotConnected) -> None:
                if isinstance(outcome, NoReply) and outcome.untouched:
                    follow(anew(index, call))
                else:
                    take(index, self._judge(call, outcome))

            return call.endpoint.start(call.raw, call.deadline, done)

        index = -1
        for index, (node, path, body) in enumerate(requests):
            if self.breaker_open(node.code):
                follow(slow(index, node, path, body))
            else:
                call = self._call(node, "POST", path, protocol.dumps(body), timeout_s)
                if not start(index, call):
                    follow(anew(index, call))
            if index % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)  # let these go out before the next are signed: the loop writes once per turn
        total = index + 1
        if len(replies) < total:
            await complete
        return [replies[index] for index in range(total)]

    async def send(self, node: Node, path: str, body: Mapping[str, Any], *, timeout_s: float = 30.0) -> NodeReply:
        """One signed POST."""
        breaker = self._breakers.get(node.code)
        if breaker is not None and self.breaker_open(node.code) and not await self._may_pass(node, breaker):
            return NodeReply(
                node.code, Delivery.NOT_SENT, error_code="NODE_DOWN",
                error="The node did not answer several times; it is being probed and nothing was sent.",
            )  # fmt: skip
        return await self._exchange(node, "POST", path, protocol.dumps(body), timeout_s)

    async def health(self, node: Node, *, timeout_s: float = PROBE_TIMEOUT_S) -> NodeReply:
        """The node's signed `/health`: its public key, clock, load."""
        return await self._exchange(node, "GET", "/health", b"", timeout_s)

    # --- one exchange ---------------------------------------------------------------------------------------------

    def _call(self, node: Node, method: str, path: str, body: bytes, timeout_s: float) -> _Call:
        """One signed request, ready to be written."""
        endpoint = self._endpoints.get(node.base_url)
        if endpoint is None:
            endpoint = self._endpoints[node.base_url] = Endpoint(node.base_url)
        signed_path = endpoint.prefix + path
        ts_ms, nonce = protocol.now_ms(), protocol.new_nonce()
        signature = protocol.sign(node.key, method, signed_path, body, ts_ms, nonce)
        head = (
            f"{method} {signed_path} HTTP/1.1\r\nHost: {endpoint.host_header}\r\nContent-Length: {len(body)}\r\n"
            f"Content-Type: application/json\r\n{protocol.HEADER_TIMESTAMP}: {ts_ms}\r\n"
            f"{protocol.HEADER_NONCE}: {nonce}\r\n{protocol.HEADER_SIGNATURE}: {signature}\r\n\r\n"
        )
        deadline = asyncio.get_running_loop().time() + timeout_s
        return _Call(node, endpoint, signed_path, nonce, head.encode("latin-1") + body, deadline, time.monotonic())

    async def _exchange(self, node: Node, method: str, path: str, body: bytes, timeout_s: float) -> NodeReply:
        call = self._call(node, method, path, body, timeout_s)
        waiter: asyncio.Future[Reply | NoReply | NotConnected] = asyncio.get_running_loop().create_future()

        def done(outcome: Reply | NoReply | NotConnected) -> None:
            if not waiter.done():
                waiter.set_result(outcome)

        if not call.endpoint.start(call.raw, call.deadline, done):
            return await self._fresh(call)
        outcome = await waiter
        if isinstance(outcome, NoReply) and outcome.untouched:
            return await self._fresh(call)
        return self._judge(call, outcome)

    async def _fresh(self, call: _Call) -> NodeReply:
        try:
            return self._judge(call, await call.endpoint.request(call.raw, call.deadline))
        except (NoReply, NotConnected) as outcome:
            return self._judge(call, outcome)

    def _judge(self, call: _Call, outcome: Reply | NoReply | NotConnected) -> NodeReply:
        """What is certain after the outcome of one call."""
        node = call.node
        if isinstance(outcome, NotConnected):
            return self._failure(call, Delivery.NOT_SENT, "NODE_UNREACHABLE", "The node could not be reached.")
        if isinstance(outcome, NoReply):
            if outcome.timeout:
                return self._failure(call, Delivery.UNKNOWN, "NODE_TIMEOUT", "The node did not answer in time.")
            return self._failure(call, Delivery.UNKNOWN, "NODE_CUT_OFF", "The node's answer was cut off.")
        elapsed_ms = (time.monotonic() - call.started) * 1000
        status, headers = outcome.status, outcome.headers
        try:
            clock_ms = protocol.verify_reply(
                node.key,
                status,
                call.signed_path,
                outcome.body,
                headers.get(_TIMESTAMP, b"").decode("latin-1"),
                headers.get(_REPLY_SIGNATURE, b"").decode("latin-1"),
                call.nonce,
            )
            data = protocol.loads(outcome.body)
        except ProtocolError as error:
            return self._failure(call, Delivery.UNKNOWN, error.code, error.message, status)
        self._breakers.pop(node.code, None)
        offset = clock_ms - protocol.now_ms() + int(elapsed_ms / 2)
        if status == 200:
            return NodeReply(node.code, Delivery.ANSWERED, status, data, None, None, elapsed_ms, offset)
        code = str(data.get("code", "NODE_ERROR"))
        # A replayed request was received once before, perhaps by the real node; a 5xx broke somewhere inside.
        executed = code == "REPLAYED" or (status >= 500 and code not in ("REPLAY_CACHE_FULL", "NODE_BUSY"))
        delivery = Delivery.UNKNOWN if executed else Delivery.REFUSED
        return NodeReply(node.code, delivery, status, data, code, str(data.get("message", "")), elapsed_ms, offset)

    def _failure(self, call: _Call, delivery: Delivery, code: str, text: str, status: int = 0) -> NodeReply:
        breaker = self._breakers.setdefault(call.node.code, _Breaker())
        breaker.failures += 1
        if breaker.failures >= self._breaker_failures:
            breaker.open_until = time.monotonic() + self._breaker_rest_s
        elapsed_ms = (time.monotonic() - call.started) * 1000
        return NodeReply(call.node.code, delivery, status, {}, code, text, elapsed_ms)

    async def _may_pass(self, node: Node, breaker: _Breaker) -> bool:
        """Whether an open breaker lets a request through: after its rest, one caller probes, the others are refused."""
        if breaker.probing or time.monotonic() < breaker.open_until:
            return False
        breaker.probing = True
        try:
            return (await self.health(node)).ok
        finally:
            breaker.probing = False
