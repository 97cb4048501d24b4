"""Settlement of fills and distribution of profit pools.

``settle_fill`` runs in one transaction, exactly once per fill: the ledger key ``settle:<fill id>`` is the gate where
a second caller waits, and it then gets the first one's result. All accounts it may touch are known before the first
lock and locked in one ordered statement (see ``backend.ledger.service``), so settlements do not deadlock.

What can make a distribution impossible (no root user, a missing member) is found before anything of it is written;
then the settlement stands with its pool marked failed, and ``distribute_pool`` tries again later. Amounts are
integers of 1e-8 unless they say otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from backend.billing.cards import (
    BY_PROFIT,
    DEDUCTED,
    INSERT_LOG,
    NotSameLine,
    recharge_tenant,
    recharge_user,
    transfer_points,
)  # fmt: skip
from backend.billing.payout import Payout
from backend.billing.rates import NEWEST, rates_of_pool, read_rates
from backend.billing.rules import (
    SELF,
    Deduction,
    Distribution,
    Rates,
    charge_for,
    deduct,
    distribute,
    remark_deduction,
)  # fmt: skip
from backend.billing.tree import Chain, chain_above
from backend.clock import utcnow
from backend.errors import Conflict, IronBullError, NotFound
from backend.ledger import service as ledger
from backend.ledger.rules import AccountRef, Posting, trading_account, user_account
from backend.ledger.statements import Wire, insert_sql, stamp
from backend.models import ProfitPool, Settlement
from backend.money import exact_units, from_units, units_down
from backend.webhooks import events

__all__ = [
    "MAX_POOL_TRIES", "POOL_FAILED", "POOL_PENDING", "POOL_SETTLED", "NotSameLine", "SettlementResult",
    "distribute_pool", "recharge_tenant", "recharge_user", "settle_fill", "transfer_points",
]  # fmt: skip

POOL_PENDING, POOL_SETTLED, POOL_FAILED = 1, 2, 3
MAX_POOL_TRIES = 10

# The tenant's root user, else its first user marked as root.
_ROOT = "COALESCE(t.root_user_id, (SELECT MIN(r.id) FROM `user` r WHERE r.tenant_id = t.id AND r.is_root = 1))"
_FACTS = (
    "SELECT f.id, f.tenant_id, f.user_id, f.account_id, f.realized_pnl, f.fee, f.fee_currency, t.billing_scheme, "
    f"{_ROOT}, "
    "b.id, b.total_profit, "
    "CASE WHEN p.status = 'CLOSED' AND f.id = (SELECT MAX(l.id) FROM `fill` l WHERE l.position_id = p.id) "
    f"THEN 1 ELSE 0 END, {NEWEST} "
    "FROM `fill` f LEFT JOIN trade_order o ON o.id = f.order_pk LEFT JOIN `position` p ON p.id = f.position_id "
    "LEFT JOIN binding b ON b.id = COALESCE(o.binding_id, p.binding_id) LEFT JOIN tenant t ON t.id = f.tenant_id "
    "WHERE f.id = %s"
)
_SETTLED = (
    "SELECT s.id, s.profit, s.fee, s.deduct_total, s.self_deduct, s.gift_deduct, p.id, p.status "
    "FROM settlement s LEFT JOIN profit_pool p ON p.settlement_id = s.id WHERE s.fill_id = %s"
)
_INSERT_SETTLEMENT = insert_sql(
    Settlement, "fill_id", "tenant_id", "user_id", "account_id", "transaction_id", "profit", "fee", "deduct_total",
    "self_deduct", "gift_deduct", "created_at",
)  # fmt: skip
_SHARES = (
    "tech_amount", "network_amount", "platform_amount", "direct_distributed", "diff_distributed", "peer_distributed",
    "network_undistributed", "status", "retry_count", "last_error", "settle_batch", "settled_at",
)  # fmt: skip
_INSERT_POOL = insert_sql(
    ProfitPool, "settlement_id", "tenant_id", "user_id", "profit_amount", "deduct_amount", "self_deduct",
    "gift_deduct", "pool_amount", "created_at", *_SHARES,
)  # fmt: skip
_UPDATE_POOL = "UPDATE profit_pool SET " + ", ".join(f"{name} = %s" for name in _SHARES) + " WHERE id = %s"


@dataclass(frozen=True, slots=True)
class SettlementResult:
    """The settlement of one fill, in units. ``replayed``: it had been settled before, this is that result."""

    fill_id: int
    settlement_id: int
    profit: int
    fee: int
    deduct_total: int
    self_deduct: int
    gift_deduct: int
    pool_id: int | None
    pool_status: int | None
    replayed: bool = False

    @property
    def forgiven(self) -> int:
        """The part of the charge the cards could not cover."""
        return self.deduct_total - self.self_deduct - self.gift_deduct


@dataclass(frozen=True, slots=True)
class _Facts:
    fill_id: int
    tenant_id: int
    user_id: int
    account_id: int
    realized_pnl: Any
    fee: Any
    fee_currency: str
    billing_scheme: str | None
    root_id: int | None
    binding_id: int | None
    binding_profit: Any
    closed: int
    rates: str | None


@dataclass(slots=True)
class _Plan:
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


def settle_fill(session: Session, fill_id: int) -> SettlementResult:
    """Settle one fill: book its profit and fee, bill the profit, distribute the pool, update its binding.

    Billed is the fill's realised profit gross of fees, for tenants who bill per close; losses are booked and cost
    nothing. Raises ``NotFound`` when there is no such fill.
    """
    session.flush()
    wire = Wire(session)
    before = _settled(wire, fill_id)
    if before is not None:
        return before
    row = wire.first(_FACTS, (fill_id,))
    if row is None:
        raise NotFound(f"There is no fill {fill_id}.")
    facts = _Facts(*row)
    # Decimal to ledger: both rounded down towards zero to 1e-8, the only rounding before the charge.
    profit, fee = units_down(Decimal(facts.realized_pnl)), units_down(Decimal(facts.fee))
    now = stamp()
    transaction_id, replayed = ledger.open_transaction(
        wire,
        f"settle:{fill_id}",
        f"{profit}|{fee}",
        kind="settlement",
        tenant_id=facts.tenant_id,
        reference=f"fill:{fill_id}",
        at=now,
    )
    if replayed:
        before = _settled(wire, fill_id)
        if before is None:
            raise Conflict(f"Fill {fill_id} has a ledger transaction but no settlement.")
        return before
    charge, rates = 0, read_rates(facts.rates)
    if profit > 0 and facts.billing_scheme == "per_close":
        # The charge is rounded down to 1e-8, in favour of the user.
        charge = units_down(charge_for(from_units(profit), rates))
    plan = _Plan(facts.root_id, rates)
    if charge:
        plan.make(wire, facts.user_id, charge)
    return _Settling(wire, facts, transaction_id, profit, fee, charge, plan, now).run()


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
    root = wire.first(f"SELECT {_ROOT} FROM tenant t WHERE t.id = %s", (tenant_id,))
    plan = _Plan(root[0] if root else None, rates_of_pool(wire, pool_id))
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
                wire.run(_UPDATE_POOL, (*_shares(plan, tries), pool_id))
            return True
        except (IronBullError, IntegrityError) as error:
            plan.shares = None
            plan.failure = (
                error.message if isinstance(error, IronBullError) else "A reward of this pool exists already."
            )
    wire.run(_UPDATE_POOL, (*_shares(plan, tries + 1), pool_id))
    return False


@dataclass(slots=True)
class _Settling:
    """The writing half of one settlement."""

    wire: Wire
    facts: _Facts
    transaction_id: int
    profit: int
    fee: int
    charge: int
    plan: _Plan
    now: str
    own: AccountRef = field(init=False)
    gift: AccountRef = field(init=False)
    pool: AccountRef = field(init=False)
    burned: AccountRef = field(init=False)

    def __post_init__(self) -> None:
        user = (self.facts.tenant_id, self.facts.user_id)
        self.own, self.gift = user_account(*user, "point_self"), user_account(*user, "point_gift")
        self.pool, self.burned = user_account(*user, "pool"), user_account(*user, "burned_gift")

    def run(self) -> SettlementResult:
        facts, wire = self.facts, self.wire
        postings = self._trading()
        accounts = [posting.account for posting in postings]
        if self.charge:
            accounts += [self.own, self.gift, self.pool, self.burned, *self.plan.payees(facts.tenant_id)]
        held = ledger.lock(wire, accounts) if accounts else ledger.Held({}, {})
        cards = self._deduct(held)
        taken = (exact_units(cards.self_deduct), exact_units(cards.gift_deduct))
        if taken[0]:
            postings += [Posting(self.own, -taken[0]), Posting(self.pool, taken[0])]
            self.plan.make(wire, facts.user_id, taken[0])
        if taken[1]:
            postings += [Posting(self.gift, -taken[1]), Posting(self.burned, taken[1])]
        settlement_id = wire.insert(
            _INSERT_SETTLEMENT,
            (facts.fill_id, facts.tenant_id, facts.user_id, facts.account_id, self.transaction_id, self.profit,
             self.fee, self.charge, *taken, self.now),
        )  # fmt: skip
        pool_id = self._open_pool(settlement_id, taken) if taken[0] else None
        payout = None
        if pool_id is not None and self.plan.shares is not None:
            payout = Payout(pool_id, facts.tenant_id, facts.user_id, self.plan.shares, self.now)
            postings += payout.postings()
        if postings:
            ledger.write(wire, held, self.transaction_id, postings)
        if payout is not None:
            payout.write_rewards(wire)
        if self.charge:
            self._log(cards, taken)
        if sum(taken):
            self._tell(cards, taken, payout)
        self._update_binding()
        pool_status = None if pool_id is None else POOL_SETTLED if self.plan.shares else POOL_FAILED
        return SettlementResult(
            facts.fill_id, settlement_id, self.profit, self.fee, self.charge, *taken, pool_id, pool_status
        )

    def _trading(self) -> list[Posting]:
        """Profit and fee on the trading account, each with its other side; never the notional."""
        facts, postings = self.facts, []
        if self.profit:
            own = trading_account(facts.tenant_id, facts.account_id)
            postings += [Posting(own, self.profit), Posting(replace(own, kind="market"), -self.profit)]
        if self.fee:
            own = trading_account(facts.tenant_id, facts.account_id, currency=facts.fee_currency or "USDT")
            postings += [Posting(own, -self.fee), Posting(replace(own, kind="market"), self.fee)]
        return postings

    def _deduct(self, held: ledger.Held) -> Deduction:
        own = from_units(held.balances.get(self.own, 0))
        gift = from_units(held.balances.get(self.gift, 0))
        return deduct(from_units(self.charge), own, gift)

    def _open_pool(self, settlement_id: int, taken: tuple[int, int]) -> int:
        facts = self.facts
        failed = self.plan.shares is None
        return self.wire.insert(
            _INSERT_POOL,
            (settlement_id, facts.tenant_id, facts.user_id, self.profit, self.charge, *taken, taken[0], self.now,
             *_shares(self.plan, int(failed))),
        )  # fmt: skip

    def _log(self, cards: Deduction, taken: tuple[int, int]) -> None:
        facts = self.facts
        after = (exact_units(cards.self_after), exact_units(cards.gift_after))
        self.wire.run(
            INSERT_LOG,
            (facts.tenant_id, facts.user_id, None, self.transaction_id, DEDUCTED, BY_PROFIT, SELF, -sum(taken),
             after[0] + taken[0], after[0], after[1] + taken[1], after[1], remark_deduction(self.plan.rates), self.now),
        )  # fmt: skip

    def _tell(self, cards: Deduction, taken: tuple[int, int], payout: Payout | None) -> None:
        facts, wire = self.facts, self.wire
        to = events.subscribers(wire, facts.tenant_id)
        if not to:
            return
        after = exact_units(cards.self_after) + exact_units(cards.gift_after)
        events.charged(
            wire, facts.tenant_id, facts.user_id, to, reference=f"fill:{facts.fill_id}", before=after + sum(taken), after=after
        )
        if payout is not None:
            payout.tell(wire, to)

    def _update_binding(self) -> None:
        """Add the fill's profit to its binding, and one trade when this fill made the position flat."""
        facts = self.facts
        pnl = Decimal(facts.realized_pnl)
        if facts.binding_id is None or (pnl == 0 and not facts.closed):
            return
        if self.wire.sqlite:
            # Amounts are text here and the transaction is the only writer: the sum is made outside the engine.
            change, value = "%s", f"{(Decimal(facts.binding_profit) + pnl).normalize():f}"
        else:
            # A quoted number would be added as a double.
            change, value = "total_profit + CAST(%s AS DECIMAL(36,18))", f"{pnl:f}"
        self.wire.run(
            f"UPDATE binding SET total_profit = {change}, total_trades = total_trades + %s WHERE id = %s",
            (value, facts.closed, facts.binding_id),
        )


def _settled(wire: Wire, fill_id: int) -> SettlementResult | None:
    row = wire.first(_SETTLED, (fill_id,))
    if row is None:
        return None
    return SettlementResult(*(fill_id, *row, True))


def _shares(plan: _Plan, retry_count: int) -> Sequence[Any]:
    """The values of ``_SHARES``. Shares are stored rounded down to 1e-8; what is paid is in the rewards."""
    shares = plan.shares
    if shares is None:
        return (0, 0, 0, 0, 0, 0, 0, POOL_FAILED, retry_count, plan.failure[:255], "", None)
    paid = {payment.reward_type: exact_units(payment.amount) for payment in shares.payments}
    network = units_down(shares.network)
    direct, peer = paid.get("direct", 0), paid.get("peer", 0)
    diff = sum(exact_units(p.amount) for p in shares.payments if p.reward_type == "level_diff")
    return (
        units_down(shares.tech), network, paid.get("platform_retain", 0), direct, diff, peer,
        network - direct - diff - peer, POOL_SETTLED, retry_count, "", f"{utcnow():%Y%m%d}", stamp(),
    )  # fmt: skip
