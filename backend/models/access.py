"""How people prove who they are beyond a password: links sent by mail, second factors."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.clock import utcnow
from backend.models.types import BigId, UtcDateTime


class OneTimeToken(SQLModel, table=True):
    """A secret that works once: a confirmation link, a reset link, a sign-in that waits for its second factor.

    Only its hash is stored. ``purpose`` is sign_up | reset | second.
    """

    __tablename__ = "one_time_token"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    token_hash: str = Field(max_length=64, unique=True)
    purpose: str = Field(max_length=12)
    kind: str = Field(default="agent", max_length=16)
    subject_id: int = Field(default=0, sa_type=BigId)
    tries: int = 0
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class SecondFactor(SQLModel, table=True):
    """A person's authenticator. ``confirmed_at`` None: shown, but not yet proven to work, so not yet asked for.

    ``recovery`` holds hashes of unused recovery codes; ``last_step`` the newest time step a code was accepted for, so that
    none works twice.
    """

    __tablename__ = "second_factor"
    __table_args__ = (UniqueConstraint("kind", "subject_id"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    kind: str = Field(max_length=16)
    subject_id: int = Field(sa_type=BigId)
    secret_sealed: str = Field(max_length=255)
    recovery: list[str] = Field(default_factory=list, sa_type=JSON)
    last_step: int = Field(default=0, sa_type=BigInteger)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
