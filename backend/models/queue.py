"""The queue of record: jobs that any worker may do, and the workers that are there."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index
from sqlmodel import Field, SQLModel

from backend.clock import utcnow
from backend.models.types import BigId, UtcDateTime


class Job(SQLModel, table=True):
    """One piece of work. ``payload`` holds ids only, never a credential or an amount.

    state: WAITING -> RUNNING -> DONE | WAITING (again, later) | DEAD (given up, may be replayed) | EXPIRED (too late).
    ``token`` grows with every claim and fences what a paused worker writes. ``due_ms``, ``lease_until_ms`` and
    ``deadline_ms`` are database time. ``open_key`` is unique while the job is open: asking twice makes one job.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_due", "state", "lane", "due_ms"),
        Index("ix_job_lease", "state", "lease_until_ms"),
        Index("ix_job_kind", "kind", "state", "id"),
        Index("ix_job_finished", "finished_at"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    kind: str = Field(max_length=24)
    lane: str = Field(default="normal", max_length=8)
    open_key: str | None = Field(default=None, max_length=80, unique=True)
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    state: str = Field(default="WAITING", max_length=10)
    attempts: int = 0
    token: int = Field(default=0, sa_type=BigInteger)
    owner: str = Field(default="", max_length=64)
    due_ms: int = Field(default=0, sa_type=BigInteger)
    lease_until_ms: int = Field(default=0, sa_type=BigInteger)
    deadline_ms: int | None = Field(default=None, sa_type=BigInteger)
    error: str = Field(default="", max_length=160)
    result: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class WorkerProcess(SQLModel, table=True):
    """One process that takes jobs, and when it was last heard of. ``beat_ms`` is database time."""

    __tablename__ = "worker_process"
    owner: str = Field(primary_key=True, max_length=64)
    host: str = Field(default="", max_length=80)
    pid: int = 0
    version: str = Field(default="", max_length=20)
    started_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    beat_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    beat_ms: int = Field(default=0, sa_type=BigInteger)
    running: int = 0
    done: int = 0
    wakes: bool = False
