"""Writes the exports that were asked for, page by page: short reads, short writes, never a long transaction.

A CSV goes on where a dead worker stopped; an Excel file is one archive and begins again. The rows are those that existed
when the export was asked for, in one order, so the pages fit together.
"""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import structlog
from sqlalchemy import delete, update
from sqlmodel import Session, col

from backend.clock import now_ms, utcnow
from backend.dashboards.lists.base import Find, ListOf
from backend.dashboards.lists.registry import list_for
from backend.db import Database
from backend.errors import IronBullError, NotAllowed
from backend.exports import service
from backend.exports.cells import BOM, cell, lines, title, typed
from backend.exports.sheet import Sheet
from backend.identity.principal import Kind, Principal
from backend.identity.service import load_subject
from backend.live import hub
from backend.models import ExportJob, ExportPiece, Notification

log = structlog.get_logger("exports")

PAGE = 2_000
PIECE_BYTES = 1_000_000


class Lost(Exception):
    """The job was cancelled, or another worker has taken it over."""


class Exporter:
    """``run`` writes one waiting export to its end and tells whether there was one."""

    def __init__(self, db: Database, *, page: int = PAGE, stale: timedelta = service.STALE) -> None:
        self._db = db
        self._page = page
        self._stale = stale

    async def run(self) -> bool:
        """Take the next job, if any."""
        job = await self._db.arun(lambda session: service.claim(session, self._stale))
        if job is None:
            return False
        try:
            await self._write(job)
        except Lost:
            log.info("export given up", job=job.id)
        except IronBullError as error:
            await self._finish(job, "failed", error.message)
        except Exception:  # the edge of a job: the others must go on, and its owner must hear of it
            log.exception("export failed", job=job.id)
            await self._finish(job, "failed", "The file could not be written. Try again.")
        return True

    async def _write(self, job: ExportJob) -> None:
        who = await self._db.aread(lambda session: owner_of(session, job))
        listed = list_for(who, job.list_name)
        find = service.find_asked(listed, job.asked, limit=self._page)
        if listed.dated:
            find = replace(find, end=min(find.end, job.until) if find.end else job.until)
        if job.format == "csv":
            await self._csv(job, who, listed, find)
        else:
            await self._excel(job, who, listed, find)
        await self._finish(job, "done", "")

    async def _csv(self, job: ExportJob, who: Principal, listed: ListOf, find: Find) -> None:
        if not job.pieces:
            await self._keep(job, BOM + lines([[title(column) for column in listed.columns]]), 0)
        while True:
            rows = await self._rows(who, listed, replace(find, offset=job.rows_done))
            if rows:
                text = lines([[cell(column, row.get(column)) for column in listed.columns] for row in rows])
                await self._keep(job, text, len(rows))
            if len(rows) < self._page:
                return

    async def _excel(self, job: ExportJob, who: Principal, listed: ListOf, find: Find) -> None:
        await self._again(job)
        sheet = await asyncio.to_thread(Sheet, job.list_name, [title(column) for column in listed.columns])
        try:
            while True:
                rows = await self._rows(who, listed, replace(find, offset=job.rows_done))
                await asyncio.to_thread(sheet.add, [[typed(column, row.get(column)) for column in listed.columns] for row in rows])
                await self._progress(job, len(rows))
                if len(rows) < self._page:
                    break
            await asyncio.to_thread(sheet.finish)
            with sheet.path.open("rb") as file:
                while data := file.read(PIECE_BYTES):
                    await self._keep(job, data, 0)
        finally:
            sheet.remove()

    async def _rows(self, who: Principal, listed: ListOf, find: Find) -> list[dict[str, Any]]:
        # Others have their turn between two pages.
        await asyncio.sleep(0)
        return (await self._db.aread(lambda session: listed.fetch(session, who, find))).rows

    async def _keep(self, job: ExportJob, data: bytes, rows: int) -> None:
        """One more piece, with the progress, in one transaction."""
        packed = await asyncio.to_thread(zlib.compress, data, 6)
        number, size = job.pieces, job.size + len(data)

        def work(session: Session) -> None:
            _advance(session, job, rows_done=job.rows_done + rows, pieces=number + 1, size=size)
            session.add(ExportPiece(job_id=job.id or 0, number=number, data=packed))

        await self._db.arun(work)
        job.rows_done, job.pieces, job.size = job.rows_done + rows, number + 1, size
        _tell(job)

    async def _progress(self, job: ExportJob, rows: int) -> None:
        await self._db.arun(lambda session: _advance(session, job, rows_done=job.rows_done + rows))
        job.rows_done += rows
        _tell(job)

    async def _again(self, job: ExportJob) -> None:
        def work(session: Session) -> None:
            _advance(session, job, rows_done=0, pieces=0, size=0)
            session.connection().execute(delete(ExportPiece).where(col(ExportPiece.job_id) == job.id))

        await self._db.arun(work)
        job.rows_done, job.pieces, job.size = 0, 0, 0

    async def _finish(self, job: ExportJob, status: str, error: str) -> None:
        def work(session: Session) -> None:
            _advance(session, job, status=status, error=error[:160], finished_at=utcnow(), total=job.rows_done)
            session.add(
                Notification(
                    audience="platform" if job.owner_kind == "admin" else job.owner_kind,
                    tenant_id=job.tenant_id,
                    user_id=job.owner_id if job.owner_kind == "agent" else None,
                    type="system",
                    title=f"Export of {job.list_name} is ready" if status == "done" else f"Export of {job.list_name} failed",
                    message=f"{job.rows_done:,} rows." if status == "done" else error,
                    link=f"/{job.owner_kind}/exports",
                )
            )

        try:
            await self._db.arun(work)
        except Lost:
            log.info("export given up", job=job.id)
        _tell(job)


def owner_of(session: Session, job: ExportJob) -> Principal:
    """Who asked, as they are now. Raises ``NotAllowed`` when they were disabled meanwhile."""
    kind = cast(Kind, job.owner_kind)
    subject = load_subject(session, kind, job.owner_id)
    if subject.status != 1:
        raise NotAllowed
    return Principal(kind, job.owner_id, job.tenant_id, "", "", getattr(subject, "role", ""), 0)


def _advance(session: Session, job: ExportJob, **values: Any) -> None:
    """Write progress as the holder of the job. Raises ``Lost``."""
    done = session.connection().execute(
        update(ExportJob)
        .where(col(ExportJob.id) == job.id, col(ExportJob.attempt) == job.attempt, col(ExportJob.status) == "running")
        .values(beat_at=utcnow(), **values)
    )
    if done.rowcount != 1:
        raise Lost


def _tell(job: ExportJob) -> None:
    topic = {"admin": "platform", "tenant": f"tenant:{job.tenant_id}", "agent": f"agent:{job.owner_id}"}[job.owner_kind]
    hub.publish(topic, {"exports_ms": now_ms()})

