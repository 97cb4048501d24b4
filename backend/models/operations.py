"""Leases, job runs, notifications, small platform state."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index
from sqlmodel import Field, SQLModel

from backend.clock import utcnow
from backend.models.types import BigId, UtcDateTime


class Lease(SQLModel, table=True):
    """Who may act, with a fencing token that only grows. ``expires_at_ms`` is database time."""

    __tablename__ = "lease"
    name: str = Field(primary_key=True, max_length=64)
    owner: str = Field(max_length=64)
    token: int = Field(sa_type=BigInteger)
    expires_at_ms: int = Field(sa_type=BigInteger)


class JobRun(SQLModel, table=True):
    """The last run of each scheduled job."""

    __tablename__ = "job_run"
    name: str = Field(primary_key=True, max_length=64)
    runs: int = 0
    failures: int = 0
    last_started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_ok_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_duration_ms: int = 0
    last_error: str = Field(default="", max_length=255)


class Notification(SQLModel, table=True):
    """A message to one agent, tenant or to the platform's admins, written with the event it speaks of."""

    __tablename__ = "notification"
    __table_args__ = (
        Index("ix_notification_user", "user_id", "is_read"),
        Index("ix_notification_audience", "audience", "id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    audience: str = Field(default="agent", max_length=12)
    tenant_id: int | None = Field(default=None, sa_type=BigId, index=True)
    user_id: int | None = Field(default=None, sa_type=BigId)
    type: str = Field(max_length=20)
    title: str = Field(max_length=160)
    message: str = Field(default="", max_length=500)
    link: str = Field(default="", max_length=160)
    is_read: bool = False
    fanned: bool = Field(default=False, index=True)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    read_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class PlatformState(SQLModel, table=True):
    """Small named facts of the platform (demo seeded, market run, ...)."""

    __tablename__ = "platform_state"
    name: str = Field(primary_key=True, max_length=64)
    value: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    updated_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
