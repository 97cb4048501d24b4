"""One JSON object of a request, read field by field; every complaint names the field."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from .protocol import ProtocolError
from .venues import SymbolError, canonical_symbol, valid_client_id

_DECIMAL = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")
MAX_TASKS = 5_000
_MISSING: Any = object()


class Reader:
    """Typed access to one JSON object; every complaint names the field."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise ProtocolError("FIELD_INVALID", 422, f"{where} must be a JSON object.")
        self._value = value
        self._where = where

    def name(self, key: str) -> str:
        """The field's name as the sender knows it."""
        return f"{self._where}.{key}" if self._where else key

    def has(self, key: str) -> bool:
        """Whether the field is present and not null or empty."""
        return self._value.get(key) not in (None, "")

    def _get(self, key: str, default: Any) -> Any:
        value = self._value.get(key)
        if value is not None:
            return value
        if default is _MISSING:
            raise ProtocolError("FIELD_MISSING", 422, f"{self.name(key)} is required.")
        return default

    def _bad(self, key: str, what: str) -> ProtocolError:
        return ProtocolError("FIELD_INVALID", 422, f"{self.name(key)} must be {what}.")

    def text(self, key: str, default: Any = _MISSING, limit: int = 512) -> str:
        value = self._get(key, default)
        if not isinstance(value, str) or len(value) > limit or "\x00" in value:
            raise self._bad(key, f"a text of at most {limit} characters")
        return value

    def integer(self, key: str, default: Any = _MISSING, low: int = 0, high: int = 2**53) -> Any:
        value = self._get(key, default)
        if value is default:
            return value
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._bad(key, f"a whole number from {low} to {high}")
        return value

    def boolean(self, key: str, default: bool) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self._bad(key, "true or false")
        return value

    def choice(self, key: str, allowed: tuple[str, ...], default: Any = _MISSING) -> str:
        value = self._get(key, default)
        if not isinstance(value, str) or value.upper() not in allowed:
            raise self._bad(key, "one of " + ", ".join(allowed))
        return value.upper()

    def decimal(self, key: str) -> Decimal | None:
        """A number greater than or equal to zero, or None when absent."""
        value = self._get(key, None)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self._bad(key, "a decimal number")
        text = value if isinstance(value, str) else format(Decimal(repr(value)), "f")
        if not _DECIMAL.fullmatch(text) or not text.isascii():
            raise self._bad(key, "a positive decimal number with at most 18 digits on either side")
        return Decimal(text)

    def positive(self, key: str, code: str) -> Decimal | None:
        """Like `decimal`, refusing zero with `code`."""
        value = self.decimal(key)
        if value is not None and value == 0:
            raise ProtocolError(code, 422, f"{self.name(key)} must be greater than zero.")
        return value

    def required_decimal(self, key: str) -> Decimal:
        value = self.positive(key, "FIELD_INVALID")
        if value is None:
            raise ProtocolError("FIELD_MISSING", 422, f"{self.name(key)} is required.")
        return value

    def symbol(self, key: str) -> str:
        try:
            return canonical_symbol(self.text(key, limit=64))
        except SymbolError as error:
            raise ProtocolError("UNKNOWN_SYMBOL", 422, f"{self.name(key)}: {error}.") from None

    def client_id(self, key: str, required: bool = True) -> str:
        text = self.text(key, _MISSING if required else "")
        if (text or required) and not valid_client_id(text):
            raise ProtocolError(
                "CLIENT_ID_INVALID", 422, f"{self.name(key)} must be 26-28 of [a-z0-9], not beginning with t."
            )
        return text

    def objects(self, key: str, limit: int = MAX_TASKS) -> list[Reader]:
        value = self._get(key, _MISSING)
        if not isinstance(value, list) or len(value) > limit:
            raise self._bad(key, f"a list of at most {limit} objects")
        return [Reader(item, f"{self.name(key)}[{index}]") for index, item in enumerate(value)]

    def texts(self, key: str, default: list[str], limit: int = 500) -> list[str]:
        value = self._get(key, default)
        if not isinstance(value, list) or len(value) > limit or not all(isinstance(item, str) for item in value):
            raise self._bad(key, f"a list of at most {limit} texts")
        return value

    def symbols(self, key: str, default: list[str] | None = None) -> list[str]:
        if default is None and not self.has(key):
            raise ProtocolError("FIELD_MISSING", 422, f"{self.name(key)} is required.")
        try:
            return [canonical_symbol(item) for item in self.texts(key, default or [])]
        except SymbolError as error:
            raise ProtocolError("UNKNOWN_SYMBOL", 422, f"{self.name(key)}: {error}.") from None
