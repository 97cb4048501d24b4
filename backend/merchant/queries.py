"""The reads of the merchant API: each returns the documented ``data``. Amounts leave as decimal strings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.billing.queries import tenant_money, user_money
from backend.billing.standing import self_holds, team_performance
from backend.billing.withdrawal_rules import COMPLETED, STATUS_TEXTS
from backend.identity.scope import scoped
from backend.ledger.statements import Wire
from backend.merchant import rules
from backend.merchant.errors import Refused
from backend.merchant.offers import bindings_of, find_user, user_of
from backend.merchant.rules import money, shown
from backend.models import ExchangeAccount, PointCardLog, Reward, Tenant, User, UserAncestor, Withdrawal
from backend.money import format_units, from_units
from backend.security.vault import Vault, account_record

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list."""

    page: int = 1
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Cards:
    """A user's point cards."""

    own: int
    gift: int

    @property
    def total(self) -> Decimal:
        """Both pockets as an amount."""
        return from_units(self.own + self.gift)

    def shown(self) -> Data:
        """The three documented fields."""
        return {
            "point_card_self": format_units(self.own),
            "point_card_gift": format_units(self.gift),
            "point_card_total": format_units(self.own + self.gift),
        }


def root_user(session: Session, tenant: Tenant) -> Data:
    """#1"""
    user = session.get(User, tenant.root_user_id) if tenant.root_user_id else None
    if user is None:
        raise Refused("根用户未设置")
    return {
        "user_id": user.id,
        "email": user.email,
        "invite_code": user.invite_code,
        "create_time": shown(user.created_at),
    }


def users(
    session: Session, tenant_id: int, page: Page, *, email: str = "", invite_code: str = "", status: int | None = None
) -> Data:
    """#3. ``status`` 1 active, 2 (or 0) disabled."""
    statement = scoped(select(User), tenant_id, User)
    if email:
        statement = statement.where(col(User.email).contains(email.lower(), autoescape=True))
    if invite_code:
        statement = statement.where(User.invite_code == invite_code)
    if status is not None:
        statement = statement.where(User.status == (1 if status == 1 else 0))
    rows, total = _page(session, statement, User.id, page)
    cards = user_money(session, [row.id for row in rows])

    def shape(row: User) -> Data:
        assert row.id is not None
        held = cards[row.id]
        return {
            "user_id": row.id,
            "email": row.email,
            "invite_code": row.invite_code,
            "inviter_id": row.inviter_id or 0,
            "is_root": int(row.is_root),
            **Cards(held.point_self, held.point_gift).shown(),
            "status": _status(row.status),
            "create_time": shown(row.created_at),
        }

    return _listed(rows, total, page, shape)


def user_info(session: Session, tenant_id: int, email: str, vault: Vault | None = None) -> Data:
    """#4. Of an exchange key only the last four characters, of secrets nothing; everything where ``vault`` is given,
    which an admin allows per tenant."""
    user = user_of(session, tenant_id, email)
    assert user.id is not None
    wire = Wire(session)
    held = user_money(session, [user.id])[user.id]
    accounts = session.exec(
        select(ExchangeAccount)
        .where(ExchangeAccount.user_id == user.id, ExchangeAccount.status == 1)
        .order_by(col(ExchangeAccount.id))
    ).all()
    bindings = bindings_of(session, user.id)
    inviter = session.get(User, user.inviter_id) if user.inviter_id else None
    direct, total = _team_counts(session, user.id)
    paid = session.exec(
        select(func.coalesce(func.sum(Withdrawal.actual_amount), 0)).where(
            Withdrawal.user_id == user.id, Withdrawal.status == COMPLETED
        )
    ).one()
    return {
        "user_id": user.id,
        "email": user.email,
        "invite_code": user.invite_code,
        "inviter_invite_code": inviter.invite_code if inviter else "",
        "status": _status(user.status),
        "create_time": shown(user.created_at),
        "invite_count": direct,
        **Cards(held.point_self, held.point_gift).shown(),
        "level": user.member_level,
        "level_name": f"S{user.member_level}",
        "is_market_node": int(user.is_market_node),
        "self_hold": money(self_holds(wire, [user.id]).get(user.id, Decimal(0)), 8),
        "team_direct_count": direct,
        "team_total_count": total,
        "team_performance": money(team_performance(wire, [user.id]).get(user.id, Decimal(0)), 8),
        "reward_usdt": format_units(held.reward),
        "total_reward": format_units(held.total_reward),
        "withdrawn_reward": format_units(int(paid)),
        "bound_exchanges": sorted({account.exchange for account in accounts}),
        "accounts": [_account(account) | _in_plain(session, account, vault) for account in accounts],
        "active_strategies": sum(1 for binding, _ in bindings if binding.status == 1),
        "total_profit": money(sum((binding.total_profit for binding, _ in bindings), Decimal(0)), 8),
        "total_trades": sum(binding.total_trades for binding, _ in bindings),
    }


def balance(session: Session, tenant_id: int) -> Data:
    """#7"""
    stock = tenant_money(session, tenant_id)
    return Cards(stock.point_self, stock.point_gift).shown()


def card_logs(
    session: Session,
    tenant_id: int,
    page: Page,
    *,
    change_type: int | None = None,
    email: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
) -> Data:
    """#9. Without an address the tenant's own rows, with one that user's. ``end`` is exclusive."""
    statement = scoped(select(PointCardLog), tenant_id, PointCardLog)
    if email:
        user = find_user(session, tenant_id, email)
        if user is None:
            return _listed([], 0, page, _tenant_log)
        statement = statement.where(PointCardLog.user_id == user.id)
    else:
        statement = statement.where(col(PointCardLog.user_id).is_(None))
    if change_type is not None:
        statement = statement.where(PointCardLog.change_type == change_type)
    if start is not None:
        statement = statement.where(PointCardLog.created_at >= start)
    if end is not None:
        statement = statement.where(PointCardLog.created_at < end)
    rows, total = _page(session, statement, PointCardLog.id, page)
    return _listed(rows, total, page, _user_log if email else _tenant_log)


def team(session: Session, tenant_id: int, email: str, page: Page) -> Data:
    """#16. Direct invitees, and figures of the whole team."""
    user = user_of(session, tenant_id, email)
    assert user.id is not None
    statement = scoped(select(User).where(User.inviter_id == user.id), tenant_id, User)
    rows, found = _page(session, statement, User.id, page)
    ids = [row.id for row in rows]
    wire = Wire(session)
    performance = team_performance(wire, [*ids, user.id])
    below = dict(
        session.exec(
            select(User.inviter_id, func.count()).where(col(User.inviter_id).in_(ids)).group_by(col(User.inviter_id))
        ).all()
    )
    direct, total = _team_counts(session, user.id)

    def shape(row: User) -> Data:
        return {
            "user_id": row.id,
            "email": row.email,
            "level": row.member_level,
            "level_name": f"S{row.member_level}",
            "is_market_node": int(row.is_market_node),
            "team_performance": money(performance.get(row.id or 0, Decimal(0)), 8),
            "sub_count": below.get(row.id, 0),
            "create_time": shown(row.created_at),
        }

    stats = {
        "direct_count": direct,
        "total_count": total,
        "total_performance": money(performance.get(user.id, Decimal(0)), 8),
    }
    return {**_listed(rows, found, page, shape), "team_stats": stats}


def rewards(session: Session, tenant_id: int, email: str, page: Page, reward_type: str) -> Data:
    """#18"""
    user = user_of(session, tenant_id, email)
    statement = scoped(select(Reward).where(Reward.user_id == user.id), tenant_id, Reward)
    if reward_type:
        statement = statement.where(Reward.reward_type == reward_type)
    rows, total = _page(session, statement, Reward.id, page)
    sources = {row.source_user_id for row in rows}
    emails = dict(
        session.exec(scoped(select(User.id, User.email).where(col(User.id).in_(sources)), tenant_id, User)).all()
    )

    def shape(row: Reward) -> Data:
        return {
            "id": row.id,
            "reward_type": row.reward_type,
            "reward_type_name": rules.REWARD_NAMES.get(row.reward_type, row.reward_type),
            "amount": format_units(row.amount),
            "source_user_id": row.source_user_id,
            "source_email": emails.get(row.source_user_id, ""),
            "rate": row.rate,
            "settle_batch": row.settle_batch,
            "remark": row.remark,
            "create_time": shown(row.created_at),
        }

    return _listed(rows, total, page, shape)


def withdrawals(session: Session, tenant_id: int, email: str, page: Page, status: int | None) -> Data:
    """#20"""
    user = user_of(session, tenant_id, email)
    statement = scoped(select(Withdrawal).where(Withdrawal.user_id == user.id), tenant_id, Withdrawal)
    if status is not None:
        statement = statement.where(Withdrawal.status == status)
    rows, total = _page(session, statement, Withdrawal.id, page)

    def shape(row: Withdrawal) -> Data:
        return {
            "id": row.id,
            "amount": format_units(row.amount),
            "fee": format_units(row.fee),
            "actual_amount": format_units(row.actual_amount),
            "wallet_address": row.wallet_address,
            "wallet_network": row.wallet_network,
            "status": row.status,
            "status_name": STATUS_TEXTS.get(row.status, ""),
            "tx_hash": row.tx_hash,
            "audit_time": shown(row.audit_at),
            "complete_time": shown(row.completed_at),
            "create_time": shown(row.created_at),
        }

    return _listed(rows, total, page, shape)


def withdrawal_head(row: Withdrawal) -> Data:
    """#19: what an applicant is told."""
    return {
        "withdrawal_id": row.id,
        "amount": format_units(row.amount),
        "fee": format_units(row.fee),
        "actual_amount": format_units(row.actual_amount),
        "status": row.status,
        "status_name": STATUS_TEXTS.get(row.status, ""),
        "create_time": shown(row.created_at),
    }


def cards_of(session: Session, user: User) -> Cards:
    """A user's point cards."""
    assert user.id is not None
    held = user_money(session, [user.id])[user.id]
    return Cards(held.point_self, held.point_gift)


# Shapes ---------------------------------------------------------------------------------------------------


def _account(row: ExchangeAccount) -> Data:
    return {
        "account_id": row.id,
        "exchange": row.exchange,
        "account_type": row.account_type,
        "api_key": rules.masked(row.key_hint),
        "api_secret": "****",
        "passphrase": "****" if row.exchange == "okx" else "",
        "balance": money(row.balance, 8),
        "futures_balance": money(row.futures_balance, 8),
        "futures_available": money(row.futures_available, 8),
        "status": _status(row.status),
    }


def _in_plain(session: Session, row: ExchangeAccount, vault: Vault | None) -> Data:
    tenant = session.get(Tenant, row.tenant_id) if vault is not None and row.credentials_sealed else None
    if vault is None or tenant is None:
        return {}
    assert row.id is not None
    secret = vault.open_json(tenant.data_key_wrapped, row.tenant_id, account_record(row.id), row.credentials_sealed)
    return {name: secret.get(name, "") for name in ("api_key", "api_secret", "passphrase")}


def _log(row: PointCardLog) -> Data:
    return {
        "id": row.id,
        "change_type": row.change_type,
        "source_type": row.source_type,
        "amount": format_units(row.amount),
        "before_self": format_units(row.before_self),
        "after_self": format_units(row.after_self),
        "before_gift": format_units(row.before_gift),
        "after_gift": format_units(row.after_gift),
        "member_id": row.related_user_id or row.user_id,
        "to_type": row.card_type,
        "remark": row.remark or "—",
        "create_time": int(row.created_at.timestamp()),
        "create_time_str": shown(row.created_at),
    }


def _tenant_log(row: PointCardLog) -> Data:
    return {**_log(row), "change_type_name": rules.TENANT_CHANGES.get(row.change_type, "")}


def _user_log(row: PointCardLog) -> Data:
    return {
        **_log(row),
        "change_type_name": rules.USER_CHANGES.get(row.change_type, ""),
        "source_type": row.card_type,
        "source_type_name": rules.CARD_NAMES.get(row.card_type, ""),
    }


def _team_counts(session: Session, user_id: int) -> tuple[int, int]:
    """(direct invitees, everyone below)."""
    direct = session.exec(select(func.count()).select_from(User).where(User.inviter_id == user_id)).one()
    total = session.exec(
        select(func.count()).select_from(UserAncestor).where(UserAncestor.ancestor_id == user_id)
    ).one()
    return int(direct), int(total)


def _status(value: int) -> int:
    return 1 if value == 1 else 2


def _page(session: Session, statement: Any, newest: Any, page: Page) -> tuple[list[Any], int]:
    total = session.exec(select(func.count()).select_from(statement.subquery())).one()
    part = statement.order_by(newest.desc()).limit(page.limit).offset((page.page - 1) * page.limit)
    return list(session.exec(part).all()), int(total)


def _listed(rows: Sequence[Any], total: int, page: Page, shape: Callable[[Any], Data]) -> Data:
    return {"list": [shape(row) for row in rows], "total": total, "page": page.page, "limit": page.limit}
