"""Executes requests of the centre: wire dicts in, wire dicts out. Used in-process and by the HTTP service.

An order is sent at most once. Whatever leaves a doubt after sending is UNKNOWN, and the centre asks later by client
id. Accounts run side by side, the orders of one account in the order given. An entry gets its protective stop right
after the fill; if the stop cannot be placed the position is closed at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from . import __version__
from .accounts import Accounts
from .errors import SUPERSEDED, Kind, Reaction, VenueError, bad_reply
from .exchange import MAY_OPEN
from .figures import Market, plain
from .following import find, follow, send
from .lookups import cancel_one, cancel_orders, place_one, query_one
from .messages import (
    AccountRef,
    OrderQuery,
    OrderTask,
    StopTask,
    account_tasks,
    parse_close,
    parse_execute,
    parse_queries,
    parse_stop,
)
from .orders import Adapter, OrderFact, StopFact
from .protocol import NodeKey, ProtocolError, now_ms
from .reader import Reader
from .results import Outcome, quiet, too_early
from .sizing import sized
from .slim_ccxt import load_exchange
from .taken import Entry, TakenIds
from .venues import venue_of

log = logging.getLogger("node_service")

Wire = dict[str, Any]
INCOMES_AT_ONCE: Final = 1000
ENTRY_S: Final = 20.0  # an entry that did not leave so long after it came is not sent: the centre will not wait for it much longer
# The doors of a node, and the method behind each.
ROUTES: Final = {
    "/api/execute": "execute",
    "/api/query-orders": "query_orders",
    "/api/cancel-orders": "cancel_orders",
    "/api/cancel-conditionals": "cancel_conditionals",
    "/api/place-stop": "place_stop",
    "/api/close-position": "close_position",
    "/api/sync-balance": "sync_balance",
    "/api/sync-positions": "sync_positions",
    "/api/sync-trades": "sync_trades",
    "/api/sync-incomes": "sync_incomes",
    "/api/check-key": "check_key",
}
_DEFAULT_SYMBOLS: Final = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]


class Executor:
    """One per process and event loop. `close()` it at the end.

    `allow_venue_url` decides whether tasks may name another venue address (`base_url`, for the simulated exchange); those in `venues` are always taken;
    without it such a task is refused, never sent to the real venue. `key` opens sealed credentials.
    """

    def __init__(
        self,
        *,
        node_code: str = "local",
        allow_venue_url: bool = False,
        venues: frozenset[str] = frozenset(),
        key: NodeKey | None = None,
        concurrency: int = 64,
        remembered_orders: int = 10_000,
    ) -> None:
        self.last_error = ""
        self._accounts = Accounts(node_code=node_code, allow_venue_url=allow_venue_url, venues=venues, key=key)
        self._taken = TakenIds(remembered_orders)
        self._calm = asyncio.Semaphore(concurrency)  # entries and reads
        self._urgent = asyncio.Semaphore(concurrency)  # closes and stops never wait behind entries

    # --- requests -------------------------------------------------------------------------------------------------

    async def execute(self, request: Wire) -> Wire:
        """`POST /api/execute`: {success, results: [one per task, in order]}. Raises `ProtocolError` on bad input."""
        tasks = parse_execute(request)
        by_account: dict[int, list[int]] = {}
        for index, task in enumerate(tasks):
            by_account.setdefault(task.account.account_id, []).append(index)
        results: list[Wire | None] = [None] * len(tasks)

        async def run(indexes: list[int]) -> None:
            for index in indexes:
                results[index] = await self._order(tasks[index])

        await asyncio.gather(*(run(indexes) for indexes in by_account.values()))
        return {"success": True, "results": results}

    async def close_position(self, request: Wire) -> Wire:
        """`POST /api/close-position`: a flat body, one closing market order."""
        task = parse_close(request)
        result = await self._order(task)
        return result | {"trigger_type": request.get("trigger_type")}

    async def query_orders(self, request: Wire) -> Wire:
        """`POST /api/query-orders`: what the venue says about client ids; `found` is null when it could not be asked."""
        parsed = [(account, parse_queries(task)) for account, task in account_tasks(request)]

        async def ask(account: AccountRef, queries: list[OrderQuery]) -> Wire:
            async with self._calm:
                orders = [await query_one(self._accounts, self._taken, account, query) for query in queries]
            return {"account_id": account.account_id, "success": True, "orders": orders, "error": None}

        results = await asyncio.gather(*(ask(account, queries) for account, queries in parsed))
        return {"success": True, "results": list(results)}

    async def place_stop(self, request: Wire) -> Wire:
        """`POST /api/place-stop`: one live protective stop per task, placed if it is not there yet."""
        stops = [parse_stop(account, task) for account, task in account_tasks(request)]

        async def place(stop: StopTask) -> Wire:
            async with self._urgent:
                return await place_one(self._accounts, stop)

        return {"success": True, "results": list(await asyncio.gather(*map(place, stops)))}

    async def cancel_orders(self, request: Wire) -> Wire:
        """`POST /api/cancel-orders`: resting orders by client id; what was filled before is asked for by query."""
        parsed = [(account, parse_queries(task)) for account, task in account_tasks(request)]

        async def cancel(account: AccountRef, queries: list[OrderQuery]) -> Wire:
            async with self._urgent:
                return await cancel_orders(self._accounts, account, queries)

        return {"success": True, "results": list(await asyncio.gather(*(cancel(*one) for one in parsed)))}

    async def cancel_conditionals(self, request: Wire) -> Wire:
        """`POST /api/cancel-conditionals`: stops and take-profits only, by client id or all of each symbol."""
        root = Reader(request, "")

        async def cancel(account: AccountRef, symbols: list[str], ids: list[str]) -> Wire:
            async with self._urgent:
                return await cancel_one(self._accounts, account, symbols, ids)

        shared = root.symbols("symbols", []) if root.has("symbols") else []
        jobs = []
        for account, task in account_tasks(request):
            symbols = task.symbols("symbols", shared)
            if not symbols:
                raise ProtocolError("FIELD_MISSING", 422, f"{task.name('symbols')} is required.")
            jobs.append(cancel(account, symbols, task.texts("client_order_ids", [])))
        return {"success": True, "results": list(await asyncio.gather(*jobs))}

    async def sync_balance(self, request: Wire) -> Wire:
        """`POST /api/sync-balance`: the USDT futures balance per account."""

        async def read(adapter: Adapter, _task: Reader, _account: AccountRef) -> Wire:
            return (await adapter.balance()).wire()

        return await self._sync(request, read)

    async def sync_positions(self, request: Wire) -> Wire:
        """`POST /api/sync-positions`: every open position per account."""

        async def read(adapter: Adapter, _task: Reader, _account: AccountRef) -> Wire:
            return {"positions": [position.wire() for position in await adapter.positions()]}

        return await self._sync(request, read)

    async def sync_trades(self, request: Wire) -> Wire:
        """`POST /api/sync-trades`: recent executions per account, at most 100 per symbol."""
        root = Reader(request, "")
        symbols = root.symbols("symbols", []) or _DEFAULT_SYMBOLS
        since_ms = root.integer("since_ms", None)

        async def read(adapter: Adapter, task: Reader, account: AccountRef) -> Wire:
            trades: list[Wire] = []
            for symbol in task.symbols("symbols", symbols):
                market = await self._accounts.market(account, symbol)
                for trade in await adapter.recent_trades(market, task.integer("since_ms", since_ms)):
                    row = trade.wire() | {"symbol": symbol, "cost": plain(trade.price * trade.quantity)}
                    trades.append(row | {"timestamp": trade.time_ms})
            return {"trades": trades}

        return await self._sync(request, read)

    async def sync_incomes(self, request: Wire) -> Wire:
        """`POST /api/sync-incomes`: the venue's income record per account since each task's `since_ms`, oldest first."""

        async def read(adapter: Adapter, task: Reader, _account: AccountRef) -> Wire:
            rows = await adapter.incomes(task.integer("since_ms", 0) or 0, INCOMES_AT_ONCE)
            return {"incomes": [row.wire() for row in rows], "more": len(rows) == INCOMES_AT_ONCE}

        return await self._sync(request, read)

    async def check_key(self, request: Wire) -> Wire:
        """`POST /api/check-key`: what the venue says a key may do and how the account is set. Trades nothing."""

        async def read(adapter: Adapter, _task: Reader, _account: AccountRef) -> Wire:
            return {"facts": await adapter.key_facts()}

        return await self._sync(request, read)

    # --- state ----------------------------------------------------------------------------------------------------

    @property
    def public_key(self) -> str | None:
        """The key credentials can be sealed for, if this executor opens sealed ones."""
        key = self._accounts.key
        return None if key is None else key.public_key

    @property
    def in_flight(self) -> int:
        """Orders being worked on now."""
        return self._taken.in_flight

    def report(self) -> Wire:
        """What the heartbeat and `/health` say about the load."""
        slowest = max((gateway.latency_ms for gateway in self._accounts.gateways.open_gateways), default=0.0)
        return {
            "version": __version__,
            "accounts": len(self._accounts.seen),
            "inflight": self.in_flight,
            "last_error": self.last_error or None,
            "exchange_latency_ms": round(slowest, 1),
        }

    async def warm_up(self, exchange: str = "binance", *, sandbox: bool = True, base_url: str = "") -> None:
        """Import the exchange library and load the symbols now, so that the first order does not wait for it.

        The import takes a second of CPU and runs in a thread. Raises `ProtocolError` or `VenueError`.
        """
        venue = venue_of(exchange)
        await asyncio.to_thread(load_exchange, venue.ccxt_id)
        account = AccountRef(0, 0, 0, venue, sandbox, base_url.rstrip("/"), "", "", "", "")
        await self._accounts.gateway(account).load()

    async def close(self, drain_s: float = 20.0) -> None:
        """Let running orders end, then close the connections."""
        if not await self._taken.drain(drain_s):
            log.error("stopping with %d orders still running; they are UNKNOWN to the centre", self.in_flight)
        await self._accounts.gateways.close()

    # --- one order ------------------------------------------------------------------------------------------------

    async def _order(self, task: OrderTask) -> Wire:
        async def work(entry: Entry) -> Wire:
            async with self._calm if task.is_entry else self._urgent:
                outcome = Outcome(task)
                try:
                    await self._run(task, entry, outcome)
                except VenueError as error:
                    outcome.failed(error, "UNKNOWN" if error.error_code == SUPERSEDED else "REJECTED")
                except ProtocolError as error:
                    outcome.failed(error, "EXPIRED" if error.code == "EXPIRED" else "REJECTED")
                except Exception as error:  # the edge of one order: the others go on
                    log.exception("order %s failed inside", task.client_order_id, exc_info=quiet(error))
                    doubt = bad_reply(Kind.WRITE, "the node failed while working on it")
                    outcome.failed(doubt, "UNKNOWN" if entry.sent else "REJECTED")
                outcome.sent = entry.sent
                if outcome.error_code:
                    self.last_error = outcome.error_code
                    log.warning(
                        "order %s account %s: %s %s",
                        task.client_order_id, task.account.account_id, outcome.status, outcome.error_code,
                    )  # fmt: skip
                return outcome.wire()

        account_id = task.account.account_id
        try:
            return await self._taken.once(account_id, task.client_order_id, again=task.lookup, work=work)
        except ProtocolError as busy:
            return Outcome(task).failed(busy).wire()

    async def _run(self, task: OrderTask, entry: Entry, outcome: Outcome) -> None:
        """Look up if asked, check, send once, follow up. Fills in `outcome`; raises only before sending."""
        arrived_s = time.monotonic()
        adapter = self._accounts.adapter(task.account)
        market = await self._accounts.market(task.account, task.symbol)
        if task.lookup:
            found = await self._known(adapter, market, task, outcome)
            if found is not None:
                entry.sent = True
                await follow(adapter, market, task, found, outcome)
                return
            if outcome.status == "UNKNOWN":
                return
            if entry.in_doubt:
                outcome.failed(too_early(), "UNKNOWN")
                return
        _check_fresh(task)
        order = sized(market, task)
        if task.is_entry:
            await adapter.prepare(market, task.leverage, task.trade_type == "ADD")
            _check_fresh(task)
            MAY_OPEN.set(_still_wanted(task, MAY_OPEN.get(), arrived_s))
        entry.sent = True
        try:
            fact = await send(adapter, market, task, order)
        except VenueError as error:
            if error.reaction is Reaction.UNKNOWN_OUTCOME:
                outcome.failed(error, "UNKNOWN")
                return
            entry.sent = False  # proven not executed
            if error.error_code != "DUPLICATE_CLIENT_ID":
                raise
            entry.sent = True  # our id rests at the venue: some earlier process sent it
            existing = await self._known(adapter, market, task, outcome)
            if existing is None:
                outcome.failed(error, "UNKNOWN")
                return
            fact = existing
        await follow(adapter, market, task, fact, outcome)

    async def _known(self, adapter: Adapter, market: Market, task: OrderTask, outcome: Outcome) -> OrderFact | StopFact | None:
        """The order if the venue has it; on failure to ask, `outcome` becomes UNKNOWN."""
        try:
            return await find(adapter, market, task)
        except VenueError as error:
            outcome.failed(error, "UNKNOWN")
            return None

    async def _sync(self, request: Wire, read: Callable[[Adapter, Reader, AccountRef], Awaitable[Wire]]) -> Wire:
        async def one(account: AccountRef, task: Reader) -> Wire:
            base: Wire = {"account_id": account.account_id, "tenant_id": account.tenant_id, "success": False}
            try:
                async with self._calm:
                    return base | {
                        "success": True,
                        "error": None,
                        **await read(self._accounts.adapter(account), task, account),
                    }
            except VenueError as error:
                return base | {
                    "error_code": error.error_code,
                    "error": error.sentence,
                    "reaction": str(error.reaction),
                }
            except ProtocolError as error:
                return base | {"error_code": error.code, "error": error.message}

        tasks = account_tasks(request)
        return {"success": True, "results": list(await asyncio.gather(*(one(*item) for item in tasks)))}


def _still_wanted(task: OrderTask, still: Callable[[], bool], arrived_s: float) -> Callable[[], bool]:
    """Asked at the last moment, after any wait for room at the venue: also a process that was stopped in between sends nothing late."""

    def check() -> bool:
        fresh = task.expires_at_ms is None or now_ms() <= task.expires_at_ms
        return fresh and time.monotonic() - arrived_s < ENTRY_S and still()

    return check


def _check_fresh(task: OrderTask) -> None:
    if task.expires_at_ms is not None and task.is_entry and now_ms() > task.expires_at_ms:
        raise ProtocolError("EXPIRED", 409, "The signal was too old to be traded.")
