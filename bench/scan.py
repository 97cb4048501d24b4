"""P1 to P5: the scan against freqtrade and against a compiled floor; updates; exactness; the backtest.

P1  full scan of 150 symbols x 500 candles with gates        freqtrade, analyze_ticker per pair
P2  the same scan without gates                              the floor of ``_floor``, one thread
P3  one new candle for all symbols, arrival to decisions     freqtrade, the same scan again
P4  largest relative error of the indicators                 TA-Lib, 1e-9; and updates against recomputing
P5  candles per second of a backtest, both strategies        our own reference engine

    IRONBULL_BENCH_DATA=candles.parquet python -m bench.scan

Without data, candles are generated. freqtrade is installed into ``.cache/freqtrade`` on first use.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO

import numpy as np
import talib

from backend.backtest.rules import BacktestConfig
from backend.backtest.service import Engine, load_candles, run_backtest
from backend.execution.rules import SizingSource
from backend.signals.rules import GateConfig, GateContext, judge
from backend.strategies import compiled
from backend.strategies.base import CandleBatch
from backend.strategies.composite_score import CompositeScore
from bench._bench import alternate, report, skipped, timed

ROOT = Path(__file__).resolve().parents[1]
PEER = ROOT / ".cache" / "freqtrade"
SYMBOLS, BARS, HOUR_MS = 150, 500, 3_600_000
INSTALL_LIMIT_S = 170
STRATEGY = CompositeScore()
CONTEXT = GateContext(now=datetime(2024, 1, 1, tzinfo=UTC))


def generated(symbols: int, bars: int) -> CandleBatch:
    rng = np.random.default_rng(1)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, (symbols, bars)), axis=1))
    opens = np.concatenate([closes[:, :1], closes[:, :-1]], axis=1)
    highs = np.maximum(opens, closes) * (1 + 0.005 * rng.random((symbols, bars)))
    lows = np.minimum(opens, closes) * (1 - 0.005 * rng.random((symbols, bars)))
    names = tuple(f"S{i}/USDT" for i in range(symbols))
    return CandleBatch(
        names, HOUR_MS, np.arange(bars) * HOUR_MS, opens, highs, lows, closes, rng.lognormal(3, 1, (symbols, bars))
    )


def candles() -> CandleBatch:
    """The file's candles, or generated ones. Symbols whose bars lie at other times are put side by side."""
    path = os.environ.get("IRONBULL_BENCH_DATA")
    if not path:
        return generated(SYMBOLS, 1_500)
    batch = load_candles(Path(path))
    present = ~np.isnan(batch.close)
    rows = np.flatnonzero(present.sum(axis=1) >= BARS + 4)
    bars = int(present[rows].sum(axis=1).min())
    fields = [
        np.stack([getattr(batch, name)[row, present[row]][-bars:] for row in rows])
        for name in ("open", "high", "low", "close", "volume")
    ]
    return CandleBatch(tuple(batch.symbols[row] for row in rows), HOUR_MS, np.arange(bars) * HOUR_MS, *fields)


def window(batch: CandleBatch) -> CandleBatch:
    """The newest 500 bars of 150 symbols, starting on a 4 h slot; symbols repeat where there are fewer."""
    end = batch.bars - int(batch.open_time_ms[batch.bars - BARS] // HOUR_MS % 4)
    part = batch.slice(end - BARS, end)
    rows = np.arange(SYMBOLS) % len(part.symbols)
    fields = (getattr(part, name)[rows] for name in ("open", "high", "low", "close", "volume"))
    return CandleBatch(tuple(f"S{i}/USDT" for i in range(SYMBOLS)), HOUR_MS, part.open_time_ms, *fields)


class Peer:
    """freqtrade in its own process, one scan per line."""

    def __init__(self, batch: CandleBatch, folder: Path) -> None:
        python = PEER / "bin" / "python"
        if not python.exists() or subprocess.run([python, "-c", "import freqtrade"], capture_output=True).returncode:
            subprocess.run([sys.executable, "-m", "venv", PEER], check=True, timeout=60)
            subprocess.run(
                [python, "-m", "pip", "install", "-q", "freqtrade"],
                check=True,
                timeout=INSTALL_LIMIT_S,
                capture_output=True,
            )
        path = folder / "candles.npz"
        names = ("open", "high", "low", "close", "volume")
        np.savez(path, times=batch.open_time_ms, **{name: getattr(batch, name) for name in names})
        script = Path(__file__).with_name("_freqtrade_peer.py")
        self.process = subprocess.Popen(
            [python, script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        if self._pipe(self.process.stdout).readline().strip() != "ready":
            raise RuntimeError("freqtrade did not start")

    def scan_s(self) -> float:
        sender, answers = self._pipe(self.process.stdin), self._pipe(self.process.stdout)
        sender.write("scan\n")
        sender.flush()
        return float(answers.readline())

    def stop(self) -> None:
        self._pipe(self.process.stdin).close()
        self.process.wait(10)

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


def full_scan(batch: CandleBatch) -> Callable[[], object]:
    return lambda: judge(STRATEGY.evaluate(batch), GateConfig(), CONTEXT)


def one_candle(batch: CandleBatch) -> Callable[[], float]:
    """Seconds from a new bar's arrays to the judged list; each call takes the next bar (100 of them)."""
    arrivals = []
    step = BARS - 400
    for repeat in range(100):
        state = STRATEGY.start(batch.symbols, HOUR_MS)
        state.advance(batch.slice(0, 400))
        arrivals.append((state, 400 + repeat % step))

    def take() -> float:
        state, bar = arrivals.pop()
        columns = [
            np.ascontiguousarray(getattr(batch, n)[:, bar : bar + 1])
            for n in ("open", "high", "low", "close", "volume")
        ]
        times = batch.open_time_ms[bar : bar + 1]

        def arrive() -> object:
            fresh = CandleBatch(batch.symbols, HOUR_MS, times, *columns)
            return judge(state.advance(fresh), GateConfig(), CONTEXT)

        return timed(arrive)()

    return take


def against_freqtrade(batch: CandleBatch, rounds: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            peer = Peer(batch, Path(folder))
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            for name in ("P1 full scan vs freqtrade", "P3 new candle vs freqtrade rescan"):
                skipped(name, f"freqtrade is not available: {type(error).__name__}")
            return True
        ours, reference = alternate(timed(full_scan(batch)), peer.scan_s, rounds)
        good = report("P1 full scan vs freqtrade", ours * 1e3, reference * 1e3, unit="ms", aim=1 / 50)
        ours, reference = alternate(one_candle(batch), peer.scan_s, rounds)
        good &= report("P3 new candle vs freqtrade rescan", ours * 1e3, reference * 1e3, unit="ms", aim=1 / 200)
        peer.stop()
        return good


def against_floor(batch: CandleBatch, rounds: int) -> bool:
    floor = compiled.load("bench._floor").floor_scan
    arrays = [getattr(batch, name) for name in ("open", "high", "low", "close", "volume")]
    raws, factors = np.empty(len(batch.symbols)), np.empty(len(batch.symbols))
    ours, reference = alternate(
        timed(lambda: STRATEGY.evaluate(batch)), timed(lambda: floor(*arrays, raws, factors)), rounds
    )
    good = report("P2 full scan vs compiled floor", ours * 1e3, reference * 1e3, unit="ms", aim=2.0)
    decisions = STRATEGY.evaluate(batch)
    error = float(np.abs(decisions.components["raw"] - raws).max())
    good &= report("P4 score against the floor's, absolute", error * 1e9, 1.0, unit="1e-9", aim=1.0)
    return good


def exactness(batch: CandleBatch) -> bool:
    """Indicators of all bars against TA-Lib, and bar by bar updates against recomputing."""
    series = STRATEGY.evaluate_all(batch)
    worst = 0.0
    for row in range(len(batch.symbols)):
        high, low, close = batch.high[row], batch.low[row], batch.close[row]
        pairs = (
            (series.components["rsi"], talib.RSI(close, 14)),
            (series.components["atr"], talib.ATR(high, low, close, 14)),
            (series.components["adx"], talib.ADX(high, low, close, 14)),
            (series.components["ma50"], talib.SMA(close, 50)),
        )
        for ours, theirs in pairs:
            defined = ~np.isnan(ours[row])
            scale = np.maximum(np.abs(theirs[defined]), 1e-12)
            worst = max(worst, float((np.abs(ours[row][defined] - theirs[defined]) / scale).max(initial=0.0)))
    good = report("P4 indicators vs TA-Lib, relative", worst * 1e9, 1.0, unit="1e-9", aim=1.0)
    state = STRATEGY.start(batch.symbols, batch.interval_ms)
    differing = 0
    for bar in range(batch.bars):
        now, whole = state.advance(batch.slice(bar, bar + 1)), series.at(bar)
        differing += int((now.score != whole.score).sum())
        for name, values in now.components.items():
            differing += int((~((values == whole.components[name]) | (np.isnan(values)))).sum())
    good &= report("P4 updates that differ from recomputing, bits", differing, 1, unit="values", aim=0.0)
    return good


def backtest(batch: CandleBatch, rounds: int) -> bool:
    """The compiled engine on everything, the reference engine on a part it can walk in seconds."""
    good = True
    config = BacktestConfig(sizing=SizingSource(capital=Decimal(10_000), leverage=3, risk_mode=1))
    part = batch.pick(batch.symbols[:20]).slice(0, 400)

    def seconds_per_candle(candles: CandleBatch, code: str, engine: Engine) -> Callable[[], float]:
        work = timed(lambda: run_backtest(candles, code, {}, config, engine))
        return lambda: work() / candles.close.size

    for code in ("composite_score", "market_regime"):
        ours, reference = alternate(
            seconds_per_candle(batch, code, "fast"), seconds_per_candle(part, code, "reference"), rounds
        )
        good &= report(
            f"P5 backtest of {code} vs reference engine",
            1 / ours,
            1 / reference,
            unit="candles/s",
            aim=10.0,
            higher_is_better=True,
        )
    return good


def main() -> int:
    batch = candles()
    recent = window(batch)
    good = against_floor(recent, 41)
    good &= exactness(recent)
    good &= backtest(batch, 3)
    good &= against_freqtrade(recent, 7)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
