"""What execution remembers besides orders: how nodes fared, entries that wait at a price, the rules of traded symbols."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.clock import utcnow
from backend.models.types import BigId, Exact, UtcDateTime


class NodeSample(SQLModel, table=True):
    """How one node fared in one minute, from its heartbeats: the last figures said, and how often it spoke."""

    __tablename__ = "node_sample"
    node_id: int = Field(primary_key=True, sa_type=BigId, sa_column_kwargs={"autoincrement": False})
    minute_ms: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    beats: int = 0
    latency_ms: int | None = None
    skew_ms: int | None = None
    load_pct: int | None = None
    inflight: int = 0


class LimitEntry(SQLModel, table=True):
    """An entry that waits at its price: the order (``order_pk``) is LIMIT and rests on the exchange of its account.

    state: PENDING (written or resting) -> CONFIRMING (filled, the next bars decide) -> FILLED; or EXPIRED, CANCELLED,
    REJECTED. Market times, so that a faster or stepped market has the same window.
    """

    __tablename__ = "limit_entry"
    __table_args__ = (Index("ix_limit_entry_state", "state", "order_pk"),)
    order_pk: int = Field(primary_key=True, sa_type=BigId, sa_column_kwargs={"autoincrement": False})
    tenant_id: int = Field(sa_type=BigId, index=True)
    user_id: int = Field(sa_type=BigId, index=True)
    account_id: int = Field(sa_type=BigId)
    strategy_id: int = Field(sa_type=BigId)
    symbol: str = Field(max_length=32)
    state: str = Field(default="PENDING", max_length=12)
    interval_ms: int = Field(sa_type=BigInteger)
    expires_market_ms: int = Field(sa_type=BigInteger)
    confirm_bars: int = 0
    confirm_until_ms: int = Field(default=0, sa_type=BigInteger)
    cancel_why: str = Field(default="", max_length=16)
    asked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ForeignPosition(SQLModel, table=True):
    """What an account holds at its exchange that is not ours, or the part that is not: never touched, and while it is there
    the platform opens nothing in that symbol. ``looks`` counts reports in a row; it blocks from the second on."""

    __tablename__ = "foreign_position"
    account_id: int = Field(primary_key=True, sa_type=BigId, sa_column_kwargs={"autoincrement": False})
    symbol: str = Field(primary_key=True, max_length=32)
    position_side: str = Field(primary_key=True, max_length=8)
    tenant_id: int = Field(sa_type=BigId, index=True)
    user_id: int = Field(sa_type=BigId, index=True)
    quantity: str = Field(default="0", max_length=40)
    looks: int = 0
    seen_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class MarketInfo(SQLModel, table=True):
    """The trading rules of a symbol at an exchange as it last told them; ``active`` False once it lists the symbol no more."""

    __tablename__ = "market_info"
    __table_args__ = (UniqueConstraint("exchange", "market_type", "symbol"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    exchange: str = Field(max_length=32)
    market_type: str = Field(default="swap", max_length=12)
    symbol: str = Field(max_length=32)
    ccxt_symbol: str = Field(max_length=48)
    exchange_symbol: str = Field(max_length=48)
    contract_size: Decimal = Field(default=Decimal(1), sa_type=Exact)
    tick_size: Decimal = Field(sa_type=Exact)
    step_size: Decimal = Field(sa_type=Exact)
    min_quantity: Decimal = Field(default=Decimal(0), sa_type=Exact)
    max_quantity: Decimal | None = Field(default=None, sa_type=Exact)
    min_cost: Decimal = Field(default=Decimal(0), sa_type=Exact)
    active: bool = True
    synced_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
