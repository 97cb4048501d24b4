"""Market data: no key needed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import orjson

from backend.market.rules import INTERVAL_MS
from backend.paper_exchange.errors import refuse
from backend.paper_exchange.exchange import Exchange, wall_ms
from backend.paper_exchange.http import Call, Route
from backend.paper_exchange.model import CONDITIONAL_TYPES
from backend.paper_exchange.requests import integer, limit_of, spec_of
from backend.paper_exchange.sources.base import FUNDING_MS
from backend.paper_exchange.symbols import SymbolSpec

_ORDER_TYPES = ["LIMIT", "MARKET", *sorted(CONDITIONAL_TYPES)]
UNLIMITED_WEIGHT = 1_000_000_000  # published when no limit is enforced: clients pace themselves by this figure
_DEPTHS = (5, 10, 20, 50, 100, 500, 1000)


def ping(_: Exchange, __: Call) -> Any:
    return {}


def server_time(_: Exchange, __: Call) -> Any:
    return {"serverTime": wall_ms()}


def _symbol_info(spec: SymbolSpec, trading: bool) -> dict[str, Any]:
    return {
        "symbol": spec.symbol,
        "pair": spec.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4_133_404_800_000,
        "onboardDate": 1_569_398_400_000,
        "status": "TRADING" if trading else "PENDING_TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": spec.base,
        "quoteAsset": spec.quote,
        "marginAsset": spec.quote,
        "pricePrecision": spec.price_dp,
        "quantityPrecision": spec.qty_dp,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.15",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": f"{spec.tick:f}", "maxPrice": "1000000000",
             "tickSize": f"{spec.tick:f}"},
            {"filterType": "LOT_SIZE", "minQty": f"{spec.step:f}", "maxQty": f"{spec.max_qty:f}",
             "stepSize": f"{spec.step:f}"},
            {"filterType": "MARKET_LOT_SIZE", "minQty": f"{spec.step:f}", "maxQty": f"{spec.market_max_qty:f}",
             "stepSize": f"{spec.step:f}"},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 100},
            {"filterType": "MIN_NOTIONAL", "notional": f"{spec.min_notional:f}"},
            {"filterType": "PERCENT_PRICE", "multiplierUp": "1.1500", "multiplierDown": "0.8500",
             "multiplierDecimal": "4"},
        ],
        "orderTypes": _ORDER_TYPES,
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }  # fmt: skip


def exchange_info(x: Exchange, _: Call) -> Any:
    return {
        "timezone": "UTC",
        "serverTime": wall_ms(),
        "futuresType": "U_MARGINED",
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
             "limit": x.config.weight_limit_1m or UNLIMITED_WEIGHT},
            {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
        ],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [_symbol_info(spec, bool(x.prices.last(name))) for name, spec in x.source.specs.items()],
    }  # fmt: skip


def _chosen(x: Exchange, call: Call) -> list[str]:
    """The symbol asked for, or all that trade."""
    if call.params.get("symbol"):
        return [spec_of(call.params, x.source.specs).symbol]
    return [name for name in x.source.symbols if x.prices.last(name)]


def _shaped(call: Call, rows: list[dict[str, Any]]) -> Any:
    return rows[0] if call.params.get("symbol") else rows


def ticker_24h(x: Exchange, call: Call) -> Any:
    index = {name: i for i, name in enumerate(x.source.symbols)}
    opens, highs, lows, volumes, quotes = x.source.day()
    now = x.source.market_ms()
    rows = []
    for name in _chosen(x, call):
        i, spec, last = index[name], x.source.specs[name], x.prices.last(name)
        first = spec.price(float(opens[i])) if np.isfinite(opens[i]) else last
        change = last - first
        volume, quote = float(volumes[i]), float(quotes[i])
        rows.append({
            "symbol": name,
            "priceChange": f"{change:.{spec.price_dp}f}",
            "priceChangePercent": f"{change / first * 100:.3f}",
            "weightedAvgPrice": f"{quote / volume if volume else float(last):.{spec.price_dp}f}",
            "lastPrice": f"{last:f}",
            "lastQty": f"{spec.step:f}",
            "openPrice": f"{first:f}",
            "highPrice": f"{highs[i]:.{spec.price_dp}f}" if np.isfinite(highs[i]) else f"{last:f}",
            "lowPrice": f"{lows[i]:.{spec.price_dp}f}" if np.isfinite(lows[i]) else f"{last:f}",
            "volume": f"{volume:.{spec.qty_dp}f}",
            "quoteVolume": f"{quote:.2f}",
            "openTime": now - 86_400_000,
            "closeTime": now,
            "firstId": 1,
            "lastId": 1 + x.ticks_done,
            "count": 1 + int(volume % 100_000),
        })  # fmt: skip
    return _shaped(call, rows)


def price_ticker(x: Exchange, call: Call) -> Any:
    now = x.source.market_ms()
    return _shaped(call, [{"symbol": s, "price": f"{x.prices.last(s):f}", "time": now} for s in _chosen(x, call)])


def _touch(x: Exchange, symbol: str) -> tuple[Decimal, Decimal]:
    """Best bid and ask of the made-up book: a tick to either side of the price."""
    price, tick = x.prices.tradable(symbol), x.source.specs[symbol].tick
    return max(price - tick, tick), price + tick


def _depth_qty(spec: SymbolSpec, price: Decimal, level: int) -> Decimal:
    """A quantity worth some ten thousand USDT, growing away from the price."""
    worth = Decimal(20_000 + 9_000 * level + 700 * ((level * 7919) % 13))
    return max(spec.step, (worth / price).quantize(spec.step))


def book_ticker(x: Exchange, call: Call) -> Any:
    rows = []
    for name in _chosen(x, call):
        spec, (bid, ask) = x.source.specs[name], _touch(x, name)
        qty = f"{_depth_qty(spec, bid, 0):f}"
        rows.append({"symbol": name, "bidPrice": f"{bid:f}", "bidQty": qty, "askPrice": f"{ask:f}",
                     "askQty": qty, "time": x.source.market_ms(), "lastUpdateId": 1 + x.ticks_done})  # fmt: skip
    return _shaped(call, rows)


def depth(x: Exchange, call: Call) -> Any:
    spec = spec_of(call.params, x.source.specs)
    limit = limit_of(call.params, 500, 1000)
    if limit not in _DEPTHS:
        raise refuse(-1130, "limit")
    bid, ask = _touch(x, spec.symbol)
    bids, asks = [], []
    for level in range(limit):
        below, above = bid - level * spec.tick, ask + level * spec.tick
        if below > 0:
            bids.append([f"{below:f}", f"{_depth_qty(spec, below, level):f}"])
        asks.append([f"{above:f}", f"{_depth_qty(spec, above, level):f}"])
    now = x.source.market_ms()
    return {"lastUpdateId": 1 + x.ticks_done, "E": now, "T": now, "bids": bids, "asks": asks}


def _interval(x: Exchange, call: Call) -> int:
    interval_ms = INTERVAL_MS.get(call.params.get("interval", ""))
    if interval_ms is None or interval_ms < x.source.interval_ms:
        raise refuse(-1120)
    return interval_ms


async def klines(x: Exchange, call: Call) -> Any:
    spec = spec_of(call.params, x.source.specs)
    interval_ms = _interval(x, call)
    limit = limit_of(call.params, 500, 1500)
    since, until = integer(call.params, "startTime"), integer(call.params, "endTime")
    if since is None and until is not None:
        since = until - (limit - 1) * interval_ms
        since -= since % interval_ms
    found = await x.source.candles([spec.symbol], interval_ms, since, limit, forming=True)
    o, h, low, c, v = (field[:, 0] for field in found.fields)
    out, dp = [], spec.price_dp
    for i, time_ms in enumerate(found.times.tolist()):
        if np.isnan(c[i]) or (until is not None and time_ms > until):
            continue
        quote = float(v[i] * c[i])
        out.append([
            time_ms, f"{o[i]:.{dp}f}", f"{h[i]:.{dp}f}", f"{low[i]:.{dp}f}", f"{c[i]:.{dp}f}",
            f"{v[i]:.{spec.qty_dp}f}", time_ms + interval_ms - 1, f"{quote:.2f}",
            1 + int(v[i] % 100_000), f"{v[i] / 2:.{spec.qty_dp}f}", f"{quote / 2:.2f}", "0",
        ])  # fmt: skip
    return out


def premium_index(x: Exchange, call: Call) -> Any:
    now = x.source.market_ms()
    rows = []
    for name in _chosen(x, call):
        price = f"{x.prices.last(name):f}"
        due = now - now % FUNDING_MS + FUNDING_MS
        rows.append({"symbol": name, "markPrice": price, "indexPrice": price, "estimatedSettlePrice": price,
                     "lastFundingRate": f"{x.source.funding_rate(name, due):.8f}", "interestRate": "0.00010000",
                     "nextFundingTime": due, "time": now})  # fmt: skip
    return _shaped(call, rows)


async def funding_history(x: Exchange, call: Call) -> Any:
    names = _chosen(x, call)
    limit = limit_of(call.params, 100, 1000)
    now = x.source.market_ms()
    start, end = integer(call.params, "startTime"), min(integer(call.params, "endTime", now) or 0, now)
    last = end - end % FUNDING_MS
    first = last - (limit - 1) * FUNDING_MS if start is None else -(-start // FUNDING_MS) * FUNDING_MS
    times = list(range(first, last + 1, FUNDING_MS))[: max(1, limit // len(names))]
    marks: dict[tuple[str, int], str] = {}
    if times:
        eight_h = await x.source.candles(names, FUNDING_MS, times[0], len(times) + 1, forming=True)
        for row, time_ms in enumerate(eight_h.times.tolist()):
            for column, name in enumerate(names):
                value = eight_h.fields[0][row, column]
                if np.isfinite(value):
                    marks[name, time_ms] = f"{value:.{x.source.specs[name].price_dp}f}"
    return [
        {"symbol": name, "fundingTime": t, "fundingRate": f"{x.source.funding_rate(name, t):.8f}",
         "markPrice": marks.get((name, t), "")}
        for t in times for name in names
    ]  # fmt: skip


def funding_info(x: Exchange, call: Call) -> Any:
    return [
        {"symbol": name, "adjustedFundingRateCap": "0.02000000", "adjustedFundingRateFloor": "-0.02000000",
         "fundingIntervalHours": 8, "disclaimer": False}
        for name in _chosen(x, call)
    ]  # fmt: skip


def recent_trades(x: Exchange, call: Call) -> Any:
    spec = spec_of(call.params, x.source.specs)
    price = x.prices.tradable(spec.symbol)
    return [{"id": 1 + x.ticks_done, "price": f"{price:f}", "qty": f"{spec.step:f}",
             "quoteQty": f"{price * spec.step:f}", "time": x.source.market_ms(), "isBuyerMaker": False}]  # fmt: skip


def empty_list(_: Exchange, __: Call) -> Any:
    return []


def system_status(_: Exchange, __: Call) -> Any:
    return orjson.dumps({"status": 0, "msg": "normal"})


def _kline_weight(params: dict[str, str]) -> int:
    limit = int(params["limit"]) if params.get("limit", "").isdecimal() else 500
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10


def _all_or_one(one: int, every: int) -> Any:
    return lambda params: one if params.get("symbol") else every


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/fapi/v1/ping"): Route(ping),
    ("GET", "/fapi/v1/time"): Route(server_time),
    ("GET", "/fapi/v1/exchangeInfo"): Route(exchange_info),
    ("GET", "/fapi/v1/ticker/24hr"): Route(ticker_24h, weight=_all_or_one(1, 40)),
    ("GET", "/fapi/v1/ticker/price"): Route(price_ticker, weight=_all_or_one(1, 2)),
    ("GET", "/fapi/v2/ticker/price"): Route(price_ticker, weight=_all_or_one(1, 2)),
    ("GET", "/fapi/v1/ticker/bookTicker"): Route(book_ticker, weight=_all_or_one(2, 5)),
    ("GET", "/fapi/v1/depth"): Route(depth, weight=10),
    ("GET", "/fapi/v1/trades"): Route(recent_trades, weight=5),
    ("GET", "/fapi/v1/klines"): Route(klines, weight=_kline_weight),
    ("GET", "/fapi/v1/premiumIndex"): Route(premium_index, weight=_all_or_one(1, 10)),
    ("GET", "/fapi/v1/fundingRate"): Route(funding_history),
    ("GET", "/fapi/v1/fundingInfo"): Route(funding_info),
    ("GET", "/sapi/v1/system/status"): Route(system_status),
}
