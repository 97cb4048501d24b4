"""Numbers and trading rules out of an exchange's replies, checked before they are believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from .errors import Kind, bad_reply
from .venues import ccxt_symbol

_BIGGEST: Final = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class Market:
    """Trading rules of one perpetual. Sizes are in coins; `contract_size` coins make one contract of the venue."""

    symbol: str
    ccxt_symbol: str
    venue_id: str
    step: Decimal  # contracts
    tick: Decimal
    min_quantity: Decimal
    max_quantity: Decimal | None
    min_notional: Decimal
    contract_size: Decimal


def number(value: Any, what: str, kind: Kind, *, positive: bool = False) -> Decimal:
    """A finite number between 0 and 1e12 out of a reply; raises `VenueError` BAD_REPLY."""
    parsed = signed_number(value, what, kind)
    if parsed < 0 or (positive and parsed == 0):
        raise bad_reply(kind, f"{what} is not positive")
    return parsed


def signed_number(value: Any, what: str, kind: Kind) -> Decimal:
    """A finite number between -1e12 and 1e12 out of a reply; raises `VenueError` BAD_REPLY."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise bad_reply(kind, f"{what} is missing")
    try:
        parsed = Decimal(value if isinstance(value, str) else repr(value))
    except InvalidOperation:
        raise bad_reply(kind, f"{what} is not a number") from None
    if not parsed.is_finite() or abs(parsed) > _BIGGEST:
        raise bad_reply(kind, f"{what} is out of range")
    return parsed


def plain(value: Decimal) -> str:
    """Decimal text without exponent or trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def market_of(raw: Mapping[str, Any], settle: str = "USDT", id_field: str = "id") -> Market | None:
    """The rules of an active linear perpetual, else None. One in the venue's own dollar, `settle`, is our .../USDT."""
    if not (raw.get("swap") and raw.get("linear") and raw.get("active", True)):
        return None
    canonical = f"{raw['base']}/{raw['quote']}"
    if raw["symbol"] != ccxt_symbol(canonical):
        return None
    if settle != "USDT":
        if raw["quote"] != settle:
            return None
        canonical = f"{raw['base']}/USDT"
    limits, precision = raw["limits"], raw["precision"]
    size = _optional(raw.get("contractSize")) or Decimal(1)
    step, tick = _optional(precision.get("amount")), _optional(precision.get("price"))
    if step is None or tick is None or step <= 0 or tick <= 0:
        return None
    largest = _optional(limits.get("market", {}).get("max") or limits["amount"].get("max"))
    return Market(
        symbol=canonical,
        ccxt_symbol=raw["symbol"],
        venue_id=str(raw[id_field]),
        step=step,
        tick=tick,
        min_quantity=(_optional(limits["amount"].get("min")) or Decimal(0)) * size,
        max_quantity=None if largest is None else largest * size,
        min_notional=_optional(limits.get("cost", {}).get("min")) or Decimal(0),
        contract_size=size,
    )


def _optional(value: Any) -> Decimal | None:
    return None if value is None else Decimal(repr(value) if isinstance(value, float) else str(value))
