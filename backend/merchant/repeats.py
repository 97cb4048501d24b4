"""Calls with an Idempotency-Key: done once, answered the same ever after.

Three short transactions: claim the key, do the work and store its answer together, and, when the work was refused,
store the refusal. A worker that died leaves a claim that another takes over; one that only slept finds its claim gone
when it wants to store, and its work is rolled back with it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.merchant.errors import BadParameters, InProgress
from backend.merchant.rules import digest
from backend.models import MerchantCall

CLAIM_HOLDS = timedelta(seconds=60)
KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do the work of one key."""

    row_id: int
    token: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered the first time."""

    status: int
    body: str


def claim(session: Session, tenant_id: int, key: str, fingerprint: str) -> Claim | StoredAnswer:
    """Take the key, or give what was answered before.

    Raises ``InProgress`` (409) while another works on it, ``BadParameters`` (422) when it was used for another call.
    """
    token, now = secrets.token_hex(16), utcnow()
    row = MerchantCall(
        tenant_id=tenant_id, digest=digest(key), fingerprint=fingerprint, claim=token, claimed_at=now, created_at=now
    )
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
        assert row.id is not None
        return Claim(row.id, token)
    except IntegrityError:
        pass
    statement = select(MerchantCall).where(MerchantCall.tenant_id == tenant_id, MerchantCall.digest == digest(key))
    first = session.exec(statement.with_for_update().execution_options(populate_existing=True)).first()
    if first is None:
        raise InProgress("相同 Idempotency-Key 的请求正在处理，请稍后重试", headers={"Retry-After": "1"})
    if first.fingerprint != fingerprint:
        raise BadParameters("Idempotency-Key 已用于其他请求，请更换")
    if first.done:
        return StoredAnswer(first.status, first.answer)
    if now - first.claimed_at < CLAIM_HOLDS:
        raise InProgress("相同 Idempotency-Key 的请求正在处理，请稍后重试", headers={"Retry-After": "1"})
    first.claim, first.claimed_at = token, now
    session.add(first)
    session.flush()
    assert first.id is not None
    return Claim(first.id, token)


def store(session: Session, held: Claim, status: int, body: str) -> None:
    """Store the answer with the work. Raises ``InProgress`` when the claim was lost: the work must not stay."""
    result = session.connection().execute(
        update(MerchantCall)
        .where(
            col(MerchantCall.id) == held.row_id,
            col(MerchantCall.claim) == held.token,
            col(MerchantCall.done).is_(False),
        )
        .values(done=True, status=status, answer=body)
    )
    if result.rowcount != 1:
        raise InProgress("相同 Idempotency-Key 的请求正在处理，请稍后重试", headers={"Retry-After": "1"})


def release(session: Session, held: Claim) -> None:
    """Give the key back: the work failed for reasons of ours, and may be tried again."""
    session.connection().execute(
        delete(MerchantCall).where(
            col(MerchantCall.id) == held.row_id,
            col(MerchantCall.claim) == held.token,
            col(MerchantCall.done).is_(False),
        )
    )
