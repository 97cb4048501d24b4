"""A backtest as a job: the market's newest candles, one strategy; the result is kept in the job's row."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlmodel import Session

from backend.backtest.service import run_backtest
from backend.errors import InvalidInput
from backend.market.candles import Bars
from backend.market.feed import Feed
from backend.market.rules import INTERVAL_MS
from backend.models import Job
from backend.queue import service
from backend.strategies.base import CandleBatch, ParameterError
from backend.strategies.registry import get_strategy, parse_params

KIND = "backtest"
MAX_BARS = 1_500
POINTS = 300
TRADES_KEPT = 500


def ask_backtest(
    session: Session, strategy_code: str, *, timeframe: str = "1h", bars: int = 500, symbols: list[str] | None = None,
    params: Mapping[str, Any] | None = None,
) -> Job:  # fmt: skip
    """Write the job. Raises ``InvalidInput`` for a timeframe or length nobody can walk, a strategy that is not there and
    parameters out of range."""
    if timeframe not in INTERVAL_MS:
        raise InvalidInput(f"The timeframe is one of {', '.join(INTERVAL_MS)}.")
    if not 100 <= bars <= MAX_BARS:
        raise InvalidInput(f"A backtest walks 100 to {MAX_BARS} candles.")
    try:
        get_strategy(strategy_code)
        parse_params(strategy_code, dict(params or {}))
    except ParameterError as error:
        raise InvalidInput(str(error)) from error
    payload = {
        "strategy": strategy_code, "timeframe": timeframe, "bars": bars, "symbols": list(symbols or []), "params": dict(params or {})
    }  # fmt: skip
    job = service.add(session, KIND, payload)
    assert job is not None
    return job


async def run_backtest_job(payload: Mapping[str, Any], feed: Feed) -> dict[str, Any]:
    """What ``ask_backtest`` asked for, as JSON; at most ``TRADES_KEPT`` trades."""
    bars = await feed.bars(str(payload["timeframe"]), None, int(payload["bars"]))
    candles = batch_of(bars, list(payload.get("symbols") or []))
    result = await asyncio.to_thread(run_backtest, candles, str(payload["strategy"]), dict(payload.get("params") or {}))
    found = result.as_dict(POINTS)
    found["trades"] = found["trades"][:TRADES_KEPT]
    return found


def batch_of(bars: Bars, symbols: list[str]) -> CandleBatch:
    """Candles of the named symbols, of all when none is named. Raises ``InvalidInput`` for one the market has not."""
    missing = [name for name in symbols if name not in bars.symbols]
    if missing:
        raise InvalidInput(f"The market has no {', '.join(missing[:5])}.")
    columns = [bars.symbols.index(name) for name in symbols or bars.symbols]
    tables = [getattr(bars, name)[:, columns].T for name in ("open", "high", "low", "close", "volume")]
    chosen = tuple(bars.symbols[column] for column in columns)
    return CandleBatch(chosen, bars.interval_ms, np.array(bars.times_ms, dtype=np.int64), *tables)
