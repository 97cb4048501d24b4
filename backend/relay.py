"""What is published in one process reaches the watchers of the others, through Redis.

Workers and pages may be processes of their own. Each sends what it publishes, merged while it waits, and takes in what
others publish; whoever comes later, or was cut off, asks and is given what the others know. Losing Redis loses nothing
but freshness: the pages read the database as ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from typing import Any

import orjson
import redis.asyncio as redis
import structlog
from redis.exceptions import RedisError

from backend.live import Hub, encode, merged

log = structlog.get_logger("relay")

CHANNEL = "ironbull:live"
AGAIN_S = 1.0
CONNECT_S = 3.0
ANSWER_S = 5.0
HELLO = ""
"""The topic of a newcomer's question."""


class Relay:
    """Bridge between ``hub`` and those of other processes. ``run`` until cancelled."""

    def __init__(self, url: str, hub: Hub) -> None:
        self._hub = hub
        self._origin = uuid.uuid4().hex
        self._link = redis.Redis.from_url(url, socket_connect_timeout=CONNECT_S, socket_timeout=ANSWER_S, socket_keepalive=True)
        self._lock = threading.Lock()
        self._waiting: dict[str, dict[str, Any]] = {}
        self._ours: set[str] = set()
        self._more = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.connected: bool | None = None
        """None: not tried yet."""

    async def run(self) -> None:
        """Send and receive; when Redis is away, try again each second."""
        self._loop = asyncio.get_running_loop()
        self._hub.add_listener(self._published)
        try:
            while True:
                try:
                    await self._connected()
                except (RedisError, OSError, ValueError) as error:
                    if self.connected is not False:
                        log.warning("live events stay in this process", error=type(error).__name__)
                    self.connected = False
                await asyncio.sleep(AGAIN_S)
        finally:
            self.connected = False
            self._hub.remove_listener(self._published)
            with contextlib.suppress(RedisError, OSError):
                await self._link.aclose()

    async def _connected(self) -> None:
        async with self._link.pubsub(ignore_subscribe_messages=True) as inbox:
            await inbox.subscribe(CHANNEL)
            await self._send(HELLO, {})
            self._tell_all()
            self.connected = True
            receiver = asyncio.create_task(self._receive(inbox))
            sender = asyncio.create_task(self._send_waiting())
            try:
                done, _ = await asyncio.wait({receiver, sender}, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in (receiver, sender):
                    task.cancel()
                await asyncio.gather(receiver, sender, return_exceptions=True)

    def _published(self, topic: str, payload: dict[str, Any]) -> None:
        """On the publisher's thread: note it and go on."""
        with self._lock:
            self._ours.add(topic)
            self._waiting[topic] = merged(self._waiting.get(topic, {}), payload, keep_none=True)
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended
                self._loop.call_soon_threadsafe(self._more.set)

    def _tell_all(self) -> None:
        """Send what this process has published, whole: somebody new is there, or this one was away."""
        with self._lock:
            for topic in self._ours:
                self._waiting[topic] = merged(self._hub.snapshot(topic), self._waiting.get(topic, {}), keep_none=True)
        self._more.set()

    async def _send_waiting(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            with self._lock:
                waiting, self._waiting = self._waiting, {}
            for topic, payload in waiting.items():
                await self._send(topic, payload)

    async def _send(self, topic: str, payload: dict[str, Any]) -> None:
        message = orjson.dumps([self._origin, topic, payload], default=encode, option=orjson.OPT_NON_STR_KEYS)
        await self._link.publish(CHANNEL, message)

    async def _receive(self, inbox: Any) -> None:
        while True:
            message = await inbox.get_message(timeout=ANSWER_S)
            if message is None:
                continue
            origin, topic, payload = orjson.loads(message["data"])
            if origin == self._origin:
                continue
            if topic == HELLO:
                self._tell_all()
            else:
                self._hub.publish(topic, payload, relay=False)
