"""A world for random money: three tenants with their trees, and every verb that moves value, by plain numbers.

Verbs take small numbers and look up what they mean when they run, so that a random sequence of them is a list of
numbers: it can be repeated, shuffled and handed to several workers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlmodel import Session, col, select

from backend.billing import corrections, hwm, jobs, rates, service, withdrawals
from backend.billing.hwm_rules import month_start
from backend.billing.income import record_income
from backend.billing.withdrawal_rules import WithdrawalPolicy
from backend.clock import utcnow
from backend.identity.principal import Principal
from backend.merchant import quota
from backend.models import (
    BillingPeriod,
    ExchangeAccount,
    Fill,
    LedgerReversal,
    LedgerTransaction,
    Order,
    Position,
    ProfitPool,
    Tenant,
    User,
    Withdrawal,
)
from tests.support.money import add_account, add_fill, add_tenant, add_user, fund

TRON = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
ADMINS = [
    Principal("admin", n, None, name, name.lower(), "owner", 0) for n, name in ((1, "Ann"), (2, "Bob"), (3, "Cy"))
]
POLICY = WithdrawalPolicy()
PER_CLOSE, MARK, ROOTLESS = 0, 1, 2


@dataclass
class MoneyWorld:
    """Ids, by position in their lists. ``name`` sets its keys apart from those of other worlds in one database."""

    name: str
    tenants: list[int] = field(default_factory=list)
    users: list[list[int]] = field(default_factory=list)
    accounts: list[list[int]] = field(default_factory=list)

    def tenant(self, number: int) -> int:
        return self.tenants[number % len(self.tenants)]

    def user(self, tenant: int, number: int) -> int:
        people = self.users[tenant % len(self.users)]
        return people[number % len(people)]

    def account(self, tenant: int, number: int) -> int:
        held = self.accounts[tenant % len(self.accounts)]
        return held[number % len(held)]

    def who(self, tenant: int, number: int) -> dict[str, int]:
        return {"tenant_id": self.tenant(tenant), "user_id": self.user(tenant, number)}


def build(session: Session, name: str) -> MoneyWorld:
    """Billed per close; billed by the mark; and one whose pools fail because it has no root."""
    world = MoneyWorld(name)
    long_ago = month_start(utcnow()) - timedelta(days=70)
    for kind in (PER_CLOSE, MARK, ROOTLESS):
        tenant = add_tenant(session, root=kind != ROOTLESS)
        tenant.created_at = long_ago
        tenant.billing_scheme = "hwm" if kind == MARK else "per_close"
        session.add(tenant)
        people, held = [], []
        above: User | None = None if kind == ROOTLESS else session.get(User, tenant.root_user_id)
        for hold in ("200000", "20000", "1500", "0"):
            above = add_user(session, tenant, above, node=hold != "0", created_at=long_ago)
            people.append(above)
            held.append(add_account(session, above, hold))
        for person in people:
            fund(session, person, "500", "40")
        world.tenants.append(tenant.id or 0)
        world.users.append([person.id or 0 for person in people])
        world.accounts.append([one.id or 0 for one in held])
    return world


def add_trade(session: Session, world: MoneyWorld, tenant: int, number: int, pnl: Decimal, at: datetime) -> int:
    """One closed position with both its fills, as trading leaves it; returns the closing fill's id."""
    user = session.get(User, world.user(tenant, number))
    assert user is not None
    account_id = world.account(tenant, number)
    closing = add_fill(session, user, str(pnl), fee="0.01", account_id=account_id)
    position = session.get(Position, closing.position_id)
    first = session.get(Order, closing.order_pk)
    assert position is not None and first is not None
    entry = Order(
        tenant_id=user.tenant_id, user_id=user.id, account_id=account_id, order_id=f"{first.order_id}E",
        client_order_id=f"{first.client_order_id}e", symbol=first.symbol, side="BUY", position_side="LONG",
        trade_type="OPEN", status="FILLED", position_id=position.id,
    )  # fmt: skip
    session.add(entry)
    session.flush()
    session.add(
        Fill(
            tenant_id=user.tenant_id, user_id=user.id, account_id=account_id, fill_id=f"{closing.fill_id}E",
            order_pk=entry.id, position_id=position.id, exchange_trade_id=f"{closing.exchange_trade_id}E",
            symbol=closing.symbol, side="BUY", position_side="LONG", trade_type="OPEN", quantity=Decimal(1),
            price=Decimal(100), fee=Decimal("0.01"), fee_currency="USDT", filled_at=at, market_at=at,
        )
    )  # fmt: skip
    position.realized_pnl, position.total_fee = pnl, Decimal("0.02")
    position.entry_price, position.exit_price = Decimal(100), Decimal(101)
    position.closed_at = position.closed_market_at = at
    session.add(position)
    session.flush()
    assert closing.id is not None
    return closing.id


def _pick(session: Session, column: Any, number: int, *where: Any) -> int | None:
    ids = session.exec(select(column).where(*where).order_by(column)).all()
    return ids[number % len(ids)] if ids else None


Verb = Callable[[Session], object]


def recharge_tenant(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    return lambda s: service.recharge_tenant(s, key, tenant_id=w.tenant(t), card=card, amount=amount)


def recharge_user(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    return lambda s: service.recharge_user(s, key, **w.who(t, u), card=card, amount=amount)


def transfer(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    pair = {"from_user_id": w.user(t, u), "to_user_id": w.user(t, u + card)}
    return lambda s: service.transfer_points(s, key, tenant_id=w.tenant(t), **pair, card=card, amount=amount)


def settle(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    """Settles a fill that is there; several workers settle the same one."""

    def verb(session: Session) -> object:
        found = _pick(session, col(Fill.id), u * 7 + card, Fill.tenant_id == w.tenant(t))
        return None if found is None else service.settle_fill(session, found)

    return verb


def settle_all(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    return jobs.settle_pending


def retry_pool(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    def verb(session: Session) -> object:
        found = _pick(session, col(ProfitPool.id), u, ProfitPool.tenant_id == w.tenant(t))
        return None if found is None else service.distribute_pool(session, found)

    return verb


def give_root(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    """The rootless tenant gets or loses its root, so that its failed pools succeed or go on failing."""

    def verb(session: Session) -> None:
        tenant = session.get(Tenant, w.tenants[ROOTLESS], with_for_update=True)
        assert tenant is not None
        tenant.root_user_id = w.user(ROOTLESS, 0) if card == 1 else None
        session.add(tenant)

    return verb


def change_rates(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    tech = Decimal(u % 5) / 20
    return lambda s: rates.set_rates(s, ADMINS[0], w.tenant(t), {"tech": tech}, "random")


def withdraw(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    return lambda s: withdrawals.apply(
        s, **w.who(t, u), amount=50 + amount, wallet_address=TRON, wallet_network="TRC20", key=key, policy=POLICY
    )


def decide(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    """Any step on any withdrawal, legal or not."""
    admin = ADMINS[u % 3]

    def verb(session: Session) -> object:
        found = _pick(session, col(Withdrawal.id), u, Withdrawal.tenant_id == w.tenant(t))
        if found is None:
            return None
        step = int(amount) % 4
        if step == 0:
            return withdrawals.approve(session, found, admin)
        if step == 1:
            return withdrawals.complete(session, found, admin, "a1b2")
        return (withdrawals.reject if step == 2 else withdrawals.fail)(session, found, admin, "random")

    return verb


def close_period(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    def verb(session: Session) -> object:
        user = session.get(User, w.user(MARK, u))
        assert user is not None
        return hwm.close_until(session, user, utcnow() - timedelta(days=30 * (card % 2)))

    return verb


def move_period(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    """Any step on any billing period, legal or not."""

    def verb(session: Session) -> object:
        found = _pick(session, col(BillingPeriod.id), u, BillingPeriod.tenant_id == w.tenants[MARK])
        steps = (hwm.approve, hwm.invoice, hwm.mark_paid, hwm.recompute)
        return None if found is None else steps[int(amount) % 4](session, found, ADMINS[u % 3])

    return verb


def change_share(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    share = Decimal(u % 9) / 10
    return lambda s: hwm.set_share(s, ADMINS[0], w.tenants[MARK], share)


def income(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    def verb(session: Session) -> object:
        account = session.get(ExchangeAccount, w.account(t, u))
        assert account is not None
        kind, value = ("FUNDING_FEE", -amount) if card == 1 else ("TRANSFER", amount)
        return record_income(session, account, exchange_id=key, income_type=kind, amount=value, at=utcnow())

    return verb


def ask_correction(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    """For any transaction of the tenant, also of kinds that are not undone so."""

    def verb(session: Session) -> object:
        found = _pick(session, col(LedgerTransaction.id), u * 3 + card, LedgerTransaction.tenant_id == w.tenant(t))
        return None if found is None else corrections.request(session, found, ADMINS[u % 3], "random")

    return verb


def decide_correction(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    def verb(session: Session) -> object:
        found = _pick(session, col(LedgerReversal.id), u, LedgerReversal.tenant_id == w.tenant(t))
        if found is None:
            return None
        if int(amount) % 3:
            return corrections.approve(session, found, ADMINS[(u + 1) % 3])
        return corrections.refuse(session, found, ADMINS[(u + 1) % 3], "random")

    return verb


def count_call(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    def verb(session: Session) -> object:
        tenant = session.get(Tenant, w.tenant(t))
        assert tenant is not None
        return quota.count_call(session, tenant)

    return verb


def levels(w: MoneyWorld, key: str, t: int, u: int, card: int, amount: Decimal) -> Verb:
    return jobs.refresh_levels


VERBS = [
    recharge_tenant, recharge_user, transfer, settle, settle_all, retry_pool, give_root, change_rates, withdraw, decide,
    close_period, move_period, change_share, income, ask_correction, decide_correction, count_call, levels,
]  # fmt: skip
