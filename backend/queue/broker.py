"""Wake-ups over Redis Streams: a taskiq broker on plain ``redis.asyncio``.

A message says which job row to look at, nothing else, so a lost, doubled or late one costs time and no more. What the
broker promises besides: a message in hand is kept alive however long its work takes, one whose worker died goes to another
also while nothing new arrives, a flushed or restarted Redis is used again at once, and a message that keeps killing its
workers ends in ``<stream>:dead``.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from redis.typing import EncodableT, FieldT
from taskiq import AckableMessage, AsyncBroker, BrokerMessage

from backend.ending import end_tasks

log = structlog.get_logger("wake")

GROUP = "workers"
MAX_DELIVERIES = 5
DEAD_KEPT = 10_000
LENGTH_KEPT = 100_000
"""A wake-up that is older than so many others is worth nothing: its row is found without it."""
BLOCK_MS = 1_000
ANSWER_S = 3.0
PAUSE_S = 0.5
HELPERS_END_S = 3.0

GONE = (RedisError, OSError, TimeoutError)
"""What the client raises when Redis is away, slow or refuses."""


class StreamBroker(AsyncBroker):
    """One stream and its consumer group. ``kick`` adds, ``listen`` yields; ``close_intake`` ends ``listen``."""

    def __init__(self, url: str, stream: str, *, idle_ms: int = 10_000, max_deliveries: int = MAX_DELIVERIES) -> None:
        super().__init__()
        self.stream = stream
        self.dead = f"{stream}:dead"
        self.consumer = uuid.uuid4().hex
        self._idle_ms = idle_ms
        self._max = max_deliveries
        self._redis: Redis = Redis.from_url(
            url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S, retry_on_timeout=False, health_check_interval=0
        )
        self._inbox: asyncio.Queue[AckableMessage | None] = asyncio.Queue()
        self._in_hand: set[bytes] = set()
        self._closing = False

    # --- sending ---------------------------------------------------------------------------------------------------

    async def kick(self, message: BrokerMessage) -> None:
        """Add one message. Raises what Redis raises: the caller has the row and goes on without it."""
        await self._redis.xadd(self.stream, {"data": message.message}, maxlen=LENGTH_KEPT, approximate=True)

    async def ping(self) -> None:
        """Raises when Redis does not answer."""
        await self._redis.ping()  # type: ignore[misc]  # typed for both clients of redis at once

    # --- taking ----------------------------------------------------------------------------------------------------

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        """Messages for this worker until ``close_intake``. Redis being away only makes it wait."""
        self._closing = False
        helpers = [asyncio.create_task(self._forever(step)) for step in (self._read, self._keep)]
        try:
            while (message := await self._inbox.get()) is not None:
                yield message
        finally:
            await end_tasks(helpers, HELPERS_END_S)

    def close_intake(self) -> None:
        """Take nothing more; ``listen`` ends. What was read and not begun goes to others when its time is over."""
        self._closing = True
        while not self._inbox.empty():
            self._inbox.get_nowait()
        self._inbox.put_nowait(None)

    async def shutdown(self) -> None:
        """Leave the group (with nothing pending there is nothing to leave to others) and close connections."""
        with contextlib.suppress(*GONE):
            pending = await self._redis.xpending_range(self.stream, GROUP, "-", "+", 1, consumername=self.consumer)
            if not pending:
                await self._redis.xgroup_delconsumer(self.stream, GROUP, self.consumer)
        with contextlib.suppress(*GONE):
            await self._redis.aclose()
        await super().shutdown()

    async def _forever(self, step: Callable[[], Awaitable[None]]) -> None:
        """The edge of both helpers: whatever Redis does, they go on."""
        while True:
            try:
                await step()
            except ResponseError as error:
                if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                    log.warning("the stream cannot be used", stream=self.stream, error=type(error).__name__)
                    await asyncio.sleep(PAUSE_S)
                await self._make_group()
            except GONE:
                await asyncio.sleep(PAUSE_S)

    async def _make_group(self) -> None:
        """From the first message on: what was added before the group existed counts too."""
        try:
            await self._redis.xgroup_create(self.stream, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                await asyncio.sleep(PAUSE_S)
        except GONE:
            await asyncio.sleep(PAUSE_S)

    async def _read(self) -> None:
        # No more than a handful ahead: what waits here cannot be done by an idle worker elsewhere.
        if self._inbox.qsize() >= 4:
            await asyncio.sleep(0.05)
            return
        found: Any = await self._redis.xreadgroup(GROUP, self.consumer, {self.stream: ">"}, count=4, block=BLOCK_MS)
        for _, messages in found or []:
            for message_id, fields in messages:
                self._deliver(message_id, fields)

    async def _keep(self) -> None:
        """Every third of the idle time: say that what is in hand is being worked on, and take over from the dead."""
        await asyncio.sleep(self._idle_ms / 3000)
        if self._in_hand:
            # JUSTID resets the idle time and leaves the number of deliveries as it is.
            await self._redis.xclaim(self.stream, GROUP, self.consumer, 0, list(self._in_hand), justid=True)
        if self._closing:
            return
        orphans: Any = await self._redis.xpending_range(self.stream, GROUP, "-", "+", 100, idle=self._idle_ms)
        for entry in orphans:
            message_id = entry["message_id"]
            if message_id in self._in_hand:
                continue
            claimed: Any = await self._redis.xclaim(self.stream, GROUP, self.consumer, self._idle_ms, [message_id])
            for claimed_id, fields in claimed:
                if entry["times_delivered"] >= self._max:
                    await self._bury(claimed_id, fields, entry["times_delivered"])
                else:
                    self._deliver(claimed_id, fields)

    def _deliver(self, message_id: bytes, fields: dict[bytes, bytes]) -> None:
        if self._closing or message_id in self._in_hand:
            return
        self._in_hand.add(message_id)
        self._inbox.put_nowait(AckableMessage(data=fields.get(b"data", b""), ack=partial(self._ack, message_id)))

    async def _ack(self, message_id: bytes) -> None:
        self._in_hand.discard(message_id)
        # Unacknowledged it comes again, and finds its row done.
        with contextlib.suppress(*GONE):
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.xack(self.stream, GROUP, message_id)
                pipe.xdel(self.stream, message_id)
                await pipe.execute()

    async def _bury(self, message_id: bytes, fields: dict[bytes, bytes], deliveries: int) -> None:
        kept: dict[FieldT, EncodableT] = {"deliveries": deliveries}
        kept.update(fields.items())
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xadd(self.dead, kept, maxlen=DEAD_KEPT, approximate=True)
            pipe.xack(self.stream, GROUP, message_id)
            pipe.xdel(self.stream, message_id)
            await pipe.execute()
        log.warning("a wake-up was buried", stream=self.stream, deliveries=deliveries)
