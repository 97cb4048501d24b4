"""Stops and limits that people set on trading, and what limits refused."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.clock import utcnow
from backend.models.types import BigId, UtcDateTime


class KillSwitch(SQLModel, table=True):
    """Trading stopped by hand for an account, a tenant or the platform (``scope_id`` 0). ``slot`` is 1 while it holds.

    mode: ``entries`` (nothing new is opened) | ``close`` (and everything that is open is closed).
    """

    __tablename__ = "kill_switch"
    __table_args__ = (UniqueConstraint("scope", "scope_id", "slot"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    scope: str = Field(max_length=12)
    scope_id: int = Field(default=0, sa_type=BigId)
    tenant_id: int | None = Field(default=None, sa_type=BigId, index=True)
    user_id: int | None = Field(default=None, sa_type=BigId, index=True)
    mode: str = Field(max_length=12)
    reason: str = Field(max_length=200)
    slot: int | None = 1
    actor: str = Field(default="", max_length=64)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    lifted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    lifted_by: str = Field(default="", max_length=64)
    lift_reason: str = Field(default="", max_length=200)


class RiskLimit(SQLModel, table=True):
    """Limits of the platform (``scope_id`` 0), a tenant or an agent, as ``backend.risk.limit_rules.as_json`` writes them."""

    __tablename__ = "risk_limit"
    __table_args__ = (UniqueConstraint("scope", "scope_id"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    scope: str = Field(max_length=12)
    scope_id: int = Field(default=0, sa_type=BigId)
    tenant_id: int | None = Field(default=None, sa_type=BigId, index=True)
    limits: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    actor: str = Field(default="", max_length=64)
    updated_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class LimitRefusal(SQLModel, table=True):
    """What one limit kept one account from entering at one scan: ``symbols`` in the order of the signals."""

    __tablename__ = "limit_refusal"
    __table_args__ = (Index("ix_limit_refusal_tenant", "tenant_id", "at"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, index=True)
    tenant_id: int = Field(sa_type=BigId)
    user_id: int = Field(sa_type=BigId)
    account_id: int = Field(sa_type=BigId)
    scan_id: int = Field(sa_type=BigId)
    code: str = Field(max_length=32)
    name: str = Field(max_length=32)
    source: str = Field(max_length=12)
    had: str = Field(default="", max_length=64)
    needed: str = Field(default="", max_length=64)
    symbols: list[str] = Field(default_factory=list, sa_type=JSON)
