"""A backtest as a job: the market's newest candles, one strategy; the result is kept in the job's row for a month."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
from sqlmodel import Session, col, select

from backend.backtest.rules import BacktestConfig, BacktestError
from backend.backtest.service import run_backtest
from backend.clock import to_ms
from backend.errors import InvalidInput, NotFound
from backend.market.candles import Bars
from backend.market.feed import Feed
from backend.market.rules import INTERVAL_MS
from backend.models import Job, Strategy
from backend.queue import service
from backend.strategies.base import CandleBatch, ParameterError
from backend.strategies.registry import get_strategy, parse_params

KIND = "backtest"
MIN_BARS, MAX_BARS = 100, 1_500
POINTS = 300
TRADES_KEPT = 500
RUNS_SHOWN = 30
COSTS = {"capital": (Decimal(100), Decimal(100_000_000)), "fee_bps": (Decimal(0), Decimal(100)), "slippage_bps": (Decimal(0), Decimal(100))}
"""What may be asked for: USDT to start with; taker fee and slippage in hundredths of a percent."""


def catalogue(session: Session) -> list[Strategy]:
    """Strategies one may ask for, those on offer first."""
    return list(session.exec(select(Strategy).order_by(col(Strategy.status).desc(), col(Strategy.id))).all())


def ask_backtest(
    session: Session, strategy_code: str, *, timeframe: str = "1h", bars: int = 500, symbols: list[str] | None = None,
    params: Mapping[str, Any] | None = None, capital: Decimal | None = None, fee_bps: Decimal | None = None,
    slippage_bps: Decimal | None = None, name: str = "",
) -> Job:  # fmt: skip
    """Write the job; ``name`` is what people call the strategy. Costs that are not given are those of ``BacktestConfig``. Raises ``InvalidInput`` for a timeframe or
    length nobody can walk, a strategy that is not there, and parameters or costs out of range."""
    if timeframe not in INTERVAL_MS:
        raise InvalidInput(f"The timeframe is one of {', '.join(INTERVAL_MS)}.")
    if not MIN_BARS <= bars <= MAX_BARS:
        raise InvalidInput(f"A backtest walks {MIN_BARS} to {MAX_BARS} candles.")
    given = {"capital": capital, "fee_bps": fee_bps, "slippage_bps": slippage_bps}
    costs = {cost: value for cost, value in given.items() if value is not None}
    for cost, value in costs.items():
        low, high = COSTS[cost]
        if not value.is_finite() or not low <= value <= high:
            raise InvalidInput(f"{cost} lies between {low} and {high:f}.")
    try:
        get_strategy(strategy_code)
        parse_params(strategy_code, dict(params or {}))
    except ParameterError as error:
        raise InvalidInput(str(error)) from error
    payload = {
        "strategy": strategy_code, "name": name, "timeframe": timeframe, "bars": bars, "symbols": list(symbols or []), "params": dict(params or {}),
        **{cost: format(value, "f") for cost, value in costs.items()},
    }  # fmt: skip
    job = service.add(session, KIND, payload)
    assert job is not None
    return job


async def run_backtest_job(payload: Mapping[str, Any], feed: Feed) -> dict[str, Any]:
    """What ``ask_backtest`` asked for, as JSON; at most ``TRADES_KEPT`` trades, the last ones."""
    bars = await feed.bars(str(payload["timeframe"]), None, int(payload["bars"]))
    candles = batch_of(bars, list(payload.get("symbols") or []))
    strategy, params = str(payload["strategy"]), dict(payload.get("params") or {})
    try:
        result = await asyncio.to_thread(run_backtest, candles, strategy, params, _config(payload))
    except BacktestError as error:
        raise InvalidInput(str(error)) from error
    found = result.as_dict(POINTS)
    found["trades"] = found["trades"][-TRADES_KEPT:]
    return found


def _config(payload: Mapping[str, Any]) -> BacktestConfig:
    usual = BacktestConfig()

    def given(name: str, value: Decimal) -> Decimal:
        return Decimal(str(payload[name])) if name in payload else value

    return replace(
        usual, initial_balance_usdt=given("capital", usual.initial_balance_usdt), taker_fee_bps=given("fee_bps", usual.taker_fee_bps),
        slippage_bps=given("slippage_bps", usual.slippage_bps),
    )  # fmt: skip


def runs(session: Session) -> list[dict[str, Any]]:
    """The newest backtests, the last asked for first, without their curves and trades."""
    jobs = session.exec(select(Job).where(Job.kind == KIND).order_by(col(Job.id).desc()).limit(RUNS_SHOWN)).all()
    return [_run(job) for job in jobs]


def run_of(session: Session, job_id: int) -> dict[str, Any]:
    """One backtest with its ``result`` (None until it is done). Raises ``NotFound``."""
    job = session.get(Job, job_id)
    if job is None or job.kind != KIND:
        raise NotFound(f"There is no backtest {job_id}.")
    return _run(job) | {"result": job.result}


def _run(job: Job) -> dict[str, Any]:
    return {
        "id": job.id, "state": job.state, "error": job.error, "at_ms": to_ms(job.created_at), "payload": job.payload,
        "metrics": (job.result or {}).get("metrics"),
    }  # fmt: skip


def batch_of(bars: Bars, symbols: list[str]) -> CandleBatch:
    """Candles of the named symbols, of all when none is named. Raises ``InvalidInput`` for one the market has not."""
    missing = [name for name in symbols if name not in bars.symbols]
    if missing:
        raise InvalidInput(f"The market has no {', '.join(missing[:5])}.")
    columns = [bars.symbols.index(name) for name in symbols or bars.symbols]
    tables = [getattr(bars, name)[:, columns].T for name in ("open", "high", "low", "close", "volume")]
    chosen = tuple(bars.symbols[column] for column in columns)
    return CandleBatch(chosen, bars.interval_ms, np.array(bars.times_ms, dtype=np.int64), *tables)
