"""The one place that reads the wall clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def utcnow() -> datetime:
    """Now, aware, UTC."""
    return datetime.now(UTC)


def now_ms() -> int:
    """Now in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def from_ms(value_ms: int) -> datetime:
    """Epoch milliseconds to an aware UTC datetime."""
    return datetime.fromtimestamp(value_ms / 1000, UTC)


def to_ms(value: datetime) -> int:
    """Aware datetime to epoch milliseconds."""
    return int(value.timestamp() * 1000)
