"""One gateway per venue and address: ccxt's transport shared by all accounts, limits, and belief in replies.

All accounts of a venue share one ccxt template: its markets, connection pool, TLS context and clock offset. A request
runs on a shallow copy of the template that carries the account's key (microseconds, against milliseconds and 0.2 MB
for an instance per account), so keys never meet and nothing of an account outlives its request.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import logging
import re
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import aiohttp
import certifi
import orjson

from .errors import Kind, Reaction, VenueError, bad_reply, classify, superseded
from .figures import Market, market_of, number
from .limits import Budget, Priority, Throttled
from .slim_ccxt import load_exchange, request_failures
from .venues import Venue

log = logging.getLogger("node_service")

MAY_OPEN: ContextVar[Callable[[], bool]] = ContextVar("may_open", default=lambda: True)
"""Whether who asked for an entry may still have it opened. Asked when the request is about to be signed: a process that was
paused on the way there may have been replaced by another, which sends the order itself."""
RECV_WINDOW_MS: Final = 5_000
"""A signed request that arrives later than this is refused by the venue."""

MARKETS_MAX_AGE_S: Final = 3600.0
MARKETS_MIN_AGE_S: Final = 60.0
_RATE_LIMITS: Final = re.compile(r'"rateLimits"\s*:\s*(\[[^\]]*\])')
_INTERVAL_S: Final = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400}

# Never log a request below this level: it contains the key.
logging.getLogger("ccxt").setLevel(logging.WARNING)


@dataclass(slots=True)
class AccountState:
    """What is remembered of an account between requests: no key, only its hash as the name in the cache."""

    per_10s: Budget
    per_minute: Budget
    hedge: bool | None = None
    hedge_read_at: float = 0.0
    prepared: dict[str, tuple[int | None, float]] = field(default_factory=dict)
    modes: dict[str, tuple[bool, float]] = field(default_factory=dict)  # hedge or not, by symbol or ""

    async def order_room(self, priority: Priority) -> None:
        """Wait until the account may send one order more; raises `VenueError` RATE_LIMITED."""
        await _room(self.per_10s, 1, priority, 5.0, "Too many orders on this account right now; nothing was sent.")
        await _room(self.per_minute, 1, priority, 5.0, "Too many orders on this account right now; nothing was sent.")


class Gateway:
    """Requests to one venue at one address. Use inside one event loop; close it at the end."""

    def __init__(
        self,
        venue: Venue,
        *,
        sandbox: bool,
        base_url: str,
        session: aiohttp.ClientSession,
        tls: ssl.SSLContext,
    ) -> None:
        self.venue = venue
        self.base_url = base_url
        self.weight = Budget(venue.weight_per_minute, 60.0)
        self.orders_per_10s = venue.orders_per_10s
        self.orders_per_minute = venue.orders_per_minute
        self.order_timeout_s = 10.0
        self.latency_ms = 0.0
        self.last_error = ""
        self._template = _make_template(venue, sandbox=sandbox, base_url=base_url, session=session, tls=tls)
        self._failures = request_failures()
        self._markets: dict[str, Market] = {}
        self._by_venue_id: dict[str, Market] = {}
        self._markets_at = 0.0
        self._loading = asyncio.Lock()
        self._resyncing = asyncio.Lock()

    async def market(self, symbol: str) -> Market:
        """The rules of a canonical symbol; raises `VenueError` UNKNOWN_SYMBOL. Loads and refreshes them as needed."""
        age = time.monotonic() - self._markets_at
        if not self._markets or age > MARKETS_MAX_AGE_S or (symbol not in self._markets and age > MARKETS_MIN_AGE_S):
            await self._load_markets(symbol)
        found = self._markets.get(symbol)
        if found is None:
            raise VenueError(
                Reaction.FIX_INPUT,
                "UNKNOWN_SYMBOL",
                f"{symbol} is not traded as a perpetual on {self.venue.code}.",
            )
        return found

    def market_by_id(self, venue_id: str) -> Market | None:
        """The rules of the symbol that the venue calls `venue_id`, or None; call after `load`."""
        return self._by_venue_id.get(venue_id)

    @property
    def all_markets(self) -> list[Market]:
        """The rules of every symbol; call after `load`."""
        return list(self._markets.values())

    async def last_price(self, symbol: str) -> Decimal:
        """What a canonical symbol was last traded at; raises `VenueError`."""
        market = await self.market(symbol)
        client = copy.copy(self._template)
        await self._room(2, Priority.READ, 5.0)
        try:
            reply = await client.fetch_ticker(market.ccxt_symbol)
        except self._failures as error:
            raise self._failed(client, error, Kind.READ) from None
        return number(reply.get("last"), "the last price", Kind.READ, positive=True)

    async def load(self) -> None:
        """Load the symbols, and with them the venue's limits and clock, unless that was done before."""
        if not self._markets:
            await self._load_markets("")

    async def _load_markets(self, wanted: str) -> None:
        async with self._loading:
            age = time.monotonic() - self._markets_at
            if self._markets and age < MARKETS_MIN_AGE_S:
                return
            try:
                raw = await self._public_markets()
            except VenueError:
                if wanted in self._markets:  # old rules serve; a close must not wait for a list of symbols
                    self._markets_at = time.monotonic() - MARKETS_MAX_AGE_S + MARKETS_MIN_AGE_S
                    return
                raise
            rows = (market_of(row, self.venue.settle, self.venue.id_field) for row in raw.values())
            self._markets = {row.symbol: row for row in rows if row is not None}
            self._by_venue_id = {row.venue_id: row for row in self._markets.values()}
            self._markets_at = time.monotonic()

    async def _public_markets(self) -> Mapping[str, Any]:
        loader = copy.copy(self._template)
        await self._room(10, Priority.READ, 10.0)
        try:
            markets: Mapping[str, Any] = await loader.load_markets(True)
        except self._failures as error:
            raise self._failed(loader, error, Kind.READ) from None
        if not markets:
            raise bad_reply(Kind.READ, "the list of symbols is empty")
        self._take_over_limits(loader.ib_rate_limits)
        for name in ("markets", "markets_by_id", "symbols", "ids", "currencies", "currencies_by_id", "codes"):
            setattr(self._template, name, getattr(loader, name))
        return markets

    def _take_over_limits(self, text: str) -> None:
        for row in orjson.loads(text) if text else []:
            window_s = _INTERVAL_S.get(row.get("interval"), 60) * int(row.get("intervalNum", 1))
            if row.get("rateLimitType") == "REQUEST_WEIGHT":
                self.weight.resize(int(row["limit"]), window_s)
            elif row.get("rateLimitType") == "ORDERS" and window_s == 10:
                self.orders_per_10s = int(row["limit"])
            elif row.get("rateLimitType") == "ORDERS" and window_s == 60:
                self.orders_per_minute = int(row["limit"])

    async def call(
        self,
        endpoint: str,
        params: Any,
        *,
        key: tuple[str, str, str],
        kind: Kind,
        weight: int,
        priority: Priority,
        timeout_s: float = 10.0,
    ) -> Any:
        """One signed request through ccxt's method `endpoint`; the raw decoded reply.

        `params` are a dict or list, or a function that makes them on the client that holds the key.

        Reads are repeated up to three times while that can help; writes never, except after -1021 (the venue checks
        the time before anything else, so a request refused with it was not executed). Raises `VenueError`.
        """
        await self.load()
        tries = 3 if kind is Kind.READ else 1
        resynced = False
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._once(
                    endpoint, params, key=key, kind=kind, weight=weight, priority=priority, timeout_s=timeout_s
                )
            except VenueError as error:
                if error.error_code == "CLOCK_SKEW" and not resynced:
                    resynced = True
                    await self._resync_clock()
                    continue
                again = error.reaction in (Reaction.RETRY_READ, Reaction.RETRY_AFTER) and kind is Kind.READ
                if not again or attempt >= tries or error.retry_after_s > 1.0:
                    raise
                await asyncio.sleep(0.15 * 3 ** (attempt - 1))

    async def _once(
        self,
        endpoint: str,
        params: Any,
        *,
        key: tuple[str, str, str],
        kind: Kind,
        weight: int,
        priority: Priority,
        timeout_s: float,
    ) -> Any:
        await self._room(weight, priority, min(timeout_s, 5.0))
        if kind is Kind.WRITE and priority is Priority.OPEN and not MAY_OPEN.get()():
            raise superseded()
        client = copy.copy(self._template)
        for name, part in zip(self.venue.key_fields, key, strict=False):
            setattr(client, name, part)
        client.timeout = int(timeout_s * 1000)
        started = time.monotonic()
        try:
            reply = await getattr(client, endpoint)(params(client) if callable(params) else params)
        except self._failures as error:
            raise self._failed(client, error, kind) from None
        elapsed_ms = (time.monotonic() - started) * 1000
        self.latency_ms = elapsed_ms if not self.latency_ms else 0.9 * self.latency_ms + 0.1 * elapsed_ms
        self._observe(client)
        return reply

    async def _room(self, weight: int, priority: Priority, timeout_s: float) -> None:
        await _room(
            self.weight, weight, priority, timeout_s, "Too many requests to the exchange right now; nothing was sent."
        )

    def _failed(self, client: Any, error: Exception, kind: Kind) -> VenueError:
        headers = client.ib_headers
        wait = _seconds(headers.get("Retry-After"))
        found = classify(
            error,
            kind,
            http_status=client.ib_status,
            retry_after_s=wait,
            codes=self.venue.errors,
            unsure=self.venue.unsure,
        )
        self._observe(client)
        if found.error_code in ("RATE_LIMITED", "BLOCKED") and found.venue_code != -1015:
            self.weight.pause(found.retry_after_s or 5.0)
        self.last_error = found.error_code
        return found

    def _observe(self, client: Any) -> None:
        for name, value in client.ib_headers.items():
            if name.lower() == "x-mbx-used-weight-1m" and value.isdigit():
                self.weight.observe(int(value))

    async def _resync_clock(self) -> None:
        async with self._resyncing:
            try:
                await copy.copy(self._template).load_time_difference()  # writes into the shared options
            except self._failures as error:
                raise self._failed(self._template, error, Kind.READ) from None

    def parser(self) -> Any:
        """A ccxt instance without any key, for its pure parsing and rounding functions."""
        return self._template


class Gateways:
    """All gateways and account states of this process, over one connection pool."""

    def __init__(self, *, accounts: int = 5_000, connections: int = 200) -> None:
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._tls: ssl.SSLContext | None = None
        self._by_address: dict[tuple[str, bool, str], Gateway] = {}
        self._states: OrderedDict[str, AccountState] = OrderedDict()
        self._max_accounts = accounts

    @property
    def open_gateways(self) -> list[Gateway]:
        """The gateways used so far."""
        return list(self._by_address.values())

    def gateway(self, venue: Venue, *, sandbox: bool, base_url: str) -> Gateway:
        """The gateway of a venue at an address, made at first use. Must run inside the event loop."""
        address = (venue.code, sandbox and not base_url, base_url)
        found = self._by_address.get(address)
        if found is None:
            if self._session is None or self._tls is None:
                self._tls = ssl.create_default_context(cafile=certifi.where())
                connector = aiohttp.TCPConnector(ssl=self._tls, limit=self._connections, keepalive_timeout=55)
                self._session = aiohttp.ClientSession(connector=connector)
            found = Gateway(venue, sandbox=sandbox, base_url=base_url, session=self._session, tls=self._tls)
            self._by_address[address] = found
        return found

    def state(self, gateway: Gateway, api_key: str) -> AccountState:
        """The remembered state of the account behind `api_key` on `gateway`."""
        name = hashlib.sha256(f"{gateway.venue.code}\n{gateway.base_url}\n{api_key}".encode()).hexdigest()[:32]
        found = self._states.get(name)
        if found is None:
            found = AccountState(Budget(gateway.orders_per_10s, 10.0), Budget(gateway.orders_per_minute, 60.0))
            self._states[name] = found
            if len(self._states) > self._max_accounts:
                self._states.popitem(last=False)
        self._states.move_to_end(name)
        return found

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        self._by_address.clear()


async def _room(budget: Budget, cost: int, priority: Priority, timeout_s: float, sentence: str) -> None:
    try:
        await budget.take(cost, priority, timeout_s)
    except Throttled as full:
        raise VenueError(Reaction.RETRY_AFTER, "RATE_LIMITED", sentence, retry_after_s=full.retry_after_s) from None


def _seconds(value: str | None) -> float:
    return float(value) if value and value.isdigit() else 0.0


def _make_template(
    venue: Venue, *, sandbox: bool, base_url: str, session: aiohttp.ClientSession, tls: ssl.SSLContext
) -> Any:
    parent = load_exchange(venue.ccxt_id)

    def on_rest_response(  # noqa: PLR0917 - ccxt's own signature
        self: Any, code: int, reason: str, url: str, method: str, headers: Any, body: str, *rest: Any
    ) -> Any:
        self.ib_status, self.ib_headers = code, headers
        if code == 200 and "/exchangeInfo" in url:
            found = _RATE_LIMITS.search(body)
            self.ib_rate_limits = found.group(1) if found else ""
        return parent.on_rest_response(self, code, reason, url, method, headers, body, *rest)

    shared = type(
        f"Shared{parent.__name__}",
        (parent,),
        {
            "on_rest_response": on_rest_response,
            "ib_status": None,
            "ib_headers": {},
            "ib_rate_limits": "",
            "__del__": lambda self: None,  # copies come and go; the session belongs to Gateways
        },
    )
    config: dict[str, Any] = {
        "enableRateLimit": False,
        "timeout": 10_000,
        "session": session,
        "ssl_context": tls,
        "options": {
            "fetchCurrencies": False,
            "adjustForTimeDifference": True,
            "defaultType": "swap",
            "recvWindow": RECV_WINDOW_MS,
            **venue.ccxt_options,
        },
    }
    template = shared(config)
    template.options["maxRetriesOnFailure"] = 0  # a write is sent once
    template.has["fetchCurrencies"] = False  # coins are not traded here, and the list is long
    if base_url:
        template.urls["api"] = _moved(template.urls["api"], base_url)
    elif sandbox and "demo" in template.urls:
        demo = template.urls["demo"]
        template.urls["api"] = {**_moved(template.urls["api"], "https://demo-api.invalid"), **demo}
    elif sandbox:
        template.set_sandbox_mode(True)
    template.open()
    return template


def _moved(urls: Any, base: str) -> Any:
    """The same addresses on another host: every one of them, so that no key can leave for the real venue."""
    if isinstance(urls, dict):
        return {name: _moved(value, base) for name, value in urls.items()}
    if urls.startswith("ws"):
        return re.sub(r"^wss?://[^/]+", "ws" + base.removeprefix("http"), urls)
    return re.sub(r"^https?://[^/]+", base, urls)
