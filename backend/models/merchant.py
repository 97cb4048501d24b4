"""What merchants' own systems need to call the platform: keys, used nonces, stored answers, quota plans and usage."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.clock import utcnow
from backend.models.types import BigId, Exact, UtcDateTime


class MerchantKey(SQLModel, table=True):
    """One API key of a tenant; at most two are active at once. ``secret_sealed`` is sealed by the vault.

    ``ips`` lists addresses and networks that may use it (empty: all). ``legacy`` accepts the old MD5 signature for
    reading, ``legacy_writes`` for writing too.
    """

    __tablename__ = "merchant_key"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId, index=True)
    app_key: str = Field(max_length=64, unique=True)
    secret_sealed: str = Field(max_length=512)
    label: str = Field(default="", max_length=64)
    ips: list[str] = Field(default_factory=list, sa_type=JSON)
    legacy: bool = False
    legacy_writes: bool = False
    status: int = 1
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class MerchantNonce(SQLModel, table=True):
    """A nonce that was accepted: the SHA-256 of key and nonce. Kept until its timestamp is outside every window."""

    __tablename__ = "merchant_nonce"
    digest: str = Field(primary_key=True, max_length=64)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class MerchantCall(SQLModel, table=True):
    """The stored answer of a call made with an Idempotency-Key. ``claim`` names who works on it until ``done``."""

    __tablename__ = "merchant_call"
    __table_args__ = (UniqueConstraint("tenant_id", "digest"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId)
    digest: str = Field(max_length=64)
    fingerprint: str = Field(max_length=64)
    claim: str = Field(max_length=32)
    claimed_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    done: bool = False
    status: int = 0
    answer: str = Field(default="", sa_type=Text)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, index=True)


class QuotaPlan(SQLModel, table=True):
    """What a tenant may use; 0 means unlimited. ``max_strategies`` counts running bindings."""

    __tablename__ = "quota_plan"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    code: str = Field(max_length=32, unique=True)
    name: str = Field(max_length=64)
    api_calls_daily: int = 0
    api_calls_monthly: int = 0
    max_users: int = 0
    max_strategies: int = 0
    max_exchange_accounts: int = 0
    price_monthly: Decimal = Field(default=Decimal(0), sa_type=Exact)
    description: str = Field(default="", max_length=255)
    status: int = 1
    sort_order: int = 0
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class ApiUsage(SQLModel, table=True):
    """Calls of a tenant in one UTC day (``2026-01-31``) or month (``2026-01``)."""

    __tablename__ = "api_usage"
    tenant_id: int = Field(primary_key=True, sa_type=BigId, sa_column_kwargs={"autoincrement": False})
    period: str = Field(primary_key=True, max_length=10)
    api_calls: int = Field(default=0, sa_type=BigInteger)


def quota_defaults() -> list[dict[str, Any]]:
    """The four plans every platform starts with."""
    rows = [
        ("free", 100, 3_000, 5, 2, 2, 0),
        ("basic", 1_000, 30_000, 20, 10, 10, 99),
        ("pro", 5_000, 150_000, 100, 50, 50, 399),
        ("enterprise", 0, 0, 0, 0, 0, 0),
    ]
    return [
        {
            "code": code, "name": code.capitalize(), "api_calls_daily": daily, "api_calls_monthly": monthly,
            "max_users": users, "max_strategies": bindings, "max_exchange_accounts": accounts,
            "price_monthly": Decimal(price), "sort_order": order,
        }
        for order, (code, daily, monthly, users, bindings, accounts, price) in enumerate(rows)
    ]  # fmt: skip
