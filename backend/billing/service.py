"""The verbs of billing: recharge and transfer of point cards, settlement of fills, distribution of profit pools.

What can make a distribution impossible (no root user, a missing member) is found before anything of it is written;
then the settlement stands with its pool marked failed, and ``distribute_pool`` tries again later.
"""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from backend.billing.cards import NotSameLine, recharge_tenant, recharge_user, transfer_points
from backend.billing.payout import Payout
from backend.billing.plans import MAX_POOL_TRIES, POOL_FAILED, POOL_PENDING, POOL_SETTLED, ROOT, UPDATE_POOL, Plan
from backend.billing.rates import rates_of_pool
from backend.billing.settling import SettlementResult, settle_fill, settle_fills
from backend.errors import IronBullError, NotFound
from backend.ledger import service as ledger
from backend.ledger.statements import Wire, stamp
from backend.webhooks import events

__all__ = [
    "MAX_POOL_TRIES", "POOL_FAILED", "POOL_PENDING", "POOL_SETTLED", "NotSameLine", "SettlementResult",
    "distribute_pool", "recharge_tenant", "recharge_user", "settle_fill", "settle_fills", "transfer_points",
]  # fmt: skip


def distribute_pool(session: Session, pool_id: int) -> bool:
    """Try to distribute a pending or failed pool again; True when it is (or already was) settled.

    A failure rolls back to before the distribution and is counted in ``retry_count``. Raises ``NotFound``.
    """
    wire = Wire(session)
    row = wire.first(
        "SELECT status, retry_count, tenant_id, user_id, pool_amount FROM profit_pool WHERE id = %s FOR UPDATE",
        (pool_id,),
    )
    if row is None:
        raise NotFound(f"There is no profit pool {pool_id}.")
    status, tries, tenant_id, user_id, amount = row
    if status == POOL_SETTLED:
        return True
    root = wire.first(f"SELECT {ROOT} FROM tenant t WHERE t.id = %s", (tenant_id,))
    plan = Plan(root[0] if root else None, rates_of_pool(wire, pool_id))
    plan.make(wire, user_id, amount)
    if plan.shares is not None:
        try:
            with session.begin_nested():
                # The savepoint is set when the connection is asked for, so it is asked for again here.
                wire = Wire(session)
                payout = Payout(pool_id, tenant_id, user_id, plan.shares, stamp())
                name, postings = f"pool:{pool_id}", payout.postings()
                number, _ = ledger.open_transaction(
                    wire, name, name, kind="distribution", tenant_id=tenant_id, reference=name
                )
                ledger.write(wire, ledger.lock(wire, [one.account for one in postings]), number, postings)
                payout.write_rewards(wire)
                payout.tell(wire, events.subscribers(wire, tenant_id))
                wire.run(UPDATE_POOL, (*plan.row(tries), pool_id))
            return True
        except (IronBullError, IntegrityError) as error:
            plan.shares = None
            plan.failure = (
                error.message if isinstance(error, IronBullError) else "A reward of this pool exists already."
            )
    wire.run(UPDATE_POOL, (*plan.row(tries + 1), pool_id))
    return False
