"""The writing verbs of the merchant API. Each takes the session first, works in the caller's transaction, returns the
documented ``data`` and refuses with the documented sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from sqlmodel import Session, col, select

from backend.billing import cards, standing, withdrawals
from backend.billing.cards import NotSameLine
from backend.billing.withdrawal_rules import WithdrawalPolicy
from backend.errors import IronBullError
from backend.execution.credentials import clear_credentials, seal_credentials
from backend.execution.service import OPEN_STATES
from backend.identity.scope import scoped
from backend.identity.service import (
    EmailTaken,
    InvalidEmail,
    InviteCodeForeign,
    InviteCodeUnknown,
    create_user,
)
from backend.ledger.rules import InsufficientBalance, tenant_card, user_account
from backend.merchant import offers, queries, rules
from backend.merchant.admission import Caller
from backend.merchant.errors import Refused
from backend.merchant.quota import UNBOUND, check_room
from backend.models import Binding, ExchangeAccount, Order, Position, Strategy, User
from backend.money import from_units
from backend.security import audit
from backend.security.passwords import WeakPassword
from backend.security.vault import Vault
from backend.webhooks.events import binding_stopped

Data = dict[str, Any]

_REFUSALS: dict[type[IronBullError], str] = {
    EmailTaken: "邮箱已被注册",
    InvalidEmail: "邮箱格式不正确",
    WeakPassword: "密码长度须为 8-128 位",
    InviteCodeUnknown: "邀请码无效",
    InviteCodeForeign: "邀请码不属于该商户",
    NotSameLine: "只能在同一邀请链路内转账",
}
_POCKETS = {
    ("tenant", "point_self"): "代理商自充余额不足",
    ("tenant", "point_gift"): "代理商赠送余额不足",
    ("user", "point_self"): "自充点卡余额不足",
    ("user", "point_gift"): "赠送点卡余额不足",
}


@contextmanager
def in_documented_words() -> Iterator[None]:
    """Turn other rooms' errors into the documented refusals."""
    try:
        yield
    except InsufficientBalance as error:
        found = _POCKETS.get((error.details.get("owner_kind", ""), error.details.get("pocket", "")))
        raise Refused(found or "余额不足") from None
    except IronBullError as error:
        text = _REFUSALS.get(type(error)) or getattr(error, "zh", "")
        if not text or isinstance(error, Refused):
            raise
        raise Refused(text) from None


def make_user(session: Session, who: Caller, email: str, password_hash: str, invite_code: str) -> Data:
    """An agent below the owner of the code, or below the root user."""
    with in_documented_words():
        user = create_user(session, who.tenant_id, email, "", invite_code, password_hash=password_hash)
    _note(session, who, "user.create", f"user:{user.id}")
    return {
        "user_id": user.id,
        "email": user.email,
        "invite_code": user.invite_code,
        "inviter_id": user.inviter_id or 0,
        "create_time": rules.shown(user.created_at),
    }


def bind_account(
    session: Session,
    who: Caller,
    *,
    vault: Vault,
    email: str,
    exchange: str,
    api_key: str,
    api_secret: str,
    passphrase: str,
    account_type: str,
    mode: str,
) -> Data:
    """Connect an exchange account, or give an existing one new credentials. Enables it."""
    user = offers.user_of(session, who.tenant_id, email, lock=True)
    assert user.id is not None
    account = session.exec(
        select(ExchangeAccount)
        .where(
            ExchangeAccount.user_id == user.id,
            ExchangeAccount.exchange == exchange,
            ExchangeAccount.account_type == account_type,
        )
        .with_for_update()
    ).first()
    if account is None or account.status == UNBOUND:
        check_room(session, who.tenant_id, "max_exchange_accounts")
    if account is None:
        account = ExchangeAccount(
            tenant_id=user.tenant_id, user_id=user.id, exchange=exchange, account_type=account_type
        )
    elif account.mode != mode and _in_use(session, account):
        raise Refused("该账户有未平仓位或未完成订单，请先平仓")
    account.mode, account.status, account.last_sync_error = mode, 1, ""
    session.add(account)
    session.flush()
    seal_credentials(who.tenant, account, api_key, api_secret, passphrase, vault=vault)
    session.add(account)
    standing.update(session, [user.id])
    _note(session, who, "exchange_account.bind", f"exchange_account:{account.id}", {"exchange": exchange})
    return {"account_id": account.id, "exchange": exchange, "account_type": account_type}


def unbind_account(session: Session, who: Caller, email: str, account_id: int) -> None:
    """Forget an account's credentials and stop its bindings. The row stays for the history of its orders.

    Refused while it has positions or orders: without credentials nothing could close them.
    """
    user = offers.user_of(session, who.tenant_id, email)
    account = _account(session, user, account_id)
    if account is None:
        raise Refused("账户不存在")
    if _in_use(session, account):
        raise Refused("该账户有未平仓位或未完成订单，请先平仓")
    account.status = UNBOUND
    account.balance = account.futures_balance = account.futures_available = account.equity_peak = Decimal(0)
    clear_credentials(account)
    session.add(account)
    standing.update(session, [account.user_id])
    for binding in session.exec(select(Binding).where(Binding.account_id == account_id).with_for_update()).all():
        if binding.status == 1:
            binding.status = 0
            session.add(binding)
            binding_stopped(session, who.tenant_id, binding, "the exchange account was removed")
    session.flush()
    _note(session, who, "exchange_account.unbind", f"exchange_account:{account_id}")


def recharge(session: Session, who: Caller, *, key: str, email: str, amount: Decimal, card: int) -> Data:
    """Hand out points of the tenant's stock."""
    user = offers.user_of(session, who.tenant_id, email)
    assert user.id is not None
    with in_documented_words():
        done = cards.recharge_user(
            session, key, tenant_id=who.tenant_id, user_id=user.id, card=card, amount=amount, actor=_actor(who)
        )
    mine = sum(done.balances[tenant_card(who.tenant_id, kind)] for kind in ("point_self", "point_gift"))
    theirs = sum(done.balances[user_account(who.tenant_id, user.id, kind)] for kind in ("point_self", "point_gift"))
    _note(session, who, "user.recharge", f"user:{user.id}", {"amount": amount, "type": card})
    return {
        "agent_before_total": rules.money(from_units(mine) + amount, 8),
        "agent_after_total": rules.money(from_units(mine), 8),
        "member_before_total": rules.money(from_units(theirs) - amount, 8),
        "member_after_total": rules.money(from_units(theirs), 8),
        "amount": rules.money(amount, 8),
    }


def transfer(
    session: Session, who: Caller, *, key: str, from_email: str, to_email: str, amount: Decimal, card: int
) -> Data:
    """Pass points between two users of one invite line."""
    giver = offers.find_user(session, who.tenant_id, from_email)
    if giver is None:
        raise Refused("发送方邮箱不存在")
    taker = offers.find_user(session, who.tenant_id, to_email)
    if taker is None:
        raise Refused("接收方邮箱不存在")
    if giver.id == taker.id:
        raise Refused("不能给自己转账")
    if amount <= 0:
        raise Refused("转账金额必须大于0")
    assert giver.id is not None and taker.id is not None
    with in_documented_words():
        done = cards.transfer_points(
            session, key, tenant_id=who.tenant_id, from_user_id=giver.id, to_user_id=taker.id, card=card,
            amount=amount, actor=_actor(who),
        )  # fmt: skip

    def after(user_id: int, kind: str) -> str:
        return rules.money(from_units(done.balances[user_account(who.tenant_id, user_id, kind)]), 8)

    _note(session, who, "user.transfer", f"user:{giver.id}", {"to": taker.id, "amount": amount, "type": card})
    return {
        "from_email": giver.email,
        "to_email": taker.email,
        "type": card,
        "type_name": rules.CARD_NAMES[card],
        "amount": rules.money(amount, 8),
        "from_self_after": after(giver.id, "point_self"),
        "from_gift_after": after(giver.id, "point_gift"),
        "to_self_after": after(taker.id, "point_self"),
        "to_gift_after": after(taker.id, "point_gift"),
    }


def open_strategy(
    session: Session,
    who: Caller,
    *,
    email: str,
    strategy_id: int,
    account_id: int,
    mode: int,
    capital: Decimal,
    leverage: int,
    risk_mode: int,
    min_point_card: Decimal,
) -> Data:
    """Subscribe an account to a strategy, or switch an existing subscription on again."""
    offered = offers.offered_strategy(session, who.tenant_id, strategy_id)
    if offered is None:
        raise Refused("该策略未对本租户开放或已下架")
    user = offers.user_of(session, who.tenant_id, email, lock=True)
    assert user.id is not None
    if queries.cards_of(session, user).total < min_point_card:
        raise Refused(f"点卡余额不足，无法开启策略（需至少 {rules.money(min_point_card)} 点卡）")
    strategy, instance = offered
    if strategy.status != 1:
        raise Refused("策略不存在或未启用")
    account = _account(session, user, account_id)
    if account is None or account.status != 1:
        raise Refused("交易账户不存在或未启用")
    if mode not in (1, 2):
        raise Refused("执行模式无效（1=单次 2=循环）")
    _check_sizing(risk_mode, leverage, capital, offers.effective(instance, strategy).min_capital)
    binding = _binding(session, account_id, strategy_id)
    if binding is None or binding.status != 1:
        check_room(session, who.tenant_id, "max_strategies")
    if binding is None:
        binding = Binding(tenant_id=user.tenant_id, user_id=user.id, account_id=account_id, strategy_id=strategy_id)
    binding.mode, binding.leverage, binding.risk_mode, binding.status = mode, leverage, risk_mode, 1
    if capital > 0:
        binding.capital = capital
    session.add(binding)
    session.flush()
    _note(session, who, "binding.open", f"binding:{binding.id}", {"strategy": strategy_id, "account": account_id})
    sizing = offers.sizing_of(binding, instance, strategy)
    return {
        "binding_id": binding.id,
        "strategy_id": strategy_id,
        "account_id": account_id,
        "mode": mode,
        **sizing,
    }


def update_strategy(
    session: Session,
    who: Caller,
    *,
    email: str,
    strategy_id: int,
    account_id: int,
    capital: Decimal,
    leverage: int,
    risk_mode: int,
) -> Data:
    """Change the sizing of a subscription; only positive values are applied."""
    user = offers.user_of(session, who.tenant_id, email)
    strategy = session.get(Strategy, strategy_id)
    if strategy is None:
        raise Refused("策略不存在")
    binding = _binding_of(session, user, account_id, strategy_id)
    instance = offers.instance_of(session, who.tenant_id, strategy_id)
    _check_sizing(
        risk_mode if risk_mode > 0 else 1,
        leverage if leverage > 0 else rules.LEVERAGES[0],
        capital,
        offers.effective(instance, strategy).min_capital,
    )
    if capital > 0:
        binding.capital = capital
    if leverage > 0:
        binding.leverage = leverage
    if risk_mode > 0:
        binding.risk_mode = risk_mode
    session.add(binding)
    session.flush()
    sizing = offers.sizing_of(binding, instance, strategy)
    _note(session, who, "binding.update", f"binding:{binding.id}", sizing)
    return {"binding_id": binding.id, **sizing}


def close_strategy(session: Session, who: Caller, email: str, strategy_id: int, account_id: int) -> None:
    """Stop a subscription. Open positions keep their exits."""
    user = offers.user_of(session, who.tenant_id, email)
    binding = _binding_of(session, user, account_id, strategy_id)
    if binding.status == 1:
        binding_stopped(session, who.tenant_id, binding, "closed by the merchant")
    binding.status = 0
    session.add(binding)
    session.flush()
    _note(session, who, "binding.close", f"binding:{binding.id}")


def set_market_node(session: Session, who: Caller, email: str, is_node: bool) -> None:
    """Let a user earn level-difference and peer rewards, or no longer."""
    user = offers.user_of(session, who.tenant_id, email, lock=True)
    user.is_market_node = is_node
    session.add(user)
    session.flush()
    _note(session, who, "user.market_node", f"user:{user.id}", {"is_node": is_node})


def withdraw(
    session: Session,
    who: Caller,
    *,
    key: str,
    email: str,
    amount: Decimal,
    address: str,
    network: str,
    policy: WithdrawalPolicy,
) -> Data:
    """Ask for a payout of reward."""
    user = offers.find_user(session, who.tenant_id, email)
    with in_documented_words():
        row = withdrawals.apply(
            session, tenant_id=who.tenant_id, user_id=(user.id or 0) if user else 0, amount=amount,
            wallet_address=address, wallet_network=network, key=key, actor=_actor(who), policy=policy,
        )  # fmt: skip
    _note(session, who, "withdrawal.apply", f"withdrawal:{row.id}", {"amount": amount})
    return queries.withdrawal_head(row)


def _account(session: Session, user: User, account_id: int) -> ExchangeAccount | None:
    """The user's own account, locked; None when it is missing, another's, or unbound."""
    statement = select(ExchangeAccount).where(
        ExchangeAccount.id == account_id, ExchangeAccount.user_id == user.id, ExchangeAccount.status != UNBOUND
    )
    found: ExchangeAccount | None = session.exec(
        scoped(statement, user.tenant_id, ExchangeAccount).with_for_update()
    ).first()
    return found


def _binding(session: Session, account_id: int, strategy_id: int) -> Binding | None:
    statement = select(Binding).where(Binding.account_id == account_id, Binding.strategy_id == strategy_id)
    return session.exec(statement.with_for_update()).first()


def _binding_of(session: Session, user: User, account_id: int, strategy_id: int) -> Binding:
    binding = _binding(session, account_id, strategy_id) if _account(session, user, account_id) else None
    if binding is None or binding.user_id != user.id:
        raise Refused("策略绑定不存在")
    return binding


def _in_use(session: Session, account: ExchangeAccount) -> bool:
    position = session.exec(
        select(Position.id).where(Position.account_id == account.id, Position.status == "OPEN").limit(1)
    ).first()
    order = session.exec(
        select(Order.id).where(Order.account_id == account.id, col(Order.status).in_(OPEN_STATES)).limit(1)
    ).first()
    return position is not None or order is not None


def _check_sizing(risk_mode: int, leverage: int, capital: Decimal, minimum: Decimal) -> None:
    if risk_mode not in rules.RISK_LABELS:
        raise Refused("无效的风险档位（1=稳健 2=均衡 3=激进）")
    if leverage not in rules.LEVERAGES:
        raise Refused("无效的杠杆倍数（可选 5/10/20/50/75/100）")
    if 0 < capital < minimum:
        raise Refused(f"本金不能低于 {rules.money(minimum)} USDT")


def _actor(who: Caller) -> str:
    return f"{who.kind}:{who.id}"


def _note(session: Session, who: Caller, action: str, target: str, detail: Data | None = None) -> None:
    audit.record(session, who, f"merchant.{action}", target, detail=detail, ip=who.ip)
