"""The peer of ``bench.scan``, run by freqtrade's own interpreter: one line in, one scan, its seconds out.

    python _freqtrade_peer.py <candles.npz>

Reads arrays open/high/low/close/volume [symbols, bars] and times (ms); for every line on standard input it
runs ``analyze_ticker`` once per symbol and prints how long all of them took.
"""

import sys
import time

import numpy as np
import pandas as pd
import talib.abstract as ta
from freqtrade.enums import CandleType, RunMode
from freqtrade.strategy import IStrategy


class Peer(IStrategy):
    """The same indicator set as the composite score, on one timeframe, with a simple signal."""

    timeframe = "1h"
    stoploss = -0.1
    can_short = True

    def populate_indicators(self, dataframe, metadata):
        dataframe["ema20"] = ta.EMA(dataframe, timeperiod=20)
        dataframe["ema50"] = ta.EMA(dataframe, timeperiod=50)
        dataframe["rsi"] = ta.RSI(dataframe, timeperiod=14)
        dataframe["atr"] = ta.ATR(dataframe, timeperiod=14)
        dataframe["adx"] = ta.ADX(dataframe, timeperiod=14)
        macd = ta.MACD(dataframe)
        dataframe["macd"], dataframe["histogram"] = macd["macd"], macd["macdhist"]
        dataframe["top"] = dataframe["high"].rolling(50).max()
        dataframe["bottom"] = dataframe["low"].rolling(50).min()
        dataframe["volume20"] = dataframe["volume"].rolling(20).median()
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[(dataframe["ema20"] > dataframe["ema50"]) & (dataframe["rsi"] > 50), "enter_long"] = 1
        dataframe.loc[(dataframe["ema20"] < dataframe["ema50"]) & (dataframe["rsi"] < 50), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["rsi"] > 70, "exit_long"] = 1
        dataframe.loc[dataframe["rsi"] < 30, "exit_short"] = 1
        return dataframe


def main() -> None:
    data = np.load(sys.argv[1])
    dates = pd.to_datetime(data["times"], unit="ms", utc=True)
    names = ("open", "high", "low", "close", "volume")
    frames = [
        pd.DataFrame({"date": dates, **{name: data[name][row] for name in names}}) for row in range(len(data["close"]))
    ]
    config = {
        "stake_currency": "USDT",
        "timeframe": "1h",
        "runmode": RunMode.DRY_RUN,
        "candle_type_def": CandleType.FUTURES,
        "trading_mode": "futures",
        "margin_mode": "isolated",
    }
    strategy = Peer(config)
    strategy.minimal_roi = {"0": 10}
    print("ready", flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        for row, frame in enumerate(frames):
            strategy.analyze_ticker(frame, {"pair": f"S{row}/USDT:USDT"})
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main()
