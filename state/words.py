"""Figures as people read them: thousands separators, a real minus, signs on PnL, a dash for what is missing."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

MINUS = "\u2212"
MISSING = "–"


def figure(value: Decimal | int | None, places: int = 2, *, sign: bool = False) -> str:
    """``1,234.50``; with ``sign`` a plus before gains. None is a dash, never 0."""
    if value is None:
        return MISSING
    exact = Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    text = f"{abs(exact):,.{places}f}"
    if exact < 0:
        return MINUS + text
    return "+" + text if sign and exact > 0 else text


def percent(ratio: Decimal | None, places: int = 2, *, sign: bool = False) -> str:
    """A ratio as percent with a space: 0.0123 -> ``1.23 %``."""
    return MISSING if ratio is None else f"{figure(ratio * 100, places, sign=sign)} %"


def price(value: Decimal | None, places: int | None = None) -> str:
    """A price at the venue's precision; without ``places`` five significant digits at least."""
    if value is None:
        return MISSING
    if places is None:
        places = max(2, min(8, 4 - value.copy_abs().adjusted())) if value else 2
    return figure(value, places)


def compact(value: Decimal | None) -> str:
    """``4.82M`` for cards; the exact value goes in the title."""
    if value is None:
        return MISSING
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**5, "K")):
        if abs(value) >= size:
            return figure(value / (1000 if unit == "K" else size), 2) + unit
    return figure(value, 2)


def quantity(value: Decimal | None) -> str:
    """Coins without trailing zeros."""
    if value is None:
        return MISSING
    text = f"{abs(value.normalize()):,f}"
    return MINUS + text if value < 0 else text
