"""A live run stepped through candles gives the trades of the backtest on the same candles, up to slippage."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.backtest.engine import run_reference
from backend.backtest.rules import BacktestConfig, Trade
from backend.backtest.service import load_candles
from backend.bots.rules import BotConfig
from backend.clock import to_ms
from backend.db import Database
from backend.execution.rules import SizingSource, SymbolLimits
from backend.exits.service import exit_config
from backend.models import Position
from backend.risk.rules import RiskLimits
from backend.signals.followers import gate_config
from backend.strategies.base import CandleBatch
from backend.strategies.registry import get_strategy, parse_params
from tests.support import candles
from tests.support.centre import make_centre
from tests.support.faults import FULL
from tests.support.paper import PaperServer

SYMBOLS, WARMUP = 6, 320
TRADED = {"composite_score": 70, "market_regime": 200}
"""Bars that give enough trades: the second enters rarely."""
BOT: dict[str, Any] = {
    "min_score": 30,
    "long_min_score": 30,
    "max_positions": 4,
    "max_opened_per_scan": 2,
    "trailing_start_roi": "6",
    "trailing_distance_roi": "3",
    "daily_loss_limit": "0",
    "max_drawdown_pct": "0",
}


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["composite_score", *(["market_regime"] if FULL else [])])
async def test_live_trades_equal_the_backtest(algorithm: str, sqlite_database: Database, tmp_path: Path) -> None:
    market = candles.random_market(SYMBOLS, WARMUP + TRADED[algorithm], seed=11)
    source = candles.write_csv(tmp_path / "market.csv", market)
    count, bars = market["close"].shape
    times = candles.START_MS + np.arange(bars, dtype=np.int64) * candles.HOUR_MS
    symbols = tuple(name.removesuffix("USDT") + "/USDT" for name in candles.names(count))
    batch = CandleBatch(symbols, candles.HOUR_MS, times, **market)
    await _compare(algorithm, sqlite_database, tmp_path, source, batch, least=12)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.skipif("IRONBULL_TEST_CANDLES" not in os.environ, reason="for candles of one's own: IRONBULL_TEST_CANDLES names no file (the test above has generated ones)")
@pytest.mark.parametrize("algorithm", ["composite_score", "market_regime"])
async def test_the_same_on_recorded_candles(algorithm: str, sqlite_database: Database, tmp_path: Path) -> None:
    """``IRONBULL_TEST_CANDLES=file [IRONBULL_TEST_HOURS=2000]``: recorded candles of one's own instead of generated ones."""
    path = Path(os.environ["IRONBULL_TEST_CANDLES"])
    batch = load_candles(path).slice(0, WARMUP + int(os.environ.get("IRONBULL_TEST_HOURS", "2000")))
    await _compare(algorithm, sqlite_database, tmp_path, path, batch, least=100)


async def _compare(algorithm: str, db: Database, folder: Path, source: Path, batch: CandleBatch, least: int) -> None:
    args = ["--source", f"replay:{source}", "--warmup-bars", str(WARMUP), "--max-symbols", str(len(batch.symbols))]
    end_ms = int(batch.open_time_ms[-1]) + batch.interval_ms
    with PaperServer(folder, *args) as paper:
        limits = _limits(paper)
        centre = make_centre(db, paper, folder, algorithm=algorithm, bot=BOT)
        engine = centre.start_engine()
        try:
            while not (await engine.step()).done and paper.clock()["market_ms"] < end_ms:
                pass
        finally:
            await centre.stop_engine()
        live = [p for p in centre.positions() if to_ms(p.opened_market_at) < end_ms]
        centre.check_oracles()
    expected = _backtest(algorithm, batch, limits)
    closed = [p for p in live if p.status == "CLOSED"]
    assert len(expected) >= least, "the market must give enough trades to compare"
    # The backtest closes what is open at the end; the live run leaves it open.
    finished = [t for t in expected if t.reason != "END"]
    assert [_live_key(p) for p in sorted(closed, key=_live_key)] == [_key(t) for t in sorted(finished, key=_key)]
    for position, trade in zip(sorted(closed, key=_live_key), sorted(finished, key=_key), strict=True):
        assert abs(position.entry_price / trade.entry_price - 1) < Decimal("0.0005")
        assert position.exit_price is not None
        assert abs(position.exit_price / trade.exit_price - 1) < Decimal("0.0005")
    still_open = {(p.symbol, p.position_side) for p in live if p.status == "OPEN"}
    assert still_open == {(t.symbol, t.side) for t in expected if t.reason == "END"}


def _key(trade: Trade) -> tuple[Any, ...]:
    return (trade.entry_ms, trade.symbol, trade.side, trade.exit_ms, trade.reason)


def _live_key(position: Position) -> tuple[Any, ...]:
    assert position.closed_market_at is not None
    return (
        to_ms(position.opened_market_at), position.symbol, position.position_side, to_ms(position.closed_market_at),
        position.close_reason,
    )  # fmt: skip


def _limits(paper: PaperServer) -> dict[str, SymbolLimits]:
    """The markets' steps: a stop rests on a tick, so its trigger is the rounded one."""
    out = {}
    for market in paper.control("GET", "/fapi/v1/exchangeInfo")["symbols"]:
        filters = {item["filterType"]: item for item in market["filters"]}
        tick, step = filters["PRICE_FILTER"]["tickSize"], filters["LOT_SIZE"]["stepSize"]
        symbol = f"{market['baseAsset']}/{market['quoteAsset']}"
        out[symbol] = SymbolLimits(tick_size=Decimal(tick), step_size=Decimal(step))
    return out


def _backtest(algorithm: str, batch: CandleBatch, limits: dict[str, SymbolLimits]) -> list[Trade]:
    series = get_strategy(algorithm).evaluate_all(batch, parse_params(algorithm, {}))
    bot = BotConfig.from_mapping(BOT)
    config = BacktestConfig(
        initial_balance_usdt=Decimal(20_000),
        sizing=SizingSource(capital=Decimal(10_000), leverage=3, risk_mode=3),
        gates=gate_config(bot),
        exits=exit_config(bot),
        cooldown_minutes=bot.cooldown_minutes,
        max_leverage=bot.max_leverage,
        max_position_usdt=bot.max_position_usdt,
        slippage_bps=Decimal(0),
        limits=limits,
        risk_limits=RiskLimits(bot.daily_loss_limit, bot.max_drawdown_pct),
        # The clock starts inside the first bar after the warm-up, so the first scan is at the next one.
        trade_from_ms=int(batch.open_time_ms[WARMUP + 1]),
    )
    return run_reference(batch, series, config).trades
