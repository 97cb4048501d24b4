"""Exact money: strict reading of amounts and the way between ``Decimal`` and ledger units of 1e-8.

Nothing here knows the database, so rules may use it.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal

from backend.errors import InvalidInput

UNIT = 100_000_000
"""Ledger units per one unit of a currency."""

MAX_AMOUNT = Decimal(10_000_000_000)
"""Largest single amount accepted; a sum of nine of them still fits a signed 64-bit balance."""

_WIDE = Context(prec=60)
_PLAIN = re.compile(r"(-?)(?:0|[1-9][0-9]{0,10})(?:\.[0-9]{1,8})?")


class InvalidAmount(InvalidInput):
    """The amount is not valid. Send a plain decimal such as "12.5" with at most 8 decimal places."""

    code = "invalid_amount"


def parse_amount(text: object, *, allow_zero: bool = False, allow_negative: bool = False) -> Decimal:
    """Read an amount as people and JSON send it: a plain decimal string (or a whole number), ASCII digits only.

    Refused with ``InvalidAmount``: floats, booleans, null, exponents, NaN, Infinity, thousands separators, spaces,
    a plus sign, other digits than 0-9, leading zeros, more than 8 decimal places, more than ``MAX_AMOUNT``, and zero
    or negative amounts unless they are allowed.
    """
    if isinstance(text, bool) or not isinstance(text, str | int):
        raise InvalidAmount('Send the amount as a decimal string such as "12.5".')
    if isinstance(text, int) and abs(text) > MAX_AMOUNT:
        raise InvalidAmount(f"The amount is larger than {MAX_AMOUNT}.")
    match = _PLAIN.fullmatch(str(text))
    if match is None:
        raise InvalidAmount()
    if match.group(1) and not allow_negative:
        raise InvalidAmount("The amount must not be negative.")
    value = Decimal(str(text))
    return check_amount(value, allow_zero=allow_zero, allow_negative=allow_negative)


def check_amount(value: Decimal, *, allow_zero: bool = False, allow_negative: bool = False) -> Decimal:
    """The same limits for a ``Decimal`` made inside the program. Returns it; raises ``InvalidAmount``."""
    if not isinstance(value, Decimal):
        raise InvalidAmount("An amount inside the program must be a Decimal.")
    if not value.is_finite():
        raise InvalidAmount("The amount must be a finite number.")
    if abs(value) > MAX_AMOUNT:
        raise InvalidAmount(f"The amount is larger than {MAX_AMOUNT}.")
    if value == 0 and not allow_zero:
        raise InvalidAmount("The amount must be more than zero.")
    if value < 0 and not allow_negative:
        raise InvalidAmount("The amount must not be negative.")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -8 and units_down(value) != value.scaleb(8, _WIDE):
        raise InvalidAmount("The amount has more than 8 decimal places.")
    return value


def exact_units(value: Decimal) -> int:
    """An amount that has at most 8 decimal places as ledger units. Raises ``InvalidAmount`` otherwise."""
    scaled = value.scaleb(8, _WIDE)
    units = int(scaled)
    if units != scaled:
        raise InvalidAmount("The amount has more than 8 decimal places.")
    return units


def units_down(value: Decimal) -> int:
    """Ledger units, rounded down towards zero to 1e-8: the one rounding between Decimal and the ledger."""
    # ``int`` of a Decimal drops what stands behind the point.
    return int(value.scaleb(8, _WIDE))


def from_units(units: int) -> Decimal:
    """Ledger units as an exact amount with 8 decimal places."""
    return Decimal(units).scaleb(-8)


def format_units(units: int) -> str:
    """Ledger units as a plain decimal string with 8 places."""
    return f"{from_units(units):f}"
