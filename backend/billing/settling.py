"""Settlement of fills, in batches, exactly once per fill.

The ledger key ``settle:<fill id>`` is the gate: a second caller waits there until the first has committed and then
gets the first one's result. All accounts a batch may touch are known before the first lock and locked in one ordered
statement (see ``backend.ledger.service``), so settlements do not deadlock. Every table is written in one statement
per batch; within a batch the fills are settled in the order of their ids, each seeing the balances the one before
left. Amounts are integers of 1e-8 unless they say otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from backend.billing.cards import BY_PROFIT, DEDUCTED, INSERT_LOG
from backend.billing.payout import INSERT_REWARD, Payout
from backend.billing.plans import INSERT_POOL, POOL_FAILED, POOL_SETTLED, ROOT, Plan
from backend.billing.rates import NEWEST, read_rates
from backend.billing.rules import SELF, Deduction, charge_for, deduct, remark_deduction
from backend.billing.tree import chains_above
from backend.errors import Conflict, NotFound
from backend.ledger import service as ledger
from backend.ledger.rules import AccountRef, Posting, trading_account, user_account
from backend.ledger.statements import Row, Wire, insert_sql, marks, stamp
from backend.models import Settlement
from backend.money import exact_units, from_units, units_down
from backend.webhooks import events

_FACTS = (
    "SELECT f.id, f.tenant_id, f.user_id, f.account_id, f.realized_pnl, f.fee, f.fee_currency, t.billing_scheme, "
    f"{ROOT}, "
    "b.id, b.total_profit, "
    "CASE WHEN p.status = 'CLOSED' AND f.id = (SELECT MAX(l.id) FROM `fill` l WHERE l.position_id = p.id) "
    f"THEN 1 ELSE 0 END, {NEWEST}, "
    "EXISTS (SELECT 1 FROM webhook_endpoint w WHERE w.tenant_id = f.tenant_id AND w.status = 1), s.id "
    "FROM `fill` f LEFT JOIN trade_order o ON o.id = f.order_pk LEFT JOIN `position` p ON p.id = f.position_id "
    "LEFT JOIN binding b ON b.id = COALESCE(o.binding_id, p.binding_id) LEFT JOIN tenant t ON t.id = f.tenant_id "
    "LEFT JOIN settlement s ON s.fill_id = f.id WHERE f.id IN ({ids}) ORDER BY f.id"
)
_RESULT = ("s.fill_id", "s.id", "s.profit", "s.fee", "s.deduct_total", "s.self_deduct", "s.gift_deduct", "COALESCE(p.id, 0)",
           "COALESCE(p.status, 0)")  # fmt: skip
_SETTLED = (
    "SELECT {} FROM settlement s LEFT JOIN profit_pool p ON p.settlement_id = s.id WHERE s.fill_id IN ({{ids}})"
)
# Whole numbers only, joined to one text: reading nine columns costs more than finding them.
_SETTLED_MYSQL = _SETTLED.format(f"CONCAT_WS(' ', {', '.join(_RESULT)})")
_SETTLED_SQLITE = _SETTLED.format(" || ' ' || ".join(_RESULT))
_INSERT_SETTLEMENT = insert_sql(
    Settlement, "fill_id", "tenant_id", "user_id", "account_id", "transaction_id", "profit", "fee", "deduct_total",
    "self_deduct", "gift_deduct", "created_at",
)  # fmt: skip
_BOTH = ("trading", "market")


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
    told: int
    settlement_id: int | None


def settle_fill(session: Session, fill_id: int) -> SettlementResult:
    """Settle one fill: book its profit and fee, bill the profit, distribute the pool, update its binding.

    Billed is the fill's realised profit gross of fees, for tenants who bill per close; losses are booked and cost
    nothing. Raises ``NotFound`` when there is no such fill.
    """
    session.flush()
    before = _settled(Wire(session), [fill_id])
    return before[fill_id] if before else settle_fills(session, [fill_id])[0]


def settle_fills(session: Session, fill_ids: Sequence[int]) -> list[SettlementResult]:
    """Settle many fills in one transaction, all or none: results in the order asked for.

    Meant for fills that are probably new; see ``settle_fill`` for what is done with each. A few hundred at most: their
    accounts stay locked until the caller commits. Raises ``NotFound`` when one of the fills does not exist.
    """
    session.flush()
    wire, done = Wire(session), {}
    wanted = sorted(set(fill_ids))
    facts = _read_facts(wire, wanted)
    old = [one.fill_id for one in facts if one.settlement_id is not None]
    if old:
        done.update(_settled(wire, old))
    batch = _Batch(wire, [_Settling(one) for one in facts if one.settlement_id is None])
    done.update(batch.open())
    done.update(batch.run())
    return [done[one] for one in fill_ids]


def _read_facts(wire: Wire, fill_ids: Sequence[int]) -> list[_Facts]:
    if not fill_ids:
        return []
    rows = wire.rows(_FACTS.format(ids=marks(len(fill_ids))), fill_ids)
    if len(rows) < len(fill_ids):
        missing = set(fill_ids) - {row[0] for row in rows}
        raise NotFound(f"There is no fill {min(missing)}.")
    return [_Facts(*row) for row in rows]


def _settled(wire: Wire, fill_ids: Sequence[int]) -> dict[int, SettlementResult]:
    sql = _SETTLED_SQLITE if wire.sqlite else _SETTLED_MYSQL
    found = {}
    for (text,) in wire.rows(sql.format(ids=marks(len(fill_ids))), fill_ids):
        fill_id, number, profit, fee, charge, own, gift, pool_id, status = map(int, text.split())
        found[fill_id] = SettlementResult(
            fill_id, number, profit, fee, charge, own, gift, pool_id or None, status or None, replayed=True
        )
    return found


class _Settling:
    """One settlement on its way: what it is about, and what it comes to once the balances are known."""

    __slots__ = (
        "burned", "cards", "charge", "facts", "fee", "gift", "own", "payout", "plan", "pool", "pool_id", "profit",
        "settlement_id", "taken", "transaction_id",
    )  # fmt: skip

    def __init__(self, facts: _Facts) -> None:
        self.facts = facts
        # Decimal to ledger: both rounded down towards zero to 1e-8, the only rounding before the charge.
        self.profit, self.fee = units_down(Decimal(facts.realized_pnl)), units_down(Decimal(facts.fee))
        self.plan = Plan(facts.root_id, read_rates(facts.rates))
        self.charge = 0
        if self.profit > 0 and facts.billing_scheme == "per_close":
            # The charge is rounded down to 1e-8, in favour of the user.
            self.charge = units_down(charge_for(from_units(self.profit), self.plan.rates))
        user = (facts.tenant_id, facts.user_id)
        self.own, self.gift = user_account(*user, "point_self"), user_account(*user, "point_gift")
        self.pool, self.burned = user_account(*user, "pool"), user_account(*user, "burned_gift")
        self.transaction_id = self.settlement_id = 0
        self.taken = (0, 0)
        self.cards: Deduction | None = None
        self.payout: Payout | None = None
        self.pool_id: int | None = None

    def header(self) -> ledger.Header:
        """Its ledger transaction."""
        facts = self.facts
        key, mark = f"settle:{facts.fill_id}", f"{self.profit}|{self.fee}"
        return ledger.Header(key, "settlement", facts.tenant_id, f"fill:{facts.fill_id}", mark)

    def accounts(self) -> list[AccountRef]:
        """All that it may touch."""
        found = [posting.account for posting in self._trading()]
        if self.charge:
            found += [self.own, self.gift, self.pool, self.burned, *self.plan.payees(self.facts.tenant_id)]
        return found

    def stage(self, wire: Wire, held: ledger.Held, now: str) -> None:
        """Work out what the cards give and who is paid, and put the postings on the held accounts."""
        facts, postings = self.facts, self._trading()
        balances = (held.balances.get(self.own, 0), held.balances.get(self.gift, 0)) if self.charge else (0, 0)
        self.cards = deduct(from_units(self.charge), from_units(balances[0]), from_units(balances[1]))
        self.taken = (exact_units(self.cards.self_deduct), exact_units(self.cards.gift_deduct))
        if self.taken[0]:
            postings += [Posting(self.own, -self.taken[0]), Posting(self.pool, self.taken[0])]
            self.plan.make(wire, facts.user_id, self.taken[0])
            if self.plan.shares is not None:
                self.payout = Payout(0, facts.tenant_id, facts.user_id, self.plan.shares, now)
                postings += self.payout.postings()
        if self.taken[1]:
            postings += [Posting(self.gift, -self.taken[1]), Posting(self.burned, self.taken[1])]
        if postings:
            ledger.stage(held, self.transaction_id, postings)

    def _trading(self) -> list[Posting]:
        """Profit and fee on the trading account, each with its other side; never the notional."""
        facts, postings = self.facts, []
        if self.profit:
            own, market = (trading_account(facts.tenant_id, facts.account_id, kind) for kind in _BOTH)
            postings += [Posting(own, self.profit), Posting(market, -self.profit)]
        if self.fee:
            named = facts.fee_currency or "USDT"
            own, market = (trading_account(facts.tenant_id, facts.account_id, kind, named) for kind in _BOTH)
            postings += [Posting(own, -self.fee), Posting(market, self.fee)]
        return postings

    def settlement_row(self, now: str) -> Row:
        """Its row of ``_INSERT_SETTLEMENT``."""
        facts = self.facts
        return (facts.fill_id, facts.tenant_id, facts.user_id, facts.account_id, self.transaction_id, self.profit,
                self.fee, self.charge, *self.taken, now)  # fmt: skip

    def pool_row(self, now: str) -> Row:
        """Its row of ``INSERT_POOL``."""
        facts, failed = self.facts, self.plan.shares is None
        return (self.settlement_id, facts.tenant_id, facts.user_id, self.profit, self.charge, *self.taken,
                self.taken[0], now, *self.plan.row(int(failed)))  # fmt: skip

    def log_row(self, now: str) -> Row:
        """Its row of the point-card log."""
        assert self.cards is not None
        facts, taken = self.facts, self.taken
        after = (exact_units(self.cards.self_after), exact_units(self.cards.gift_after))
        return (facts.tenant_id, facts.user_id, None, self.transaction_id, DEDUCTED, BY_PROFIT, SELF, -sum(taken),
                after[0] + taken[0], after[0], after[1] + taken[1], after[1], remark_deduction(self.plan.rates),
                now)  # fmt: skip

    def result(self) -> SettlementResult:
        """What came of it."""
        status = None if self.pool_id is None else POOL_SETTLED if self.plan.shares else POOL_FAILED
        return SettlementResult(
            self.facts.fill_id,
            self.settlement_id,
            self.profit,
            self.fee,
            self.charge,
            *self.taken,
            self.pool_id,
            status,
        )


@dataclass(slots=True)
class _Batch:
    """Settlements written together, one statement per table."""

    wire: Wire
    settlings: list[_Settling]
    now: str = field(default_factory=stamp)

    def open(self) -> dict[int, SettlementResult]:
        """Pass the gate with all of them; those somebody else settled meanwhile are returned and left out."""
        lost: dict[int, SettlementResult] = {}
        while self.settlings:
            numbers = ledger.open_many(self.wire, [one.header() for one in self.settlings], at=self.now)
            if numbers is not None:
                for one, number in zip(self.settlings, numbers, strict=True):
                    one.transaction_id = number
                break
            gone = _settled(self.wire, [one.facts.fill_id for one in self.settlings])
            if not gone:
                raise Conflict(f"Fill {self.settlings[0].facts.fill_id} has a ledger transaction but no settlement.")
            lost |= gone
            self.settlings = [one for one in self.settlings if one.facts.fill_id not in gone]
        return lost

    def run(self) -> dict[int, SettlementResult]:
        """Write everything."""
        wire, all_of_them = self.wire, self.settlings
        self._plan()
        accounts = [ref for one in all_of_them for ref in one.accounts()]
        held = ledger.lock(wire, accounts) if accounts else ledger.Held({}, {})
        for one in all_of_them:
            one.stage(wire, held, self.now)
        numbers = wire.insert_numbered(_INSERT_SETTLEMENT, [one.settlement_row(self.now) for one in all_of_them])
        for one, number in zip(all_of_them, numbers, strict=True):
            one.settlement_id = number
        self._open_pools()
        ledger.flush(wire, held)
        wire.insert_many(INSERT_REWARD, [row for one in all_of_them if one.payout for row in one.payout.rewards()])
        wire.insert_many(INSERT_LOG, [one.log_row(self.now) for one in all_of_them if one.charge])
        self._tell()
        self._update_bindings()
        return {one.facts.fill_id: one.result() for one in all_of_them}

    def _plan(self) -> None:
        """Who would be paid if the cards cover the whole charge: the accounts to lock."""
        charged = [one for one in self.settlings if one.charge]
        if len(charged) > 1:
            chains = chains_above(self.wire, list({one.facts.user_id for one in charged}))
            for one in charged:
                one.plan.chain = chains.get(one.facts.user_id)
        for one in charged:
            one.plan.make(self.wire, one.facts.user_id, one.charge)

    def _open_pools(self) -> None:
        pooled = [one for one in self.settlings if one.taken[0]]
        numbers = self.wire.insert_numbered(INSERT_POOL, [one.pool_row(self.now) for one in pooled])
        for one, pool_id in zip(pooled, numbers, strict=True):
            one.pool_id = pool_id
            if one.payout is not None:
                one.payout = replace(one.payout, pool_id=pool_id)

    def _tell(self) -> None:
        """The merchant's system hears of charges and rewards."""
        found: dict[int, list[events.Subscriber]] = {}
        for one in self.settlings:
            facts, cards = one.facts, one.cards
            if not facts.told or cards is None or not sum(one.taken):
                continue
            if facts.tenant_id not in found:
                found[facts.tenant_id] = events.subscribers(self.wire, facts.tenant_id)
            to, after = found[facts.tenant_id], exact_units(cards.self_after) + exact_units(cards.gift_after)
            events.charged(
                self.wire, facts.tenant_id, facts.user_id, to, reference=f"fill:{facts.fill_id}",
                before=after + sum(one.taken), after=after,
            )  # fmt: skip
            if one.payout is not None:
                one.payout.tell(self.wire, to)

    def _update_bindings(self) -> None:
        """Add each fill's profit to its binding, and one trade when a fill made its position flat."""
        changes: dict[int, tuple[Decimal, int]] = {}
        before = {}
        for one in self.settlings:
            facts, pnl = one.facts, Decimal(one.facts.realized_pnl)
            if facts.binding_id is None or (pnl == 0 and not facts.closed):
                continue
            before[facts.binding_id] = facts.binding_profit
            profit, trades = changes.get(facts.binding_id, (Decimal(0), 0))
            changes[facts.binding_id] = (profit + pnl, trades + facts.closed)
        if not changes:
            return
        if self.wire.sqlite:
            # Amounts are text here and the transaction is the only writer: the sum is made outside the engine.
            change, value = "", "%s"
            told = {one: f"{(Decimal(before[one]) + pnl).normalize():f}" for one, (pnl, _) in changes.items()}
        else:
            # A quoted number would be added as a double.
            change, value = "total_profit + ", "CAST(%s AS DECIMAL(36,18))"
            told = {one: f"{pnl:f}" for one, (pnl, _) in changes.items()}
        ids = sorted(changes)
        profits = " ".join([f"WHEN %s THEN {value}"] * len(ids))
        counts = " ".join(["WHEN %s THEN %s"] * len(ids))
        self.wire.run(
            f"UPDATE binding SET total_profit = {change}CASE id {profits} END, "
            f"total_trades = total_trades + CASE id {counts} END WHERE id IN ({marks(len(ids))})",
            [*(part for one in ids for part in (one, told[one])),
             *(part for one in ids for part in (one, changes[one][1])), *ids],
        )  # fmt: skip

