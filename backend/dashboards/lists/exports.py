"""A person's own exports with how far they are."""

from __future__ import annotations

from sqlmodel import Session, col, func, select

from backend.clock import to_ms
from backend.dashboards.lists.base import Find, ListOf, Row, paged, where
from backend.identity.principal import Principal
from backend.models import ExportJob
from backend.portfolio.queries import Listing

STATES = ("queued", "running", "done", "failed")


def exports(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Newest first."""
    statement = select(ExportJob).where(ExportJob.owner_kind == who.kind, ExportJob.owner_id == who.id)
    rows, total = paged(session, where(statement, find, status=ExportJob.status), find, {}, col(ExportJob.id))
    return Listing([_row(row) for row in rows], total)


def _row(row: ExportJob) -> Row:
    return {
        "id": row.id, "at_ms": to_ms(row.created_at), "list": row.list_name, "format": row.format, "filters": row.asked,
        "status": row.status, "rows": row.rows_done, "total": row.total, "size": row.size, "error": row.error,
        "finished_ms": to_ms(row.finished_at) if row.finished_at else 0,
    }  # fmt: skip


def export_totals(session: Session, who: Principal, find: Find) -> Row:
    """How many are in each state."""
    statement = select(ExportJob.status, func.count()).where(ExportJob.owner_kind == who.kind, ExportJob.owner_id == who.id)
    counts = dict(session.exec(statement.group_by(col(ExportJob.status))).all())
    return {f"n_{name}": int(counts.get(name, 0)) for name in STATES}


EXPORTS = ListOf(
    exports, ("admin", "tenant", "agent"),
    ("id", "at_ms", "list", "format", "filters", "status", "rows", "total", "size", "error", "finished_ms"),
    filters={"status": STATES}, totals=export_totals,
)  # fmt: skip
