"""One simulated exchange: market clock, book and store put together, with start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator
from typing import Any

import orjson

from backend.market.rules import TICKS_PER_BAR
from backend.paper_exchange.book import Book, Changes
from backend.paper_exchange.config import CLOCK_MODES, PaperConfig, PaperConfigError
from backend.paper_exchange.desk import cancel
from backend.paper_exchange.errors import refuse
from backend.paper_exchange.faults import Faults
from backend.paper_exchange.prices import Prices
from backend.paper_exchange.sources import make_source
from backend.paper_exchange.store import Store
from backend.paper_exchange.ticks import on_tick

log = logging.getLogger(__name__)

# A clock that fell behind (a blocked process) goes on from now instead of racing through the missed ticks.
MAX_LAG_S = 2.0


def wall_ms() -> int:
    """UTC epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Exchange:
    """The service behind the routes. Use ``async with exchange.running():``."""

    book: Book
    prices: Prices
    store: Store

    def __init__(self, config: PaperConfig) -> None:
        self.config = config
        self.source = make_source(config)
        self.faults = Faults()
        self.control_token = config.control_token or secrets.token_urlsafe(24)
        self.mode = config.mode
        self.speed = config.speed
        self.started = False
        self.ticks_done = 0
        self._clock_task: asyncio.Task[None] | None = None
        self._clock_changed = asyncio.Event()
        self._step_lock = asyncio.Lock()
        self._weight_minute = 0
        self._weight: dict[str, int] = {}
        self._orders_minute: dict[int, int] = {}

    # --- life -------------------------------------------------------------------------------------
    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Exchange]:
        """Starts the exchange and stops it at the end; may be entered again afterwards."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def start(self) -> None:
        """Opens store and market where they were left, and lets the clock run."""
        if self.started:
            return
        self.store = Store(self.config.db_path)
        self._check_market()
        saved = self.store.meta("clock")
        await self.source.open(orjson.loads(saved) if saved else None, self.store.blocks())
        self.prices = Prices(self.source)
        self.reload()
        self._commit(Changes(), clock=True)
        self.started = True
        self._clock_task = asyncio.create_task(self._run_clock(), name="paper-exchange-clock")

    async def stop(self) -> None:
        """Stops the clock and closes the file."""
        if not self.started:
            return
        self.started = False
        if self._clock_task is not None:
            self._clock_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._clock_task
            self._clock_task = None
        await self.source.close()
        self.store.close()

    def _check_market(self) -> None:
        """A database belongs to one market: its positions make no sense in another."""
        mine = orjson.dumps({"source": self.config.source, "seed": self.config.seed}).decode()
        known = self.store.meta("market")
        if known is None:
            self.store.set_meta("market", mine)
        elif known != mine:
            self.store.close()
            raise PaperConfigError(
                f"{self.config.db_path} was made for the market {known}, not for {mine}; "
                "use another database file or the same source and seed"
            )

    def reload(self) -> None:
        """Makes the live state what the file says, forgetting unwritten changes."""
        self.book = Book(self.config, self.source.specs, self.prices, wall_ms)
        self.book.client_id_used = self.store.client_id_used
        self.store.load_into(self.book)

    # --- writing ----------------------------------------------------------------------------------
    def flush(self) -> None:
        """Writes what a request changed; to be called before its reply.

        When the file cannot be written the live state goes back to what the file says and the request is
        answered -1001.
        """
        changes = self.book.changes
        if changes:
            self._commit(changes)

    def _commit(self, changes: Changes, clock: bool = False) -> None:
        state = orjson.dumps(self.source.state()).decode() if clock else None
        blocks = self.source.take_snapshots() if clock else None
        try:
            self.store.commit(changes, state, blocks)
        except sqlite3.Error:
            log.exception("paper exchange could not write its database; state reloaded")
            self.reload()
            raise refuse(-1001) from None
        if self.started:
            self.book.changes = Changes()

    # --- clock ------------------------------------------------------------------------------------
    async def step(self, ticks: int) -> int:
        """Advances the market; returns how many ticks it went (fewer when the market ended)."""
        async with self._step_lock:
            for done in range(ticks):
                if not await self._tick():
                    return done
                if done % 50 == 49:
                    await asyncio.sleep(0)
        return ticks

    async def _tick(self) -> bool:
        before = self.source.market_ms()
        if not await self.source.advance():
            return False
        self.prices.refresh()
        self.check_countdowns()
        on_tick(self.book, before)
        self._commit(self.book.changes, clock=True)
        self.ticks_done += 1
        return True

    def check_countdowns(self) -> None:
        """Cancels the orders of accounts whose dead-man switch ran out."""
        if not self.book.countdowns:
            return
        now = wall_ms()
        for (account_id, symbol), deadline in list(self.book.countdowns.items()):
            if deadline <= now:
                del self.book.countdowns[account_id, symbol]
                orders = self.book.accounts[account_id].orders.values()
                for order in [o for o in orders if o.symbol == symbol]:
                    cancel(self.book, order)

    def tick_seconds(self) -> float:
        """Wall seconds between two ticks."""
        poll_s = getattr(self.source, "poll_s", None)
        if poll_s is not None:
            return float(poll_s)
        return self.source.interval_ms / TICKS_PER_BAR / 1000 / self.speed

    async def _run_clock(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self.tick_seconds()
        while True:
            if self.mode != "running" or self.source.place().done:
                self._clock_changed.clear()
                await self._clock_changed.wait()
                due = loop.time() + self.tick_seconds()
                continue
            self._clock_changed.clear()
            wait = due - loop.time()
            if wait > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._clock_changed.wait(), wait)
                    due = loop.time() + self.tick_seconds()
                    continue
            else:
                await asyncio.sleep(0)
            try:
                await self.step(1)
            except Exception:  # the edge of the clock loop: a failed tick must not stop the market for good
                log.exception("paper exchange tick failed")
                await asyncio.sleep(0.5)
            due = max(due + self.tick_seconds(), loop.time() - MAX_LAG_S)

    def set_clock(self, mode: str | None, speed: float | None) -> None:
        """Changes mode and speed (ValueError when they make no sense)."""
        if mode is not None and mode not in CLOCK_MODES:
            raise ValueError(f"mode must be one of {', '.join(CLOCK_MODES)}")
        if speed is not None and not 0 < speed <= 1e7:
            raise ValueError("speed must be above 0 and at most 10000000")
        self.mode = mode or self.mode
        self.speed = speed or self.speed
        self._clock_changed.set()

    def clock(self) -> dict[str, Any]:
        """The clock as the control route tells it."""
        place = self.source.place()
        return {
            "mode": self.mode,
            "speed": self.speed,
            "market_ms": self.source.market_ms(),
            "wall_ms": wall_ms(),
            "interval_ms": self.source.interval_ms,
            "bar_open_ms": place.bar_open_ms,
            "tick": place.tick,
            "done": place.done,
        }

    # --- weights ----------------------------------------------------------------------------------
    def use_weight(self, address: str, weight: int) -> int:
        """Adds to the weight an address used this minute; -1003 above the limit, when one is set."""
        self._roll_minute()
        used = self._weight.get(address, 0) + weight
        self._weight[address] = used
        limit = self.config.weight_limit_1m
        if limit and used > limit:
            error = refuse(-1003, limit)
            error.retry_after_s = 60 - int(time.time()) % 60
            raise error
        return used

    def count_order(self, account_id: int, count: int = 1) -> int:
        """Orders an account sent this minute."""
        self._roll_minute()
        self._orders_minute[account_id] = self._orders_minute.get(account_id, 0) + count
        return self._orders_minute[account_id]

    def _roll_minute(self) -> None:
        minute = int(time.time() // 60)
        if minute != self._weight_minute:
            self._weight_minute = minute
            self._weight.clear()
            self._orders_minute.clear()
