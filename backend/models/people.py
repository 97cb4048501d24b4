"""Admins, tenants, users, their invite tree, sessions, audit."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.clock import utcnow
from backend.models.types import BigId, Exact, UtcDateTime


class Admin(SQLModel, table=True):
    """A platform operator. ``settings``: {language, colours}, once chosen."""

    __tablename__ = "admin"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    username: str = Field(max_length=64, unique=True)
    password_hash: str = Field(max_length=255)
    nickname: str = Field(default="", max_length=64)
    role: str = Field(default="owner", max_length=16)
    settings: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    status: int = 1
    last_login_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Tenant(SQLModel, table=True):
    """A merchant who resells the platform. ``app_secret_sealed`` is sealed by the vault; ``settings`` as an admin's."""

    __tablename__ = "tenant"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(max_length=100)
    email: str = Field(max_length=190, unique=True)
    password_hash: str = Field(max_length=255)
    app_key: str = Field(max_length=64, unique=True)
    app_secret_sealed: str = Field(max_length=512)
    root_user_id: int | None = Field(default=None, sa_type=BigId)
    data_key_wrapped: str = Field(default="", max_length=255)
    billing_scheme: str = Field(default="per_close", max_length=16)
    quota_plan_id: int | None = Field(default=None, sa_type=BigId)
    settings: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    status: int = 1
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class User(SQLModel, table=True):
    """An end customer of one tenant: the agent who trades. Money is in the ledger, not here."""

    __tablename__ = "user"
    __table_args__ = (UniqueConstraint("tenant_id", "email"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId, index=True)
    email: str = Field(max_length=190, index=True)
    name: str = Field(default="", max_length=100)
    password_hash: str = Field(default="", max_length=255)
    is_root: bool = False
    invite_code: str = Field(max_length=8, unique=True)
    inviter_id: int | None = Field(default=None, sa_type=BigId, index=True)
    member_level: int = 0
    is_market_node: bool = False
    locale: str = Field(default="en", max_length=8)
    settings: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    status: int = 1
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class UserAncestor(SQLModel, table=True):
    """Closure of the invite tree: one row per (ancestor, descendant), depth 1 = direct inviter."""

    __tablename__ = "user_ancestor"
    __table_args__ = (Index("ix_user_ancestor_line", "descendant_id", "depth"),)
    ancestor_id: int = Field(primary_key=True, sa_type=BigId)
    descendant_id: int = Field(primary_key=True, sa_type=BigId)
    depth: int


class MemberStanding(SQLModel, table=True):
    """What a user and the team below hold in USDT, and the member level that gives; see ``backend.billing.standing``.

    Who never held anything and has nobody below who did has no row.
    """

    __tablename__ = "member_standing"
    __table_args__ = (Index("ix_member_standing_level", "tenant_id", "level"),)
    user_id: int = Field(primary_key=True, sa_type=BigId, sa_column_kwargs={"autoincrement": False})
    tenant_id: int = Field(sa_type=BigId)
    self_hold: Decimal = Field(default=Decimal(0), sa_type=Exact)
    team_hold: Decimal = Field(default=Decimal(0), sa_type=Exact)
    level: int = 0


class LoginSession(SQLModel, table=True):
    """A browser session, or a token of a person's own programs. Only the hash of its secret is stored.

    ``label`` is the name a person gave a token, "" for sessions; ``scopes`` what it may do ("read", "read write"), "" for
    everything its owner may. ``parent_id`` is the session of the admin who looks at the platform as this person: the
    session only reads, and ends with that one.
    """

    __tablename__ = "login_session"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    token_hash: str = Field(max_length=64, unique=True)
    kind: str = Field(max_length=16)
    subject_id: int = Field(sa_type=BigId)
    label: str = Field(default="", max_length=60)
    scopes: str = Field(default="", max_length=40)
    parent_id: int | None = Field(default=None, sa_type=BigId, index=True)
    user_agent: str = Field(default="", max_length=255)
    ip: str = Field(default="", max_length=64)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    __table_args__ = (Index("ix_login_session_subject", "kind", "subject_id"),)


class LoginTry(SQLModel, table=True):
    """Failed sign-ins by subject and address, for the throttle."""

    __tablename__ = "login_try"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    bucket: str = Field(max_length=190, index=True)
    at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class AuditLog(SQLModel, table=True):
    """Who did what to which object, with what result. Append only."""

    __tablename__ = "audit_log"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, index=True)
    actor_kind: str = Field(max_length=16)
    actor_id: int | None = Field(default=None, sa_type=BigId)
    tenant_id: int | None = Field(default=None, sa_type=BigId, index=True)
    action: str = Field(max_length=64)
    target: str = Field(default="", max_length=128)
    ok: bool = True
    ip: str = Field(default="", max_length=64)
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
