"""Withdrawals, billing periods, corrections and what seals the ledger. Amounts are integers of 1e-8."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, UniqueConstraint
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


class BillingTerms(SQLModel, table=True):
    """What was agreed, and from when: a tenant's scheme and share, or (``user_id`` set) the share of one agent.

    ``share_bp`` is the profit share in 1/10000. Append only; the newest row that is in force counts.
    """

    __tablename__ = "billing_terms"
    __table_args__ = (Index("ix_billing_terms_of", "tenant_id", "user_id", "effective_from"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId)
    user_id: int | None = Field(default=None, sa_type=BigId)
    scheme: str = Field(default="", max_length=16)
    share_bp: int
    effective_from: datetime = Field(sa_type=UtcDateTime)
    actor: str = Field(default="", max_length=64)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class BillingPeriod(SQLModel, table=True):
    """One month of one agent under the high-water mark: [start_at, end_at) in UTC, its figures fixed at the close.

    ``pnl`` is the sum of its items; C is cumulative net trading profit, H the high-water mark. ``fee`` is the invoice.
    """

    __tablename__ = "billing_period"
    __table_args__ = (
        UniqueConstraint("user_id", "start_at"),
        Index("ix_billing_period_tenant", "tenant_id", "id"),
        Index("ix_billing_period_status", "status", "id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId)
    user_id: int = Field(sa_type=BigId)
    start_at: datetime = Field(sa_type=UtcDateTime)
    end_at: datetime = Field(sa_type=UtcDateTime)
    share_bp: int
    trades: int = 0
    starting_c: int = Field(sa_type=BigInteger)
    pnl: int = Field(sa_type=BigInteger)
    unrealized: int = Field(sa_type=BigInteger)
    ending_c: int = Field(sa_type=BigInteger)
    c_bill: int = Field(sa_type=BigInteger)
    high_before: int = Field(sa_type=BigInteger)
    high_after: int = Field(sa_type=BigInteger)
    fee: int = Field(sa_type=BigInteger)
    status: str = Field(default="draft", max_length=12)
    invoice_no: str = Field(default="", max_length=32)
    payment_reference: str = Field(default="", max_length=128)
    digest: str = Field(default="", max_length=64)
    approved_by: int | None = Field(default=None, sa_type=BigId)
    approved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    invoiced_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    paid_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class BillingItem(SQLModel, table=True):
    """One line of a statement, copied at the close so that it never changes: a trade, funding, or a correction.

    A trade enters one period only; what becomes known about it later enters the next one as a correction.
    """

    __tablename__ = "billing_item"
    __table_args__ = (
        UniqueConstraint("period_id", "kind", "source_id"),
        Index("ix_billing_item_source", "user_id", "kind", "source_id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    period_id: int = Field(sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId)
    user_id: int = Field(sa_type=BigId)
    kind: str = Field(max_length=12)
    source_id: int = Field(sa_type=BigId)
    symbol: str = Field(default="", max_length=32)
    direction: str = Field(default="", max_length=8)
    mode: str = Field(default="", max_length=16)
    entry_price: str = Field(default="", max_length=48)
    exit_price: str = Field(default="", max_length=48)
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    at: datetime = Field(sa_type=UtcDateTime)
    late: bool = False
    pnl: int = Field(default=0, sa_type=BigInteger)
    fee: int = Field(default=0, sa_type=BigInteger)
    funding: int = Field(default=0, sa_type=BigInteger)
    amount: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class AccountIncome(SQLModel, table=True):
    """One line of the exchange's own income record: it tells trading results from deposits and withdrawals."""

    __tablename__ = "account_income"
    __table_args__ = (
        UniqueConstraint("account_id", "income_type", "exchange_id"),
        Index("ix_account_income_user", "user_id", "at"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId)
    user_id: int = Field(sa_type=BigId)
    account_id: int = Field(sa_type=BigId)
    exchange_id: str = Field(max_length=64)
    income_type: str = Field(max_length=32)
    symbol: str = Field(default="", max_length=32)
    currency: str = Field(default="USDT", max_length=16)
    amount: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class LedgerSeal(SQLModel, table=True):
    """A link of the hash chain over the ledger: one per transaction. ``chain`` is the tenant, 0 for the platform."""

    __tablename__ = "ledger_seal"
    __table_args__ = (UniqueConstraint("chain", "number"),)
    transaction_id: int = Field(primary_key=True, sa_type=BigId, sa_column_kwargs={"autoincrement": False})
    chain: int = Field(sa_type=BigId)
    number: int = Field(sa_type=BigInteger)
    previous: str = Field(max_length=64)
    hash: str = Field(max_length=64)
    sealed_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class LedgerReversal(SQLModel, table=True):
    """A wish to undo one ledger transaction: asked for by one admin, decided by another. Status: requested, done,
    refused."""

    __tablename__ = "ledger_reversal"
    __table_args__ = (Index("ix_ledger_reversal_status", "status", "id"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    transaction_id: int = Field(sa_type=BigId, unique=True)
    tenant_id: int | None = Field(default=None, sa_type=BigId)
    reason: str = Field(max_length=200)
    status: str = Field(default="requested", max_length=12)
    requested_by: int = Field(sa_type=BigId)
    requested_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    decided_by: int | None = Field(default=None, sa_type=BigId)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decision: str = Field(default="", max_length=200)
    reversal_id: int | None = Field(default=None, sa_type=BigId)


class BillingRates(SQLModel, table=True):
    """A tenant's own rates of per-close billing and distribution. Append only; the newest row counts."""

    __tablename__ = "billing_rates"
    __table_args__ = (Index("ix_billing_rates_tenant", "tenant_id", "id"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId)
    rates: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    reason: str = Field(default="", max_length=200)
    actor: str = Field(default="", max_length=64)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
