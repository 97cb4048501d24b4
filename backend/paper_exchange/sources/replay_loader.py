"""Reads candle files once, in a process of its own, into plain arrays that the exchange then maps.

The data-frame library stays out of the long-lived process: only ``.npy`` files come back.
Run as ``python -m backend.paper_exchange.sources.replay_loader <file or folder> <output folder>``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backend.paper_exchange.sources.base import known_interval

FIELDS = ("open", "high", "low", "close", "volume")
NAMES: dict[str, tuple[str, ...]] = {
    "symbol": ("symbol", "ticker", "pair", "instrument", "market", "coin", "name"),
    "time": ("timestamp", "time", "open_time", "opentime", "date", "datetime", "ts", "open_ms", "time_ms", "t"),
    "open": ("open", "o", "open_price"),
    "high": ("high", "h", "high_price"),
    "low": ("low", "l", "low_price"),
    "close": ("close", "c", "close_price"),
    "volume": ("volume", "vol", "v", "base_volume", "volume_base", "amount", "qty"),
}
SUFFIXES = (".parquet", ".feather", ".arrow", ".ipc", ".csv", ".csv.gz")
# Column order of the exchange's own archive files, which may come without a header line.
HEADLESS = ("open_time", "open", "high", "low", "close", "volume")


class BadFile(Exception):
    """A file cannot be used; the message names it and the column."""


def symbol_of(text: str) -> str:
    """``BTC/USDT:USDT``, ``btc_usdt``, ``BTC-USD`` or ``BTC`` -> ``BTCUSDT``."""
    plain = re.sub(r"[^A-Z0-9]", "", text.upper().split(":")[0])
    base = re.sub(r"(USDT|USDC|BUSD|FDUSD|USD)$", "", plain) or plain
    return base + "USDT"


def symbol_of_file(path: Path) -> str:
    """The symbol in a file name such as ``BTCUSDT-1h-2023-01.csv`` or ``BTC_USDT_USDT-1h-futures.feather``."""
    stem = path.name.split(".")[0]
    parts = [part for part in re.split(r"[-_ ]", stem) if part]
    return symbol_of(parts[0] if parts else stem)


def _read(path: Path) -> pl.DataFrame:
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            return pl.read_parquet(path)
        if name.endswith((".feather", ".arrow", ".ipc")):
            return pl.read_ipc(path)
        frame = pl.read_csv(path, infer_schema_length=10_000, try_parse_dates=True)
        if re.fullmatch(r"[\d.]+", frame.columns[0]):
            frame = pl.read_csv(path, has_header=False, infer_schema_length=10_000)
            frame = frame.rename(dict(zip(frame.columns, HEADLESS, strict=False)))
        return frame
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadFile(f"{path}: cannot be read ({error})") from None


def _columns(frame: pl.DataFrame, path: Path) -> dict[str, str]:
    lower = {column.strip().lower().replace(" ", "_"): column for column in frame.columns}
    found = {}
    for field, names in NAMES.items():
        match = next((lower[name] for name in names if name in lower), None)
        if match is not None:
            found[field] = match
        elif field != "symbol":
            have = ", ".join(frame.columns)
            raise BadFile(f"{path}: no column for {field} (one of {', '.join(names)}); it has: {have}")
    return found


def _times(series: pl.Series, path: Path) -> NDArray[np.int64]:
    """Epoch ms from integers in s, ms, us or ns, from dates, or from ISO texts."""
    if series.dtype == pl.String:
        try:
            series = series.str.to_datetime(time_zone="UTC")
        except pl.exceptions.PolarsError:
            raise BadFile(f"{path}: column {series.name} holds texts that are not dates") from None
    if series.dtype == pl.Date:
        series = series.cast(pl.Datetime("ms"))
    if isinstance(series.dtype, pl.Datetime):
        return np.asarray(series.dt.epoch("ms").fill_null(-1).to_numpy(), dtype=np.int64)
    if not series.dtype.is_numeric():
        raise BadFile(f"{path}: column {series.name} is of type {series.dtype}, not a time")
    values = series.cast(pl.Float64, strict=False).fill_null(-1).to_numpy()
    typical = float(np.median(values)) if len(values) else 0
    scale = 1000.0 if typical < 1e11 else 1.0 if typical < 1e14 else 1e-3 if typical < 1e17 else 1e-6
    return np.asarray(np.round(values * scale), dtype=np.int64)


def _number(frame: pl.DataFrame, column: str, path: Path) -> NDArray[np.float64]:
    series = frame[column]
    out = series.cast(pl.Float64, strict=False)
    if not series.dtype.is_numeric() and len(series) and out.null_count() == len(series):
        raise BadFile(f"{path}: column {column} holds no numbers")
    return np.asarray(out.to_numpy(), dtype=np.float64)


def load(source: Path) -> tuple[dict[str, list[NDArray[Any]]], list[Path]]:
    """Per symbol: times and an [n, 5] array, in file order."""
    if source.is_dir():
        files = sorted(p for p in source.rglob("*") if p.is_file() and p.name.lower().endswith(SUFFIXES))
        if not files:
            raise BadFile(f"{source}: no candle file in this folder (looked for {', '.join(SUFFIXES)})")
    elif source.is_file():
        files = [source]
    else:
        raise BadFile(f"{source}: no such file or folder")
    out: dict[str, list[NDArray[Any]]] = {}
    for path in files:
        frame = _read(path)
        columns = _columns(frame, path)
        times = _times(frame[columns["time"]], path)
        values = np.column_stack([_number(frame, columns[field], path) for field in FIELDS])
        if "symbol" in columns:
            names = frame[columns["symbol"]].cast(pl.String).fill_null("")
            kinds = names.unique().sort().to_list()
            which = names.rank("dense").to_numpy() - 1
            order = np.argsort(which, kind="stable")
            cuts = np.searchsorted(which[order], np.arange(len(kinds) + 1))
            for i, kind in enumerate(kinds):
                rows = order[cuts[i] : cuts[i + 1]]
                if kind:
                    out.setdefault(symbol_of(str(kind)), []).append(np.column_stack([times[rows], values[rows]]))
        else:
            out.setdefault(symbol_of_file(path), []).append(np.column_stack([times, values]))
    return out, files


def clean(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Usable rows in time order: finite positive prices; a high below the others is raised, a low lowered."""
    prices = rows[:, 1:5]
    good = np.isfinite(prices).all(axis=1) & (prices > 0).all(axis=1) & (rows[:, 0] > 0)
    rows = rows[good]
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    rows[:, 2], rows[:, 3] = rows[:, 1:5].max(axis=1), rows[:, 1:5].min(axis=1)
    rows[:, 5] = np.where(np.isfinite(rows[:, 5]) & (rows[:, 5] > 0), rows[:, 5], 0)
    return rows


def find_interval(series: dict[str, NDArray[np.float64]], source: Path) -> int:
    """The bar length: the typical distance of neighbouring bars, which must be a supported interval."""
    steps = [np.diff(np.unique(rows[:, 0])) for rows in series.values() if len(rows) > 1]
    if not steps:
        raise BadFile(f"{source}: column for time: fewer than two bars per symbol")
    typical = int(np.median(np.concatenate(steps)))
    interval = known_interval(typical)
    if interval is None:
        raise BadFile(f"{source}: column for time: bars lie {typical} ms apart, which is no supported interval")
    return interval


def price_decimals(prices: NDArray[np.float64]) -> int:
    """Decimals needed to write all these prices."""
    for dp in range(10):
        scaled = prices * 10.0**dp
        if np.all(np.abs(scaled - np.round(scaled)) < 1e-6 + np.abs(scaled) * 1e-12):
            return dp
    return 10


def convert(source: Path, target: Path) -> None:
    """Writes times.npy, five field arrays [T, S] and index.json."""
    parts, files = load(source)
    series = {name: clean(np.concatenate(blocks)) for name, blocks in parts.items()}
    series = {name: rows for name, rows in series.items() if len(rows)}
    if not series:
        raise BadFile(f"{source}: no usable candle in {len(files)} file(s)")
    interval = find_interval(series, source)
    # A stamp a little off its slot belongs to the nearest one; the last of several rows for a slot counts.
    slots = {name: np.round(rows[:, 0] / interval).astype(np.int64) for name, rows in series.items()}
    first = min(int(s[0]) for s in slots.values())
    last = max(int(s[-1]) for s in slots.values())
    turnover = {name: float(np.median(rows[:, 4] * rows[:, 5])) for name, rows in series.items()}
    names = sorted(series, key=lambda name: (-turnover[name], name))
    for number, field in enumerate(FIELDS, start=1):
        table = np.full((last - first + 1, len(names)), np.nan)
        for column, name in enumerate(names):
            table[slots[name] - first, column] = series[name][:, number]
        np.save(target / f"{field}.npy", table)
    np.save(target / "times.npy", np.arange(first, last + 1, dtype=np.int64) * interval)
    index = {
        "interval_ms": interval,
        "symbols": names,
        "decimals": [price_decimals(series[name][:, 1:5]) for name in names],
        "typical": [float(np.median(series[name][:, 4])) for name in names],
    }
    (target / "index.json").write_text(json.dumps(index))


def main() -> None:
    """Entry point of the loader process: exit code 2 and one line on stderr when a file is bad."""
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]))
    except BadFile as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
