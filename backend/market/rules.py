"""Pure rules of market time and price, shared by the simulated exchange and the backtest."""

from __future__ import annotations

from typing import TypeVar

Price = TypeVar("Price", int, float)

TICKS_PER_BAR = 4

INTERVAL_MS: dict[str, int] = {
    "1m": 60_000,
    "3m": 180_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "2h": 7_200_000,
    "4h": 14_400_000,
    "6h": 21_600_000,
    "8h": 28_800_000,
    "12h": 43_200_000,
    "1d": 86_400_000,
}


def bar_path(o: Price, h: Price, low: Price, c: Price) -> tuple[Price, Price, Price, Price]:
    """The four prices a bar is walked through, in order.

    A rising bar visits its low before its high, a falling one its high before its low. The true order
    inside a bar is unknown; a fixed convention makes backtest and simulated exchange agree.
    """
    return (o, low, h, c) if c >= o else (o, h, low, c)


def bar_open_ms(time_ms: int, interval_ms: int) -> int:
    """Opening time (UTC epoch ms) of the bar that holds ``time_ms``."""
    return time_ms - time_ms % interval_ms
