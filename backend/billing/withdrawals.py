"""Withdrawals of reward: apply, approve, reject, complete, fail.

The locking law: the user's row (apply) or the withdrawal's row (everything else) first, then the ledger. So two
admins who act at once act one after the other, and the second finds the state the first left.

    apply     reward -> withdrawal_frozen
    reject    withdrawal_frozen -> reward
    fail      withdrawal_frozen -> reward
    complete  withdrawal_frozen -> fee_income (the fee) and paid_out (the rest)
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.billing import withdrawal_rules as rules
from backend.billing.rules import RATES, Rates, quote_withdrawal
from backend.billing.wallets import check_wallet
from backend.billing.withdrawal_rules import FAILED, REJECTED, WithdrawalPolicy
from backend.clock import utcnow
from backend.identity.principal import Principal
from backend.ledger import service as ledger
from backend.ledger.rules import AccountRef, InsufficientBalance, KeyReused, Posting, fee_income, user_account
from backend.models import AuditLog, User, Withdrawal
from backend.money import check_amount, exact_units, format_units, from_units
from backend.notifications.service import notify_agent
from backend.security import audit
from backend.settings import Settings
from backend.webhooks import events

POLICY = WithdrawalPolicy()

_PASSWORD_CHANGES = (
    "password.change", "password.reset", "second_factor.on", "second_factor.off", "second_factor.recovery",
)  # fmt: skip


def policy_of(settings: Settings) -> WithdrawalPolicy:
    """The limits as this deployment sets them; 0 switches a limit off."""
    return WithdrawalPolicy(
        four_eyes_usdt=settings.withdrawal_four_eyes_usdt or None,
        daily_cap_usdt=settings.withdrawal_daily_cap_usdt or None,
        hold=timedelta(hours=settings.withdrawal_hold_hours) or None,
    )


def apply(
    session: Session,
    *,
    tenant_id: int,
    user_id: int,
    amount: Decimal,
    wallet_address: str,
    wallet_network: str = "TRC20",
    key: str,
    remark: str = "",
    actor: str = "",
    policy: WithdrawalPolicy = POLICY,
    rates: Rates = RATES,
) -> Withdrawal:
    """Ask for a payout; the amount is frozen at once. The same ``key`` returns the first answer.

    ``key`` is the caller's, unique per tenant. Raises (each with a ``zh`` text) ``WithdrawalTooSmall``,
    ``WithdrawalUserNotFound``, ``RewardTooLow``, ``BadNetwork``, ``BadAddress``, ``DailyCapReached``,
    ``WithdrawalOnHold``; and ``InvalidAmount``, ``KeyReused``.
    """
    amount = check_amount(amount)
    quote = quote_withdrawal(amount, rates)
    address, network = check_wallet(wallet_address, wallet_network)
    session.flush()
    _lock_user(session, tenant_id, user_id)
    before = _by_key(session, tenant_id, key)
    if before is not None:
        asked = (user_id, exact_units(amount), address, network)
        if asked != (before.user_id, before.amount, before.wallet_address, before.wallet_network):
            raise KeyReused(f"The key {key!r} was already used for something else. Use a new key.")
        return before
    now = utcnow()
    _check_limits(session, user_id, amount, policy, now)
    row = Withdrawal(
        tenant_id=tenant_id,
        user_id=user_id,
        key=key,
        amount=exact_units(quote.amount),
        fee=exact_units(quote.fee),
        actual_amount=exact_units(quote.actual),
        wallet_address=address,
        wallet_network=network,
        approvals_needed=rules.approvals_needed(amount, policy),
        remark=remark[:255],
        created_at=now,
    )
    with session.begin_nested():
        # Refused below, nothing of it stays, whatever the caller does next.
        session.add(row)
        session.flush()
        try:
            _move(
                session,
                row,
                "withdraw_freeze",
                {"reward": -row.amount, "withdrawal_frozen": row.amount},
                remark="提现冻结",
                actor=actor,
            )
        except InsufficientBalance as error:
            free = format_units(error.details.get("available", 0))
            raise rules.RewardTooLow(
                f"The reward balance is {free} USDT, {format_units(row.amount)} USDT is asked."
            ) from None
    events.withdrawal_changed(session, row)
    return row


def approve(session: Session, withdrawal_id: int, who: Principal, *, ip: str = "") -> Withdrawal:
    """One admin's approval. Where two are needed the first leaves it pending, and the second must be someone else.

    Raises ``WithdrawalNotFound``, ``WithdrawalStateRefused``, ``SecondAdminNeeded``.
    """
    row = _locked(session, withdrawal_id)
    after = rules.next_status(row.status, "approve")
    now = utcnow()
    if row.audit_by is None:
        row.audit_by, row.audit_at = who.id, now
        if row.approvals_needed < 2:
            row.status = after
    elif row.audit_by == who.id:
        raise rules.SecondAdminNeeded
    else:
        row.second_audit_by, row.second_audit_at, row.status = who.id, now, after
    return _done(session, row, who, "approve", ip)


def reject(session: Session, withdrawal_id: int, who: Principal, reason: str, *, ip: str = "") -> Withdrawal:
    """Refuse a pending one; the whole amount returns. Raises as ``approve``, and ``ReasonMissing``."""
    reason = rules.check_reason(reason)
    row = _locked(session, withdrawal_id)
    row.status = rules.next_status(row.status, "reject")
    if row.audit_by is None:
        row.audit_by, row.audit_at = who.id, utcnow()
    row.reason, row.finished_by = reason, who.id
    _give_back(session, row, "withdraw_reject_return", f"提现拒绝退回: {reason}", who)
    return _done(session, row, who, "reject", ip)


def complete(session: Session, withdrawal_id: int, who: Principal, tx_hash: str, *, ip: str = "") -> Withdrawal:
    """An approved one was paid: book the fee and what left. Raises as ``approve``, and ``BadTransactionHash``."""
    tx_hash = rules.check_tx_hash(tx_hash)
    row = _locked(session, withdrawal_id)
    row.status = rules.next_status(row.status, "complete")
    row.tx_hash, row.finished_by, row.completed_at = tx_hash, who.id, utcnow()
    _move(
        session,
        row,
        "withdraw_complete",
        {"withdrawal_frozen": -row.amount, "paid_out": row.actual_amount, "fee_income": row.fee},
        remark=tx_hash,
        actor=_actor(who),
    )
    return _done(session, row, who, "complete", ip)


def fail(session: Session, withdrawal_id: int, who: Principal, reason: str, *, ip: str = "") -> Withdrawal:
    """An approved one could not be paid; the whole amount returns. Raises as ``reject``."""
    reason = rules.check_reason(reason)
    row = _locked(session, withdrawal_id)
    row.status = rules.next_status(row.status, "fail")
    row.reason, row.finished_by = reason, who.id
    _give_back(session, row, "withdraw_fail_return", f"提现失败退回: {reason}", who)
    return _done(session, row, who, "fail", ip)


def _lock_user(session: Session, tenant_id: int, user_id: int) -> None:
    mine = select(User.id).where(User.id == user_id, User.tenant_id == tenant_id).with_for_update()
    if session.exec(mine).first() is None:
        raise rules.WithdrawalUserNotFound


def _check_limits(session: Session, user_id: int, amount: Decimal, policy: WithdrawalPolicy, now: datetime) -> None:
    """The caller holds the user's row, so two requests of one user are judged one after the other."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    asked = session.exec(
        select(func.coalesce(func.sum(Withdrawal.amount), 0)).where(
            Withdrawal.user_id == user_id,
            col(Withdrawal.created_at) >= day,
            col(Withdrawal.status).not_in((REJECTED, FAILED)),
        )
    ).one()
    rules.check_cap(amount, from_units(int(asked)), policy)
    if policy.hold is not None:
        changed = session.exec(
            select(AuditLog.id).where(
                col(AuditLog.action).in_(_PASSWORD_CHANGES),
                AuditLog.target == f"agent:{user_id}",
                col(AuditLog.ok).is_(True),
                col(AuditLog.at) > now - policy.hold,
            )
        ).first()
        if changed is not None:
            raise rules.WithdrawalOnHold


def _by_key(session: Session, tenant_id: int, key: str) -> Withdrawal | None:
    return session.exec(select(Withdrawal).where(Withdrawal.tenant_id == tenant_id, Withdrawal.key == key)).first()


def _locked(session: Session, withdrawal_id: int) -> Withdrawal:
    statement = select(Withdrawal).where(Withdrawal.id == withdrawal_id).with_for_update()
    row = session.exec(statement, execution_options={"populate_existing": True}).first()
    if row is None:
        raise rules.WithdrawalNotFound
    return row


def _give_back(session: Session, row: Withdrawal, kind: str, remark: str, who: Principal) -> None:
    parts = {"withdrawal_frozen": -row.amount, "reward": row.amount}
    _move(session, row, kind, parts, remark=remark, actor=_actor(who))


def _move(session: Session, row: Withdrawal, kind: str, parts: dict[str, int], *, remark: str, actor: str) -> None:
    """Post amounts by account kind. The ledger key holds the kind, so no step is ever booked twice."""
    ledger.post(
        session,
        f"{kind}:{row.id}",
        [Posting(_account(row, name), amount) for name, amount in parts.items() if amount],
        kind=kind,
        tenant_id=row.tenant_id,
        reference=f"withdrawal:{row.id}",
        actor=actor[:64],
        remark=remark[:255],
    )


def _account(row: Withdrawal, kind: str) -> AccountRef:
    return fee_income() if kind == "fee_income" else user_account(row.tenant_id, row.user_id, kind)


def _actor(who: Principal) -> str:
    return f"{who.kind}:{who.id}"


_TOLD: dict[str, tuple[str, str]] = {
    "approve": ("Withdrawal approved", "It will be paid to your wallet."),
    "reject": ("Withdrawal rejected", "The whole amount is back in your rewards. Reason: {reason}"),
    "complete": ("Withdrawal paid", "{actual} USDT were sent. Transaction {tx_hash}"),
    "fail": ("Withdrawal could not be paid", "The whole amount is back in your rewards. Reason: {reason}"),
}


def _done(session: Session, row: Withdrawal, who: Principal, action: str, ip: str) -> Withdrawal:
    """Audit the step, and tell the user unless a second approval is still missing."""
    session.add(row)
    detail: dict[str, Any] = {"amount": format_units(row.amount), "status": row.status}
    detail |= {name: value for name in ("reason", "tx_hash") if (value := getattr(row, name))}
    audit.record(
        session, who, f"withdrawal.{action}", f"withdrawal:{row.id}", detail=detail, ip=ip, tenant_id=row.tenant_id
    )
    if row.status != rules.PENDING:
        title, text = _TOLD[action]
        message = text.format(reason=row.reason, tx_hash=row.tx_hash, actual=format_units(row.actual_amount))
        notify_agent(session, row.tenant_id, row.user_id, "billing", title, message=message)
        events.withdrawal_changed(session, row)
    session.flush()
    return row
