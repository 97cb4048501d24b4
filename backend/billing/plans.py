"""A distribution worked out but not written, and the pool row it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.billing.rules import Distribution, Rates, distribute
from backend.billing.tree import Chain, chain_above
from backend.clock import utcnow
from backend.errors import IronBullError
from backend.ledger.rules import AccountRef, user_account
from backend.ledger.statements import Wire, insert_sql, stamp
from backend.models import ProfitPool
from backend.money import exact_units, from_units, units_down

POOL_PENDING, POOL_SETTLED, POOL_FAILED = 1, 2, 3
MAX_POOL_TRIES = 10

ROOT = "COALESCE(t.root_user_id, (SELECT MIN(r.id) FROM `user` r WHERE r.tenant_id = t.id AND r.is_root = 1))"
"""The tenant's root user, else its first user marked as root, in a query where ``t`` is the tenant."""

_SHARES = (
    "tech_amount", "network_amount", "platform_amount", "direct_distributed", "diff_distributed", "peer_distributed",
    "network_undistributed", "status", "retry_count", "last_error", "settle_batch", "settled_at",
)  # fmt: skip
INSERT_POOL = insert_sql(
    ProfitPool, "settlement_id", "tenant_id", "user_id", "profit_amount", "deduct_amount", "self_deduct",
    "gift_deduct", "pool_amount", "created_at", *_SHARES,
)  # fmt: skip
UPDATE_POOL = "UPDATE profit_pool SET " + ", ".join(f"{name} = %s" for name in _SHARES) + " WHERE id = %s"
"""Takes the values of ``Plan.row`` and the pool's id."""


@dataclass(slots=True)
class Plan:
    """A distribution worked out but not written: either ``shares`` or the reason there is none."""

    root_id: int | None
    rates: Rates
    chain: Chain | None = None
    shares: Distribution | None = None
    failure: str = ""

    def make(self, wire: Wire, user_id: int, pool: int) -> None:
        """Work out the shares of ``pool`` units; what makes that impossible becomes ``failure``."""
        if self.failure or (self.shares is not None and exact_units(self.shares.pool) == pool):
            return
        try:
            self.chain = chain = self.chain or chain_above(wire, user_id)
            self.shares = distribute(
                from_units(pool),
                root_id=self.root_id,
                source_level=chain.source_level,
                inviter=chain.inviter,
                path=chain.path,
                rates=self.rates,
            )
        except IronBullError as error:
            self.shares, self.failure = None, error.message

    def payees(self, tenant_id: int) -> list[AccountRef]:
        """Reward accounts of all who are paid."""
        if self.shares is None:
            return []
        return [user_account(tenant_id, payment.user_id, "reward") for payment in self.shares.payments]

    def row(self, retry_count: int) -> Sequence[Any]:
        """The shares as a pool stores them, rounded down to 1e-8; what is paid is in the rewards."""
        shares = self.shares
        if shares is None:
            return (0, 0, 0, 0, 0, 0, 0, POOL_FAILED, retry_count, self.failure[:255], "", None)
        paid = {payment.reward_type: exact_units(payment.amount) for payment in shares.payments}
        network = units_down(shares.network)
        direct, peer = paid.get("direct", 0), paid.get("peer", 0)
        diff = sum(exact_units(p.amount) for p in shares.payments if p.reward_type == "level_diff")
        return (
            units_down(shares.tech), network, paid.get("platform_retain", 0), direct, diff, peer,
            network - direct - diff - peer, POOL_SETTLED, retry_count, "", f"{utcnow():%Y%m%d}", stamp(),
        )  # fmt: skip
