"""Point cards, rewards, profit pools, withdrawals and the ledger as lists. Ledger units leave as exact amounts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from backend.billing.corrections import REVERSIBLE
from backend.billing.service import MAX_POOL_TRIES
from backend.clock import to_ms
from backend.dashboards.lists.base import ANY_ID, ANY_TEXT, Find, ListOf, Row, between, matching, paged, where
from backend.dashboards.lists.trading import person
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.models import (
    ExchangeAccount,
    Fill,
    LedgerAccount,
    LedgerEntry,
    LedgerReversal,
    LedgerTransaction,
    PointCardLog,
    ProfitPool,
    Reward,
    Settlement,
    Tenant,
    User,
)
from backend.money import from_units
from backend.portfolio.queries import Listing

REWARDS = ("tech_team", "direct", "level_diff", "peer", "direct_undist", "peer_undist", "network_undist", "platform_retain")
POOL_STATES = {"1": "pending", "2": "settled", "3": "failed"}


def _amounts(row: Any, *names: str) -> Row:
    return {name: from_units(getattr(row, name)) for name in names}


def cards(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """The point-card journal, newest first."""
    other = aliased(User)
    statement = (
        select(PointCardLog, User, other, Tenant.name)
        .join(User, col(User.id) == PointCardLog.user_id, isouter=True)
        .join(other, col(other.id) == PointCardLog.related_user_id, isouter=True)
        .join(Tenant, col(Tenant.id) == PointCardLog.tenant_id, isouter=True)
    )
    statement = matching(_cards_where(statement, who, find), find, col(User.name), col(User.email), col(PointCardLog.remark))
    sorts = {"at_ms": col(PointCardLog.created_at), "amount": col(PointCardLog.amount)}
    written = None if find.search else col(PointCardLog.created_at)
    rows, total = paged(session, statement, find, sorts, col(PointCardLog.id), written=written)
    found = [
        {
            "id": log.id, "at_ms": to_ms(log.created_at), "tenant": tenant or "", "user": person(user), "related": person(third),
            "change": log.change_type, "source": log.source_type, "card": log.card_type, "remark": log.remark,
            "transaction_id": log.transaction_id or 0,
            **_amounts(log, "amount", "before_self", "after_self", "before_gift", "after_gift"),
        }
        for log, user, third, tenant in rows
    ]  # fmt: skip
    return Listing(found, total)


def _cards_where(statement: Any, who: Principal, find: Find) -> Any:
    columns = {
        "change": PointCardLog.change_type, "card": PointCardLog.card_type, "tenant": PointCardLog.tenant_id,
        "user": PointCardLog.user_id,
    }  # fmt: skip
    return between(where(scoped(statement, who, PointCardLog), find, **columns), find, col(PointCardLog.created_at))


def card_totals(session: Session, who: Principal, find: Find) -> Row:
    """Records, what came in and what went out of everything that matches."""
    amount = col(PointCardLog.amount)
    statement = select(
        func.count(), func.coalesce(func.sum(case((amount > 0, amount), else_=0)), 0),
        func.coalesce(func.sum(case((amount < 0, amount), else_=0)), 0),
    ).select_from(PointCardLog).join(User, col(User.id) == PointCardLog.user_id, isouter=True)  # fmt: skip
    statement = matching(_cards_where(statement, who, find), find, col(User.name), col(User.email), col(PointCardLog.remark))
    count, plus, minus = session.exec(statement).one()
    return {"n": int(count), "plus": from_units(int(plus)), "minus": from_units(int(minus))}


def rewards(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Rewards, newest first."""
    source = aliased(User)
    statement = (
        select(Reward, User, source, Tenant.name)
        .join(User, col(User.id) == Reward.user_id, isouter=True)
        .join(source, col(source.id) == Reward.source_user_id, isouter=True)
        .join(Tenant, col(Tenant.id) == Reward.tenant_id, isouter=True)
    )
    statement = matching(_rewards_where(statement, who, find), find, col(User.name), col(User.email), col(Reward.remark))
    sorts = {"at_ms": col(Reward.created_at), "amount": col(Reward.amount)}
    written = None if find.search else col(Reward.created_at)
    rows, total = paged(session, statement, find, sorts, col(Reward.id), written=written)
    settled = select(ProfitPool.id, ProfitPool.settle_batch).where(col(ProfitPool.id).in_({reward.pool_id for reward, *_ in rows}))
    batches = {pool_id: batch or "" for pool_id, batch in session.exec(settled).all()}
    found = [
        {
            "id": reward.id, "at_ms": to_ms(reward.created_at), "tenant": tenant or "", "user": person(user),
            "source": person(third), "root": bool(user and user.is_root), "type": reward.reward_type,
            "amount": from_units(reward.amount), "rate": reward.rate, "from_level": reward.from_level,
            "to_level": reward.to_level, "pool": reward.pool_id, "batch": batches.get(reward.pool_id or 0, ""), "remark": reward.remark,
        }
        for reward, user, third, tenant in rows
    ]  # fmt: skip
    return Listing(found, total)


def _rewards_where(statement: Any, who: Principal, find: Find) -> Any:
    columns = {"type": Reward.reward_type, "tenant": Reward.tenant_id, "user": Reward.user_id, "pool": Reward.pool_id}
    return between(where(scoped(statement, who, Reward), find, **columns), find, col(Reward.created_at))


def reward_totals(session: Session, who: Principal, find: Find) -> Row:
    """Records, sum, receivers, and the part that went to root accounts."""
    amount = col(Reward.amount)
    statement = select(
        func.count(), func.coalesce(func.sum(amount), 0), func.count(func.distinct(Reward.user_id)),
        func.coalesce(func.sum(case((col(User.is_root).is_(True), amount), else_=0)), 0),
    ).select_from(Reward).join(User, col(User.id) == Reward.user_id, isouter=True)  # fmt: skip
    statement = matching(_rewards_where(statement, who, find), find, col(User.name), col(User.email), col(Reward.remark))
    count, total, receivers, root = session.exec(statement).one()
    return {
        "n": int(count), "sum": from_units(int(total)), "receivers": int(receivers), "root": from_units(int(root)),
        "people": from_units(int(total) - int(root)),
    }  # fmt: skip


_POOL_AMOUNTS = (
    "profit_amount", "deduct_amount", "self_deduct", "gift_deduct", "pool_amount", "tech_amount", "network_amount",
    "platform_amount", "direct_distributed", "diff_distributed", "peer_distributed", "network_undistributed",
)  # fmt: skip


def pools(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Profit pools, newest first."""
    statement = (
        select(ProfitPool, User, Tenant.name)
        .join(User, col(User.id) == ProfitPool.user_id, isouter=True)
        .join(Tenant, col(Tenant.id) == ProfitPool.tenant_id, isouter=True)
    )
    columns = {"status": ProfitPool.status, "tenant": ProfitPool.tenant_id, "user": ProfitPool.user_id}
    statement = between(where(scoped(statement, who, ProfitPool), find, **columns), find, col(ProfitPool.created_at))
    statement = matching(statement, find, col(User.name), col(User.email))
    sorts = {"at_ms": col(ProfitPool.created_at), "pool_amount": col(ProfitPool.pool_amount), "profit_amount": col(ProfitPool.profit_amount)}
    rows, total = paged(session, statement, find, sorts, col(ProfitPool.id))
    return Listing([_pool(*row) for row in rows], total)


def _pool(pool: ProfitPool, user: User | None, tenant: str | None) -> Row:
    return {
        "id": pool.id, "at_ms": to_ms(pool.created_at), "tenant": tenant or "", "user": person(user),
        "status": POOL_STATES.get(str(pool.status), "pending"), "tries": pool.retry_count, "error": pool.last_error,
        "stuck": pool.status == 3 and pool.retry_count >= MAX_POOL_TRIES,
        "settled_ms": to_ms(pool.settled_at) if pool.settled_at else 0, **_amounts(pool, *_POOL_AMOUNTS),
    }  # fmt: skip


def pool_totals(session: Session, who: Principal, find: Find) -> Row:
    """Count and amount by status, and how many wait for a person; status and search do not narrow it."""
    statement = select(ProfitPool.status, func.count(), func.sum(ProfitPool.pool_amount)).group_by(col(ProfitPool.status))
    statement = scoped(statement, who, ProfitPool)
    statement = between(where(statement, find, tenant=ProfitPool.tenant_id), find, col(ProfitPool.created_at))
    found: Row = dict.fromkeys(("n_1", "n_2", "n_3"), 0) | dict.fromkeys(("sum_1", "sum_2", "sum_3"), from_units(0))
    for status, count, total in session.exec(statement).all():
        found |= {f"n_{status}": int(count), f"sum_{status}": from_units(int(total or 0))}
    stuck = scoped(select(func.count()).select_from(ProfitPool), who, ProfitPool)
    return found | {
        "stuck": int(session.exec(stuck.where(ProfitPool.status == 3, ProfitPool.retry_count >= MAX_POOL_TRIES)).one())
    }


def pool_detail(session: Session, who: Principal, pool_id: int) -> Row:
    """A pool with its rewards. Raises ``NotFound``."""
    pool = get_scoped(session, who, ProfitPool, pool_id)
    tenant = session.get(Tenant, pool.tenant_id)
    statement = select(Reward, User).join(User, col(User.id) == Reward.user_id, isouter=True).where(Reward.pool_id == pool_id)
    return _pool(pool, session.get(User, pool.user_id), tenant.name if tenant else "") | {
        "rewards": [
            {"id": r.id, "user": person(user), "type": r.reward_type, "rate": r.rate, "amount": from_units(r.amount)}
            for r, user in session.exec(statement.order_by(col(Reward.id))).all()
        ]
    }


def transactions(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Ledger transactions, newest first."""
    statement = select(LedgerTransaction, Tenant.name).join(
        Tenant, col(Tenant.id) == LedgerTransaction.tenant_id, isouter=True
    )
    statement = scoped(statement, who, LedgerTransaction)
    columns = {"tenant": LedgerTransaction.tenant_id, "kind": LedgerTransaction.kind}
    statement = between(where(statement, find, **columns), find, col(LedgerTransaction.created_at))
    account = find.number("account")
    if account is not None:
        of = select(LedgerEntry.transaction_id).where(LedgerEntry.account_id == account)
        statement = statement.where(col(LedgerTransaction.id).in_(of))
    statement = matching(
        statement, find, col(LedgerTransaction.reference), col(LedgerTransaction.key), col(LedgerTransaction.remark)
    )
    sorts = {"at_ms": col(LedgerTransaction.created_at), "kind": col(LedgerTransaction.kind)}
    rows, total = paged(session, statement, find, sorts, col(LedgerTransaction.id), written=col(LedgerTransaction.created_at))
    ids = [row.id for row, _ in rows]
    moved = {
        int(number): (int(count), from_units(int(amount)))
        for number, count, amount in session.exec(
            select(LedgerEntry.transaction_id, func.count(), func.sum(case((col(LedgerEntry.amount) > 0, LedgerEntry.amount), else_=0)))
            .where(col(LedgerEntry.transaction_id).in_(ids))
            .group_by(col(LedgerEntry.transaction_id))
        ).all()
    }
    return Listing([_transaction(row, tenant, *moved.get(row.id, (0, from_units(0)))) for row, tenant in rows], total)


def _transaction(row: LedgerTransaction, tenant: str | None, entries: int, moved: Any) -> Row:
    return {
        "id": row.id, "at_ms": to_ms(row.created_at), "kind": row.kind, "reference": row.reference, "key": row.key,
        "tenant": tenant or "", "actor": row.actor, "remark": row.remark, "entries": entries, "moved": moved,
    }  # fmt: skip


def transaction_detail(session: Session, who: Principal, transaction_id: int) -> Row:
    """A transaction with its entries, each with the balance before and after. Raises ``NotFound``."""
    row = get_scoped(session, who, LedgerTransaction, transaction_id)
    tenant = session.get(Tenant, row.tenant_id) if row.tenant_id else None
    found = session.exec(
        select(LedgerEntry, LedgerAccount)
        .join(LedgerAccount, col(LedgerAccount.id) == LedgerEntry.account_id)
        .where(LedgerEntry.transaction_id == transaction_id)
        .order_by(col(LedgerEntry.id))
    ).all()
    moved = from_units(sum(entry.amount for entry, _ in found if entry.amount > 0))
    return _transaction(row, tenant.name if tenant else "", len(found), moved) | {
        "lines": [_entry(session, entry, account) for entry, account in found],
        "sums_to": from_units(sum(entry.amount for entry, _ in found)),
        "cause": _cause(session, row.reference),
        "reversible": row.kind in REVERSIBLE,
        "correction": _correction(session, transaction_id),
    }


def _correction(session: Session, transaction_id: int) -> Row:
    """The correction asked for, if any: its id and state."""
    row = session.exec(select(LedgerReversal).where(LedgerReversal.transaction_id == transaction_id)).first()
    return {"id": row.id, "status": row.status} if row else {"id": 0, "status": ""}


_PAGES = {"withdrawal": "withdrawals", "pool": "pools", "billing_period": "statements"}


def _cause(session: Session, reference: str) -> list[Row]:
    """Where a reference leads: pages of the operator, nearest first. A settlement and its pool lead to the fill's order."""
    what, _, number = reference.partition(":")
    if not number.isascii() or not number.isdigit():
        return []
    found: list[Row] = []
    fill_id: int | None = int(number) if what == "fill" else None
    if what in _PAGES:
        found.append({"what": what, "path": f"/admin/{_PAGES[what]}?open={number}", "id": number})
    if what == "pool":
        fill_id = session.exec(
            select(Settlement.fill_id)
            .join(ProfitPool, col(ProfitPool.settlement_id) == col(Settlement.id))
            .where(ProfitPool.id == int(number))
        ).first()
    fill = session.get(Fill, fill_id) if fill_id is not None else None
    if fill is not None:
        found.append({"what": "fill", "path": f"/admin/orders?open={fill.order_pk}", "id": fill.fill_id})
    return found


def _entry(session: Session, entry: LedgerEntry, account: LedgerAccount) -> Row:
    return {
        "id": entry.id, "account": account.id, "kind": account.kind, "owner": owner_of(session, account),
        "owner_kind": account.owner_kind, "currency": entry.currency, "amount": from_units(entry.amount),
        "before": from_units(entry.balance_after - entry.amount), "after": from_units(entry.balance_after),
        "transaction": entry.transaction_id,
    }  # fmt: skip


def owner_of(session: Session, account: LedgerAccount) -> str:
    """Who an account belongs to, in words; "" for the platform."""
    if account.owner_kind == "tenant":
        tenant = session.get(Tenant, account.owner_id)
        return tenant.name if tenant else ""
    if account.owner_kind == "exchange_account":
        found = session.get(ExchangeAccount, account.owner_id)
        return f"{person(session.get(User, found.user_id))} #{account.owner_id}" if found else f"#{account.owner_id}"
    return person(session.get(User, account.owner_id)) if account.owner_kind == "user" else ""


def accounts(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Ledger balances."""
    statement = select(LedgerAccount, Tenant.name).join(Tenant, col(Tenant.id) == LedgerAccount.tenant_id, isouter=True)
    columns = {
        "owner": LedgerAccount.owner_kind, "kind": LedgerAccount.kind, "tenant": LedgerAccount.tenant_id,
        "currency": LedgerAccount.currency,
    }  # fmt: skip
    statement = where(scoped(statement, who, LedgerAccount), find, **columns)
    statement = matching(statement, find, col(LedgerAccount.kind), col(LedgerAccount.currency))
    sorts = {"balance": col(LedgerAccount.balance), "kind": col(LedgerAccount.kind)}
    rows, total = paged(session, statement, find, sorts, col(LedgerAccount.id))
    return Listing([_account(session, *row) for row in rows], total)


def _account(session: Session, account: LedgerAccount, tenant: str | None) -> Row:
    return {
        "id": account.id, "tenant": tenant or "", "owner_kind": account.owner_kind, "owner": owner_of(session, account),
        "kind": account.kind, "currency": account.currency, "balance": from_units(account.balance),
        "overdraft": account.overdraft, "created_ms": to_ms(account.created_at),
    }  # fmt: skip


def account_detail(session: Session, who: Principal, account_id: int) -> Row:
    """A balance with its newest entries. Raises ``NotFound``."""
    account = get_scoped(session, who, LedgerAccount, account_id)
    tenant = session.get(Tenant, account.tenant_id) if account.tenant_id else None
    found = session.exec(
        select(LedgerEntry, LedgerTransaction)
        .join(LedgerTransaction, col(LedgerTransaction.id) == LedgerEntry.transaction_id)
        .where(LedgerEntry.account_id == account_id)
        .order_by(col(LedgerEntry.id).desc())
        .limit(25)
    ).all()
    return _account(session, account, tenant.name if tenant else "") | {
        "lines": [
            _entry(session, entry, account) | {"at_ms": to_ms(one.created_at), "what": one.kind, "reference": one.reference}
            for entry, one in found
        ]
    }


CARDS = ListOf(
    cards, ("admin", "tenant", "agent"),
    ("at_ms", "tenant", "user", "related", "change", "source", "card", "amount", "before_self", "after_self", "before_gift",
     "after_gift", "remark", "transaction_id"),
    sorts=("at_ms", "amount"),
    filters={"change": ("1", "2", "3", "4", "5"), "card": ("1", "2"), "tenant": ANY_ID, "user": ANY_ID}, dated=True,
    totals=card_totals,
)  # fmt: skip
REWARD_LIST = ListOf(
    rewards, ("admin", "tenant", "agent"),
    ("at_ms", "tenant", "user", "source", "type", "amount", "rate", "from_level", "to_level", "pool", "batch", "remark"),
    sorts=("at_ms", "amount"), filters={"type": REWARDS, "tenant": ANY_ID, "user": ANY_ID, "pool": ANY_ID}, dated=True,
    totals=reward_totals,
)  # fmt: skip
POOLS = ListOf(
    pools, ("admin",), ("id", "at_ms", "tenant", "user", "status", *_POOL_AMOUNTS, "tries", "error", "settled_ms"),
    sorts=("at_ms", "pool_amount", "profit_amount"), filters={"status": ("1", "2", "3"), "tenant": ANY_ID, "user": ANY_ID},
    dated=True, detail=pool_detail, totals=pool_totals,
)  # fmt: skip
TRANSACTIONS = ListOf(
    transactions, ("admin",), ("id", "at_ms", "kind", "reference", "key", "tenant", "actor", "entries", "moved", "remark"),
    sorts=("at_ms", "kind"), filters={"kind": ANY_TEXT, "tenant": ANY_ID, "account": ANY_ID}, dated=True,
    detail=transaction_detail,
)  # fmt: skip
ACCOUNTS = ListOf(
    accounts, ("admin",), ("id", "tenant", "owner_kind", "owner", "kind", "currency", "balance", "overdraft", "created_ms"),
    sorts=("balance", "kind"),
    filters={"owner": ("platform", "tenant", "user", "exchange_account"), "kind": ANY_TEXT, "tenant": ANY_ID,
             "currency": ANY_TEXT},
    detail=account_detail,
)  # fmt: skip
