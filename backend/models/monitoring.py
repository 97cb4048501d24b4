"""What the monitor has seen: incidents, measurements, agreed quiet times; and what admins told everybody."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.clock import utcnow
from backend.models.types import BigId, UtcDateTime


class Incident(SQLModel, table=True):
    """Something that is, or was, not as it should be. ``slot`` is 1 while it lasts, so that each key is open once.

    ``value`` and ``bound`` are whole numbers in the unit of the check (ms, seconds, count).
    """

    __tablename__ = "incident"
    __table_args__ = (UniqueConstraint("key", "slot"), Index("ix_incident_opened", "opened_at"))
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(max_length=96)
    slot: int | None = Field(default=1)
    check: str = Field(max_length=32)
    subject: str = Field(default="", max_length=64)
    severity: str = Field(max_length=8)
    value: int = Field(default=0, sa_type=BigInteger)
    bound: int = Field(default=0, sa_type=BigInteger)
    detail: str = Field(default="", max_length=200)
    seen: int = 1
    told: int = 0
    opened_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    seen_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    escalated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    acked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    acked_by: int | None = Field(default=None, sa_type=BigId)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Maintenance(SQLModel, table=True):
    """A time in which a check (or all, "") of a subject (or any, "") tells nobody."""

    __tablename__ = "maintenance_window"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    check: str = Field(default="", max_length=32)
    subject: str = Field(default="", max_length=64)
    reason: str = Field(max_length=200)
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime, index=True)
    admin_id: int = Field(sa_type=BigId)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Probe(SQLModel, table=True):
    """What one check measured within one minute (``grain_s`` 60) or ten (600) from ``at`` on, for the charts: the last
    value, when it was seen and whether it was good, the extremes, and sum and count of all. See ``monitoring.probes``.
    """

    __tablename__ = "monitor_probe"
    __table_args__ = (UniqueConstraint("grain_s", "at", "name"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    grain_s: int
    at: datetime = Field(sa_type=UtcDateTime)
    name: str = Field(max_length=96)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    ok: bool = True
    value: int = Field(default=0, sa_type=BigInteger)
    least: int = Field(default=0, sa_type=BigInteger)
    most: int = Field(default=0, sa_type=BigInteger)
    total: int = Field(default=0, sa_type=BigInteger)
    count: int = 1


class Broadcast(SQLModel, table=True):
    """A message of the platform to many, with whom it was meant for and how many it reached."""

    __tablename__ = "broadcast"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(max_length=64, unique=True)
    admin_id: int = Field(sa_type=BigId)
    segment: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    title: str = Field(max_length=160)
    message: str = Field(default="", max_length=500)
    link: str = Field(default="", max_length=160)
    people: int = 0
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
