"""Live public prices of a real exchange, polled through ccxt; only the fills are simulated."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import ccxt.async_support as ccxt_async
import numpy as np
from ccxt.base.decimal_to_precision import TICK_SIZE
from ccxt.base.errors import BaseError
from numpy.typing import NDArray

from backend.market.rules import INTERVAL_MS, TICKS_PER_BAR, bar_open_ms
from backend.paper_exchange.config import PaperConfig, PaperConfigError
from backend.paper_exchange.sources.base import Candles, Floats, Place
from backend.paper_exchange.symbols import SymbolSpec, make_spec

log = logging.getLogger(__name__)

REFRESH_DAY_S = 60.0
REFRESH_FUNDING_S = 300.0
MAX_FETCH = 1000
DEFAULT_FUNDING = Decimal("0.0001")


def urls_at(urls: Any, base_url: str) -> Any:
    """ccxt's URL table with every host replaced."""
    if isinstance(urls, dict):
        return {key: urls_at(value, base_url) for key, value in urls.items()}
    return re.sub(r"^(https?|wss?)://[^/]+", base_url.rstrip("/"), urls) if isinstance(urls, str) else urls


class LiveSource:
    """Prices of one exchange's USDT perpetuals. Between two polls the price is taken to jump."""

    continuous = False

    def __init__(self, config: PaperConfig, exchange_id: str) -> None:
        if exchange_id not in ccxt_async.exchanges:
            raise PaperConfigError(f"source exchange:{exchange_id}: ccxt knows no such exchange")
        self._config = config
        self._id = exchange_id
        self._client: Any = None
        self.interval_ms = INTERVAL_MS[config.live_interval]
        self.poll_s = config.poll_ms / 1000
        self.symbols: tuple[str, ...] = ()
        self.specs: dict[str, SymbolSpec] = {}
        self.prices: Floats = np.zeros(0)
        self.previous: Floats = np.zeros(0)
        self._venue: dict[str, str] = {}
        self._index: dict[str, int] = {}
        self._day: tuple[Floats, Floats, Floats, Floats, Floats] = (np.zeros(0),) * 5
        self._funding: dict[str, Decimal] = {}
        self._now_ms = 0
        self._day_due = self._funding_due = 0.0
        self._series: dict[tuple[str, int], NDArray[np.float64]] = {}
        self._gate = asyncio.Semaphore(8)

    async def open(self, saved: Mapping[str, Any] | None, snapshots: Mapping[int, bytes]) -> None:
        """Loads the contracts and first prices."""
        options: dict[str, Any] = {"enableRateLimit": True, "timeout": 15_000, "options": {"fetchCurrencies": False}}
        factory = getattr(ccxt_async, self._id)
        if self._config.exchange_url:
            options["urls"] = {"api": urls_at(factory().urls["api"], self._config.exchange_url)}
            options["enableRateLimit"] = False
        self._client = factory(options)
        try:
            await self._client.load_markets()
            tickers = await self._client.fetch_tickers()
        except BaseError as error:
            await self._client.close()
            raise PaperConfigError(f"exchange {self._id} cannot be reached: {error}") from None
        self._choose(tickers)
        self._take_day(tickers)
        self._take_prices(tickers)
        self.previous = self.prices
        self._day_due = time.monotonic() + REFRESH_DAY_S
        await self._refresh_funding()

    def _choose(self, tickers: Mapping[str, Any]) -> None:
        """The most traded USDT contracts (spot pairs where the venue has no contracts)."""
        every = [m for m in self._client.markets.values() if m["quote"] == "USDT" and m["active"] is not False]
        wanted = [m for m in every if m["swap"] and m["linear"]] or [m for m in every if m["spot"]]
        ranked = sorted(wanted, key=lambda m: -float((tickers.get(m["symbol"]) or {}).get("quoteVolume") or 0))
        for market in ranked:
            name = f"{market['base']}USDT"
            ticker = tickers.get(market["symbol"]) or {}
            allowed = self._config.symbols is None or name in self._config.symbols
            if name in self.specs or not ticker.get("last") or not allowed:
                continue
            self.specs[name] = make_spec(name, float(ticker["last"]), self._tick_of(market))
            self._venue[name] = market["symbol"]
            if len(self.specs) == self._config.max_symbols:
                break
        if not self.specs:
            raise PaperConfigError(f"exchange {self._id} offers none of the configured USDT contracts")
        self.symbols = tuple(self.specs)
        self._index = {name: i for i, name in enumerate(self.symbols)}
        self.prices = np.full(len(self.symbols), np.nan)

    def _tick_of(self, market: Mapping[str, Any]) -> Decimal:
        precision = Decimal(str(market["precision"]["price"] or "0.0001"))
        return precision if self._client.precisionMode == TICK_SIZE else Decimal(1).scaleb(-int(precision))

    def _take_prices(self, tickers: Mapping[str, Any]) -> None:
        fresh = self.prices.copy()
        stamps = []
        for name, symbol in self._venue.items():
            ticker = tickers.get(symbol) or {}
            value = ticker.get("last") or ticker.get("price")
            if value and np.isfinite(float(value)) and float(value) > 0:
                fresh[self._index[name]] = float(value)
            if ticker.get("timestamp"):
                stamps.append(int(ticker["timestamp"]))
        self.previous, self.prices = self.prices, fresh
        self._now_ms = max(max(stamps, default=time.time_ns() // 1_000_000), self._now_ms)

    def _take_day(self, tickers: Mapping[str, Any]) -> None:
        rows = [tickers.get(self._venue[name]) or {} for name in self.symbols]
        o, h, low, v, q = (
            np.array([float(row.get(key) or np.nan) for row in rows])
            for key in ("open", "high", "low", "baseVolume", "quoteVolume")
        )
        self._day = (o, h, low, np.nan_to_num(v), np.nan_to_num(q))

    async def _refresh_funding(self) -> None:
        self._funding_due = time.monotonic() + REFRESH_FUNDING_S
        if not self._client.has.get("fetchFundingRates"):
            return
        try:
            rates = await self._client.fetch_funding_rates()
        except BaseError as error:
            log.warning("funding rates of %s not available: %s", self._id, type(error).__name__)
            return
        for name, symbol in self._venue.items():
            rate = (rates.get(symbol) or {}).get("fundingRate")
            if rate is not None and np.isfinite(float(rate)):
                self._funding[name] = Decimal(str(rate))

    async def advance(self) -> bool:
        """Polls once. An unreachable exchange leaves the prices as they were."""
        try:
            now = time.monotonic()
            if now >= self._day_due or not self._client.has.get("fetchLastPrices"):
                self._day_due = now + REFRESH_DAY_S
                tickers = await self._client.fetch_tickers()
                self._take_day(tickers)
            else:
                tickers = await self._client.fetch_last_prices()
            self._take_prices(tickers)
            if now >= self._funding_due:
                await self._refresh_funding()
        except BaseError as error:
            log.warning("prices of %s not available: %s", self._id, type(error).__name__)
        return True

    def market_ms(self) -> int:
        """The venue's own time at the last poll."""
        return self._now_ms

    def place(self) -> Place:
        """The forming bar; a tick is a quarter of it."""
        opened = bar_open_ms(self._now_ms, self.interval_ms)
        return Place(opened, (self._now_ms - opened) * TICKS_PER_BAR // self.interval_ms, False)

    def state(self) -> dict[str, Any]:
        """Nothing to keep: the market goes on without us."""
        return {}

    def take_snapshots(self) -> dict[int, bytes]:
        """Nothing to keep."""
        return {}

    def funding_rate(self, symbol: str, time_ms: int) -> Decimal:
        """The venue's latest rate."""
        return self._funding.get(symbol, DEFAULT_FUNDING)

    def day(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """24 hour figures as the venue gives them."""
        return self._day

    async def candles(
        self, symbols: Sequence[str], interval_ms: int, since_ms: int | None, limit: int, forming: bool
    ) -> Candles:
        """Candles from the venue; the recent ones are kept and only topped up."""
        found = await asyncio.gather(*(self._rows(name, interval_ms, since_ms, limit) for name in symbols))
        times = np.unique(np.concatenate([rows[:, 0] for rows in found])) if found else np.zeros(0)
        if since_ms is not None:
            times = times[times >= since_ms]
        if not forming:
            times = times[times + interval_ms <= self._now_ms]
        times = times[:limit] if since_ms is not None else times[-limit:]
        tables = [np.full((len(times), len(symbols)), np.nan) for _ in range(5)]
        for column, known in enumerate(found):
            rows = known[np.isin(known[:, 0], times)]
            where = np.searchsorted(times, rows[:, 0])
            for field in range(5):
                tables[field][where, column] = rows[:, field + 1]
        o, h, low, c, v = tables
        return Candles(interval_ms, tuple(symbols), times.astype(np.int64), (o, h, low, c, v))

    async def _rows(self, name: str, interval_ms: int, since_ms: int | None, limit: int) -> NDArray[np.float64]:
        key = (name, interval_ms)
        known = self._series.get(key, np.zeros((0, 6)))
        if since_ms is not None and (not len(known) or since_ms < known[0, 0]):
            return await self._fetch(name, interval_ms, since_ms, limit + 1)
        if since_ms is None and len(known) < limit + 1:
            known = np.zeros((0, 6))
        missing = limit + 1 if not len(known) else int((self._now_ms - known[-1, 0]) // interval_ms) + 2
        fresh = await self._fetch(name, interval_ms, None, missing)
        if len(fresh):
            known = np.concatenate([known[known[:, 0] < fresh[0, 0]], fresh])[-2 * MAX_FETCH :]
            self._series[key] = known
        return known

    async def _fetch(self, name: str, interval_ms: int, since_ms: int | None, limit: int) -> NDArray[np.float64]:
        frame = next(code for code, ms in INTERVAL_MS.items() if ms == interval_ms)
        async with self._gate:
            try:
                rows = await self._client.fetch_ohlcv(self._venue[name], frame, since_ms, min(limit, MAX_FETCH))
            except BaseError as error:
                log.warning("candles of %s not available: %s", name, type(error).__name__)
                rows = []
        usable = [row[:6] for row in rows if None not in row[:5]]
        return np.array(usable, dtype=np.float64).reshape(-1, 6)

    async def close(self) -> None:
        """Closes the connection."""
        if self._client is not None:
            await self._client.close()
