"""How bots fare: who watches over them, and what went wrong."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger
from sqlmodel import Field, SQLModel

from backend.models.types import BigId, UtcDateTime


class BotWatch(SQLModel, table=True):
    """The watch over one bot. ``token`` is the fencing token of the engine that last looked after it.

    ``crashes_ms`` are the recent ones, oldest first; until ``retry_at`` the bot is not asked again.
    """

    __tablename__ = "bot_watch"
    user_id: int = Field(primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId, index=True)
    owner: str = Field(default="", max_length=64)
    token: int = Field(default=0, sa_type=BigInteger)
    heartbeat_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    crashes_ms: list[int] = Field(default_factory=list, sa_type=JSON)
    retry_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_error: str = Field(default="", max_length=255)
