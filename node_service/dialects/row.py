"""One JSON object of a venue's reply, read field by field; what cannot be believed raises `VenueError` BAD_REPLY."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ..errors import Kind, bad_reply
from ..figures import Market, number, signed_number


class Row:
    """A JSON object of a reply. `kind` is what the request did: doubts about a write are an unknown outcome."""

    __slots__ = ("_fields", "_kind")

    def __init__(self, value: Any, kind: Kind = Kind.READ) -> None:
        if not isinstance(value, dict):
            raise bad_reply(kind, "not a JSON object")
        self._fields = value
        self._kind = kind

    def get(self, name: str) -> Any:
        """The field as it came, None when there is none."""
        return self._fields.get(name)

    def row(self, name: str) -> Row:
        """The object in a field."""
        return Row(self._fields.get(name), self._kind)

    def rows(self, name: str) -> list[Row]:
        """The objects of the list in a field."""
        return rows_of(self._fields.get(name), self._kind)

    def some(self, name: str) -> list[Row]:
        """The objects of the list in a field of a venue that says null for an empty list. The field must be there."""
        if name not in self._fields:
            raise bad_reply(self._kind, f"{name} is missing")
        return [] if self._fields[name] is None else self.rows(name)

    def first(self, name: str) -> Row:
        """The first object of the list in a field, which must have one."""
        rows = self.rows(name)
        if not rows:
            raise bad_reply(self._kind, "an empty list")
        return rows[0]

    def id(self, name: str) -> str:
        """An id, never empty or zero."""
        value = self._fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int | str) or str(value) in ("", "0"):
            raise bad_reply(self._kind, f"{name} is missing")
        return str(value)

    def text(self, name: str) -> str:
        """The field as a text, "" when there is none."""
        value = self._fields.get(name)
        return "" if value is None else str(value)

    def side(self, name: str = "side") -> str:
        """BUY or SELL in the venue's own upper or lower case."""
        return self.text(name).upper()

    def ms(self, name: str) -> int:
        """Milliseconds since 1970 out of a text or number; 0 when there are none."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 15 else 0

    def seconds_ms(self, name: str) -> int:
        """Milliseconds out of seconds with a fraction; 0 when there are none."""
        return int((self.optional(name) or Decimal(0)) * 1000)

    def signed(self, name: str) -> Decimal:
        """A number that must be there."""
        return signed_number(self._fields.get(name), name, self._kind)

    def decimal(self, name: str) -> Decimal:
        """A number; an empty text counts as zero, a missing field does not."""
        return Decimal(0) if self._fields.get(name) == "" else self.signed(name)

    def optional(self, name: str) -> Decimal | None:
        """A number, or None where the venue tells none."""
        return None if self._fields.get(name) in (None, "") else self.signed(name)

    def price(self, name: str) -> Decimal:
        """A positive price."""
        return number(self._fields.get(name), name, self._kind, positive=True)

    def leverage(self, name: str) -> int | None:
        """A position's leverage; None where none is told or 0 says cross margin."""
        value = self.optional(name)
        return int(value) if value else None

    def coins(self, name: str, market: Market) -> Decimal:
        """The coins of one execution, whichever side it had."""
        return abs(self.signed(name)) * market.contract_size


def rows_of(value: Any, kind: Kind = Kind.READ) -> list[Row]:
    """The value as a list of JSON objects."""
    if not isinstance(value, list):
        raise bad_reply(kind, "not a JSON list")
    return [Row(row, kind) for row in value]
