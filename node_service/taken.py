"""Which client order ids this process has already taken, so that a repeated request never sends a second order."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from .protocol import ProtocolError

# A venue may deny an order for a few seconds after taking it; within this time "not found" proves nothing.
DOUBT_S: Final = 6.0

Result = dict[str, Any]


@dataclass(slots=True)
class Entry:
    """One client order id of one account."""

    running: asyncio.Task[Result] | None = None
    result: bytes = b""
    sent: bool = False  # the write has left, or may have left, this process
    doubt_at: float = 0.0  # monotonic time of the last UNKNOWN outcome

    @property
    def in_doubt(self) -> bool:
        """Whether an unresolved send is so fresh that "not found" must not be believed."""
        return self.doubt_at > 0 and time.monotonic() - self.doubt_at < DOUBT_S


class TakenIds:
    """A bounded memory of (account, client order id) and the stored results."""

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[tuple[int, str], Entry] = OrderedDict()
        self.in_flight = 0

    def get(self, account_id: int, client_order_id: str) -> Entry | None:
        """The entry of an id, if this process has seen it."""
        return self._entries.get((account_id, client_order_id))

    async def once(
        self,
        account_id: int,
        client_order_id: str,
        *,
        again: bool,
        work: Callable[[Entry], Awaitable[Result]],
    ) -> Result:
        """The result of `work`, run at most once for this id.

        A repeat waits for the running work or gets the stored result, marked `repeated`. With `again` (the caller
        asks for a look-up) work runs once more unless the stored result is settled. Work goes on when the caller
        is cancelled: an order on its way must be followed to its end. Raises `ProtocolError` NODE_BUSY when the
        memory is full of running orders.
        """
        key = (account_id, client_order_id)
        entry = self._entries.get(key)
        if entry is not None and entry.running is not None:
            return await asyncio.shield(entry.running) | {"repeated": True}
        if entry is not None and entry.result:
            stored: Result = orjson.loads(entry.result)
            if not again or stored["status"] == "FILLED":
                return stored | {"repeated": True}
        if entry is None:
            self._make_room()
            entry = self._entries[key] = Entry()
        self._entries.move_to_end(key)
        entry.running = asyncio.create_task(self._run(entry, work))
        return await asyncio.shield(entry.running)

    async def _run(self, entry: Entry, work: Callable[[Entry], Awaitable[Result]]) -> Result:
        self.in_flight += 1
        try:
            result = await work(entry)
            entry.result = orjson.dumps(result)
            entry.doubt_at = time.monotonic() if result["status"] == "UNKNOWN" and entry.sent else 0.0
            return result
        finally:
            entry.running = None
            self.in_flight -= 1

    def _make_room(self) -> None:
        if len(self._entries) < self._capacity:
            return
        for key, entry in self._entries.items():
            if entry.running is None:
                del self._entries[key]
                return
        raise ProtocolError("NODE_BUSY", 503, "This node is full of running orders; send again later.")

    async def drain(self, timeout_s: float) -> bool:
        """Wait for running orders; False if some are still running after `timeout_s`."""
        running = [entry.running for entry in self._entries.values() if entry.running is not None]
        if running:
            _, pending = await asyncio.wait(running, timeout=timeout_s)
            return not pending
        return True
