"""API keys of a tenant: shown once, stored sealed, two valid at once so that one can be replaced without a gap."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import NamedTuple

from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.errors import Conflict, InvalidInput
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.merchant.rules import normal_networks
from backend.models import MerchantKey, Tenant
from backend.security import audit
from backend.security.vault import Vault, get_vault

MAX_ACTIVE = 2
ACTIVE, REVOKED = 1, 0


class TooManyKeys(Conflict):
    """Two keys are active already. Revoke the one that is no longer used first."""

    code = "too_many_keys"


class NewKey(NamedTuple):
    """A key just made. ``app_secret`` is shown here and never again."""

    key: MerchantKey
    app_secret: str


def key_record(app_key: str) -> str:
    """The vault's record name of a key's secret."""
    return f"merchant_key:{app_key}"


def add_key(session: Session, tenant_id: int, app_key: str, app_secret: str, vault: Vault | None = None) -> MerchantKey:
    """Store a key pair that was made elsewhere, such as a new tenant's first."""
    sealed = (vault or get_vault()).seal_platform(key_record(app_key), app_secret)
    row = MerchantKey(tenant_id=tenant_id, app_key=app_key, secret_sealed=sealed)
    session.add(row)
    session.flush()
    return row


def secret_of(key: MerchantKey, vault: Vault | None = None) -> str:
    """The secret, for checking a signature only."""
    return (vault or get_vault()).open_platform(key_record(key.app_key), key.secret_sealed)


def keys(session: Session, tenant_id: int) -> list[MerchantKey]:
    """All keys of a tenant, newest first. Rows hold sealed secrets: pages pick the fields they show."""
    statement = select(MerchantKey).where(MerchantKey.tenant_id == tenant_id)
    return list(session.exec(statement.order_by(col(MerchantKey.id).desc())).all())


def issue_key(
    session: Session, who: Principal, tenant_id: int, label: str = "", *, ip: str = "", vault: Vault | None = None
) -> NewKey:
    """A further key. While two are active both are valid. Raises ``NotFound``, ``TooManyKeys``, ``InvalidInput``."""
    get_scoped(session, who, Tenant, tenant_id, lock=True)
    if len([key for key in keys(session, tenant_id) if key.status == ACTIVE]) >= MAX_ACTIVE:
        raise TooManyKeys
    secret = secrets.token_hex(32)
    row = add_key(session, tenant_id, secrets.token_hex(16), secret, vault)
    row.label = _label(label)
    session.add(row)
    session.flush()
    audit.record(session, who, "merchant_key.issue", f"merchant_key:{row.id}", ip=ip, tenant_id=tenant_id)
    return NewKey(row, secret)


def revoke_key(session: Session, who: Principal, key_id: int, *, ip: str = "") -> MerchantKey:
    """End a key at once; again changes nothing. Raises ``NotFound``."""
    row = get_scoped(session, who, MerchantKey, key_id, lock=True)
    if row.status == ACTIVE:
        row.status, row.revoked_at = REVOKED, utcnow()
        session.add(row)
        session.flush()
        audit.record(session, who, "merchant_key.revoke", f"merchant_key:{row.id}", ip=ip, tenant_id=row.tenant_id)
    return row


def configure_key(
    session: Session,
    who: Principal,
    key_id: int,
    *,
    ips: Iterable[str] | None = None,
    legacy: bool | None = None,
    legacy_writes: bool | None = None,
    label: str | None = None,
    ip: str = "",
) -> MerchantKey:
    """Change who may use a key and how; what is None stays. Raises ``NotFound``, ``InvalidInput``."""
    row = get_scoped(session, who, MerchantKey, key_id, lock=True)
    if ips is not None:
        row.ips = normal_networks(ips)
    if legacy is not None:
        row.legacy = legacy
    if legacy_writes is not None:
        row.legacy_writes = legacy_writes
    if row.legacy_writes and not row.legacy:
        row.legacy_writes = False
    if label is not None:
        row.label = _label(label)
    session.add(row)
    session.flush()
    now = {"ips": row.ips, "legacy": row.legacy, "legacy_writes": row.legacy_writes}
    audit.record(
        session, who, "merchant_key.configure", f"merchant_key:{row.id}", detail=now, ip=ip, tenant_id=row.tenant_id
    )
    return row


def _label(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > 64 or not text.isprintable():
        raise InvalidInput("The label must have at most 64 visible characters.")
    return text
