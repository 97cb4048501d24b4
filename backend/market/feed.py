"""Where the centre gets candles and prices: the simulated exchange's bulk feed, or a real exchange through ccxt."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

import httpx

from backend.clock import now_ms
from backend.errors import Unavailable
from backend.market.candles import BadMarketData, Bars
from backend.market.rules import INTERVAL_MS, bar_open_ms


@dataclass(frozen=True)
class MarketClock:
    """What the market's own clock says. On a live market ``market_ms`` is the wall clock."""

    market_ms: int
    mode: str = "live"
    speed: float = 1.0
    tick: int = 0
    interval_ms: int = 60_000
    done: bool = False


@dataclass(frozen=True)
class Prices:
    """Last price by canonical symbol (``BTC/USDT``) at one market time."""

    market_ms: int
    by_symbol: dict[str, Decimal]


class Feed(Protocol):
    """A source of market data."""

    async def bars(self, timeframe: str, since_ms: int | None, limit: int) -> Bars:
        """Closed bars after ``since_ms`` (exclusive), oldest first, at most ``limit``."""

    async def prices(self) -> Prices:
        """Last prices of all symbols."""

    async def clock(self) -> MarketClock:
        """The market's clock."""

    async def close(self) -> None:
        """Release connections."""


def canonical(symbol: str) -> str:
    """``BTCUSDT`` to ``BTC/USDT``; canonical names stay."""
    return symbol if "/" in symbol else f"{symbol.removesuffix('USDT')}/USDT"


class PaperFeed:
    """The bulk feed of the simulated exchange: all symbols in one request."""

    def __init__(self, base_url: str, token: str = "") -> None:
        self._client = httpx.AsyncClient(base_url=base_url, timeout=10.0, headers={"X-Paper-Token": token})

    async def _get(self, path: str, **params: Any) -> dict[str, Any]:
        try:
            response = await self._client.get(path, params={k: v for k, v in params.items() if v is not None})
        except httpx.HTTPError as error:
            raise Unavailable("The simulated exchange does not answer.") from error
        if response.status_code != 200:
            raise Unavailable(f"The simulated exchange answered HTTP {response.status_code}.")
        try:
            body = response.json()
        except ValueError as error:
            raise BadMarketData() from error
        if not isinstance(body, dict):
            raise BadMarketData()
        return body

    async def bars(self, timeframe: str, since_ms: int | None, limit: int) -> Bars:
        since = None if since_ms is None else since_ms + 1
        body = await self._get("/paper/bars", interval=timeframe, since_ms=since, limit=limit)
        bars = Bars.parse(body)
        return Bars(
            bars.interval_ms, tuple(map(canonical, bars.symbols)), bars.times_ms, bars.open, bars.high, bars.low,
            bars.close, bars.volume,
        )

    async def prices(self) -> Prices:
        body = await self._get("/paper/prices")
        return parse_prices(int(body["market_ms"]), body.get("prices"))

    async def clock(self) -> MarketClock:
        body = await self._get("/paper/clock")
        return _clock(body)

    async def step(self, ticks: int = 1) -> MarketClock:
        """Advance a stepped market."""
        response = await self._client.post("/paper/step", json={"ticks": ticks})
        if response.status_code != 200:
            raise Unavailable(f"The simulated exchange refused to step: HTTP {response.status_code}.")
        return _clock(response.json())

    async def close(self) -> None:
        await self._client.aclose()


def _clock(body: dict[str, Any]) -> MarketClock:
    return MarketClock(
        market_ms=int(body["market_ms"]),
        mode=str(body["mode"]),
        speed=float(body["speed"]),
        tick=int(body["tick"]),
        interval_ms=int(body["interval_ms"]),
        done=bool(body.get("done")),
    )


def parse_prices(market_ms: int, table: Any) -> Prices:
    """Prices from a source, each finite and positive; a bad one is left out, not guessed."""
    if not isinstance(table, dict):
        raise BadMarketData()
    found: dict[str, Decimal] = {}
    for symbol, value in table.items():
        try:
            price = Decimal(str(value))
        except InvalidOperation:
            continue
        if price.is_finite() and price > 0:
            found[canonical(str(symbol))] = price
    return Prices(market_ms, found)


class CcxtFeed:
    """A real exchange's public data through ccxt: one price request for all, candles per symbol with a bound."""

    def __init__(self, exchange_id: str, *, urls: dict[str, Any] | None = None, parallel: int = 8, top: int = 150):
        import ccxt.async_support as ccxt_async

        known = getattr(ccxt_async, exchange_id, None)
        if known is None:
            raise BadMarketData(f"ccxt knows no exchange '{exchange_id}'. Set IRONBULL_MARKET=exchange:<ccxt id>.")
        config: dict[str, Any] = {"enableRateLimit": True, "options": {"fetchCurrencies": False}}
        if urls:
            config["urls"] = {"api": urls}
        self._exchange = known(config)
        self._parallel = asyncio.Semaphore(parallel)
        self._top = top
        self._symbols: list[str] = []

    async def _watched(self) -> list[str]:
        if not self._symbols:
            await self._exchange.load_markets()
            names = [
                name
                for name, market in self._exchange.markets.items()
                if market.get("swap") and market.get("linear") and market.get("quote") == "USDT" and market.get("active")
            ]
            tickers = await self._exchange.fetch_tickers(names)
            names.sort(key=lambda name: -float((tickers.get(name) or {}).get("quoteVolume") or 0))
            self._symbols = names[: self._top]
        return self._symbols

    async def _candles(self, symbol: str, timeframe: str, since_ms: int | None, limit: int) -> list[list[float]]:
        async with self._parallel:
            rows: list[list[float]] = await self._exchange.fetch_ohlcv(symbol, timeframe, since_ms, limit)
            return rows

    async def bars(self, timeframe: str, since_ms: int | None, limit: int) -> Bars:
        import numpy as np

        interval_ms = INTERVAL_MS[timeframe]
        newest = bar_open_ms(now_ms(), interval_ms) - interval_ms
        if since_ms is not None and since_ms >= newest:
            return Bars(interval_ms, (), (), *(np.empty((0, 0)) for _ in range(5)))
        watched = await self._watched()
        start = since_ms + interval_ms if since_ms is not None else newest - (limit - 1) * interval_ms
        start = max(start, newest - (limit - 1) * interval_ms)
        times = range(start, newest + 1, interval_ms)
        index = {time_ms: row for row, time_ms in enumerate(times)}
        data = np.full((5, len(index), len(watched)), math.nan)
        tables = await asyncio.gather(*(self._candles(s, timeframe, start, len(index) + 1) for s in watched))
        for column, rows in enumerate(tables):
            for time_ms, *values in rows:
                # The forming bar is newer than `newest` and finds no row.
                row = index.get(bar_open_ms(int(time_ms), interval_ms))
                if row is not None and len(values) == 5:
                    data[:, row, column] = [math.nan if value is None else value for value in values]
        symbols = tuple(name.split(":")[0] for name in watched)
        return Bars(interval_ms, symbols, tuple(index), *data)

    async def prices(self) -> Prices:
        rows = await self._exchange.fetch_last_prices(await self._watched())
        return parse_prices(now_ms(), {name.split(":")[0]: row.get("price") for name, row in rows.items()})

    async def clock(self) -> MarketClock:
        return MarketClock(now_ms())

    async def close(self) -> None:
        await self._exchange.close()
