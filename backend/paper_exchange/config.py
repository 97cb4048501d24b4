"""Configuration of one simulated exchange."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from backend.market.rules import INTERVAL_MS

CLOCK_MODES = ("running", "stepped")
# 2025-01-01T00:00:00Z. A fixed start makes a seed give the same candles, times included, on every machine.
DEFAULT_START_MS = 1_735_689_600_000


class PaperConfigError(ValueError):
    """A setting of the simulated exchange cannot be used; the message says which and why."""


@dataclass(frozen=True)
class PaperConfig:
    """Settings of one simulated exchange.

    ``source`` is ``simulated``, ``replay:<file or folder>`` or ``exchange:<ccxt id>``.
    ``speed`` is market seconds per wall second and counts only in mode ``running``.
    ``db_path`` None keeps all state in memory. ``control_token`` None means random at each start.
    ``symbols`` restricts the market to these names; ``max_symbols`` keeps the first n of what is left.
    ``strict_client_ids`` refuses a client order id ever used before; the real venue only checks open orders.
    ``weight_limit_1m`` 0 never answers 429 by itself; the used weight is reported in any case.
    """

    source: str = "simulated"
    seed: int = 1
    speed: float = 360.0
    mode: str = "running"
    db_path: Path | None = None
    control_token: str | None = None
    slippage_bps: Decimal = Decimal("2")
    taker_fee_bps: Decimal = Decimal("5")
    maker_fee_bps: Decimal = Decimal("2")
    warmup_bars: int = 600
    strict_client_ids: bool = True
    exchange_url: str | None = None
    symbols: tuple[str, ...] | None = None
    max_symbols: int = 150
    start_ms: int = DEFAULT_START_MS
    poll_ms: int = 1000
    live_interval: str = "1m"
    weight_limit_1m: int = 0

    def __post_init__(self) -> None:
        if self.mode not in CLOCK_MODES:
            raise PaperConfigError(f"mode must be one of {CLOCK_MODES}, not {self.mode!r}")
        if not 0 < self.speed <= 1e7:
            raise PaperConfigError(f"speed must be above 0 and at most 10000000, not {self.speed}")
        for name in ("slippage_bps", "taker_fee_bps", "maker_fee_bps"):
            value = getattr(self, name)
            if not isinstance(value, Decimal) or not value.is_finite() or abs(value) > 1000:
                raise PaperConfigError(f"{name} must be a Decimal between -1000 and 1000, not {value!r}")
        if self.slippage_bps < 0:
            raise PaperConfigError("slippage_bps must not be negative")
        if self.warmup_bars < 1 or self.max_symbols < 1:
            raise PaperConfigError("warmup_bars and max_symbols must be at least 1")
        if self.live_interval not in INTERVAL_MS:
            raise PaperConfigError(f"live_interval must be one of {sorted(INTERVAL_MS)}")
        kind = self.source.partition(":")[0]
        if kind not in ("simulated", "replay", "exchange"):
            raise PaperConfigError(
                f"source must be simulated, replay:<path> or exchange:<ccxt id>, not {self.source!r}"
            )
