"""Scheduled work of billing. Each function is one transaction; the edge opens and commits it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog
from sqlalchemy import func, select, update
from sqlmodel import Session

from backend.billing import hwm, standing
from backend.billing.service import (
    MAX_POOL_TRIES,
    POOL_FAILED,
    POOL_PENDING,
    distribute_pool,
    settle_fill,
    settle_fills,
)
from backend.clock import utcnow
from backend.errors import IronBullError
from backend.ledger.jobs import alert
from backend.models import Fill, MemberStanding, PlatformState, ProfitPool, Settlement, User
from backend.models.tables import table_of

log = structlog.get_logger(__name__)

_fill = table_of(Fill)
_settlement = table_of(Settlement)
_pool = table_of(ProfitPool)
_user = table_of(User)
_standing = table_of(MemberStanding)

_WATERMARK = "settled_through"
_SETTLED_AGE = timedelta(minutes=10)
_CHUNK = 500
SETTLE_AT_ONCE = 100
"""Fills settled by one set of statements."""


def settle_pending(session: Session, limit: int = 500) -> int:
    """Settle fills that have no settlement, oldest first: what a crash between fill and settlement left behind.

    Opening fills are settled too: they have a fee. A fill that cannot be settled raises an alert and does not stop
    the others. Fills below a watermark are known to be settled and are not looked at again. Returns how many were
    settled.
    """
    state = session.get(PlatformState, _WATERMARK)
    low = int(state.value.get("fill_id", 0)) if state is not None else 0
    pending = session.execute(
        select(_fill.c.id)
        .outerjoin(_settlement, _settlement.c.fill_id == _fill.c.id)
        .where(_fill.c.id > low, _settlement.c.id.is_(None))
        .order_by(_fill.c.id)
        .limit(limit)
    ).scalars()
    failed: list[int] = []
    settled, found = 0, list(pending)
    for start in range(0, len(found), SETTLE_AT_ONCE):
        done, refused = settle_each(session, found[start : start + SETTLE_AT_ONCE])
        settled, failed = settled + done, failed + refused
    if settled + len(failed) < limit:
        _move_watermark(session, low, failed)
    return settled


def settle_each(session: Session, fill_ids: Sequence[int]) -> tuple[int, list[int]]:
    """Settle fills together; when that is refused, each for itself, so that one never holds up the others.

    A fill that cannot be settled raises an alert. Returns how many were settled now, and the fills that were not.
    """
    if not fill_ids:
        return 0, []
    try:
        with session.begin_nested():
            return sum(not one.replayed for one in settle_fills(session, fill_ids)), []
    except IronBullError:
        pass
    settled, failed = 0, []
    for fill_id in fill_ids:
        try:
            with session.begin_nested():
                settled += not settle_fill(session, fill_id).replayed
        except IronBullError as error:
            failed.append(fill_id)
            log.error("fill not settled", fill_id=fill_id, code=error.code, reason=error.message)
            alert(session, f"Fill {fill_id} could not be settled", error.message, "billing")
    return settled, failed


def _move_watermark(session: Session, low: int, failed: list[int]) -> None:
    # Ids are given before commit, so a smaller id may still appear: only fills of some age are passed for good.
    old = _fill.c.created_at < utcnow() - _SETTLED_AGE
    high = session.execute(select(func.max(_fill.c.id)).where(_fill.c.id > low, old)).scalar_one_or_none()
    high = min([high or low, *(fill_id - 1 for fill_id in failed)])
    if high > low:
        session.merge(PlatformState(name=_WATERMARK, value={"fill_id": high}, updated_at=utcnow()))
        session.flush()


def retry_pools(session: Session, limit: int = 50) -> int:
    """Distribute pending and failed pools again, at most 10 times each; then alert the admins. Returns the paid ones."""
    waiting = session.execute(
        select(_pool.c.id)
        .where(_pool.c.status.in_((POOL_PENDING, POOL_FAILED)), _pool.c.retry_count < MAX_POOL_TRIES)
        .order_by(_pool.c.id)
        .limit(limit)
    ).scalars()
    paid = 0
    for pool_id in list(waiting):
        if distribute_pool(session, pool_id):
            paid += 1
            continue
        tries, reason = session.execute(
            select(_pool.c.retry_count, _pool.c.last_error).where(_pool.c.id == pool_id)
        ).one()
        if tries >= MAX_POOL_TRIES:
            alert(session, f"Profit pool {pool_id} is stuck", f"Distribution failed {tries} times: {reason}", "billing")
    return paid


def close_periods(session: Session, limit: int = 100) -> int:
    """Close the months that have ended, for agents billed by the high-water mark. Returns how many periods were made.

    A month is closed ten minutes after its end. What a stopped service missed is made up, month by month.
    """
    until, made = utcnow() - hwm.GRACE, 0
    for user in hwm.due_users(session, until, limit):
        made += len(hwm.close_until(session, user, until))
    return made


def refresh_levels(session: Session) -> int:
    """Recompute every standing from the accounts, and give each user the level of it. Returns how many levels changed."""
    mended = standing.correct(session)
    if mended:
        log.warning("standings differed from the accounts", users=mended[:20], number=len(mended))
    level = func.coalesce(_standing.c.level, 0)
    changed = session.execute(
        select(_user.c.id, level)
        .outerjoin(_standing, _standing.c.user_id == _user.c.id)
        .where(_user.c.member_level != level)
        .order_by(_user.c.id)
    ).all()
    for wanted in {now for _, now in changed}:
        user_ids = [user_id for user_id, now in changed if now == wanted]
        for start in range(0, len(user_ids), _CHUNK):
            part = user_ids[start : start + _CHUNK]
            session.execute(update(_user).where(_user.c.id.in_(part)).values(member_level=wanted))
    return len(changed)
