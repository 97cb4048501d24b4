"""Long exports as jobs: ask, look, cancel, fetch. The writing is ``worker``'s.

A job belongs to the one person who asked, not to their tenant: an export holds what that person may see.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, update
from sqlmodel import Session, col, func, select

from backend.clock import utcnow
from backend.dashboards.lists.base import Find, ListOf, find_of, refuse_unknown
from backend.dashboards.lists.registry import list_for
from backend.errors import Conflict, InvalidInput, NotFound, TooManyTries
from backend.exports.cells import FORMATS
from backend.identity.principal import Principal
from backend.models import ExportJob, ExportPiece
from backend.security import audit

DIRECT_ROWS = 10_000
"""Longer lists are offered as a job by the pages."""
MAX_ROWS = {"csv": 2_000_000, "xlsx": 1_000_000}
"""Excel has 1,048,576 lines."""
AT_ONCE = 2
KEEP = timedelta(hours=24)
STALE = timedelta(seconds=30)
"""So long may a writer be silent before another one takes its job."""
WAITING = ("queued", "running")


class TooManyExports(TooManyTries):
    """Two of your exports are being written. Wait for one of them or cancel it."""

    code = "too_many_exports"


class ExportTooLong(InvalidInput):
    """The list is too long for one file. Narrow it by days or filters."""

    code = "export_too_long"


class ExportNotReady(Conflict):
    """The file is not written yet, or it has failed. Look at its state."""

    code = "export_not_ready"


def find_asked(listed: ListOf, asked: Mapping[str, str], **more: Any) -> Find:
    """Filters, ``search``, ``sort`` and ``desc`` as doors and jobs carry them. Raises ``InvalidInput``."""
    given = dict(asked)
    search, sort = given.pop("search", "")[:80], given.pop("sort", "")
    descending = given.pop("desc", "1") != "0"
    given = {key: value for key, value in given.items() if value}
    refuse_unknown(listed, given)
    if sort and sort not in listed.sorts:
        raise InvalidInput(f"This list sorts by {', '.join(listed.sorts) or 'nothing'}.")
    return find_of(listed, given, search=search, sort=sort, desc=descending, **more)


def ask(session: Session, who: Principal, name: str, format_: str, asked: Mapping[str, str], *, ip: str = "") -> ExportJob:
    """Ask for the list ``name`` as a file. Raises ``NotFound``, ``NotAllowed``, ``InvalidInput``, ``ExportTooLong``,
    ``TooManyExports``."""
    listed = list_for(who, name)
    if format_ not in FORMATS:
        raise InvalidInput(f"The format is one of {', '.join(FORMATS)}.")
    total = listed.fetch(session, who, find_asked(listed, asked, limit=1)).total
    if total > MAX_ROWS[format_]:
        raise ExportTooLong
    mine = select(func.count()).select_from(ExportJob).where(*_own(who), col(ExportJob.status).in_(WAITING))
    if session.exec(mine).one() >= AT_ONCE:
        raise TooManyExports
    job = ExportJob(
        owner_kind=who.kind, owner_id=who.id, tenant_id=who.tenant_id, list_name=name, format=format_,
        asked={key: str(value)[:80] for key, value in asked.items() if value}, total=total,
    )  # fmt: skip
    session.add(job)
    session.flush()
    detail = {"list": name, "format": format_, "rows": total}
    audit.record(session, who, "export.ask", f"export:{job.id}", detail=detail, ip=ip, tenant_id=who.tenant_id)
    return job


def jobs(session: Session, who: Principal, limit: int = 50, offset: int = 0) -> tuple[list[ExportJob], int]:
    """The person's exports, newest first, and how many there are."""
    total = session.exec(select(func.count()).select_from(ExportJob).where(*_own(who))).one()
    rows = session.exec(select(ExportJob).where(*_own(who)).order_by(col(ExportJob.id).desc()).limit(limit).offset(offset)).all()
    return list(rows), int(total)


def job_of(session: Session, who: Principal, job_id: int, *, lock: bool = False) -> ExportJob:
    """One of the person's own. Raises ``NotFound``, also for somebody else's."""
    statement = select(ExportJob).where(ExportJob.id == job_id, *_own(who))
    row = session.exec(statement.with_for_update() if lock else statement).first()
    if row is None:
        raise NotFound
    return row


def remove(session: Session, who: Principal, job_id: int, *, ip: str = "") -> None:
    """Cancel what is being written, or delete the file. Raises ``NotFound``."""
    job = job_of(session, who, job_id, lock=True)
    session.connection().execute(delete(ExportPiece).where(col(ExportPiece.job_id) == job_id))
    session.delete(job)
    session.flush()
    audit.record(session, who, "export.remove", f"export:{job_id}", ip=ip, tenant_id=who.tenant_id)


def ready_job(session: Session, who: Principal, job_id: int) -> ExportJob:
    """A finished one. Raises ``NotFound``, ``ExportNotReady``; ``NotAllowed`` when its list is closed to them now."""
    job = job_of(session, who, job_id)
    list_for(who, job.list_name)
    if job.status != "done":
        raise ExportNotReady
    return job


def piece(session: Session, job_id: int, number: int) -> bytes:
    """One piece of a file. Raises ``NotFound`` when it was removed meanwhile."""
    row = session.get(ExportPiece, (job_id, number))
    if row is None:
        raise NotFound
    return zlib.decompress(row.data)


def prune(session: Session) -> int:
    """Delete exports older than a day with their files. Returns how many."""
    old = session.exec(select(ExportJob.id).where(col(ExportJob.created_at) < utcnow() - KEEP).limit(100)).all()
    for job_id in old:
        session.connection().execute(delete(ExportPiece).where(col(ExportPiece.job_id) == job_id))
        session.connection().execute(delete(ExportJob).where(col(ExportJob.id) == job_id))
    return len(old)


def waiting_ids(session: Session, stale: timedelta = STALE) -> list[int]:
    """Exports that wait for somebody to write them, or whose writer went silent."""
    found = select(ExportJob.id).where(_free(stale)).order_by(col(ExportJob.id)).limit(20)
    return [one for one in session.exec(found).all() if one is not None]


def _free(stale: timedelta) -> ColumnElement[bool]:
    waits, written = col(ExportJob.status) == "queued", col(ExportJob.status) == "running"
    return waits | (written & (col(ExportJob.beat_at) < utcnow() - stale))


def claim(session: Session, stale: timedelta = STALE) -> ExportJob | None:
    """Take the oldest job that waits, or whose worker went silent. Its ``attempt`` is the fence of all further writes."""
    now, free = utcnow(), _free(stale)
    found = session.exec(select(ExportJob).where(free).order_by(col(ExportJob.id)).limit(1)).first()
    if found is None:
        return None
    taken = session.connection().execute(
        update(ExportJob)
        .where(col(ExportJob.id) == found.id, col(ExportJob.attempt) == found.attempt, free)
        .values(status="running", attempt=found.attempt + 1, beat_at=now)
    )
    if taken.rowcount != 1:
        return None
    session.refresh(found)
    return found


def _own(who: Principal) -> tuple[Any, ...]:
    return (ExportJob.owner_kind == who.kind, ExportJob.owner_id == who.id)
