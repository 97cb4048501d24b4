"""Merchants' webhook endpoints and what was sent to them."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import JSON, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.clock import utcnow
from backend.models.types import BigId, Exact, UtcDateTime


class WebhookEndpoint(SQLModel, table=True):
    """Where a tenant wants to be told what. ``secret_sealed`` signs; ``old_secret_sealed`` signs too until it expires.

    ``low_points``: a user's point card that falls below this is told as ``point_card.low``.
    """

    __tablename__ = "webhook_endpoint"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId, index=True)
    url: str = Field(max_length=500)
    events: list[str] = Field(default_factory=list, sa_type=JSON)
    low_points: Decimal = Field(default=Decimal(10), sa_type=Exact)
    record: str = Field(max_length=32, unique=True)
    secret_sealed: str = Field(max_length=512)
    old_secret_sealed: str = Field(default="", max_length=512)
    old_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    status: int = 1
    stopped_why: str = Field(default="", max_length=160)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class WebhookDelivery(SQLModel, table=True):
    """One message to one endpoint, written with the event it tells. PENDING, then DELIVERED or DEAD."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "message_id"),
        Index("ix_webhook_delivery_due", "status", "next_at"),
        Index("ix_webhook_delivery_tenant", "tenant_id", "id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId)
    endpoint_id: int = Field(sa_type=BigId)
    message_id: str = Field(max_length=64)
    event: str = Field(max_length=32)
    reference: str = Field(default="", max_length=64)
    payload: str = Field(sa_type=Text)
    status: str = Field(default="PENDING", max_length=12)
    attempts: int = 0
    next_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    http_status: int = 0
    error: str = Field(default="", max_length=160)
    took_ms: int = 0
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    tried_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    delivered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
