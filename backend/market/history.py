"""Recent candles of one symbol for a chart, from the venue the platform trades on."""

from __future__ import annotations

import time
from typing import Any

import httpx

from backend.errors import Unavailable
from backend.settings import Settings

KEPT_S = 1.0
TIMEFRAMES = ("5m", "15m", "1h", "4h", "1d")
_REAL = "https://fapi.binance.com"
_kept: dict[tuple[str, str, str, int, int | None], tuple[float, list[dict[str, Any]]]] = {}


async def recent_candles(settings: Settings, symbol: str, timeframe: str, limit: int = 240, until_ms: int | None = None) -> list[dict[str, Any]]:
    """[{time s, open, high, low, close, volume}] ascending, the running bar last, or those until ``until_ms``. Raises ``Unavailable``.

    Floats: these are pixels on a chart, never an amount.
    """
    base = _base(settings)
    key = (base, symbol, timeframe, limit, until_ms)
    now = time.monotonic()
    kept = _kept.get(key)
    if kept is not None and now - kept[0] < KEPT_S:
        return kept[1]
    query: dict[str, str | int] = {"symbol": symbol.replace("/", ""), "interval": timeframe, "limit": limit}
    if until_ms is not None:
        query["endTime"] = until_ms
    try:
        async with httpx.AsyncClient(base_url=base, timeout=5.0) as client:
            answer = await client.get("/fapi/v1/klines", params=query)
            rows = answer.json() if answer.status_code == 200 else None
    except (httpx.HTTPError, ValueError) as error:
        raise Unavailable("The market does not answer.") from error
    if not isinstance(rows, list):
        raise Unavailable("The market did not give candles.")
    candles = [
        {
            "time": int(row[0]) // 1000, "open": float(row[1]), "high": float(row[2]), "low": float(row[3]),
            "close": float(row[4]), "volume": float(row[5]),
        }
        for row in rows
    ]  # fmt: skip
    if len(_kept) > 200:
        _kept.clear()
    _kept[key] = (now, candles)
    return candles


def _base(settings: Settings) -> str:
    if settings.market.startswith("exchange:"):
        return settings.exchange_url or _REAL
    return settings.paper_base_url
