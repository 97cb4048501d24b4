"""Strategies, bindings, signals, orders, fills, positions, nodes."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.clock import utcnow
from backend.models.types import BigId, Exact, UtcDateTime


class Strategy(SQLModel, table=True):
    """Catalogue row: an algorithm of the registry with its defaults."""

    __tablename__ = "strategy"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    code: str = Field(max_length=64, unique=True)
    name: str = Field(max_length=100)
    description: str = Field(default="", max_length=500)
    algorithm: str = Field(max_length=64)
    timeframe: str = Field(default="1h", max_length=8)
    symbols: list[str] = Field(default_factory=list, sa_type=JSON)
    config: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    capital: Decimal = Field(default=Decimal(1000), sa_type=Exact)
    leverage: int = 5
    risk_mode: int = 1
    max_loss_per_trade: Decimal | None = Field(default=None, sa_type=Exact)
    min_capital: Decimal = Field(default=Decimal(200), sa_type=Exact)
    min_confidence: int = 50
    cooldown_minutes: int = 60
    status: int = 1
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class TenantStrategy(SQLModel, table=True):
    """A strategy a tenant offers; empty fields inherit from the catalogue."""

    __tablename__ = "tenant_strategy"
    __table_args__ = (UniqueConstraint("tenant_id", "strategy_id"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId)
    strategy_id: int = Field(sa_type=BigId)
    display_name: str | None = Field(default=None, max_length=100)
    display_description: str | None = Field(default=None, max_length=500)
    capital: Decimal | None = Field(default=None, sa_type=Exact)
    leverage: int | None = None
    risk_mode: int | None = None
    max_loss_per_trade: Decimal | None = Field(default=None, sa_type=Exact)
    min_capital: Decimal | None = Field(default=None, sa_type=Exact)
    sort_order: int = 0
    status: int = 1


class ExecutionNode(SQLModel, table=True):
    """A remote executor."""

    __tablename__ = "execution_node"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    node_code: str = Field(max_length=32, unique=True)
    name: str = Field(default="", max_length=100)
    base_url: str = Field(max_length=255)
    secret_sealed: str = Field(default="", max_length=512)
    public_key: str = Field(default="", max_length=64)  # pinned: credentials are sealed for this key
    offered_key: str = Field(default="", max_length=64)  # another key it asked for, until an admin accepts it
    join_hash: str | None = Field(default=None, max_length=64, unique=True)
    join_expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    status: int = 1
    draining: bool = False  # takes no new positions; those it has are closed by it
    egress_ip: str = Field(default="", max_length=45)
    clock_skew_ms: int | None = None
    version: str = Field(default="", max_length=32)
    latency_ms: int | None = None
    inflight: int = 0
    last_error: str = Field(default="", max_length=255)
    last_heartbeat_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Difference(SQLModel, table=True):
    """Platform against exchange: what did not agree, its cause and what was done. ``fact`` keeps it from being noted twice."""

    __tablename__ = "difference"
    __table_args__ = (Index("ix_difference_tenant", "tenant_id", "id"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    fact: str = Field(max_length=64, unique=True)
    tenant_id: int = Field(sa_type=BigId)
    account_id: int = Field(sa_type=BigId, index=True)
    order_id: int | None = Field(default=None, sa_type=BigId)
    position_id: int | None = Field(default=None, sa_type=BigId)
    symbol: str = Field(default="", max_length=32)
    cause: str = Field(max_length=32)
    platform_says: str = Field(default="", max_length=100)
    exchange_says: str = Field(default="", max_length=100)
    action: str = Field(default="", max_length=32)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class ExchangeAccount(SQLModel, table=True):
    """A user's account at an exchange. Credentials are one sealed blob; ``node_id`` None = the centre executes."""

    __tablename__ = "exchange_account"
    __table_args__ = (UniqueConstraint("user_id", "exchange", "account_type"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId, index=True)
    user_id: int = Field(sa_type=BigId)
    exchange: str = Field(default="binance", max_length=32)
    account_type: str = Field(default="futures", max_length=16)
    mode: str = Field(default="simulated", max_length=16)
    base_url: str = Field(default="", max_length=255)
    credentials_sealed: bytes = Field(default=b"", sa_type=LargeBinary)
    key_hint: str = Field(default="", max_length=16)
    balance: Decimal = Field(default=Decimal(0), sa_type=Exact)
    futures_balance: Decimal = Field(default=Decimal(0), sa_type=Exact)
    futures_available: Decimal = Field(default=Decimal(0), sa_type=Exact)
    equity_peak: Decimal = Field(default=Decimal(0), sa_type=Exact)
    node_id: int | None = Field(default=None, sa_type=BigId, index=True)
    income_read_ms: int = Field(default=0, sa_type=BigInteger)
    status: int = 1
    last_sync_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_sync_error: str = Field(default="", max_length=255)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Binding(SQLModel, table=True):
    """A user's subscription of one strategy on one exchange account. mode: 1 single shot, 2 loop."""

    __tablename__ = "binding"
    __table_args__ = (UniqueConstraint("account_id", "strategy_id"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId, index=True)
    user_id: int = Field(sa_type=BigId, index=True)
    account_id: int = Field(sa_type=BigId)
    strategy_id: int = Field(sa_type=BigId, index=True)
    mode: int = 2
    ratio: int = 100
    capital: Decimal | None = Field(default=None, sa_type=Exact)
    leverage: int | None = None
    risk_mode: int | None = None
    max_loss_per_trade: Decimal | None = Field(default=None, sa_type=Exact)
    total_profit: Decimal = Field(default=Decimal(0), sa_type=Exact)
    total_trades: int = 0
    status: int = 1
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Bot(SQLModel, table=True):
    """An agent's bot: what the user wants, what is observed, and its gate and exit settings."""

    __tablename__ = "bot"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId, index=True)
    user_id: int = Field(sa_type=BigId, unique=True)
    desired: str = Field(default="stopped", max_length=12)
    observed: str = Field(default="stopped", max_length=12)
    reason: str = Field(default="", max_length=255)
    config: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    config_version: int = 1
    scan_count: int = 0
    last_scan_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Scan(SQLModel, table=True):
    """One pass of one strategy over all symbols at one closed bar; unique, so a bar is scanned once."""

    __tablename__ = "scan"
    __table_args__ = (UniqueConstraint("strategy_id", "bar_open_ms"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    strategy_id: int = Field(sa_type=BigId)
    timeframe: str = Field(max_length=8)
    bar_open_ms: int = Field(sa_type=BigInteger)
    at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, index=True)
    symbols: int = 0
    signals: int = 0
    orders: int = 0
    duration_ms: int = 0
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class ScanPanel(SQLModel, table=True):
    """What one scan decided for one agent: the live signal panel reads it. Old rows are pruned."""

    __tablename__ = "scan_panel"
    __table_args__ = (UniqueConstraint("binding_id", "scan_id"), Index("ix_scan_panel_user", "user_id", "id"))
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId)
    user_id: int = Field(sa_type=BigId)
    binding_id: int = Field(sa_type=BigId)
    scan_id: int = Field(sa_type=BigId)
    strategy_code: str = Field(max_length=64)
    at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    market_ms: int = Field(default=0, sa_type=BigInteger)
    analyzed: int = 0
    passed: int = 0
    opened: int = 0
    decisions: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)


class Signal(SQLModel, table=True):
    """An intent of a strategy at one bar. ``signal_id`` starts with SIG, PM (exit) or MC (manual close)."""

    __tablename__ = "signal"
    __table_args__ = (UniqueConstraint("strategy_id", "symbol", "bar_open_ms", "signal_type", "side"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    signal_id: str = Field(max_length=40, unique=True)
    strategy_id: int = Field(sa_type=BigId)
    symbol: str = Field(max_length=32)
    signal_type: str = Field(default="OPEN", max_length=12)
    side: str = Field(max_length=8)
    bar_open_ms: int = Field(sa_type=BigInteger)
    entry_price: Decimal = Field(sa_type=Exact)
    stop_loss: Decimal | None = Field(default=None, sa_type=Exact)
    take_profit: Decimal | None = Field(default=None, sa_type=Exact)
    score: int = 0
    components: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, index=True)


class Order(SQLModel, table=True):
    """An order intent and what became of it: the outbox. Written PENDING before anything is sent.

    status: PENDING (written) -> SENT (claimed, may be on the wire) -> OPEN | PARTIAL | FILLED | REJECTED | UNKNOWN;
    UNKNOWN and stale SENT are resolved by asking the exchange for ``client_order_id``; EXPIRED, CANCELLED and
    FAILED are final. ``reason`` says why, always.
    """

    __tablename__ = "trade_order"
    __table_args__ = (
        UniqueConstraint("account_id", "client_order_id"),
        Index("ix_trade_order_status", "status", "id"),
        Index("ix_trade_order_waiting", "status", "job_id", "trade_type", "id"),
        Index("ix_trade_order_due", "status", "expires_at", "id", "trade_type"),
        Index("ix_trade_order_tenant", "tenant_id", "id"),
        Index("ix_trade_order_position", "position_id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    order_id: str = Field(max_length=40, unique=True)
    tenant_id: int = Field(sa_type=BigId)
    user_id: int = Field(sa_type=BigId, index=True)
    account_id: int = Field(sa_type=BigId)
    node_id: int | None = Field(default=None, sa_type=BigId)
    binding_id: int | None = Field(default=None, sa_type=BigId)
    signal_id: str = Field(default="", max_length=40, index=True)
    position_id: int | None = Field(default=None, sa_type=BigId)
    strategy_code: str = Field(default="", max_length=64)
    client_order_id: str = Field(max_length=36)
    exchange_order_id: str = Field(default="", max_length=64)
    exchange: str = Field(default="binance", max_length=32)
    mode: str = Field(default="simulated", max_length=16)
    symbol: str = Field(max_length=32)
    market_type: str = Field(default="future", max_length=16)
    side: str = Field(max_length=8)
    position_side: str = Field(max_length=8)
    order_type: str = Field(default="MARKET", max_length=24)
    trade_type: str = Field(default="OPEN", max_length=12)
    close_reason: str = Field(default="", max_length=32)
    amount_usdt: Decimal | None = Field(default=None, sa_type=Exact)
    quantity: Decimal | None = Field(default=None, sa_type=Exact)
    price: Decimal | None = Field(default=None, sa_type=Exact)
    stop_loss: Decimal | None = Field(default=None, sa_type=Exact)
    take_profit: Decimal | None = Field(default=None, sa_type=Exact)
    leverage: int = 1
    status: str = Field(default="PENDING", max_length=12)
    reason: str = Field(default="", max_length=64)
    error_code: str = Field(default="", max_length=32)
    error_message: str = Field(default="", max_length=255)
    filled_quantity: Decimal = Field(default=Decimal(0), sa_type=Exact)
    avg_price: Decimal | None = Field(default=None, sa_type=Exact)
    total_fee: Decimal = Field(default=Decimal(0), sa_type=Exact)
    fee_currency: str = Field(default="USDT", max_length=16)
    attempt: int = 0
    job_id: int | None = Field(default=None, sa_type=BigId)
    absent_looks: int = 0
    looked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    market_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, index=True)
    submitted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Fill(SQLModel, table=True):
    """One execution. Append only; (order, exchange trade id) is unique, so it is applied once."""

    __tablename__ = "fill"
    __table_args__ = (UniqueConstraint("order_pk", "exchange_trade_id"), Index("ix_fill_tenant", "tenant_id", "id"))
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    fill_id: str = Field(max_length=40, unique=True)
    order_pk: int = Field(sa_type=BigId)
    position_id: int = Field(sa_type=BigId, index=True)
    tenant_id: int = Field(sa_type=BigId)
    user_id: int = Field(sa_type=BigId, index=True)
    account_id: int = Field(sa_type=BigId, index=True)
    exchange_trade_id: str = Field(max_length=64)
    symbol: str = Field(max_length=32)
    side: str = Field(max_length=8)
    position_side: str = Field(max_length=8)
    trade_type: str = Field(max_length=12)
    quantity: Decimal = Field(sa_type=Exact)
    price: Decimal = Field(sa_type=Exact)
    fee: Decimal = Field(default=Decimal(0), sa_type=Exact)
    fee_currency: str = Field(default="USDT", max_length=16)
    realized_pnl: Decimal = Field(default=Decimal(0), sa_type=Exact)
    mode: str = Field(default="simulated", max_length=16)
    filled_at: datetime = Field(sa_type=UtcDateTime)
    market_at: datetime = Field(sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Position(SQLModel, table=True):
    """One opened position, from first entry to flat. ``open_slot`` is 1 while open and NULL after, so that only
    one open row per (account, symbol, side) can exist."""

    __tablename__ = "position"
    __table_args__ = (
        UniqueConstraint("account_id", "symbol", "position_side", "open_slot"),
        Index("ix_position_status", "status", "id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId, index=True)
    user_id: int = Field(sa_type=BigId, index=True)
    account_id: int = Field(sa_type=BigId)
    binding_id: int | None = Field(default=None, sa_type=BigId)
    strategy_code: str = Field(default="", max_length=64)
    exchange: str = Field(default="binance", max_length=32)
    mode: str = Field(default="simulated", max_length=16)
    symbol: str = Field(max_length=32)
    position_side: str = Field(max_length=8)
    open_slot: int | None = 1
    status: str = Field(default="OPEN", max_length=12)
    quantity: Decimal = Field(default=Decimal(0), sa_type=Exact)
    avg_cost: Decimal = Field(default=Decimal(0), sa_type=Exact)
    realized_pnl: Decimal = Field(default=Decimal(0), sa_type=Exact)
    total_fee: Decimal = Field(default=Decimal(0), sa_type=Exact)
    leverage: int = 1
    entry_price: Decimal = Field(default=Decimal(0), sa_type=Exact)
    exit_price: Decimal | None = Field(default=None, sa_type=Exact)
    stop_loss: Decimal | None = Field(default=None, sa_type=Exact)
    take_profit: Decimal | None = Field(default=None, sa_type=Exact)
    trailing_start_roi: Decimal | None = Field(default=None, sa_type=Exact)
    trailing_distance_roi: Decimal | None = Field(default=None, sa_type=Exact)
    max_hold_ms: int | None = Field(default=None, sa_type=BigInteger)
    peak_price: Decimal | None = Field(default=None, sa_type=Exact)
    stop_client_order_id: str = Field(default="", max_length=36)
    stop_status: str = Field(default="NONE", max_length=12)
    score: int = 0
    close_reason: str = Field(default="", max_length=32)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    opened_market_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_market_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Cooldown(SQLModel, table=True):
    """No new entry of a symbol on an account before this market time."""

    __tablename__ = "cooldown"
    account_id: int = Field(primary_key=True, sa_type=BigId)
    symbol: str = Field(primary_key=True, max_length=32)
    until_ms: int = Field(sa_type=BigInteger)


class EquitySnapshot(SQLModel, table=True):
    """Equity of one exchange account at one moment, as the exchange reports it."""

    __tablename__ = "equity_snapshot"
    __table_args__ = (Index("ix_equity_account", "account_id", "at"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tenant_id: int = Field(sa_type=BigId)
    user_id: int = Field(sa_type=BigId)
    account_id: int = Field(sa_type=BigId)
    mode: str = Field(default="simulated", max_length=16)
    at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    market_at: datetime = Field(sa_type=UtcDateTime)
    balance: Decimal = Field(sa_type=Exact)
    unrealized_pnl: Decimal = Field(default=Decimal(0), sa_type=Exact)
    equity: Decimal = Field(sa_type=Exact)
