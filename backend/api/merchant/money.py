"""Point cards, rewards and withdrawals. Every POST here honours ``Idempotency-Key``."""

from __future__ import annotations

from decimal import Decimal

from sqlmodel import Session

from backend.api.merchant import schemas
from backend.api.merchant.door import Call, Doors, Said
from backend.billing.withdrawals import policy_of
from backend.merchant import queries, rules, service
from backend.merchant.errors import Refused
from backend.merchant.queries import Data, Page

money = Doors("merchant money")


@money.get("/balance", schemas.Nothing)
def balance(session: Session, call: Call, query: schemas.Nothing) -> Data:
    """The tenant's own stock of point cards."""
    return queries.balance(session, call.who.tenant_id)


@money.post("/user/recharge", schemas.Recharge, "分发成功", money=True)
def recharge(session: Session, call: Call, form: schemas.Recharge) -> Data:
    """Hand out points of the tenant's stock: type 1 self, 2 gift."""
    _positive(form.amount, "金额必须大于0")
    if form.type not in rules.CARD_NAMES:
        raise Refused("充值类型无效（1=自充 2=赠送）")
    return service.recharge(session, call.who, key=call.key, email=form.email, amount=form.amount, card=form.type)


@money.get("/point-card/logs", schemas.FindLogs)
def card_logs(session: Session, call: Call, query: schemas.FindLogs) -> Data:
    """The point-card journal: the tenant's own, or with ``email`` that user's. The last day is included."""
    return queries.card_logs(
        session,
        call.who.tenant_id,
        Page(query.page, query.limit),
        change_type=query.change_type,
        email=query.email.strip(),
        start=query.start_time,
        end=query.end_time,
    )


@money.post("/user/transfer-point-card", schemas.Transfer, money=True)
def transfer(session: Session, call: Call, form: schemas.Transfer) -> Said:
    """Pass points to a user above or below in the same invite line: type 1 self, 2 gift."""
    if form.type not in rules.CARD_NAMES:
        raise Refused("转账类型无效（1=自充 2=赠送）")
    data = service.transfer(
        session,
        call.who,
        key=call.key,
        from_email=form.from_email,
        to_email=form.to_email,
        amount=form.amount,
        card=form.type,
    )
    return Said(data, f"{rules.CARD_NAMES[form.type]}互转成功")


@money.get("/user/rewards", schemas.FindRewards)
def rewards(session: Session, call: Call, query: schemas.FindRewards) -> Data:
    """A user's rewards."""
    page = Page(query.page, query.limit)
    return queries.rewards(session, call.who.tenant_id, query.email, page, query.reward_type.strip())


@money.post("/user/withdraw", schemas.Withdraw, "申请成功", money=True)
def withdraw(session: Session, call: Call, form: schemas.Withdraw) -> Data:
    """Ask for a payout of a user's reward. The amount is frozen at once."""
    _positive(form.amount, "最低提现金额为 50 USDT")
    return service.withdraw(
        session,
        call.who,
        key=call.key,
        email=form.email,
        amount=form.amount,
        address=form.wallet_address,
        network=form.wallet_network,
        policy=policy_of(call.context.settings),
    )


@money.get("/user/withdrawals", schemas.FindWithdrawals)
def withdrawals(session: Session, call: Call, query: schemas.FindWithdrawals) -> Data:
    """A user's withdrawals."""
    page = Page(query.page, query.limit)
    return queries.withdrawals(session, call.who.tenant_id, query.email, page, query.status)


def _positive(amount: Decimal, otherwise: str) -> None:
    if amount <= 0:
        raise Refused(otherwise)
