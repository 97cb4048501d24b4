"""Lists as CSV and for Excel: the same query, scope and filters as the page, every row that matches, streamed page by page."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from backend.api.context import anyone, read
from backend.clock import from_ms, utcnow
from backend.dashboards.lists.base import Find, ListOf, Row, find_of, refuse_unknown
from backend.dashboards.lists.registry import list_for
from backend.errors import InvalidInput
from backend.identity.principal import Principal

router = APIRouter(tags=["exports"])

MAX_ROWS = 50_000
STEP = 500
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


@router.get("/api/lists/{name}.csv")
async def export(request: Request, name: str, who: Annotated[Principal, Depends(anyone)]) -> StreamingResponse:
    """The list ``name`` with the given filters, at most 50,000 rows; times are ISO 8601 in UTC."""
    listed, find = _asked(request, name, who)
    first = await _page(request, who, listed, find)
    lines = _stream(request, who, listed, find, first)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=_headers(name, "csv"))


@router.get("/api/lists/{name}.xlsx")
async def export_excel(request: Request, name: str, who: Annotated[Principal, Depends(anyone)]) -> StreamingResponse:
    """The same for Excel: numbers are numbers, times are UTC, and no text is ever a formula."""
    from backend.api.spreadsheet import Sheet

    listed, find = _asked(request, name, who)
    rows = await _page(request, who, listed, find)
    sheet = await asyncio.to_thread(Sheet, name, [_title(column) for column in listed.columns])
    try:
        offset = 0
        while rows and offset < MAX_ROWS:
            await asyncio.to_thread(sheet.add, [[_value(column, row.get(column)) for column in listed.columns] for row in rows])
            if len(rows) < STEP:
                break
            offset += STEP
            rows = await _page(request, who, listed, replace(find, offset=offset))
        await asyncio.to_thread(sheet.finish)
    except BaseException:
        sheet.remove()
        raise
    return StreamingResponse(sheet.chunks(), media_type=Sheet.MEDIA_TYPE, headers=_headers(name, "xlsx"))


def _asked(request: Request, name: str, who: Principal) -> tuple[ListOf, Find]:
    listed = list_for(who, name)
    given = dict(request.query_params)
    search, sort = given.pop("search", "")[:80], given.pop("sort", "")
    descending = given.pop("desc", "1") != "0"
    given = {key: value for key, value in given.items() if value}
    refuse_unknown(listed, given)
    if sort and sort not in listed.sorts:
        raise InvalidInput(f"This list sorts by {', '.join(listed.sorts) or 'nothing'}.")
    return listed, find_of(listed, given, search=search, sort=sort, desc=descending, limit=STEP)


def _headers(name: str, kind: str) -> dict[str, str]:
    file = f"ironbull-{name}-{utcnow():%Y%m%d-%H%M}.{kind}"
    return {"Content-Disposition": f'attachment; filename="{file}"', "Cache-Control": "no-store"}


async def _page(request: Request, who: Principal, listed: ListOf, find: Find) -> list[Row]:
    found = await read(request, lambda session: listed.fetch(session, who, find))
    return found.rows


async def _stream(request: Request, who: Principal, listed: ListOf, find: Find, rows: list[Row]) -> AsyncIterator[bytes]:
    # The mark tells spreadsheets that this is UTF-8.
    yield b"\xef\xbb\xbf" + _lines([[_title(column) for column in listed.columns]])
    offset = 0
    while rows and offset < MAX_ROWS:
        yield _lines([[cell(column, row.get(column)) for column in listed.columns] for row in rows])
        if len(rows) < STEP:
            return
        offset += STEP
        rows = await _page(request, who, listed, replace(find, offset=offset))


def _title(column: str) -> str:
    return column.removesuffix("_ms") + "_utc" if column.endswith("_ms") and column not in _DURATIONS else column


_DURATIONS = ("duration_ms", "latency_ms")


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


def _value(column: str, value: Any) -> Any:
    """One value for a spreadsheet: number, UTC time without a zone, or text."""
    if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        if column.endswith("_ms") and column not in _DURATIONS:
            return from_ms(int(value)).replace(tzinfo=None) if value else ""
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    return cell(column, value)


def _lines(rows: list[list[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode()
