"""An admin's hand on a profit pool, and figures of rewards."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from sqlmodel import Session, col, select

from backend.billing import lists
from backend.billing.service import POOL_FAILED, POOL_SETTLED, distribute_pool
from backend.errors import InvalidInput, NotFound
from backend.identity.principal import Principal
from backend.models import ProfitPool, User
from backend.security import audit


class PoolAlreadySettled(InvalidInput):
    """This pool is settled already; there is nothing to retry."""

    code = "pool_settled"


def retry(session: Session, pool_id: int, who: Principal, *, ip: str = "") -> tuple[lists.Row, bool]:
    """Distribute a pending or failed pool now, however often it failed. Returns the pool and whether it was paid.

    Two at once: the second waits for the first and then finds it settled. Raises ``NotFound``, ``PoolAlreadySettled``.
    """
    row = session.get(ProfitPool, pool_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(f"There is no profit pool {pool_id}.")
    if row.status == POOL_SETTLED:
        raise PoolAlreadySettled
    paid = distribute_pool(session, pool_id)
    session.refresh(row)
    detail = {"paid": paid, "error": row.last_error, "retry_count": row.retry_count}
    audit.record(session, who, "pool.retry", f"pool:{pool_id}", paid, detail=detail, ip=ip, tenant_id=row.tenant_id)
    user = session.get(User, row.user_id)
    return (row, user.email if user else ""), paid


def failed(session: Session, limit: int = 200) -> list[int]:
    """Ids of the pools that could not be paid out, oldest first."""
    found = select(ProfitPool.id).where(ProfitPool.status == POOL_FAILED).order_by(col(ProfitPool.id)).limit(limit)
    return [pool_id for pool_id in session.exec(found).all() if pool_id is not None]


def mean_rate(groups: Sequence[tuple[str, int, int]]) -> Decimal | None:
    """The mean of the rates that are set, to 4 places, from (rate, how many, sum) groups; None without any."""
    rated = [(Decimal(rate), count) for rate, count, _ in groups if rate]
    number = sum(count for _, count in rated)
    if not number:
        return None
    total = sum((rate * count for rate, count in rated), Decimal(0))
    return (total / number).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)
