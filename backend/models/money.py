"""Withdrawals, billing periods, corrections and what seals the ledger. Amounts are integers of 1e-8."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.clock import utcnow
from backend.models.types import BigId, UtcDateTime


class Withdrawal(SQLModel, table=True):
    """A user's wish to be paid reward out. ``status``: 0 pending, 1 approved, 2 rejected, 3 completed, 4 failed.

    ``approvals_needed`` is fixed when it is applied for; ``audit_by`` is the first admin who approved (or rejected),
    ``second_audit_by`` the second where two are needed.
    """

    __tablename__ = "withdrawal"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key"),
        Index("ix_withdrawal_user", "user_id", "id"),
        Index("ix_withdrawal_status", "status", "id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId)
    user_id: int = Field(sa_type=BigId)
    key: str = Field(max_length=120)
    amount: int = Field(sa_type=BigInteger)
    fee: int = Field(sa_type=BigInteger)
    actual_amount: int = Field(sa_type=BigInteger)
    wallet_address: str = Field(max_length=128)
    wallet_network: str = Field(max_length=20)
    status: int = 0
    approvals_needed: int = 1
    remark: str = Field(default="", max_length=255)
    reason: str = Field(default="", max_length=255)
    tx_hash: str = Field(default="", max_length=128)
    audit_by: int | None = Field(default=None, sa_type=BigId)
    audit_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    second_audit_by: int | None = Field(default=None, sa_type=BigId)
    second_audit_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_by: int | None = Field(default=None, sa_type=BigId)
    completed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, index=True)
