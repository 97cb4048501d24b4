"""A distribution on its way into the books: one posting and one reward row per payment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.billing.rules import Distribution, plain
from backend.clock import utcnow
from backend.ledger.rules import Posting, user_account
from backend.ledger.statements import Row, Wire, insert_sql
from backend.models import Reward
from backend.money import exact_units
from backend.webhooks import events

INSERT_REWARD = insert_sql(
    Reward, "pool_id", "tenant_id", "user_id", "source_user_id", "reward_type", "amount", "rate", "from_level",
    "to_level", "settle_batch", "remark", "created_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Payout:
    """The payments of one pool on their way into ledger and reward rows."""

    pool_id: int
    tenant_id: int
    user_id: int
    shares: Distribution
    now: str

    def postings(self) -> list[Posting]:
        """One posting per payment, all out of the user's pool account."""
        postings = [
            Posting(user_account(self.tenant_id, payment.user_id, "reward"), exact_units(payment.amount))
            for payment in self.shares.payments
        ]
        total = sum(posting.amount for posting in postings)
        return [Posting(user_account(self.tenant_id, self.user_id, "pool"), -total), *postings]

    def rewards(self) -> list[Row]:
        """One reward row per payment."""
        batch = f"{utcnow():%Y%m%d}"
        return [
            (self.pool_id, self.tenant_id, p.user_id, self.user_id, p.reward_type, exact_units(p.amount),
             plain(p.rate), p.from_level, p.to_level, batch, p.remark, self.now)
            for p in self.shares.payments
        ]  # fmt: skip

    def write_rewards(self, wire: Wire) -> None:
        """Write them."""
        wire.insert_many(INSERT_REWARD, self.rewards())

    def tell(self, wire: Wire, to: Sequence[events.Subscriber]) -> None:
        """The merchant's system hears of it."""
        events.rewarded(
            wire, self.tenant_id, self.user_id, pool_id=self.pool_id, payments=self.shares.payments, found=to
        )
