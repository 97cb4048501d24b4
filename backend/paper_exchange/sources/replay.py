"""A market that walks through recorded candles."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from backend.paper_exchange.config import PaperConfig, PaperConfigError
from backend.paper_exchange.sources.base import ArrayMarket, synthetic_funding
from backend.paper_exchange.symbols import make_spec

_ROOT = Path(__file__).resolve().parents[3]


class ReplaySource(ArrayMarket):
    """Candles of a file or folder. ``warmup_bars`` are history at the start, the clock walks the rest."""

    def __init__(self, config: PaperConfig, path: str) -> None:
        super().__init__()
        if not path:
            raise PaperConfigError("source replay:<file or folder> needs a path")
        self.path = Path(path).expanduser()
        self._config = config
        self.symbols = ()
        self.specs = {}

    async def open(self, saved: Mapping[str, Any] | None, snapshots: Mapping[int, bytes]) -> None:
        """Reads the files and takes the clock to the end of the warm-up, or to where it was saved."""
        await self._load()
        bars = len(self.times)
        if saved:
            row = min(int(np.searchsorted(self.times, int(saved["time_ms"]))), bars - 1)
            self._seat(row, int(saved["tick"]))
            self.done = bool(saved["done"])
            return
        if bars <= self._config.warmup_bars:
            raise PaperConfigError(
                f"{self.path} holds {bars} bars; a warm-up of {self._config.warmup_bars} leaves none to replay"
            )
        self._seat(self._config.warmup_bars, 0)

    async def _load(self) -> None:
        with tempfile.TemporaryDirectory(prefix="replay-") as folder:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "backend.paper_exchange.sources.replay_loader", str(self.path.resolve()),
                folder, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, cwd=_ROOT,
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
            )  # fmt: skip
            _, problem = await process.communicate()
            if process.returncode == 2:
                raise PaperConfigError(problem.decode().strip())
            if process.returncode != 0:
                raise PaperConfigError(f"{self.path}: reading failed\n{problem.decode()[-2000:]}")
            index = orjson.loads((Path(folder) / "index.json").read_bytes())
            # The mapped files live on without a name until the arrays are gone.
            self.times = np.load(Path(folder) / "times.npy")
            tables = [
                np.load(Path(folder) / f"{field}.npy", mmap_mode="r")
                for field in ("open", "high", "low", "close", "volume")
            ]
        keep = [
            i for i, name in enumerate(index["symbols"])
            if self._config.symbols is None or name in self._config.symbols
        ][: self._config.max_symbols]  # fmt: skip
        if not keep:
            raise PaperConfigError(f"{self.path} has none of the configured symbols")
        if len(keep) < len(index["symbols"]):
            tables = [table[:, keep] for table in tables]
        o, h, low, c, v = tables
        self.bars = (o, h, low, c, v)
        self.interval_ms = int(index["interval_ms"])
        self.symbols = tuple(index["symbols"][i] for i in keep)
        self.specs = {
            index["symbols"][i]: make_spec(
                index["symbols"][i], index["typical"][i], Decimal(1).scaleb(-index["decimals"][i])
            )
            for i in keep
        }

    def state(self) -> dict[str, Any]:
        """What ``open`` needs to continue here."""
        return {"time_ms": int(self.times[self.row]), "tick": self.tick, "done": self.done}

    def funding_rate(self, symbol: str, time_ms: int) -> Decimal:
        """Candle files hold no funding, so a plausible rate is made up."""
        return synthetic_funding(self._config.seed, symbol, time_ms)
