"""The account part of a task: credentials opened from the vault at the moment of sending, never stored or logged."""

from __future__ import annotations

from typing import Any

import structlog
from sqlmodel import Session, col, select

from backend.models import ExchangeAccount, Tenant
from backend.security.vault import Vault, VaultError, account_record, get_vault
from backend.settings import get_settings

log = structlog.get_logger("credentials")

UNREADABLE = "KEY_UNREADABLE"
UNREADABLE_TEXT = "The stored API key cannot be opened. Save the key again."


def account_tasks(session: Session, account_ids: set[int]) -> dict[int, dict[str, Any]]:
    """TaskItem account fields by account id, credentials in clear: for immediate sending only.

    An account whose key cannot be opened is left out, so that it never stops the others.
    """
    rows = session.exec(
        select(ExchangeAccount, Tenant)
        .join(Tenant, col(Tenant.id) == col(ExchangeAccount.tenant_id))
        .where(col(ExchangeAccount.id).in_(account_ids))
    ).all()
    tasks: dict[int, dict[str, Any]] = {}
    for account, tenant in rows:
        try:
            tasks[account.id or 0] = _task(account, tenant)
        except VaultError:
            log.error("key not opened", account=account.id)
    return tasks


def _task(account: ExchangeAccount, tenant: Tenant) -> dict[str, Any]:
    assert account.id is not None and tenant.id is not None
    secret = get_vault().open_json(
        tenant.data_key_wrapped, tenant.id, account_record(account.id), account.credentials_sealed
    )
    return {
        "account_id": account.id,
        "tenant_id": account.tenant_id,
        "user_id": account.user_id,
        "exchange": account.exchange,
        "market_type": "future",
        "sandbox": account.mode == "testnet",
        "api_key": secret["api_key"],
        "api_secret": secret["api_secret"],
        "passphrase": secret.get("passphrase", ""),
        # The simulated exchange is wherever this platform runs it now.
        "base_url": account.base_url or (get_settings().paper_base_url if account.mode == "simulated" else ""),
    }


def seal_credentials(
    tenant: Tenant,
    account: ExchangeAccount,
    api_key: str,
    api_secret: str,
    passphrase: str = "",
    *,
    vault: Vault | None = None,
) -> None:
    """Seal a key pair into the account row. ``account.id`` must be known: the box is bound to it."""
    assert account.id is not None and tenant.id is not None
    account.credentials_sealed = (vault or get_vault()).seal_json(
        tenant.data_key_wrapped,
        tenant.id,
        account_record(account.id),
        {"api_key": api_key, "api_secret": api_secret, "passphrase": passphrase},
    )
    account.key_hint = f"…{api_key[-4:]}"


def clear_credentials(account: ExchangeAccount) -> None:
    """Forget a key pair."""
    account.credentials_sealed, account.key_hint = b"", ""
