"""Run a strategy over candles, from arrays or from a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np

from backend.backtest.engine import Run, run_reference
from backend.backtest.fast import run_fast, supports
from backend.backtest.metrics import Metrics, measure
from backend.backtest.rules import BacktestConfig, BacktestError, Trade
from backend.execution.rules import SymbolLimits
from backend.market.rules import INTERVAL_MS
from backend.strategies.base import CandleBatch, FloatArray
from backend.strategies.registry import get_strategy, parse_params
from node_service.venues import canonical_symbol

Engine = Literal["auto", "fast", "reference"]

MIN_BARS = 100
COLUMNS = ("symbol", "timestamp", "open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class BacktestResult:
    """A run with its figures. ``equity_usdt[i]`` is the account's worth at the end of bar ``times_ms[i]``."""

    strategy_code: str
    symbols: tuple[str, ...]
    interval_ms: int
    engine: Literal["fast", "reference"]
    trades: list[Trade]
    times_ms: np.ndarray[Any, np.dtype[np.int64]]
    equity_usdt: FloatArray
    balance_usdt: Decimal
    metrics: Metrics
    refused: dict[str, int]

    def as_dict(self, points: int = 500) -> dict[str, Any]:
        """For JSON; the equity curve is thinned to about ``points``, its last value kept."""
        stride = max(1, len(self.times_ms) // points)
        kept = sorted({*range(0, len(self.times_ms), stride), len(self.times_ms) - 1})
        return {
            "strategy_code": self.strategy_code,
            "symbols": list(self.symbols),
            "interval_ms": self.interval_ms,
            "engine": self.engine,
            "bars": len(self.times_ms),
            "from_ms": int(self.times_ms[0]),
            "to_ms": int(self.times_ms[-1]),
            "balance_usdt": format(self.balance_usdt, "f"),
            "metrics": self.metrics.as_dict(),
            "refused": self.refused,
            "trades": [trade.as_dict() for trade in self.trades],
            "equity": [[int(self.times_ms[i]), round(float(self.equity_usdt[i]), 2)] for i in kept],
        }


def run_backtest(
    candles: CandleBatch,
    strategy_code: str,
    params: dict[str, Any] | None = None,
    config: BacktestConfig | None = None,
    engine: Engine = "auto",
) -> BacktestResult:
    """Walk one account through the candles.

    ``engine`` "auto" takes the compiled walk where it supports the account. Markets without limits in the
    config get their tick from the candles. Raises ``BacktestError`` (too few candles, engine not able) or
    ``ParameterError``.
    """
    if candles.bars < MIN_BARS:
        raise BacktestError(f"A backtest needs at least {MIN_BARS} candles; there are {candles.bars}.")
    config = with_ticks(config or BacktestConfig(), candles)
    strategy = get_strategy(strategy_code)
    series = strategy.evaluate_all(candles, parse_params(strategy_code, params))
    chosen: Literal["fast", "reference"] = (
        "reference" if engine == "reference" or (engine == "auto" and not supports(config)) else "fast"
    )
    run: Run = (run_fast if chosen == "fast" else run_reference)(candles, series, config)
    metrics = measure(candles.open_time_ms, run.equity_usdt, float(config.initial_balance_usdt), run.trades)
    return BacktestResult(
        strategy_code=strategy_code,
        symbols=candles.symbols,
        interval_ms=candles.interval_ms,
        engine=chosen,
        trades=run.trades,
        times_ms=candles.open_time_ms,
        equity_usdt=run.equity_usdt,
        balance_usdt=run.balance_usdt,
        metrics=metrics,
        refused=run.refused,
    )


def with_ticks(config: BacktestConfig, candles: CandleBatch) -> BacktestConfig:
    """The config with limits for every symbol: where none are given, the tick the prices are written in."""
    missing = [row for row, symbol in enumerate(candles.symbols) if symbol not in config.limits]
    found = {candles.symbols[row]: tick_of(candles.close[row], candles.open[row]) for row in missing}
    limits = {symbol: replace(config.default_limits, tick_size=tick) for symbol, tick in found.items()}
    return replace(config, limits={**config.limits, **limits})


def tick_of(*prices: FloatArray) -> Decimal:
    """The smallest power of ten (down to 1e-8) all prices are multiples of."""
    values = np.concatenate(prices)
    values = values[np.isfinite(values)]
    for places in range(9):
        scaled = values * 10.0**places
        if np.all(np.abs(scaled - np.rint(scaled)) <= 1e-9 * np.maximum(1.0, np.abs(scaled))):
            return Decimal(1).scaleb(-places)
    return SymbolLimits().tick_size


def load_candles(path: Path, symbols: Sequence[str] = ()) -> CandleBatch:
    """Candles of a parquet, feather or CSV file with the columns of ``COLUMNS`` (timestamp: open time, ms).

    Symbols are taken in any usual writing; without a symbol column the file's name is the symbol. Rows may
    come in any order; a repeated bar keeps its last row. Raises ``BacktestError`` naming what is missing.
    """
    import polars as pl

    readers = {".parquet": pl.read_parquet, ".feather": pl.read_ipc, ".csv": pl.read_csv}
    reader = readers.get(path.suffix)
    if reader is None:
        raise BacktestError(f"{path.name} is no parquet, feather or csv file.")
    if not path.exists():
        raise BacktestError(f"There is no file {path}.")
    frame = reader(path)
    if "symbol" not in frame.columns:
        frame = frame.with_columns(pl.lit(path.stem).alias("symbol"))
    absent = [name for name in COLUMNS if name not in frame.columns]
    if absent:
        raise BacktestError(f"{path.name} has no column {absent[0]!r}. It needs {', '.join(COLUMNS)}.")
    names = {name: canonical_symbol(name) for name in frame["symbol"].unique().to_list()}
    if symbols:
        wanted = {canonical_symbol(symbol) for symbol in symbols}
        unknown = wanted - set(names.values())
        if unknown:
            raise BacktestError(f"{path.name} has no candles of {', '.join(sorted(unknown))}.")
        frame = frame.filter(
            pl.col("symbol").is_in([name for name, plain in names.items() if plain in wanted])
        )
    frame = frame.unique(["symbol", "timestamp"], keep="last").sort("symbol", "timestamp")
    labels = frame["symbol"].unique(maintain_order=True).to_list()
    columns = [frame["symbol"].rle_id().to_numpy(), *(frame[name].to_numpy() for name in COLUMNS[1:])]
    return _batch(tuple(names[label] for label in labels), columns)


def _batch(symbols: tuple[str, ...], columns: Sequence[Any]) -> CandleBatch:
    """One grid from rows of (symbol number, open time, prices, volume)."""
    rows, timestamp, *values = columns
    times = np.unique(timestamp.astype(np.int64))
    if len(times) < 2:
        raise BacktestError("There are not enough candles to tell their interval.")
    interval = int(np.diff(times).min())
    if interval not in INTERVAL_MS.values():
        raise BacktestError(f"Candles {interval / 1000:g} s apart are of no known interval.")
    places = np.searchsorted(times, timestamp)
    arrays = []
    for column in values:
        array = np.full((len(symbols), len(times)), np.nan)
        array[rows, places] = column
        arrays.append(array)
    return CandleBatch(symbols, interval, times, *arrays)


def run_file(
    path: Path,
    strategy_code: str,
    symbols: Sequence[str] = (),
    params: dict[str, Any] | None = None,
    config: BacktestConfig | None = None,
) -> dict[str, Any]:
    """``run_backtest`` over a file, as a JSON-ready dictionary."""
    return run_backtest(load_candles(path, symbols), strategy_code, params, config).as_dict()
