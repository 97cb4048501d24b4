"""Rows of a list as cells: text for CSV, typed values for Excel. Times are UTC; no text ever becomes a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from backend.clock import from_ms

BOM = b"\xef\xbb\xbf"
"""Tells spreadsheets that a CSV is UTF-8."""
FORMATS = ("csv", "xlsx")
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
_DURATIONS = ("duration_ms", "latency_ms")


def title(column: str) -> str:
    """The head of a column; times say that they are UTC."""
    return column.removesuffix("_ms") + "_utc" if column.endswith("_ms") and column not in _DURATIONS else column


def cell(column: str, value: Any) -> str:
    """One value as text. Text that a spreadsheet would take for a formula is quoted with an apostrophe; numbers are not."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if column.endswith("_ms") and column not in _DURATIONS:
        return from_ms(value).isoformat(timespec="seconds") if value else ""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return "'" + text if text.startswith(_DANGEROUS) else text


def typed(column: str, value: Any) -> Any:
    """One value for Excel: number, UTC time without a zone, or text."""
    if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        if column.endswith("_ms") and column not in _DURATIONS:
            return from_ms(int(value)).replace(tzinfo=None) if value else ""
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    return cell(column, value)


def lines(rows: Sequence[Sequence[str]]) -> bytes:
    """Rows as CSV (RFC 4180), UTF-8."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode()
