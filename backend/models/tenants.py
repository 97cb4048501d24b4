"""What a tenant sets up for itself: its face to users and its switches."""

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from backend.clock import utcnow
from backend.models.types import BigId, UtcDateTime


class TenantProfile(SQLModel, table=True):
    """A tenant's brand and switches; a tenant without a row has the defaults.

    ``accent`` is ``#rrggbb`` or empty for the platform's own. ``reveal_secrets`` lets the merchant API answer exchange
    secrets in plain; only an admin sets it. ``host``: the domain its public pages answer on. ``node_failover``: none | centre | any, empty = the platform's.
    """

    __tablename__ = "tenant_profile"
    tenant_id: int = Field(primary_key=True, sa_type=BigId, sa_column_kwargs={"autoincrement": False})
    brand: str = Field(default="", max_length=60)
    accent: str = Field(default="", max_length=7)
    logo: bytes | None = Field(default=None, sa_type=LargeBinary)
    logo_type: str = Field(default="", max_length=32)
    headline: str = Field(default="", max_length=120)
    host: str | None = Field(default=None, max_length=253, unique=True)
    landing_text: str = Field(default="", max_length=2000)
    reveal_secrets: bool = False
    node_failover: str = Field(default="", max_length=8)
    updated_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
