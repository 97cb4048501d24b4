"""Long exports: what was asked for, how far it is, and the file in pieces."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary
from sqlalchemy.dialects.mysql import MEDIUMBLOB
from sqlmodel import Field, SQLModel

from backend.clock import utcnow
from backend.models.types import BigId, UtcDateTime


class ExportJob(SQLModel, table=True):
    """A list to be written as a file: queued -> running -> done | failed. Its owner alone may have the file.

    ``attempt`` fences: a worker that was taken for dead cannot write any more. ``until``: rows made later are left out.
    """

    __tablename__ = "export_job"
    __table_args__ = (Index("ix_export_job_owner", "owner_kind", "owner_id", "id"), Index("ix_export_job_status", "status"))
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    owner_kind: str = Field(max_length=12)
    owner_id: int = Field(sa_type=BigId)
    tenant_id: int | None = Field(default=None, sa_type=BigId, index=True)
    list_name: str = Field(max_length=32)
    format: str = Field(max_length=8)
    asked: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    until: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    status: str = Field(default="queued", max_length=12)
    attempt: int = 0
    total: int = 0
    rows_done: int = 0
    pieces: int = 0
    size: int = Field(default=0, sa_type=BigId)
    error: str = Field(default="", max_length=160)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    beat_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ExportPiece(SQLModel, table=True):
    """One piece of a file, deflated. In the database, so that any process can serve what another one wrote."""

    __tablename__ = "export_piece"
    job_id: int = Field(primary_key=True, sa_type=BigId, sa_column_kwargs={"autoincrement": False})
    number: int = Field(primary_key=True)
    data: bytes = Field(sa_type=LargeBinary().with_variant(MEDIUMBLOB(), "mysql", "mariadb"))
