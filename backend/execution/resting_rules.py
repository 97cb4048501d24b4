"""Entries that wait at a price: their terms, the price, how long they wait, and what confirms them after the fill. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from backend.errors import InvalidInput

KEYS: Final = ("entry_mode", "retest_bars", "retest_offset_bps", "confirm_after_fill", "post_fill_confirm_bars")
"""Settings of a strategy that are the platform's, not the algorithm's."""

RETEST_BARS: Final = 20
CONFIRM_BARS: Final = 3

Verdict = Literal["wait", "confirmed", "close"]


@dataclass(frozen=True, slots=True)
class Terms:
    """How a strategy enters at a price: it waits ``retest_bars``; with ``confirm_bars`` (0: none) the bars after the
    fill must agree. ``offset_bps`` puts the price further from the market than the signal's."""

    retest_bars: int = RETEST_BARS
    offset_bps: Decimal = Decimal(0)
    confirm_bars: int = 0


def terms_of(config: Mapping[str, Any]) -> Terms | None:
    """The terms in a strategy's settings, None for entries at market. A figure that cannot be is its default."""
    if config.get("entry_mode") != "limit":
        return None
    confirm = _whole(config.get("post_fill_confirm_bars"), CONFIRM_BARS, 1, 100) if config.get("confirm_after_fill") is True else 0
    offset = _whole(config.get("retest_offset_bps"), 0, 0, 1_000)
    return Terms(_whole(config.get("retest_bars"), RETEST_BARS, 1, 500), Decimal(offset), confirm)


class BadTerms(InvalidInput):
    """The terms of an entry are not valid. Correct the figure named."""

    code = "bad_entry_terms"


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Terms as people give them, to be kept in a strategy's settings. Raises ``BadTerms`` naming what is wrong."""
    if given.get("entry_mode") not in ("market", "limit"):
        raise BadTerms("An entry is at market or at a limit.")
    if given["entry_mode"] == "market":
        return {}
    found: dict[str, Any] = {"entry_mode": "limit", "confirm_after_fill": given.get("confirm_after_fill") is True}
    for name, low, high, words in (
        ("retest_bars", 1, 500, "The window is"), ("retest_offset_bps", 0, 1_000, "The distance is"),
        ("post_fill_confirm_bars", 1, 100, "The confirmation is"),
    ):  # fmt: skip
        value = given.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise BadTerms(f"{words} a whole number from {low} to {high}.")
        found[name] = value
    return found


def _whole(value: Any, default: int, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        return default
    return value


def limit_price(signal_price: Decimal, side: str, offset_bps: Decimal) -> Decimal:
    """Where the entry waits: at the signal's price, or that much better for ``side`` (LONG or SHORT)."""
    part = signal_price * offset_bps / 10_000
    price = signal_price - part if side == "LONG" else signal_price + part
    return price.quantize(Decimal(1).scaleb(price.adjusted() - 11))


def touched(limit: Decimal, side: str, price: Decimal) -> bool:
    """Whether the market has come to the price, so that the order should be filling."""
    return price <= limit if side == "LONG" else price >= limit


def expires_ms(bar_open_ms: int, interval_ms: int, bars: int) -> int:
    """The end of the retest window: ``bars`` bars after the close of the bar that gave the signal."""
    return bar_open_ms + (bars + 1) * interval_ms


def verdict(side: str, entry: Decimal, close: Decimal, direction: int, *, bar_close_ms: int, until_ms: int) -> Verdict:
    """What one closed bar after the fill says. A signal to the other side closes at once, a close on the winning side
    of the entry confirms, and when the bars are used up without one the position is closed."""
    sign = 1 if side == "LONG" else -1
    if direction == -sign:
        return "close"
    if (close - entry) * sign > 0:
        return "confirmed"
    return "close" if bar_close_ms >= until_ms else "wait"


def distance(limit: Decimal, mark: Decimal) -> Decimal:
    """How far the market still is, as a ratio of itself; negative below it."""
    return (limit - mark) / mark
