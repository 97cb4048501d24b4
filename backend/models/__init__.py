"""Every table of the platform."""

from sqlmodel import SQLModel

from backend.models.access import OneTimeToken, SecondFactor
from backend.models.bots import BotWatch
from backend.models.execution import ForeignPosition, LimitEntry, MarketInfo, NodeSample
from backend.models.exports import ExportJob, ExportPiece
from backend.models.ledger import (
    LedgerAccount,
    LedgerEntry,
    LedgerTransaction,
    PointCardLog,
    ProfitPool,
    Reward,
    Settlement,
)
from backend.models.merchant import ApiUsage, MerchantCall, MerchantKey, MerchantNonce, QuotaPlan
from backend.models.money import (
    AccountIncome,
    BillingItem,
    BillingPeriod,
    BillingRates,
    BillingTerms,
    LedgerReversal,
    LedgerSeal,
    Withdrawal,
)
from backend.models.monitoring import Broadcast, Incident, Maintenance, Probe
from backend.models.notices import NoticeChannel, NoticeDelivery
from backend.models.operations import JobRun, Lease, Notification, PlatformState
from backend.models.people import Admin, AuditLog, LoginSession, LoginTry, MemberStanding, Tenant, User, UserAncestor
from backend.models.queue import Job, WorkerProcess
from backend.models.risk import KillSwitch, LimitRefusal, RiskLimit
from backend.models.tenants import TenantProfile
from backend.models.trading import (
    Binding,
    Bot,
    Cooldown,
    Difference,
    EquitySnapshot,
    ExchangeAccount,
    ExecutionNode,
    Fill,
    Order,
    Position,
    Scan,
    ScanPanel,
    Signal,
    Strategy,
    TenantStrategy,
)
from backend.models.webhooks import WebhookDelivery, WebhookEndpoint

metadata = SQLModel.metadata

__all__ = [
    "AccountIncome",
    "Admin",
    "ApiUsage",
    "AuditLog",
    "BillingItem",
    "BillingPeriod",
    "BillingRates",
    "BillingTerms",
    "Binding",
    "Bot",
    "BotWatch",
    "Broadcast",
    "Cooldown",
    "Difference",
    "EquitySnapshot",
    "ExchangeAccount",
    "ExecutionNode",
    "ExportJob",
    "ExportPiece",
    "Fill",
    "ForeignPosition",
    "Incident",
    "Job",
    "JobRun",
    "KillSwitch",
    "Lease",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerReversal",
    "LedgerSeal",
    "LedgerTransaction",
    "LimitEntry",
    "LimitRefusal",
    "LoginSession",
    "LoginTry",
    "Maintenance",
    "MarketInfo",
    "MemberStanding",
    "MerchantCall",
    "MerchantKey",
    "MerchantNonce",
    "NodeSample",
    "NoticeChannel",
    "NoticeDelivery",
    "Notification",
    "OneTimeToken",
    "Order",
    "PlatformState",
    "PointCardLog",
    "Position",
    "Probe",
    "ProfitPool",
    "QuotaPlan",
    "Reward",
    "RiskLimit",
    "Scan",
    "ScanPanel",
    "SecondFactor",
    "Settlement",
    "Signal",
    "Strategy",
    "Tenant",
    "TenantProfile",
    "TenantStrategy",
    "User",
    "UserAncestor",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Withdrawal",
    "WorkerProcess",
    "metadata",
]
