"""Where people want to be told besides the app, and what was sent to them."""

from datetime import datetime

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.clock import utcnow
from backend.models.types import BigId, UtcDateTime


class NoticeChannel(SQLModel, table=True):
    """One way to reach one agent, or with ``owner_kind`` admin (then ``user_id`` is the admin's) one operator. ``target_sealed`` holds the address; minutes are of the UTC day, equal means no quiet hours."""

    __tablename__ = "notice_channel"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId)
    user_id: int = Field(sa_type=BigId, index=True)
    owner_kind: str = Field(default="agent", max_length=12)
    kind: str = Field(max_length=12)
    hint: str = Field(default="", max_length=80)
    record: str = Field(max_length=32, unique=True)
    target_sealed: str = Field(max_length=1500)
    types: list[str] = Field(default_factory=list, sa_type=JSON)
    quiet_from_min: int = 0
    quiet_to_min: int = 0
    digest_min: int = 0
    status: int = 1
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class NoticeDelivery(SQLModel, table=True):
    """One notification on its way through one channel: PENDING, then SENT or DEAD."""

    __tablename__ = "notice_delivery"
    __table_args__ = (
        UniqueConstraint("channel_id", "notification_id"),
        Index("ix_notice_delivery_due", "status", "next_at"),
        Index("ix_notice_delivery_user", "user_id", "id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId)
    user_id: int = Field(sa_type=BigId)
    channel_id: int = Field(sa_type=BigId)
    notification_id: int = Field(sa_type=BigId)
    status: str = Field(default="PENDING", max_length=12)
    attempts: int = 0
    next_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    error: str = Field(default="", max_length=160)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
