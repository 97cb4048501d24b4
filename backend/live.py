"""What is happening now, told to whoever watches.

``hub.publish(topic, payload)`` may be called from any thread and never blocks: it merges the payload into the topic's
snapshot and drops it into the slot of each watcher. A watcher gets the whole snapshot first and then what
changed; one that reads slowly finds everything it missed merged into one message, so nobody waits for anybody.

Payloads are JSON objects merged like a JSON merge patch (RFC 7386): objects are merged key by key, everything else
replaces, ``None`` removes the key. A value that must be seen even by a slow reader belongs in a list of the last few.
Topics: ``platform``, ``market``, ``tenant:{id}``, ``agent:{user_id}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from backend.clock import now_ms
from backend.identity.principal import Principal

_AT_ONCE = 64
Listener = Callable[[str, dict[str, Any]], None]


class Watcher:
    """One reader. Its slot holds, per topic, everything it has not read yet."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ready = asyncio.Event()
        self._slots: dict[str, _Slot] = {}
        self._lock = threading.Lock()
        self.topics: set[str] = set()
        self.skipped = 0

    async def read(self) -> list[str]:
        """The messages waiting, at most one per topic; waits for the first."""
        await self._ready.wait()
        with self._lock:
            self._ready.clear()
            slots, self._slots = self._slots, {}
        return [slot.message(topic) for topic, slot in slots.items()]

    def put_raw(self, key: str, message: bytes) -> None:
        """Queue a ready message (an answer to a request) under its own key."""
        with self._lock:
            self._slots[key] = _Slot({}, message.decode())
        _wake([self])

    def _put(self, topic: str, fresh: _Slot, merges: dict[int, tuple[_Slot, _Slot]]) -> bool:
        """Take ``fresh``, merged into what still waits. ``merges`` is shared by all watchers of one publish: those
        who missed the same messages share the merged one, and its encoding. True when the reader is to be woken."""
        with self._lock:
            waiting = self._slots.get(topic)
            if waiting is not None:
                self.skipped += 1
                made = merges.get(id(waiting))
                if made is None:
                    # The old slot is kept in the table so that its id cannot be given to another one meanwhile.
                    made = waiting, _Slot(merged(waiting.payload, fresh.payload, keep_none=True))
                    merges[id(waiting)] = made
                self._slots[topic] = made[1]
                return False
            self._slots[topic] = fresh
        return True

    def _drop(self, topic: str) -> None:
        with self._lock:
            self._slots.pop(topic, None)


def _wake(watchers: list[Watcher]) -> None:
    """Ring every reader: their loop is called once, however many they are."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Watcher]] = {}
    for watcher in watchers:
        by_loop.setdefault(watcher._loop, []).append(watcher)
    for loop, readers in by_loop.items():
        # A loop that has ended has no readers any more; their connections are being removed.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_ring, readers)


def _ring(readers: list[Watcher]) -> None:
    """A few at a time: what else the loop has to do, a scan above all, goes between them."""
    for reader in readers[:_AT_ONCE]:
        reader._ready.set()
    if len(readers) > _AT_ONCE:
        readers[0]._loop.call_soon(_ring, readers[_AT_ONCE:])


class _Slot:
    """A payload on its way, shared by watchers; encoded once, by the first who reads it."""

    __slots__ = ("_encoded", "at_ms", "payload")

    def __init__(self, payload: dict[str, Any], encoded: str | None = None) -> None:
        self.payload = payload
        self.at_ms = now_ms()
        self._encoded = encoded

    def message(self, topic: str) -> str:
        """The message as it goes over the wire."""
        if self._encoded is None:
            value = {"t": topic, "d": self.payload, "ts": self.at_ms}
            self._encoded = orjson.dumps(value, default=encode, option=orjson.OPT_NON_STR_KEYS).decode()
        return self._encoded


class Hub:
    """Topics, their latest snapshots and their watchers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshots: dict[str, dict[str, Any]] = {}
        self._published_at: dict[str, float] = {}
        self._watchers: dict[str, set[Watcher]] = {}
        self._listeners: list[Listener] = []

    def publish(self, topic: str, payload: dict[str, Any], *, relay: bool = True) -> None:
        """Merge ``payload`` into the topic and send it to its watchers. ``relay`` False keeps it in this process.

        The payload belongs to the hub from here on: do not change it afterwards.
        """
        with self._lock:
            self._snapshots[topic] = merged(self._snapshots.get(topic, {}), payload)
            self._published_at[topic] = time.monotonic()
            watchers = self._watchers.get(topic)
            if watchers:
                fresh = _Slot(payload)
                fresh.message(topic)  # a payload that is not JSON fails here, at its publisher
                merges: dict[int, tuple[_Slot, _Slot]] = {}
                _wake([watcher for watcher in watchers if watcher._put(topic, fresh, merges)])
        if relay:
            for listener in list(self._listeners):
                listener(topic, payload)

    def snapshot(self, topic: str) -> dict[str, Any]:
        """Everything known about a topic. Do not change what is returned."""
        with self._lock:
            return self._snapshots.get(topic, {})

    def age_s(self, topic: str) -> float | None:
        """Seconds since the topic was last published in this process; None when it never was."""
        with self._lock:
            at = self._published_at.get(topic)
        return None if at is None else time.monotonic() - at

    def forget(self, topic: str) -> None:
        """Drop a topic's snapshot."""
        with self._lock:
            self._snapshots.pop(topic, None)
            self._published_at.pop(topic, None)

    def watch(self, watcher: Watcher, topic: str) -> None:
        """Subscribe; the snapshot is delivered at once. The caller has authorised the topic."""
        with self._lock:
            self._watchers.setdefault(topic, set()).add(watcher)
            watcher.topics.add(topic)
            watcher._drop(topic)
            if watcher._put(topic, _Slot(self._snapshots.get(topic, {})), {}):
                _wake([watcher])

    def unwatch(self, watcher: Watcher, topic: str | None = None) -> None:
        """Unsubscribe from one topic, or from all."""
        with self._lock:
            for name in [topic] if topic is not None else list(watcher.topics):
                watcher.topics.discard(name)
                watchers = self._watchers.get(name)
                if watchers is not None:
                    watchers.discard(watcher)
                    if not watchers:
                        del self._watchers[name]

    def add_listener(self, listener: Listener) -> None:
        """Call ``listener(topic, payload)`` on the publishing thread after each publish: bridges to other processes
        and to the pages. It must not block."""
        self._listeners.append(listener)

    def remove_listener(self, listener: Listener) -> None:
        """Undo ``add_listener``."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def watching(self, topic: str) -> int:
        """How many watch the topic in this process."""
        with self._lock:
            return len(self._watchers.get(topic, ()))


def may_watch(principal: Principal, topic: str, tenant_of_agent: Callable[[int], int | None]) -> bool:
    """Whether a topic is open to this person. ``tenant_of_agent`` is only asked for a tenant and an agent's topic."""
    name, _, number = topic.partition(":")
    if not number:
        return topic == "market" or (topic == "platform" and principal.kind == "admin")
    if name not in ("tenant", "agent") or not _is_id(number):
        return False
    if principal.kind == "admin":
        return True
    wanted = int(number)
    if name == "tenant":
        return principal.kind == "tenant" and principal.id == wanted
    if principal.kind == "agent":
        return principal.id == wanted
    return tenant_of_agent(wanted) == principal.id


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18 and str(int(text)) == text


def encode(value: Any) -> Any:
    """For JSON: an amount is a string. Raises ``TypeError`` for what is not JSON."""
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} is not JSON")


def merged(base: dict[str, Any], change: dict[str, Any], keep_none: bool = False) -> dict[str, Any]:
    """A new object; neither argument is changed, so a published payload may be shared by all readers."""
    result = dict(base)
    for key, value in change.items():
        if value is None and not keep_none:
            result.pop(key, None)
        elif isinstance(value, dict):
            old = result.get(key)
            result[key] = merged(old if isinstance(old, dict) else {}, value, keep_none)
        else:
            result[key] = value
    return result


hub = Hub()
"""The hub of this process."""
