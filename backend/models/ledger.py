"""The double-entry ledger and what settlement writes beside it. Amounts are integers of 1e-8."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.clock import utcnow
from backend.models.types import BigId, UtcDateTime


class LedgerAccount(SQLModel, table=True):
    """One balance. ``owner_kind`` is platform | tenant | user | exchange_account; ``kind`` names the pocket.

    Kinds: ``platform_source``, ``point_self``, ``point_gift``, ``pool``, ``burned_gift``, ``reward``,
    ``withdrawal_frozen``, ``fee_income``, ``trading``, ``market``. ``overdraft`` marks the accounts that may go below zero
    (the platform's source, trading results and the outside market); every other balance cannot.
    """

    __tablename__ = "ledger_account"
    __table_args__ = (UniqueConstraint("owner_kind", "owner_id", "kind", "currency"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int | None = Field(default=None, sa_type=BigId, index=True)
    owner_kind: str = Field(max_length=20)
    owner_id: int = Field(default=0, sa_type=BigId)
    kind: str = Field(max_length=24)
    currency: str = Field(default="USDT", max_length=16)
    balance: int = Field(default=0, sa_type=BigInteger)
    overdraft: bool = False
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class LedgerTransaction(SQLModel, table=True):
    """One balanced posting set. ``key`` makes a replay return the first answer."""

    __tablename__ = "ledger_transaction"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(max_length=120, unique=True)
    kind: str = Field(max_length=40, index=True)
    tenant_id: int | None = Field(default=None, sa_type=BigId, index=True)
    reference: str = Field(default="", max_length=120, index=True)
    actor: str = Field(default="", max_length=64)
    remark: str = Field(default="", max_length=255)
    fingerprint: str = Field(default="", max_length=64)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, index=True)


class LedgerEntry(SQLModel, table=True):
    """One signed amount on one account, with the balance after it. Append only."""

    __tablename__ = "ledger_entry"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    transaction_id: int = Field(sa_type=BigId, index=True)
    account_id: int = Field(sa_type=BigId)
    currency: str = Field(default="USDT", max_length=16)
    amount: int = Field(sa_type=BigInteger)
    balance_after: int = Field(sa_type=BigInteger)
    __table_args__ = (Index("ix_ledger_entry_account", "account_id", "id"),)


class Settlement(SQLModel, table=True):
    """The settlement of one fill: exactly one row per fill, also when nothing was due.

    ``profit`` is the realised profit or loss of the fill, gross of ``fee`` (in the fill's fee currency).
    ``deduct_total`` is the nominal charge; what the cards could not cover of it is forgiven.
    """

    __tablename__ = "settlement"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    fill_id: int = Field(sa_type=BigId, unique=True)
    tenant_id: int = Field(sa_type=BigId, index=True)
    user_id: int = Field(sa_type=BigId, index=True)
    account_id: int = Field(sa_type=BigId)
    transaction_id: int | None = Field(default=None, sa_type=BigId)
    profit: int = Field(sa_type=BigInteger)
    fee: int = Field(default=0, sa_type=BigInteger)
    deduct_total: int = Field(default=0, sa_type=BigInteger)
    self_deduct: int = Field(default=0, sa_type=BigInteger)
    gift_deduct: int = Field(default=0, sa_type=BigInteger)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, index=True)


class ProfitPool(SQLModel, table=True):
    """What one settlement put up for distribution. status: 1 pending, 2 settled, 3 failed."""

    __tablename__ = "profit_pool"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    settlement_id: int = Field(sa_type=BigId, unique=True)
    tenant_id: int = Field(sa_type=BigId, index=True)
    user_id: int = Field(sa_type=BigId, index=True)
    profit_amount: int = Field(sa_type=BigInteger)
    deduct_amount: int = Field(sa_type=BigInteger)
    self_deduct: int = Field(sa_type=BigInteger)
    gift_deduct: int = Field(sa_type=BigInteger)
    pool_amount: int = Field(sa_type=BigInteger)
    tech_amount: int = Field(default=0, sa_type=BigInteger)
    network_amount: int = Field(default=0, sa_type=BigInteger)
    platform_amount: int = Field(default=0, sa_type=BigInteger)
    direct_distributed: int = Field(default=0, sa_type=BigInteger)
    diff_distributed: int = Field(default=0, sa_type=BigInteger)
    peer_distributed: int = Field(default=0, sa_type=BigInteger)
    network_undistributed: int = Field(default=0, sa_type=BigInteger)
    status: int = Field(default=1, index=True)
    retry_count: int = 0
    last_error: str = Field(default="", max_length=255)
    settle_batch: str = Field(default="", max_length=50)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, index=True)


class Reward(SQLModel, table=True):
    """One payment out of one pool."""

    __tablename__ = "reward"
    __table_args__ = (UniqueConstraint("pool_id", "reward_type", "user_id"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    pool_id: int = Field(sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId, index=True)
    user_id: int = Field(sa_type=BigId, index=True)
    source_user_id: int = Field(sa_type=BigId)
    reward_type: str = Field(max_length=20)
    amount: int = Field(sa_type=BigInteger)
    rate: str = Field(default="", max_length=12)
    from_level: int | None = None
    to_level: int | None = None
    settle_batch: str = Field(default="", max_length=50)
    remark: str = Field(default="", max_length=255)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class PointCardLog(SQLModel, table=True):
    """The documented point-card journal: one row per pocket owner and move, with balances before and after."""

    __tablename__ = "point_card_log"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId, index=True)
    user_id: int | None = Field(default=None, sa_type=BigId, index=True)
    related_user_id: int | None = Field(default=None, sa_type=BigId)
    transaction_id: int | None = Field(default=None, sa_type=BigId)
    change_type: int
    source_type: int
    card_type: int
    amount: int = Field(sa_type=BigInteger)
    before_self: int = Field(sa_type=BigInteger)
    after_self: int = Field(sa_type=BigInteger)
    before_gift: int = Field(sa_type=BigInteger)
    after_gift: int = Field(sa_type=BigInteger)
    remark: str = Field(default="", max_length=255)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, index=True)
