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
from .http import Done, Endpoint, NoReply, NotConnected, Reply
from .protocol import ProtocolError

BREAKER_FAILURES: Final = 3
BREAKER_REST_S: Final = 10.0
PROBE_TIMEOUT_S: Final = 2.0
_SLICE: Final = 5


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
    public_key: str = ""  # pinned; empty for a node whose key follows from the secret
    key: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.secret.encode())


@dataclass(slots=True)
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


def _head(method: str, path: str, host: str) -> bytes:
    """A request with places for length, time, nonce, signature and body: made once per node and path."""
    fixed = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n".replace("%", "%%")
    names = protocol.HEADER_TIMESTAMP, protocol.HEADER_NONCE, protocol.HEADER_SIGNATURE
    return (f"{fixed}Content-Length: %d\r\n{names[0]}: %d\r\n{names[1]}: %b\r\n{names[2]}: %b\r\n\r\n%b").encode("latin-1")


class _Batch:
    """Requests that are awaited together, with one deadline for all."""

    __slots__ = ("complete", "expecting", "loop", "on_reply", "replies", "tasks", "waiting")

    def __init__(self, on_reply: Callable[[NodeReply], None] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.complete: asyncio.Future[None] = self.loop.create_future()
        self.replies: dict[int, NodeReply] = {}
        self.expecting: int | None = None
        self.on_reply = on_reply
        self.waiting: list[tuple[Callable[[Done], None], Done]] = []
        self.tasks: set[asyncio.Task[None]] = set()

    def take(self, index: int, reply: NodeReply) -> None:
        """The outcome of one request."""
        self.replies[index] = reply
        if self.on_reply is not None:
            self.loop.call_soon(self.on_reply, reply)
        if len(self.replies) == self.expecting and not self.complete.done():
            self.complete.set_result(None)

    def follow(self, work: Coroutine[Any, Any, None]) -> None:
        """Run the slow way of one request beside the others."""
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def expire(self) -> None:
        """The deadline: whoever has not answered is given up."""
        for give_up, done in self.waiting:
            give_up(done)

    async def result(self, count: int, deadline: float) -> list[NodeReply]:
        """All replies in order."""
        self.expecting = count
        if len(self.replies) < count:
            timer = self.loop.call_at(deadline, self.expire)
            try:
                await self.complete
            finally:
                timer.cancel()
        return [self.replies[index] for index in range(count)]


class _Call:
    """One request on its way; called with its outcome. `raw` goes twice only unanswered, with the same nonce."""

    __slots__ = ("batch", "client", "deadline", "endpoint", "index", "node", "nonce", "raw", "signed_path", "started", "twice")

    def __init__(self, client: NodeClient, batch: _Batch, index: int, node: Node) -> None:
        self.client = client
        self.batch = batch
        self.index = index
        self.node = node
        self.endpoint: Endpoint
        self.signed_path = self.nonce = ""
        self.raw = b""
        self.twice = False
        self.deadline = 0.0
        self.started = time.monotonic()

    def __call__(self, outcome: Reply | NoReply | NotConnected) -> None:
        if isinstance(outcome, NoReply) and outcome.untouched:
            self.twice = True
            self.batch.follow(self.send_fresh(again=outcome))
        else:
            self.batch.take(self.index, self.client._judge(self, outcome))

    async def send_fresh(self, again: NoReply | None = None) -> None:
        """Send over a new connection. ``again``: it was written to a connection that then closed without a word."""
        outcome: Reply | NoReply | NotConnected
        try:
            outcome = await self.endpoint.request(self.raw, self.deadline)
        except NoReply as error:
            outcome = error
        except NotConnected as error:
            # A node that dies closes its connections: it may have read the first one and acted on it.
            outcome = again or error
        self.batch.take(self.index, self.client._judge(self, outcome))


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
        batch = _Batch(on_reply)
        deadline = batch.loop.time() + timeout_s
        index = -1
        for index, (node, path, body) in enumerate(requests):
            if self.breaker_open(node.code):
                batch.follow(self._probed(batch, index, node, path=path, body=body, deadline=deadline))
            else:
                self._begin(batch, index, node, method="POST", path=path, body=protocol.dumps(body), deadline=deadline)
            if index % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)  # let these go out before the next are signed: the loop writes once per turn
        return await batch.result(index + 1, deadline)

    async def send(self, node: Node, path: str, body: Mapping[str, Any], *, timeout_s: float = 30.0) -> NodeReply:
        """One signed POST; never an exception."""
        [reply] = await self.dispatch([(node, path, body)], timeout_s=timeout_s)
        return reply

    async def health(self, node: Node, *, timeout_s: float = PROBE_TIMEOUT_S) -> NodeReply:
        """The node's signed `/health`: its public key, clock, load."""
        batch = _Batch()
        deadline = batch.loop.time() + timeout_s
        self._begin(batch, 0, node, method="GET", path="/health", body=b"", deadline=deadline)
        [reply] = await batch.result(1, deadline)
        return reply

    # --- one exchange ---------------------------------------------------------------------------------------------

    def _begin(
        self, batch: _Batch, index: int, node: Node, *, method: str, path: str, body: bytes, deadline: float
    ) -> None:
        """Sign one request and send it: at once over a kept connection, else in a task over a new one."""
        call = _Call(self, batch, index, node)
        endpoint = self._endpoints.get(node.base_url)
        if endpoint is None:
            try:
                endpoint = self._endpoints[node.base_url] = Endpoint(node.base_url)
            except ValueError as error:
                text = f"The node's address cannot be used: {error}."
                batch.take(index, self._failure(call, Delivery.NOT_SENT, "NODE_ADDRESS_BAD", text))
                return
        call.endpoint, call.deadline = endpoint, deadline
        call.signed_path = signed_path = endpoint.prefix + path
        ts_ms, nonce = protocol.now_ms(), protocol.new_nonce()
        call.nonce = nonce
        signature = protocol.sign(node.key, method, signed_path, body, ts_ms=ts_ms, nonce=nonce)
        start = endpoint.heads.get((method, path))
        if start is None:
            start = endpoint.heads[method, path] = _head(method, signed_path, endpoint.host_header)
        call.raw = start % (len(body), ts_ms, nonce.encode(), signature.encode(), body)
        give_up = endpoint.start(call.raw, call)
        if give_up is None:
            batch.follow(call.send_fresh())
        else:
            batch.waiting.append((give_up, call))

    async def _probed(
        self, batch: _Batch, index: int, node: Node, *, path: str, body: Mapping[str, Any], deadline: float
    ) -> None:
        """A request to a node that was left alone: sent only if a probe finds the node well again."""
        breaker = self._breakers.get(node.code)  # an answer to an earlier request may have closed it meanwhile
        if (breaker is None or await self._may_pass(node, breaker)) and batch.loop.time() < deadline:
            self._begin(batch, index, node, method="POST", path=path, body=protocol.dumps(body), deadline=deadline)
            return
        text = "The node did not answer several times; it is being probed and nothing was sent."
        batch.take(index, NodeReply(node.code, Delivery.NOT_SENT, error_code="NODE_DOWN", error=text))

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
        status = outcome.status
        try:
            clock_ms = protocol.verify_reply(
                node.key,
                status,
                call.signed_path,
                outcome.body,
                timestamp=outcome.timestamp,
                signature=outcome.signature,
                nonce=call.nonce,
            )
            data = protocol.loads(outcome.body)
        except ProtocolError as error:
            return self._failure(call, Delivery.UNKNOWN, error.code, error.message, status)
        self._breakers.pop(node.code, None)
        offset = clock_ms - protocol.now_ms() + int(elapsed_ms / 2)
        if status == 200:
            return NodeReply(node.code, Delivery.ANSWERED, status, data, None, None, elapsed_ms, offset)
        code = str(data.get("code", "NODE_ERROR"))
        # A replayed request was received once before, perhaps by the real node; a 5xx broke somewhere inside. What went twice may
        # have been executed the first time by a process that is gone; the refusal of its successor speaks for itself alone.
        executed = call.twice or code == "REPLAYED" or (status >= 500 and code not in ("REPLAY_CACHE_FULL", "NODE_BUSY"))
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
