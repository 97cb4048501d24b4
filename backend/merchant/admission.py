"""Who may come in: the signature, the time, the nonce and the quota of one call, in one short transaction.

What was accepted is committed before the call is worked on, so neither a restart nor a second process accepts the
same nonce again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from backend.clock import from_ms, utcnow
from backend.ledger.statements import Wire, insert_sql, stamp
from backend.merchant import rules
from backend.merchant.errors import Forbidden, NotAdmitted
from backend.merchant.keys import ACTIVE, secret_of
from backend.merchant.quota import Allowance, count_call
from backend.models import MerchantKey, MerchantNonce, Tenant
from backend.security.vault import Vault

_SEEN = timedelta(seconds=60)
_INSERT_NONCE = insert_sql(MerchantNonce, "digest", "expires_at")


@dataclass(frozen=True, slots=True)
class SignedCall:
    """One request as it came: headers in the order of the table in the manual, an absent one is empty."""

    app_key: str
    timestamp: str
    nonce: str
    version: str
    signature: str
    method: str
    path: str
    query: str
    body: bytes
    ip: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who was admitted; has the shape of an audit actor."""

    kind: str
    id: int
    tenant: Tenant
    ip: str
    legacy: bool
    allowance: Allowance

    @property
    def tenant_id(self) -> int:
        """The tenant whose data this call may touch."""
        assert self.tenant.id is not None
        return self.tenant.id


def admit(session: Session, call: SignedCall, vault: Vault) -> Caller:
    """Check everything, remember the nonce and count the call. ``Caller.allowance`` says whether the quota allows it.

    Raises ``NotAdmitted`` and ``Forbidden`` with the documented sentences, in the documented order.
    """
    legacy = not call.version
    if not (call.app_key and call.timestamp and call.signature and (legacy or call.nonce)):
        raise NotAdmitted("缺少认证参数")
    seconds = rules.seconds_of(call.timestamp)
    if seconds is None:
        raise NotAdmitted("时间戳格式错误")
    now = utcnow()
    if not rules.in_window(int(now.timestamp()), seconds):
        raise NotAdmitted("请求已过期")
    if not legacy and call.version != rules.SIGN_VERSION:
        raise NotAdmitted("签名版本不支持，请使用 X-Sign-Version: 2")
    if not legacy and not rules.is_nonce(call.nonce):
        raise NotAdmitted("X-Nonce 格式错误，应为 16-64 个可见字符")
    key, tenant = _key_of(session, call.app_key)
    _check_signature(key, call, legacy, vault)
    if not rules.ip_allowed(call.ip, key.ips):
        raise Forbidden("来源IP不在白名单内")
    if legacy and call.method not in ("GET", "HEAD") and not key.legacy_writes:
        raise Forbidden("旧版MD5签名仅允许只读请求，请使用 X-Sign-Version: 2")
    assert key.id is not None
    if not legacy:
        _use_nonce(session, key.id, call.nonce, seconds)
    allowance = count_call(session, tenant, now)
    if key.last_used_at is None or now - key.last_used_at > _SEEN:
        key.last_used_at = now
        session.add(key)
        session.flush()
    return Caller("merchant_key", key.id, tenant, call.ip, legacy, allowance)


def _key_of(session: Session, app_key: str) -> tuple[MerchantKey, Tenant]:
    key = session.exec(select(MerchantKey).where(MerchantKey.app_key == app_key)).first()
    tenant = session.get(Tenant, key.tenant_id) if key is not None else None
    # Some engines compare texts without regard to case.
    if key is None or tenant is None or key.app_key != app_key or key.status != ACTIVE or tenant.status != 1:
        raise NotAdmitted("AppKey无效或已禁用")
    return key, tenant


def _check_signature(key: MerchantKey, call: SignedCall, legacy: bool, vault: Vault) -> None:
    secret = secret_of(key, vault)
    if legacy:
        if not rules.same(call.signature.lower(), rules.sign_legacy(call.app_key, call.timestamp, secret)):
            raise NotAdmitted("签名验证失败")
        if not key.legacy:
            raise NotAdmitted("旧版MD5签名未启用，请使用 X-Sign-Version: 2")
        return
    try:
        text = rules.canonical_string(
            call.method, call.path, call.query, call.body, timestamp=call.timestamp, nonce=call.nonce
        )
    except rules.BadPairs:
        raise NotAdmitted("签名验证失败") from None
    if not rules.same(call.signature, rules.sign(secret, text)):
        raise NotAdmitted("签名验证失败")


def _use_nonce(session: Session, key_id: int, nonce: str, seconds: int) -> None:
    expires = from_ms(seconds * 1000) + timedelta(seconds=2 * rules.WINDOW_S)
    try:
        Wire(session).run(_INSERT_NONCE, (rules.digest(key_id, nonce), stamp(expires)))
    except IntegrityError:
        raise NotAdmitted("请求重复，X-Nonce 已被使用") from None
