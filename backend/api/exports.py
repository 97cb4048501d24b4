"""Lists as CSV and for Excel: the same query, scope and filters as the page, every row that matches, streamed page by page.

Short ones at once; long ones are asked for (``POST /api/exports``), written in the background and fetched when they are done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from backend.api.context import EVERY, May, context_of, peer, read, run
from backend.api.params import Id, answer, done, listed, window
from backend.clock import utcnow
from backend.dashboards.lists.base import Find, ListOf, Row
from backend.dashboards.lists.registry import list_for
from backend.exports import service
from backend.exports.cells import BOM, MEDIA_TYPES, cell, lines, title, typed
from backend.identity.principal import Principal
from backend.models import ExportJob
from backend.portfolio.queries import Listing, Window

router = APIRouter(tags=["exports"])

Anyone = Annotated[Principal, Depends(May("read", EVERY))]
Page = Annotated[Window, Depends(window)]
MAX_ROWS = 50_000
STEP = 500


class Asked(BaseModel):
    """Which list, as what, and its filters as the list's own export takes them."""

    list: Annotated[str, Field(max_length=32)]
    format: Annotated[str, Field(max_length=8)] = "csv"
    filters: Annotated[dict[Annotated[str, Field(max_length=32)], Annotated[str, Field(max_length=80)]], Field(max_length=20)] = {}


@router.post("/api/exports", status_code=202)
async def ask(request: Request, body: Asked, who: Anyone) -> Response:
    """Ask for a list as a file; it is written in the background and kept for a day."""
    job = await run(request, lambda s: _shape(service.ask(s, who, body.list, body.format, body.filters, ip=peer(request))))
    return answer({"success": True, "data": job}, 202)


@router.get("/api/exports")
async def asked(request: Request, who: Anyone, page: Page) -> Response:
    """Your exports, newest first."""
    rows, total = await read(request, lambda session: service.jobs(session, who, page.limit, page.offset))
    return listed(Listing(rows, total), page, _shape)


@router.get("/api/exports/{job_id}")
async def one(request: Request, job_id: Id, who: Anyone) -> Response:
    """How far one of them is."""
    return done(await read(request, lambda session: _shape(service.job_of(session, who, job_id))))


@router.delete("/api/exports/{job_id}")
async def remove(request: Request, job_id: Id, who: Anyone) -> Response:
    """Cancel it, or delete its file."""
    await run(request, lambda session: service.remove(session, who, job_id, ip=peer(request)))
    return done()


@router.get("/api/exports/{job_id}/file", response_class=StreamingResponse)
async def file(request: Request, job_id: Id, who: Anyone) -> StreamingResponse:
    """The file. 409 while it is not written."""
    job = await read(request, lambda session: service.ready_job(session, who, job_id))
    headers = _headers(job.list_name, job.format) | {"Content-Length": str(job.size)}
    return StreamingResponse(_pieces(request, job), media_type=MEDIA_TYPES[job.format], headers=headers)


async def _pieces(request: Request, job: ExportJob) -> AsyncIterator[bytes]:
    for number in range(job.pieces):
        yield await context_of(request).db.aread(partial(service.piece, job_id=job.id or 0, number=number))


def _shape(job: ExportJob) -> dict[str, Any]:
    return {
        "id": job.id, "list": job.list_name, "format": job.format, "filters": job.asked, "status": job.status, "total": job.total,
        "rows": job.rows_done, "size": job.size, "error": job.error, "created_at": job.created_at, "finished_at": job.finished_at,
        "expires_at": job.created_at + service.KEEP,
    }  # fmt: skip


@router.get("/api/lists/{name}.csv")
async def export(request: Request, name: str, who: Anyone) -> StreamingResponse:
    """The list ``name`` with the given filters, at most 50,000 rows; times are ISO 8601 in UTC."""
    found, find = _list(request, name, who)
    pages = _pages(request, who, found, find)
    first = await anext(pages)
    return StreamingResponse(_stream(found, first, pages), media_type=MEDIA_TYPES["csv"], headers=_headers(name, "csv"))


@router.get("/api/lists/{name}.xlsx")
async def export_excel(request: Request, name: str, who: Anyone) -> StreamingResponse:
    """The same for Excel: numbers are numbers, times are UTC, and no text is ever a formula."""
    from backend.exports.sheet import Sheet

    found, find = _list(request, name, who)
    pages = _pages(request, who, found, find)
    first = await anext(pages)
    sheet = await asyncio.to_thread(Sheet, name, [title(column) for column in found.columns])
    with ExitStack() as unfinished:
        unfinished.callback(sheet.remove)
        async for rows in _after(first, pages):
            await asyncio.to_thread(sheet.add, [[typed(column, row.get(column)) for column in found.columns] for row in rows])
        await asyncio.to_thread(sheet.finish)
        unfinished.pop_all()
    return StreamingResponse(sheet.chunks(), media_type=MEDIA_TYPES["xlsx"], headers=_headers(name, "xlsx"))


def _list(request: Request, name: str, who: Principal) -> tuple[ListOf, Find]:
    found = list_for(who, name)
    return found, service.find_asked(found, dict(request.query_params), limit=STEP)


def _headers(name: str, kind: str) -> dict[str, str]:
    saved = f"ironbull-{name}-{utcnow():%Y%m%d-%H%M}.{kind}"
    return {"Content-Disposition": f'attachment; filename="{saved}"', "Cache-Control": "no-store"}


async def _page(request: Request, who: Principal, found: ListOf, find: Find) -> list[Row]:
    page = await read(request, lambda session: found.fetch(session, who, find))
    # Cutting a list short would look like the whole of it.
    if page.total > MAX_ROWS:
        raise service.ExportTooLong("This list has more than 50,000 rows: ask for it in the background (POST /api/exports).")
    return page.rows


async def _pages(request: Request, who: Principal, found: ListOf, find: Find) -> AsyncIterator[list[Row]]:
    """Page by page, at least one. Rows that arrive meanwhile push others onto the next page: those are not written twice."""
    before: set[Any] = set()
    while True:
        rows = await _page(request, who, found, find)
        yield [row for row in rows if row["id"] not in before]
        if len(rows) < STEP:
            return
        before = {row["id"] for row in rows}
        find = replace(find, offset=find.offset + STEP)


async def _after(first: list[Row], pages: AsyncIterator[list[Row]]) -> AsyncIterator[list[Row]]:
    yield first
    async for rows in pages:
        yield rows


async def _stream(found: ListOf, first: list[Row], pages: AsyncIterator[list[Row]]) -> AsyncIterator[bytes]:
    yield BOM + lines([[title(column) for column in found.columns]])
    async for rows in _after(first, pages):
        yield lines([[cell(column, row.get(column)) for column in found.columns] for row in rows])
