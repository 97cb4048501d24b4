from __future__ import annotations

from decimal import Decimal as D

import numpy as np
import polars as pl
import pytest

from backend.backtest.rules import BacktestError
from backend.backtest.service import load_candles, run_backtest, run_file, tick_of
from backend.strategies.base import ParameterError
from tests.unit.strategies.candles import HOUR_MS, START_MS, random_batch


def frame_of(batch) -> pl.DataFrame:
    rows = [
        (symbol.replace("/", ""), int(time), *(float(getattr(batch, name)[row, bar]) for name in FIELDS))
        for row, symbol in enumerate(batch.symbols)
        for bar, time in enumerate(batch.open_time_ms)
    ]
    return pl.DataFrame(rows, schema=["symbol", "timestamp", *FIELDS], orient="row")


FIELDS = ("open", "high", "low", "close", "volume")
BATCH = random_batch(8, 3, 300)


@pytest.fixture
def candles(tmp_path):
    frame = frame_of(BATCH)
    path = tmp_path / "candles.parquet"
    frame.sample(fraction=1.0, shuffle=True, seed=1).write_parquet(path)
    return path


def test_rows_in_any_order_become_one_grid(candles):
    loaded = load_candles(candles)
    assert loaded.symbols == ("S0/USDT", "S1/USDT", "S2/USDT")
    assert loaded.interval_ms == HOUR_MS
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(loaded, name), getattr(BATCH, name))


def test_missing_rows_become_nan_and_repeats_keep_the_last(tmp_path):
    frame = frame_of(BATCH).filter(
        ~((pl.col("symbol") == "S1USDT") & (pl.col("timestamp") == START_MS + 5 * HOUR_MS))
    )
    again = frame.head(1).with_columns(pl.lit(7.0).alias("volume"))
    path = tmp_path / "gaps.csv"
    pl.concat([frame, again]).write_csv(path)
    loaded = load_candles(path)
    assert np.isnan(loaded.close[1, 5]) and np.isnan(loaded.close).sum() == 1
    assert loaded.volume[0, 0] == 7.0


def test_symbols_can_be_chosen_in_any_writing(candles):
    assert load_candles(candles, ["s2/usdt", "S0USDT"]).symbols == ("S0/USDT", "S2/USDT")
    with pytest.raises(BacktestError, match="no candles of BTC/USDT"):
        load_candles(candles, ["BTC/USDT"])


def test_bad_files_say_what_is_wrong(tmp_path):
    with pytest.raises(BacktestError, match="no parquet"):
        load_candles(tmp_path / "candles.txt")
    with pytest.raises(BacktestError, match="There is no file"):
        load_candles(tmp_path / "none.parquet")
    path = tmp_path / "thin.csv"
    frame_of(BATCH).drop("volume").write_csv(path)
    with pytest.raises(BacktestError, match="no column 'volume'"):
        load_candles(path)
    odd = tmp_path / "odd.csv"
    frame_of(BATCH).with_columns(pl.col("timestamp") * 7 // 6).write_csv(odd)
    with pytest.raises(BacktestError, match="no known interval"):
        load_candles(odd)


def test_a_file_gives_a_json_ready_result(candles):
    result = run_file(candles, "composite_score", ["S0USDT"], {"stop_atr": 2.0})
    assert result["bars"] == 300 and result["symbols"] == ["S0/USDT"]
    assert D(result["balance_usdt"]) == D(10_000) + sum(D(row["net_usdt"]) for row in result["trades"])
    assert result["metrics"]["trades"] == len(result["trades"])
    assert result["equity"][-1][0] == START_MS + 299 * HOUR_MS


def test_too_few_candles_and_bad_parameters_are_refused():
    with pytest.raises(BacktestError, match="at least 100"):
        run_backtest(BATCH.slice(0, 99), "composite_score")
    with pytest.raises(ParameterError):
        run_backtest(BATCH, "composite_score", {"stop_atr": -1})
    with pytest.raises(ParameterError, match="There is no strategy"):
        run_backtest(BATCH, "martingale")


def test_the_tick_is_read_from_the_prices():
    assert tick_of(np.array([[1.5, 2.25, np.nan]])) == D("0.01")
    assert tick_of(np.array([30000.0, 31000.0])) == D(1)
    assert tick_of(np.array([0.00001234])) == D("0.00000001")
    assert tick_of(np.array([1 / 3])) == D("0.00000001")
