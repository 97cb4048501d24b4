"""Column types: exact decimals, UTC times, ids."""

from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, Numeric, String
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.types import DateTime, TypeDecorator

UNIT = 100_000_000
"""Ledger units per one unit of a currency: amounts are integers of 1e-8."""

_PLACES = Decimal(1).scaleb(-18)
_WIDE = Context(prec=60)

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""Auto-incrementing 64-bit id; SQLite only counts plain INTEGER."""


class Exact(TypeDecorator[Decimal]):
    """``Decimal`` kept exactly: DECIMAL(36,18), and text on SQLite, which has no decimals."""

    impl = Numeric(36, 18)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(48))
        return dialect.type_descriptor(Numeric(36, 18))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if isinstance(value, float):
            raise TypeError("floats are not exact: pass a Decimal")
        value = Decimal(value)
        if not value.is_finite():
            raise ValueError("only finite amounts can be stored")
        value = value.quantize(_PLACES, context=_WIDE)
        return format(value.normalize(_WIDE), "f") if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        return Decimal(format(Decimal(value).normalize(_WIDE), "f"))


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC datetime with microseconds; naive values are refused."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime: pass an aware UTC time")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None else None


def to_units(amount: Decimal) -> int:
    """Exact amount to ledger units. Raises ``ValueError`` when it has more than 8 decimal places."""
    scaled = amount.scaleb(8)
    units = int(scaled)
    if units != scaled:
        raise ValueError(f"{amount} has more than 8 decimal places")
    return units


def from_units(units: int) -> Decimal:
    """Ledger units to the exact amount with 8 decimal places."""
    return Decimal(units).scaleb(-8)
