"""Markets: simulated by seed, replayed from files, and polled from another exchange."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from backend.paper_exchange.app import create_app
from backend.paper_exchange.config import PaperConfig, PaperConfigError
from backend.paper_exchange.exchange import Exchange
from backend.paper_exchange.sources import make_source
from backend.paper_exchange.sources.replay_loader import BadFile, convert
from tests.support.paper import PaperServer, make_ccxt_sync

HOUR = 3_600_000
START = 1_700_006_400_000


def candles(symbol: str, bars: int, seed: int = 0) -> pl.DataFrame:
    """Made-up hourly candles."""
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.01, bars))), 2)
    opened = np.r_[100.0, close[:-1]]
    return pl.DataFrame(
        {
            "symbol": [symbol] * bars,
            "timestamp": START + HOUR * np.arange(bars),
            "open": opened,
            "high": np.maximum(opened, close) + 0.5,
            "low": np.minimum(opened, close) - 0.5,
            "close": close,
            "volume": np.full(bars, 10.0),
        }
    )


async def walk(config: PaperConfig, ticks: int) -> tuple[list[float], np.ndarray]:
    source = make_source(config)
    await source.open(None, {})
    for _ in range(ticks):
        await source.advance()
    found = await source.candles(source.symbols, HOUR, None, 800, forming=False)
    return source.prices.tolist(), found.fields[3]


async def test_a_seed_gives_one_market() -> None:
    config = PaperConfig(seed=7, max_symbols=12)
    first, second = await walk(config, 500), await walk(config, 500)
    other = await walk(PaperConfig(seed=8, max_symbols=12), 500)
    assert first[0] == second[0] and np.array_equal(first[1], second[1])
    assert first[0] != other[0]


async def test_the_simulated_market_is_plausible() -> None:
    config = PaperConfig(seed=3)
    source = make_source(config)
    await source.open(None, {})
    assert len(source.symbols) == 150 and {"BTCUSDT", "ETHUSDT", "SOLUSDT", "1000PEPEUSDT"} <= set(source.symbols)
    found = await source.candles(source.symbols, HOUR, None, 1000, forming=False)
    o, h, low, c = found.fields[:4]
    assert len(found.times) >= 700 and np.all(np.diff(found.times) == HOUR)
    for field in found.fields:
        assert np.isfinite(field).all() and (field > 0).all()
    assert (h >= np.maximum(o, c)).all() and (low <= np.minimum(o, c)).all()
    moves = np.diff(np.log(c), axis=0)
    assert 0.003 < moves[:, 0].std() < 0.02
    assert np.corrcoef(moves[:, 0], moves[:, 1])[0, 1] > 0.3
    size = np.abs(moves[:, 40])
    assert np.corrcoef(size[:-1], size[1:])[0, 1] > 0, "volatility clusters"
    for i, name in enumerate(source.symbols):
        text = f"{source.specs[name].price(float(c[-1, i])):f}"
        assert float(text) == pytest.approx(c[-1, i], rel=1e-12)


@pytest.mark.parametrize("kind", ["parquet", "csv", "feather", "folder", "archive"])
def test_replay_of_files(tmp_path: Path, kind: str) -> None:
    frame = pl.concat([candles("AAVEUSDT", 50), candles("SOLUSDT", 50, 1)])
    path = tmp_path / f"candles.{kind}"
    if kind == "parquet":
        frame.write_parquet(path)
    elif kind == "csv":
        frame.rename({"timestamp": "Date", "symbol": "pair"}).with_columns(
            pl.from_epoch("Date", time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        ).write_csv(path)
    elif kind == "feather":
        frame.with_columns(pl.col("timestamp") // 1000).write_ipc(path)
    else:
        path.mkdir()
        for name, rows in frame.partition_by("symbol", as_dict=True).items():
            rows = rows.drop("symbol")
            if kind == "folder":
                rows.write_parquet(path / f"{str(name[0]).replace('USDT', '_USDT_USDT')}-1h-futures.parquet")
            else:
                rows.write_csv(path / f"{name[0]}-1h-2023-11.csv", include_header=False)
    with PaperServer(tmp_path, "--source", f"replay:{path}", "--warmup-bars", "20", db=False) as server:
        clock = server.clock()
        assert (clock["interval_ms"], clock["bar_open_ms"]) == (HOUR, START + 20 * HOUR)
        bars = server.control("GET", "/paper/bars?interval=1h")
        assert len(bars["times"]) == 20 and sorted(bars["symbols"]) == ["AAVEUSDT", "SOLUSDT"]
        column = bars["symbols"].index("SOLUSDT")
        expected = candles("SOLUSDT", 50, 1)
        assert [row[column] for row in bars["close"]] == expected["close"][:20].to_list()
        server.step(4 * 29 + 2)
        assert not server.clock()["done"]
        server.step(10)
        end = server.clock()
        assert end["done"] and end["bar_open_ms"] == START + 49 * HOUR
        assert float(server.prices()["SOLUSDT"]) == expected["close"][-1]
        client = make_ccxt_sync(server.base_url)
        assert client.fetch_ohlcv("SOL/USDT:USDT", "4h", limit=3)[0][0] % (4 * HOUR) == 0


async def test_replay_cleans_and_names_what_is_wrong(tmp_path: Path) -> None:
    rows = candles("AAVEUSDT", 40)
    dirty = pl.concat([rows[20:], rows[:20], rows[5:8]]).with_columns(
        pl.when(pl.int_range(pl.len()) == 3).then(pl.col("timestamp") + 7).otherwise(pl.col("timestamp")).alias("timestamp"),
        pl.when(pl.int_range(pl.len()) == 4).then(pl.lit(1.0)).otherwise(pl.col("high")).alias("high"),
        pl.when(pl.int_range(pl.len()) == 9).then(pl.lit(None)).otherwise(pl.col("close")).alias("close"),
    )  # fmt: skip
    dirty.write_parquet(tmp_path / "dirty.parquet")
    source = make_source(PaperConfig(source=f"replay:{tmp_path / 'dirty.parquet'}", warmup_bars=35))
    await source.open(None, {})
    found = await source.candles(source.symbols, HOUR, None, 100, forming=False)
    assert len(found.times) == 35 and int(np.isnan(found.fields[3]).sum()) == 1
    high, close = found.fields[1], found.fields[3]
    assert np.nanmin(high - close) >= 0

    for name, frame, words in (
        ("noclose.parquet", rows.drop("close"), ["noclose.parquet", "no column for close"]),
        ("notime.parquet", rows.drop("timestamp"), ["notime.parquet", "no column for time"]),
        ("texts.parquet", rows.with_columns(pl.lit("x").alias("timestamp")), ["timestamp", "not dates"]),
        ("short.parquet", rows[:1], ["fewer than two bars"]),
    ):
        frame.write_parquet(tmp_path / name)
        with pytest.raises(BadFile) as error:
            convert(tmp_path / name, tmp_path)
        assert all(word in str(error.value) for word in words), error.value
    with pytest.raises(PaperConfigError, match="no such file"):
        await make_source(PaperConfig(source=f"replay:{tmp_path / 'missing'}")).open(None, {})
    with pytest.raises(PaperConfigError, match="leaves none to replay"):
        await make_source(PaperConfig(source=f"replay:{tmp_path / 'dirty.parquet'}")).open(None, {})


def test_live_prices_of_another_exchange(tmp_path: Path) -> None:
    with PaperServer(tmp_path, db=False) as venue:
        args = ("--source", "exchange:binanceusdm", "--exchange-url", venue.base_url, "--live-interval", "15m")
        with PaperServer(tmp_path, *args) as mirror:
            assert mirror.prices() == venue.prices()
            account = mirror.account("follower")
            client = make_ccxt_sync(mirror.base_url, account["api_key"], account["api_secret"])
            price = float(venue.prices()["SOLUSDT"])
            assert client.create_order("SOL/USDT:USDT", "market", "buy", 1)["average"] == price
            venue.step(9)
            assert mirror.prices() != venue.prices()
            mirror.step(1)
            assert mirror.prices() == venue.prices()
            query = "/paper/bars?interval=1h&limit=5&symbols=BTCUSDT,SOLUSDT"
            seen, true = mirror.control("GET", query), venue.control("GET", query)
            assert np.allclose(seen.pop("volume"), true.pop("volume"))
            assert seen == true
            assert mirror.clock()["market_ms"] == venue.clock()["market_ms"]


async def test_the_running_clock_keeps_its_speed_and_stops(tmp_path: Path) -> None:
    exchange = Exchange(PaperConfig(max_symbols=2, speed=9000, db_path=tmp_path / "x.sqlite"))
    async with exchange.running():
        started, begin = time.monotonic(), exchange.clock()
        await asyncio.sleep(0.6)
        moved = exchange.clock()["market_ms"] - begin["market_ms"]
        passed_ms = (time.monotonic() - started) * 1000
        assert 0.25 * 9000 * 600 < moved <= 9000 * (passed_ms + 180)
        exchange.set_clock("stepped", None)
        await asyncio.sleep(0.05)
        still = exchange.clock()["market_ms"]
        await asyncio.sleep(0.1)
        assert exchange.clock()["market_ms"] == still
    async with exchange.running():
        assert exchange.clock()["market_ms"] == still


async def test_mounted_under_a_prefix(tmp_path: Path) -> None:
    import httpx
    from fastapi import FastAPI

    paper = create_app(PaperConfig(max_symbols=2, mode="stepped"))
    outer = FastAPI()
    outer.mount("/paper-exchange", paper)
    async with paper.state.exchange.running():
        transport = httpx.ASGITransport(app=outer)
        async with httpx.AsyncClient(transport=transport, base_url="http://test/paper-exchange") as client:
            assert (await client.get("/fapi/v1/ping")).json() == {}
            assert (await client.get("/paper/clock")).json()["mode"] == "stepped"
    for change in ({"source": "nowhere"}, {"speed": 0}, {"mode": "odd"}):
        with pytest.raises(PaperConfigError):
            PaperConfig(**change)
