"""initial tables: generated whole from the models, one table after the other; a split would only scatter them

Revision ID: 0001
Revises:
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from alembic import op
from backend.models import types

revision: str = "0001"
down_revision: str | None = None
branch_labels: Any = None
depends_on: Any = None


def upgrade() -> None:
    op.create_table(
        "account_income",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("exchange_id", sa.String(length=64), nullable=False),
        sa.Column("income_type", sa.String(length=32), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("currency", sa.String(length=16), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "income_type", "exchange_id"),
    )
    with op.batch_alter_table("account_income", schema=None) as batch_op:
        batch_op.create_index("ix_account_income_user", ["user_id", "at"], unique=False)

    op.create_table(
        "admin",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("nickname", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("last_login_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("username"),
    )
    op.create_table(
        "api_usage",
        sa.Column(
            "tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("api_calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "period"),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=128), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("ip", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_log_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_log_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "billing_item",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("period_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("source_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("entry_price", sa.String(length=48), nullable=False),
        sa.Column("exit_price", sa.String(length=48), nullable=False),
        sa.Column("opened_at", types.UtcDateTime(), nullable=True),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("pnl", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("funding", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("period_id", "kind", "source_id"),
    )
    with op.batch_alter_table("billing_item", schema=None) as batch_op:
        batch_op.create_index("ix_billing_item_source", ["user_id", "kind", "source_id"], unique=False)

    op.create_table(
        "billing_period",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("start_at", types.UtcDateTime(), nullable=False),
        sa.Column("end_at", types.UtcDateTime(), nullable=False),
        sa.Column("share_bp", sa.Integer(), nullable=False),
        sa.Column("trades", sa.Integer(), nullable=False),
        sa.Column("starting_c", sa.BigInteger(), nullable=False),
        sa.Column("pnl", sa.BigInteger(), nullable=False),
        sa.Column("unrealized", sa.BigInteger(), nullable=False),
        sa.Column("ending_c", sa.BigInteger(), nullable=False),
        sa.Column("c_bill", sa.BigInteger(), nullable=False),
        sa.Column("high_before", sa.BigInteger(), nullable=False),
        sa.Column("high_after", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("invoice_no", sa.String(length=32), nullable=False),
        sa.Column("payment_reference", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("approved_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("approved_at", types.UtcDateTime(), nullable=True),
        sa.Column("invoiced_at", types.UtcDateTime(), nullable=True),
        sa.Column("paid_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "start_at"),
    )
    with op.batch_alter_table("billing_period", schema=None) as batch_op:
        batch_op.create_index("ix_billing_period_status", ["status", "id"], unique=False)
        batch_op.create_index("ix_billing_period_tenant", ["tenant_id", "id"], unique=False)

    op.create_table(
        "billing_rates",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rates", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("billing_rates", schema=None) as batch_op:
        batch_op.create_index("ix_billing_rates_tenant", ["tenant_id", "id"], unique=False)

    op.create_table(
        "billing_terms",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("scheme", sa.String(length=16), nullable=False),
        sa.Column("share_bp", sa.Integer(), nullable=False),
        sa.Column("effective_from", types.UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("billing_terms", schema=None) as batch_op:
        batch_op.create_index("ix_billing_terms_of", ["tenant_id", "user_id", "effective_from"], unique=False)

    op.create_table(
        "binding",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("strategy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mode", sa.Integer(), nullable=False),
        sa.Column("ratio", sa.Integer(), nullable=False),
        sa.Column("capital", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("leverage", sa.Integer(), nullable=True),
        sa.Column("risk_mode", sa.Integer(), nullable=True),
        sa.Column("max_loss_per_trade", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("total_profit", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("total_trades", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "strategy_id"),
    )
    with op.batch_alter_table("binding", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_binding_strategy_id"), ["strategy_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_binding_tenant_id"), ["tenant_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_binding_user_id"), ["user_id"], unique=False)

    op.create_table(
        "bot",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("desired", sa.String(length=12), nullable=False),
        sa.Column("observed", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("config_version", sa.Integer(), nullable=False),
        sa.Column("scan_count", sa.Integer(), nullable=False),
        sa.Column("last_scan_at", types.UtcDateTime(), nullable=True),
        sa.Column("started_at", types.UtcDateTime(), nullable=True),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id"),
    )
    with op.batch_alter_table("bot", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bot_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "bot_watch",
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("heartbeat_at", types.UtcDateTime(), nullable=True),
        sa.Column("crashes_ms", sa.JSON(), nullable=False),
        sa.Column("retry_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
    )
    with op.batch_alter_table("bot_watch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bot_watch_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "broadcast",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("admin_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("segment", sa.JSON(), nullable=False),
        sa.Column("title", sa.String(length=160), nullable=False),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("link", sa.String(length=160), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "cooldown",
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "symbol"),
    )
    op.create_table(
        "difference",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fact", sa.String(length=64), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("position_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("platform_says", sa.String(length=100), nullable=False),
        sa.Column("exchange_says", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("fact"),
    )
    with op.batch_alter_table("difference", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_difference_account_id"), ["account_id"], unique=False)
        batch_op.create_index("ix_difference_tenant", ["tenant_id", "id"], unique=False)

    op.create_table(
        "equity_snapshot",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("market_at", types.UtcDateTime(), nullable=False),
        sa.Column("balance", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("unrealized_pnl", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("equity", types.Exact(precision=36, scale=18), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("equity_snapshot", schema=None) as batch_op:
        batch_op.create_index("ix_equity_account", ["account_id", "at"], unique=False)

    op.create_table(
        "exchange_account",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("exchange", sa.String(length=32), nullable=False),
        sa.Column("account_type", sa.String(length=16), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("base_url", sa.String(length=255), nullable=False),
        sa.Column("credentials_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("key_hint", sa.String(length=16), nullable=False),
        sa.Column("balance", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("futures_balance", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("futures_available", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("equity_peak", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("node_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("income_read_ms", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("last_sync_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_sync_error", sa.String(length=255), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "exchange", "account_type"),
    )
    with op.batch_alter_table("exchange_account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exchange_account_node_id"), ["node_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_exchange_account_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "execution_node",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("node_code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("base_url", sa.String(length=255), nullable=False),
        sa.Column("secret_sealed", sa.String(length=512), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("offered_key", sa.String(length=64), nullable=False),
        sa.Column("join_hash", sa.String(length=64), nullable=True),
        sa.Column("join_expires_at", types.UtcDateTime(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("draining", sa.Boolean(), nullable=False),
        sa.Column("egress_ip", sa.String(length=45), nullable=False),
        sa.Column("clock_skew_ms", sa.Integer(), nullable=True),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("inflight", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=255), nullable=False),
        sa.Column("last_heartbeat_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("join_hash"),
        sa.UniqueConstraint("node_code"),
    )
    op.create_table(
        "export_job",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner_kind", sa.String(length=12), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("list_name", sa.String(length=32), nullable=False),
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("until", types.UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("error", sa.String(length=160), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("beat_at", types.UtcDateTime(), nullable=True),
        sa.Column("finished_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("export_job", schema=None) as batch_op:
        batch_op.create_index("ix_export_job_owner", ["owner_kind", "owner_id", "id"], unique=False)
        batch_op.create_index("ix_export_job_status", ["status"], unique=False)
        batch_op.create_index(batch_op.f("ix_export_job_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "export_piece",
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "data",
            sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mariadb").with_variant(mysql.MEDIUMBLOB(), "mysql"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("job_id", "number"),
    )
    op.create_table(
        "fill",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fill_id", sa.String(length=40), nullable=False),
        sa.Column("order_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("exchange_trade_id", sa.String(length=64), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("position_side", sa.String(length=8), nullable=False),
        sa.Column("trade_type", sa.String(length=12), nullable=False),
        sa.Column("quantity", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("price", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("fee", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("fee_currency", sa.String(length=16), nullable=False),
        sa.Column("realized_pnl", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("filled_at", types.UtcDateTime(), nullable=False),
        sa.Column("market_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("fill_id"),
        sa.UniqueConstraint("order_pk", "exchange_trade_id"),
    )
    with op.batch_alter_table("fill", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fill_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_fill_position_id"), ["position_id"], unique=False)
        batch_op.create_index("ix_fill_tenant", ["tenant_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_fill_user_id"), ["user_id"], unique=False)

    op.create_table(
        "foreign_position",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("position_side", sa.String(length=8), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.String(length=40), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("seen_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "symbol", "position_side"),
    )
    with op.batch_alter_table("foreign_position", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_foreign_position_tenant_id"), ["tenant_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_foreign_position_user_id"), ["user_id"], unique=False)

    op.create_table(
        "incident",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=96), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("check", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=8), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("bound", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("opened_at", types.UtcDateTime(), nullable=False),
        sa.Column("seen_at", types.UtcDateTime(), nullable=False),
        sa.Column("told_at", types.UtcDateTime(), nullable=True),
        sa.Column("escalated_at", types.UtcDateTime(), nullable=True),
        sa.Column("acked_at", types.UtcDateTime(), nullable=True),
        sa.Column("acked_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("closed_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key", "slot"),
    )
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.create_index("ix_incident_opened", ["opened_at"], unique=False)

    op.create_table(
        "job",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("lane", sa.String(length=8), nullable=False),
        sa.Column("open_key", sa.String(length=80), nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("deadline_ms", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.String(length=160), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=True),
        sa.Column("finished_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("open_key"),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index("ix_job_due", ["state", "lane", "due_ms"], unique=False)
        batch_op.create_index("ix_job_finished", ["finished_at"], unique=False)
        batch_op.create_index("ix_job_kind", ["kind", "state", "id"], unique=False)
        batch_op.create_index("ix_job_lease", ["state", "lease_until_ms"], unique=False)

    op.create_table(
        "job_run",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_started_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_ok_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_duration_ms", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "kill_switch",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("scope_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("mode", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("lifted_at", types.UtcDateTime(), nullable=True),
        sa.Column("lifted_by", sa.String(length=64), nullable=False),
        sa.Column("lift_reason", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("scope", "scope_id", "slot"),
    )
    with op.batch_alter_table("kill_switch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kill_switch_tenant_id"), ["tenant_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_kill_switch_user_id"), ["user_id"], unique=False)

    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("owner_kind", sa.String(length=20), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("currency", sa.String(length=16), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("overdraft", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("owner_kind", "owner_id", "kind", "currency"),
    )
    with op.batch_alter_table("ledger_account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_account_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("transaction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("currency", sa.String(length=16), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.create_index("ix_ledger_entry_account", ["account_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_entry_transaction_id"), ["transaction_id"], unique=False)

    op.create_table(
        "ledger_reversal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("transaction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("requested_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("requested_at", types.UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("decided_at", types.UtcDateTime(), nullable=True),
        sa.Column("decision", sa.String(length=200), nullable=False),
        sa.Column("reversal_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("transaction_id"),
    )
    with op.batch_alter_table("ledger_reversal", schema=None) as batch_op:
        batch_op.create_index("ix_ledger_reversal_status", ["status", "id"], unique=False)

    op.create_table(
        "ledger_seal",
        sa.Column(
            "transaction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("chain", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("transaction_id"),
        sa.UniqueConstraint("chain", "number"),
    )
    op.create_table(
        "ledger_transaction",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("remark", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    with op.batch_alter_table("ledger_transaction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_transaction_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_transaction_kind"), ["kind"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_transaction_reference"), ["reference"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_transaction_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "limit_entry",
        sa.Column(
            "order_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("strategy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("interval_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_market_ms", sa.BigInteger(), nullable=False),
        sa.Column("confirm_bars", sa.Integer(), nullable=False),
        sa.Column("confirm_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("cancel_why", sa.String(length=16), nullable=False),
        sa.Column("asked_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("closed_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("order_pk"),
    )
    with op.batch_alter_table("limit_entry", schema=None) as batch_op:
        batch_op.create_index("ix_limit_entry_state", ["state", "order_pk"], unique=False)
        batch_op.create_index(batch_op.f("ix_limit_entry_tenant_id"), ["tenant_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_limit_entry_user_id"), ["user_id"], unique=False)

    op.create_table(
        "limit_refusal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("scan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=12), nullable=False),
        sa.Column("had", sa.String(length=64), nullable=False),
        sa.Column("needed", sa.String(length=64), nullable=False),
        sa.Column("symbols", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("limit_refusal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_limit_refusal_at"), ["at"], unique=False)
        batch_op.create_index("ix_limit_refusal_tenant", ["tenant_id", "at"], unique=False)

    op.create_table(
        "login_session",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("scopes", sa.String(length=40), nullable=False),
        sa.Column("parent_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("user_agent", sa.String(length=255), nullable=False),
        sa.Column("ip", sa.String(length=64), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("revoked_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_session_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index("ix_login_session_subject", ["kind", "subject_id"], unique=False)

    op.create_table(
        "login_try",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("bucket", sa.String(length=190), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("login_try", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_try_bucket"), ["bucket"], unique=False)

    op.create_table(
        "maintenance_window",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("check", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("starts_at", types.UtcDateTime(), nullable=False),
        sa.Column("ends_at", types.UtcDateTime(), nullable=False),
        sa.Column("admin_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("maintenance_window", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_maintenance_window_ends_at"), ["ends_at"], unique=False)

    op.create_table(
        "market_info",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("exchange", sa.String(length=32), nullable=False),
        sa.Column("market_type", sa.String(length=12), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("ccxt_symbol", sa.String(length=48), nullable=False),
        sa.Column("exchange_symbol", sa.String(length=48), nullable=False),
        sa.Column("contract_size", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("tick_size", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("step_size", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("min_quantity", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("max_quantity", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("min_cost", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("synced_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("exchange", "market_type", "symbol"),
    )
    op.create_table(
        "member_standing",
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("self_hold", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("team_hold", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
    )
    with op.batch_alter_table("member_standing", schema=None) as batch_op:
        batch_op.create_index("ix_member_standing_level", ["tenant_id", "level"], unique=False)

    op.create_table(
        "merchant_call",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("claim", sa.String(length=32), nullable=False),
        sa.Column("claimed_at", types.UtcDateTime(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "digest"),
    )
    with op.batch_alter_table("merchant_call", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_merchant_call_created_at"), ["created_at"], unique=False)

    op.create_table(
        "merchant_key",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("app_key", sa.String(length=64), nullable=False),
        sa.Column("secret_sealed", sa.String(length=512), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("ips", sa.JSON(), nullable=False),
        sa.Column("legacy", sa.Boolean(), nullable=False),
        sa.Column("legacy_writes", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_used_at", types.UtcDateTime(), nullable=True),
        sa.Column("revoked_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("app_key"),
    )
    with op.batch_alter_table("merchant_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_merchant_key_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "merchant_nonce",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    with op.batch_alter_table("merchant_nonce", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_merchant_nonce_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "monitor_probe",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("grain_s", sa.Integer(), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("name", sa.String(length=96), nullable=False),
        sa.Column("seen_at", types.UtcDateTime(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("least", sa.BigInteger(), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("grain_s", "at", "name"),
    )
    op.create_table(
        "node_sample",
        sa.Column("node_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("minute_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("beats", sa.Integer(), nullable=False),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("skew_ms", sa.Integer(), nullable=True),
        sa.Column("load_pct", sa.Integer(), nullable=True),
        sa.Column("inflight", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", "minute_ms"),
    )
    op.create_table(
        "notice_channel",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner_kind", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("hint", sa.String(length=80), nullable=False),
        sa.Column("record", sa.String(length=32), nullable=False),
        sa.Column("target_sealed", sa.String(length=1500), nullable=False),
        sa.Column("types", sa.JSON(), nullable=False),
        sa.Column("quiet_from_min", sa.Integer(), nullable=False),
        sa.Column("quiet_to_min", sa.Integer(), nullable=False),
        sa.Column("digest_min", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("record"),
    )
    with op.batch_alter_table("notice_channel", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_channel_user_id"), ["user_id"], unique=False)

    op.create_table(
        "notice_delivery",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("notification_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", types.UtcDateTime(), nullable=False),
        sa.Column("error", sa.String(length=160), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("sent_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("channel_id", "notification_id"),
    )
    with op.batch_alter_table("notice_delivery", schema=None) as batch_op:
        batch_op.create_index("ix_notice_delivery_due", ["status", "next_at"], unique=False)
        batch_op.create_index("ix_notice_delivery_user", ["user_id", "id"], unique=False)

    op.create_table(
        "notification",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("audience", sa.String(length=12), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=160), nullable=False),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("link", sa.String(length=160), nullable=False),
        sa.Column("is_read", sa.Boolean(), nullable=False),
        sa.Column("fanned", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("read_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("notification", schema=None) as batch_op:
        batch_op.create_index("ix_notification_audience", ["audience", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_notification_fanned"), ["fanned"], unique=False)
        batch_op.create_index(batch_op.f("ix_notification_tenant_id"), ["tenant_id"], unique=False)
        batch_op.create_index("ix_notification_user", ["user_id", "is_read"], unique=False)

    op.create_table(
        "one_time_token",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("used_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    with op.batch_alter_table("one_time_token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_one_time_token_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "platform_state",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "point_card_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("related_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("transaction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("change_type", sa.Integer(), nullable=False),
        sa.Column("source_type", sa.Integer(), nullable=False),
        sa.Column("card_type", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("before_self", sa.BigInteger(), nullable=False),
        sa.Column("after_self", sa.BigInteger(), nullable=False),
        sa.Column("before_gift", sa.BigInteger(), nullable=False),
        sa.Column("after_gift", sa.BigInteger(), nullable=False),
        sa.Column("remark", sa.String(length=255), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("point_card_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_point_card_log_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_point_card_log_tenant_id"), ["tenant_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_point_card_log_user_id"), ["user_id"], unique=False)

    op.create_table(
        "position",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("binding_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("strategy_code", sa.String(length=64), nullable=False),
        sa.Column("exchange", sa.String(length=32), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("position_side", sa.String(length=8), nullable=False),
        sa.Column("open_slot", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("quantity", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("avg_cost", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("realized_pnl", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("total_fee", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("leverage", sa.Integer(), nullable=False),
        sa.Column("entry_price", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("exit_price", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("stop_loss", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("take_profit", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("trailing_start_roi", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("trailing_distance_roi", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("max_hold_ms", sa.BigInteger(), nullable=True),
        sa.Column("peak_price", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("stop_client_order_id", sa.String(length=36), nullable=False),
        sa.Column("stop_status", sa.String(length=12), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("close_reason", sa.String(length=32), nullable=False),
        sa.Column("opened_at", types.UtcDateTime(), nullable=False),
        sa.Column("opened_market_at", types.UtcDateTime(), nullable=False),
        sa.Column("closed_at", types.UtcDateTime(), nullable=True),
        sa.Column("closed_market_at", types.UtcDateTime(), nullable=True),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "symbol", "position_side", "open_slot"),
    )
    with op.batch_alter_table("position", schema=None) as batch_op:
        batch_op.create_index("ix_position_status", ["status", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_position_tenant_id"), ["tenant_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_position_user_id"), ["user_id"], unique=False)

    op.create_table(
        "profit_pool",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("settlement_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("profit_amount", sa.BigInteger(), nullable=False),
        sa.Column("deduct_amount", sa.BigInteger(), nullable=False),
        sa.Column("self_deduct", sa.BigInteger(), nullable=False),
        sa.Column("gift_deduct", sa.BigInteger(), nullable=False),
        sa.Column("pool_amount", sa.BigInteger(), nullable=False),
        sa.Column("tech_amount", sa.BigInteger(), nullable=False),
        sa.Column("network_amount", sa.BigInteger(), nullable=False),
        sa.Column("platform_amount", sa.BigInteger(), nullable=False),
        sa.Column("direct_distributed", sa.BigInteger(), nullable=False),
        sa.Column("diff_distributed", sa.BigInteger(), nullable=False),
        sa.Column("peer_distributed", sa.BigInteger(), nullable=False),
        sa.Column("network_undistributed", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("retry_count", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=255), nullable=False),
        sa.Column("settle_batch", sa.String(length=50), nullable=False),
        sa.Column("settled_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("settlement_id"),
    )
    with op.batch_alter_table("profit_pool", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_profit_pool_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_profit_pool_status"), ["status"], unique=False)
        batch_op.create_index(batch_op.f("ix_profit_pool_tenant_id"), ["tenant_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_profit_pool_user_id"), ["user_id"], unique=False)

    op.create_table(
        "quota_plan",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("api_calls_daily", sa.Integer(), nullable=False),
        sa.Column("api_calls_monthly", sa.Integer(), nullable=False),
        sa.Column("max_users", sa.Integer(), nullable=False),
        sa.Column("max_strategies", sa.Integer(), nullable=False),
        sa.Column("max_exchange_accounts", sa.Integer(), nullable=False),
        sa.Column("price_monthly", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("sort_order", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
    )
    op.create_table(
        "reward",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pool_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reward_type", sa.String(length=20), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("rate", sa.String(length=12), nullable=False),
        sa.Column("from_level", sa.Integer(), nullable=True),
        sa.Column("to_level", sa.Integer(), nullable=True),
        sa.Column("settle_batch", sa.String(length=50), nullable=False),
        sa.Column("remark", sa.String(length=255), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("pool_id", "reward_type", "user_id"),
    )
    with op.batch_alter_table("reward", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reward_tenant_id"), ["tenant_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_reward_user_id"), ["user_id"], unique=False)

    op.create_table(
        "risk_limit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("scope_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("scope", "scope_id"),
    )
    with op.batch_alter_table("risk_limit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_risk_limit_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "scan",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("strategy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("timeframe", sa.String(length=8), nullable=False),
        sa.Column("bar_open_ms", sa.BigInteger(), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("symbols", sa.Integer(), nullable=False),
        sa.Column("signals", sa.Integer(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("strategy_id", "bar_open_ms"),
    )
    with op.batch_alter_table("scan", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_scan_at"), ["at"], unique=False)

    op.create_table(
        "scan_panel",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("binding_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("scan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("strategy_code", sa.String(length=64), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("market_ms", sa.BigInteger(), nullable=False),
        sa.Column("analyzed", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("decisions", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("binding_id", "scan_id"),
    )
    with op.batch_alter_table("scan_panel", schema=None) as batch_op:
        batch_op.create_index("ix_scan_panel_user", ["user_id", "id"], unique=False)

    op.create_table(
        "second_factor",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("secret_sealed", sa.String(length=255), nullable=False),
        sa.Column("recovery", sa.JSON(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "subject_id"),
    )
    op.create_table(
        "settlement",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fill_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("transaction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("profit", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("deduct_total", sa.BigInteger(), nullable=False),
        sa.Column("self_deduct", sa.BigInteger(), nullable=False),
        sa.Column("gift_deduct", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("fill_id"),
    )
    with op.batch_alter_table("settlement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_settlement_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_settlement_tenant_id"), ["tenant_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_settlement_user_id"), ["user_id"], unique=False)

    op.create_table(
        "signal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("signal_id", sa.String(length=40), nullable=False),
        sa.Column("strategy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("signal_type", sa.String(length=12), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("bar_open_ms", sa.BigInteger(), nullable=False),
        sa.Column("entry_price", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("stop_loss", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("take_profit", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("components", sa.JSON(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("signal_id"),
        sa.UniqueConstraint("strategy_id", "symbol", "bar_open_ms", "signal_type", "side"),
    )
    with op.batch_alter_table("signal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_signal_created_at"), ["created_at"], unique=False)

    op.create_table(
        "strategy",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("algorithm", sa.String(length=64), nullable=False),
        sa.Column("timeframe", sa.String(length=8), nullable=False),
        sa.Column("symbols", sa.JSON(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("capital", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("leverage", sa.Integer(), nullable=False),
        sa.Column("risk_mode", sa.Integer(), nullable=False),
        sa.Column("max_loss_per_trade", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("min_capital", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("min_confidence", sa.Integer(), nullable=False),
        sa.Column("cooldown_minutes", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
    )
    op.create_table(
        "tenant",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("email", sa.String(length=190), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("app_key", sa.String(length=64), nullable=False),
        sa.Column("app_secret_sealed", sa.String(length=512), nullable=False),
        sa.Column("root_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("data_key_wrapped", sa.String(length=255), nullable=False),
        sa.Column("billing_scheme", sa.String(length=16), nullable=False),
        sa.Column("quota_plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("app_key"),
        sa.UniqueConstraint("email"),
    )
    op.create_table(
        "tenant_profile",
        sa.Column(
            "tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("brand", sa.String(length=60), nullable=False),
        sa.Column("accent", sa.String(length=7), nullable=False),
        sa.Column("logo", sa.LargeBinary(), nullable=True),
        sa.Column("logo_type", sa.String(length=32), nullable=False),
        sa.Column("headline", sa.String(length=120), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=True),
        sa.Column("landing_text", sa.String(length=2000), nullable=False),
        sa.Column("reveal_secrets", sa.Boolean(), nullable=False),
        sa.Column("node_failover", sa.String(length=8), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id"),
        sa.UniqueConstraint("host"),
    )
    op.create_table(
        "tenant_strategy",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("strategy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=True),
        sa.Column("display_description", sa.String(length=500), nullable=True),
        sa.Column("capital", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("leverage", sa.Integer(), nullable=True),
        sa.Column("risk_mode", sa.Integer(), nullable=True),
        sa.Column("max_loss_per_trade", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("min_capital", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("sort_order", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "strategy_id"),
    )
    op.create_table(
        "trade_order",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("node_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("binding_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("signal_id", sa.String(length=40), nullable=False),
        sa.Column("position_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("strategy_code", sa.String(length=64), nullable=False),
        sa.Column("client_order_id", sa.String(length=36), nullable=False),
        sa.Column("exchange_order_id", sa.String(length=64), nullable=False),
        sa.Column("exchange", sa.String(length=32), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("market_type", sa.String(length=16), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("position_side", sa.String(length=8), nullable=False),
        sa.Column("order_type", sa.String(length=24), nullable=False),
        sa.Column("trade_type", sa.String(length=12), nullable=False),
        sa.Column("close_reason", sa.String(length=32), nullable=False),
        sa.Column("amount_usdt", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("quantity", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("price", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("stop_loss", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("take_profit", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("leverage", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("error_code", sa.String(length=32), nullable=False),
        sa.Column("error_message", sa.String(length=255), nullable=False),
        sa.Column("filled_quantity", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("avg_price", types.Exact(precision=36, scale=18), nullable=True),
        sa.Column("total_fee", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("fee_currency", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("absent_looks", sa.Integer(), nullable=False),
        sa.Column("looked_at", types.UtcDateTime(), nullable=True),
        sa.Column("expires_at", types.UtcDateTime(), nullable=True),
        sa.Column("market_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("submitted_at", types.UtcDateTime(), nullable=True),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "client_order_id"),
        sa.UniqueConstraint("order_id"),
    )
    with op.batch_alter_table("trade_order", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trade_order_created_at"), ["created_at"], unique=False)
        batch_op.create_index("ix_trade_order_due", ["status", "expires_at", "id", "trade_type"], unique=False)
        batch_op.create_index("ix_trade_order_position", ["position_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_trade_order_signal_id"), ["signal_id"], unique=False)
        batch_op.create_index("ix_trade_order_status", ["status", "id"], unique=False)
        batch_op.create_index("ix_trade_order_tenant", ["tenant_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_trade_order_user_id"), ["user_id"], unique=False)
        batch_op.create_index("ix_trade_order_waiting", ["status", "job_id", "trade_type", "id"], unique=False)

    op.create_table(
        "user",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email", sa.String(length=190), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("is_root", sa.Boolean(), nullable=False),
        sa.Column("invite_code", sa.String(length=8), nullable=False),
        sa.Column("inviter_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("member_level", sa.Integer(), nullable=False),
        sa.Column("is_market_node", sa.Boolean(), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("invite_code"),
        sa.UniqueConstraint("tenant_id", "email"),
    )
    with op.batch_alter_table("user", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_user_email"), ["email"], unique=False)
        batch_op.create_index(batch_op.f("ix_user_inviter_id"), ["inviter_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_user_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "user_ancestor",
        sa.Column("ancestor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("descendant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("ancestor_id", "descendant_id"),
    )
    with op.batch_alter_table("user_ancestor", schema=None) as batch_op:
        batch_op.create_index("ix_user_ancestor_line", ["descendant_id", "depth"], unique=False)

    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("endpoint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", types.UtcDateTime(), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=160), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("tried_at", types.UtcDateTime(), nullable=True),
        sa.Column("delivered_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("endpoint_id", "message_id"),
    )
    with op.batch_alter_table("webhook_delivery", schema=None) as batch_op:
        batch_op.create_index("ix_webhook_delivery_due", ["status", "next_at"], unique=False)
        batch_op.create_index("ix_webhook_delivery_tenant", ["tenant_id", "id"], unique=False)

    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("low_points", types.Exact(precision=36, scale=18), nullable=False),
        sa.Column("record", sa.String(length=32), nullable=False),
        sa.Column("secret_sealed", sa.String(length=512), nullable=False),
        sa.Column("old_secret_sealed", sa.String(length=512), nullable=False),
        sa.Column("old_until", types.UtcDateTime(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("stopped_why", sa.String(length=160), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("record"),
    )
    with op.batch_alter_table("webhook_endpoint", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_webhook_endpoint_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "withdrawal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("actual_amount", sa.BigInteger(), nullable=False),
        sa.Column("wallet_address", sa.String(length=128), nullable=False),
        sa.Column("wallet_network", sa.String(length=20), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("approvals_needed", sa.Integer(), nullable=False),
        sa.Column("remark", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("tx_hash", sa.String(length=128), nullable=False),
        sa.Column("audit_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("audit_at", types.UtcDateTime(), nullable=True),
        sa.Column("second_audit_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("second_audit_at", types.UtcDateTime(), nullable=True),
        sa.Column("finished_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("completed_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "key"),
    )
    with op.batch_alter_table("withdrawal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_withdrawal_created_at"), ["created_at"], unique=False)
        batch_op.create_index("ix_withdrawal_status", ["status", "id"], unique=False)
        batch_op.create_index("ix_withdrawal_user", ["user_id", "id"], unique=False)

    op.create_table(
        "worker_process",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=80), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=20), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=False),
        sa.Column("beat_at", types.UtcDateTime(), nullable=False),
        sa.Column("beat_ms", sa.BigInteger(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("wakes", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("owner"),
    )


def downgrade() -> None:
    op.drop_table("worker_process")
    with op.batch_alter_table("withdrawal", schema=None) as batch_op:
        batch_op.drop_index("ix_withdrawal_user")
        batch_op.drop_index("ix_withdrawal_status")
        batch_op.drop_index(batch_op.f("ix_withdrawal_created_at"))

    op.drop_table("withdrawal")
    with op.batch_alter_table("webhook_endpoint", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_webhook_endpoint_tenant_id"))

    op.drop_table("webhook_endpoint")
    with op.batch_alter_table("webhook_delivery", schema=None) as batch_op:
        batch_op.drop_index("ix_webhook_delivery_tenant")
        batch_op.drop_index("ix_webhook_delivery_due")

    op.drop_table("webhook_delivery")
    with op.batch_alter_table("user_ancestor", schema=None) as batch_op:
        batch_op.drop_index("ix_user_ancestor_line")

    op.drop_table("user_ancestor")
    with op.batch_alter_table("user", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_user_tenant_id"))
        batch_op.drop_index(batch_op.f("ix_user_inviter_id"))
        batch_op.drop_index(batch_op.f("ix_user_email"))

    op.drop_table("user")
    with op.batch_alter_table("trade_order", schema=None) as batch_op:
        batch_op.drop_index("ix_trade_order_waiting")
        batch_op.drop_index(batch_op.f("ix_trade_order_user_id"))
        batch_op.drop_index("ix_trade_order_tenant")
        batch_op.drop_index("ix_trade_order_status")
        batch_op.drop_index(batch_op.f("ix_trade_order_signal_id"))
        batch_op.drop_index("ix_trade_order_position")
        batch_op.drop_index("ix_trade_order_due")
        batch_op.drop_index(batch_op.f("ix_trade_order_created_at"))

    op.drop_table("trade_order")
    op.drop_table("tenant_strategy")
    op.drop_table("tenant_profile")
    op.drop_table("tenant")
    op.drop_table("strategy")
    with op.batch_alter_table("signal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_signal_created_at"))

    op.drop_table("signal")
    with op.batch_alter_table("settlement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_settlement_user_id"))
        batch_op.drop_index(batch_op.f("ix_settlement_tenant_id"))
        batch_op.drop_index(batch_op.f("ix_settlement_created_at"))

    op.drop_table("settlement")
    op.drop_table("second_factor")
    with op.batch_alter_table("scan_panel", schema=None) as batch_op:
        batch_op.drop_index("ix_scan_panel_user")

    op.drop_table("scan_panel")
    with op.batch_alter_table("scan", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_scan_at"))

    op.drop_table("scan")
    with op.batch_alter_table("risk_limit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_risk_limit_tenant_id"))

    op.drop_table("risk_limit")
    with op.batch_alter_table("reward", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reward_user_id"))
        batch_op.drop_index(batch_op.f("ix_reward_tenant_id"))

    op.drop_table("reward")
    op.drop_table("quota_plan")
    with op.batch_alter_table("profit_pool", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_profit_pool_user_id"))
        batch_op.drop_index(batch_op.f("ix_profit_pool_tenant_id"))
        batch_op.drop_index(batch_op.f("ix_profit_pool_status"))
        batch_op.drop_index(batch_op.f("ix_profit_pool_created_at"))

    op.drop_table("profit_pool")
    with op.batch_alter_table("position", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_position_user_id"))
        batch_op.drop_index(batch_op.f("ix_position_tenant_id"))
        batch_op.drop_index("ix_position_status")

    op.drop_table("position")
    with op.batch_alter_table("point_card_log", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_point_card_log_user_id"))
        batch_op.drop_index(batch_op.f("ix_point_card_log_tenant_id"))
        batch_op.drop_index(batch_op.f("ix_point_card_log_created_at"))

    op.drop_table("point_card_log")
    op.drop_table("platform_state")
    with op.batch_alter_table("one_time_token", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_one_time_token_expires_at"))

    op.drop_table("one_time_token")
    with op.batch_alter_table("notification", schema=None) as batch_op:
        batch_op.drop_index("ix_notification_user")
        batch_op.drop_index(batch_op.f("ix_notification_tenant_id"))
        batch_op.drop_index(batch_op.f("ix_notification_fanned"))
        batch_op.drop_index("ix_notification_audience")

    op.drop_table("notification")
    with op.batch_alter_table("notice_delivery", schema=None) as batch_op:
        batch_op.drop_index("ix_notice_delivery_user")
        batch_op.drop_index("ix_notice_delivery_due")

    op.drop_table("notice_delivery")
    with op.batch_alter_table("notice_channel", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_notice_channel_user_id"))

    op.drop_table("notice_channel")
    op.drop_table("node_sample")
    op.drop_table("monitor_probe")
    with op.batch_alter_table("merchant_nonce", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_merchant_nonce_expires_at"))

    op.drop_table("merchant_nonce")
    with op.batch_alter_table("merchant_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_merchant_key_tenant_id"))

    op.drop_table("merchant_key")
    with op.batch_alter_table("merchant_call", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_merchant_call_created_at"))

    op.drop_table("merchant_call")
    with op.batch_alter_table("member_standing", schema=None) as batch_op:
        batch_op.drop_index("ix_member_standing_level")

    op.drop_table("member_standing")
    op.drop_table("market_info")
    with op.batch_alter_table("maintenance_window", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_maintenance_window_ends_at"))

    op.drop_table("maintenance_window")
    with op.batch_alter_table("login_try", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_login_try_bucket"))

    op.drop_table("login_try")
    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.drop_index("ix_login_session_subject")
        batch_op.drop_index(batch_op.f("ix_login_session_parent_id"))

    op.drop_table("login_session")
    with op.batch_alter_table("limit_refusal", schema=None) as batch_op:
        batch_op.drop_index("ix_limit_refusal_tenant")
        batch_op.drop_index(batch_op.f("ix_limit_refusal_at"))

    op.drop_table("limit_refusal")
    with op.batch_alter_table("limit_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_limit_entry_user_id"))
        batch_op.drop_index(batch_op.f("ix_limit_entry_tenant_id"))
        batch_op.drop_index("ix_limit_entry_state")

    op.drop_table("limit_entry")
    with op.batch_alter_table("ledger_transaction", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_transaction_tenant_id"))
        batch_op.drop_index(batch_op.f("ix_ledger_transaction_reference"))
        batch_op.drop_index(batch_op.f("ix_ledger_transaction_kind"))
        batch_op.drop_index(batch_op.f("ix_ledger_transaction_created_at"))

    op.drop_table("ledger_transaction")
    op.drop_table("ledger_seal")
    with op.batch_alter_table("ledger_reversal", schema=None) as batch_op:
        batch_op.drop_index("ix_ledger_reversal_status")

    op.drop_table("ledger_reversal")
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_entry_transaction_id"))
        batch_op.drop_index("ix_ledger_entry_account")

    op.drop_table("ledger_entry")
    with op.batch_alter_table("ledger_account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_account_tenant_id"))

    op.drop_table("ledger_account")
    op.drop_table("lease")
    with op.batch_alter_table("kill_switch", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_kill_switch_user_id"))
        batch_op.drop_index(batch_op.f("ix_kill_switch_tenant_id"))

    op.drop_table("kill_switch")
    op.drop_table("job_run")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index("ix_job_lease")
        batch_op.drop_index("ix_job_kind")
        batch_op.drop_index("ix_job_finished")
        batch_op.drop_index("ix_job_due")

    op.drop_table("job")
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.drop_index("ix_incident_opened")

    op.drop_table("incident")
    with op.batch_alter_table("foreign_position", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_foreign_position_user_id"))
        batch_op.drop_index(batch_op.f("ix_foreign_position_tenant_id"))

    op.drop_table("foreign_position")
    with op.batch_alter_table("fill", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_fill_user_id"))
        batch_op.drop_index("ix_fill_tenant")
        batch_op.drop_index(batch_op.f("ix_fill_position_id"))
        batch_op.drop_index(batch_op.f("ix_fill_account_id"))

    op.drop_table("fill")
    op.drop_table("export_piece")
    with op.batch_alter_table("export_job", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_export_job_tenant_id"))
        batch_op.drop_index("ix_export_job_status")
        batch_op.drop_index("ix_export_job_owner")

    op.drop_table("export_job")
    op.drop_table("execution_node")
    with op.batch_alter_table("exchange_account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_exchange_account_tenant_id"))
        batch_op.drop_index(batch_op.f("ix_exchange_account_node_id"))

    op.drop_table("exchange_account")
    with op.batch_alter_table("equity_snapshot", schema=None) as batch_op:
        batch_op.drop_index("ix_equity_account")

    op.drop_table("equity_snapshot")
    with op.batch_alter_table("difference", schema=None) as batch_op:
        batch_op.drop_index("ix_difference_tenant")
        batch_op.drop_index(batch_op.f("ix_difference_account_id"))

    op.drop_table("difference")
    op.drop_table("cooldown")
    op.drop_table("broadcast")
    with op.batch_alter_table("bot_watch", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bot_watch_tenant_id"))

    op.drop_table("bot_watch")
    with op.batch_alter_table("bot", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bot_tenant_id"))

    op.drop_table("bot")
    with op.batch_alter_table("binding", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_binding_user_id"))
        batch_op.drop_index(batch_op.f("ix_binding_tenant_id"))
        batch_op.drop_index(batch_op.f("ix_binding_strategy_id"))

    op.drop_table("binding")
    with op.batch_alter_table("billing_terms", schema=None) as batch_op:
        batch_op.drop_index("ix_billing_terms_of")

    op.drop_table("billing_terms")
    with op.batch_alter_table("billing_rates", schema=None) as batch_op:
        batch_op.drop_index("ix_billing_rates_tenant")

    op.drop_table("billing_rates")
    with op.batch_alter_table("billing_period", schema=None) as batch_op:
        batch_op.drop_index("ix_billing_period_tenant")
        batch_op.drop_index("ix_billing_period_status")

    op.drop_table("billing_period")
    with op.batch_alter_table("billing_item", schema=None) as batch_op:
        batch_op.drop_index("ix_billing_item_source")

    op.drop_table("billing_item")
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_log_tenant_id"))
        batch_op.drop_index(batch_op.f("ix_audit_log_at"))

    op.drop_table("audit_log")
    op.drop_table("api_usage")
    op.drop_table("admin")
    with op.batch_alter_table("account_income", schema=None) as batch_op:
        batch_op.drop_index("ix_account_income_user")

    op.drop_table("account_income")
