"""Small worlds with money in them: tenants, invite trees, funded users, fills to settle."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from decimal import Decimal

from sqlmodel import Session, select

from backend.billing import queries as billing_queries
from backend.billing import service as billing
from backend.billing import standing
from backend.clock import utcnow
from backend.db import Database
from backend.ledger import queries as ledger_queries
from backend.ledger.rules import AccountRef
from backend.models import Binding, ExchangeAccount, Fill, Order, Position, Tenant, User, UserAncestor
from backend.money import from_units

_numbers = itertools.count(1)


def add_tenant(session: Session, *, root: bool = True) -> Tenant:
    """A tenant, with a root user unless told otherwise."""
    number = next(_numbers)
    tenant = Tenant(
        name=f"Tenant {number}", email=f"t{number}@example.com", password_hash="", app_key=f"k{number}",
        app_secret_sealed="",
    )  # fmt: skip
    session.add(tenant)
    session.flush()
    if root:
        tenant.root_user_id = add_user(session, tenant, is_root=True).id
        session.flush()
    return tenant


def add_user(
    session: Session, tenant: Tenant, inviter: User | None = None, *, node: bool = False, hold: str = "", **fields
) -> User:
    """A user below ``inviter``; ``hold`` is the futures balance of an exchange account it gets."""
    number = next(_numbers)
    user = User(
        tenant_id=tenant.id, email=f"u{number}@example.com", invite_code=f"{number:08d}", is_market_node=node,
        inviter_id=inviter.id if inviter else None, **fields,
    )  # fmt: skip
    session.add(user)
    session.flush()
    if inviter is not None:
        above = session.exec(select(UserAncestor).where(UserAncestor.descendant_id == inviter.id)).all()
        chain = [(inviter.id, 1), *((row.ancestor_id, row.depth + 1) for row in above)]
        for ancestor_id, depth in chain:
            session.add(UserAncestor(ancestor_id=ancestor_id, descendant_id=user.id, depth=depth))
    if hold:
        add_account(session, user, hold)
    session.flush()
    return user


def add_account(session: Session, user: User, hold: str = "0", status: int = 1) -> ExchangeAccount:
    """An exchange account with a futures balance."""
    account = ExchangeAccount(
        tenant_id=user.tenant_id, user_id=user.id, exchange=f"venue{next(_numbers)}", futures_balance=Decimal(hold),
        status=status,
    )  # fmt: skip
    session.add(account)
    standing.update(session, [user.id])
    return account


def add_fill(
    session: Session,
    user: User,
    pnl: str,
    *,
    fee: str = "0",
    fee_currency: str = "USDT",
    binding: Binding | None = None,
    account_id: int | None = None,
    trade_type: str = "CLOSE",
) -> Fill:
    """A fill that realised ``pnl`` and closed its position, with its order."""
    number = next(_numbers)
    now = utcnow()
    common = {"tenant_id": user.tenant_id, "user_id": user.id, "account_id": account_id or user.id}
    closed = trade_type == "CLOSE"
    position = Position(
        **common, symbol=f"C{number}/USDT", position_side="LONG", status="CLOSED" if closed else "OPEN", opened_at=now,
        opened_market_at=now,
    )  # fmt: skip
    order = Order(
        **common, order_id=f"ORD-{number}", client_order_id=f"q{number}", symbol="BTC/USDT", side="SELL",
        position_side="LONG", trade_type=trade_type, binding_id=binding.id if binding else None, status="FILLED",
    )  # fmt: skip
    session.add_all([position, order])
    session.flush()
    if closed:
        position.open_slot = None
    fill = Fill(
        **common, fill_id=f"FILL-{number}", order_pk=order.id, position_id=position.id, exchange_trade_id=str(number),
        symbol="BTC/USDT", side="SELL", position_side="LONG", trade_type=trade_type, quantity=Decimal(1),
        price=Decimal(100), fee=Decimal(fee), fee_currency=fee_currency, realized_pnl=Decimal(pnl), filled_at=now,
        market_at=now,
    )  # fmt: skip
    session.add(fill)
    session.flush()
    return fill


def fund(session: Session, user: User, own: str = "0", gift: str = "0") -> None:
    """Give a user points, through the tenant as in life."""
    for card, amount in ((1, Decimal(own)), (2, Decimal(gift))):
        if amount:
            key = f"fund{next(_numbers)}"
            billing.recharge_tenant(session, key, tenant_id=user.tenant_id, card=card, amount=amount)
            billing.recharge_user(
                session, f"{key}u", tenant_id=user.tenant_id, user_id=user.id, card=card, amount=amount
            )


def amounts(database: Database, refs: Iterable[AccountRef]) -> list[Decimal]:
    """Balances as amounts."""
    refs = list(refs)
    with database.reading() as session:
        found = ledger_queries.balances(session, refs)
    return [from_units(found[ref]) for ref in refs]


def assert_sound(database: Database) -> None:
    """Every invariant of ledger and billing holds."""
    with database.reading() as session:
        for check in (*ledger_queries.ALL_CHECKS, *billing_queries.ALL_CHECKS):
            result = check(session)
            assert result.ok, result
