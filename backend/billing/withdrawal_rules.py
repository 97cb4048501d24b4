"""The life of a withdrawal: which step may follow which, and the limits. Pure.

    pending --approve--> approved --complete--> completed
       \\--reject--> rejected  \\--fail--> failed

A rejected or failed withdrawal returns the whole amount, without a fee.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from backend.errors import Conflict, InvalidInput, NotFound

PENDING, APPROVED, REJECTED, COMPLETED, FAILED = range(5)
STATUS_NAMES = {
    PENDING: "pending",
    APPROVED: "approved",
    REJECTED: "rejected",
    COMPLETED: "completed",
    FAILED: "failed",
}
STATUS_TEXTS = {PENDING: "待审核", APPROVED: "已通过", REJECTED: "已拒绝", COMPLETED: "已完成", FAILED: "已失败"}

_STEPS = {
    "approve": (PENDING, APPROVED, "当前状态({})不允许审核"),
    "reject": (PENDING, REJECTED, "当前状态({})不允许拒绝"),
    "complete": (APPROVED, COMPLETED, "当前状态({})不允许标记完成，需先审核通过"),
    "fail": (APPROVED, FAILED, "当前状态({})不允许标记失败，需先审核通过"),
}
_HASH = re.compile(r"[0-9A-Za-z_-]{1,128}")


@dataclass(frozen=True, slots=True)
class WithdrawalPolicy:
    """Limits beside the documented minimum. None switches a limit off.

    From ``four_eyes_usdt`` on two different admins must approve; ``daily_cap_usdt`` is the most one user may ask for
    in one UTC day; for ``hold`` after a password change nothing may be asked for.
    """

    four_eyes_usdt: Decimal | None = Decimal(1000)
    daily_cap_usdt: Decimal | None = Decimal(20_000)
    hold: timedelta | None = None


class WithdrawalNotFound(NotFound):
    """There is no such withdrawal, or it is not yours."""

    code = "withdrawal_not_found"
    zh = "提现记录不存在"


class WithdrawalUserNotFound(NotFound):
    """There is no such user, or it is not yours."""

    code = "user_not_found"
    zh = "用户不存在"


class WithdrawalStateRefused(InvalidInput):
    """This step does not fit the state of the withdrawal. Reload it."""

    code = "withdrawal_state"

    def __init__(self, action: str, status: int) -> None:
        needed, _, text = _STEPS[action]
        super().__init__(
            f"This withdrawal is {STATUS_NAMES[status]}; only {STATUS_NAMES[needed]} ones can be handled so. Reload it.",
            status=status,
        )
        self.zh = text.format(status)


class SecondAdminNeeded(Conflict):
    """You have approved this withdrawal already. Its amount needs the approval of a second admin."""

    code = "second_admin_needed"
    zh = "需要另一位管理员复核"


class DailyCapReached(Conflict):
    """The daily limit for withdrawals is reached."""

    code = "withdrawal_daily_cap"
    zh = "超出每日提现限额"


class WithdrawalOnHold(Conflict):
    """Withdrawals are held for a while after the password was changed. Try again later."""

    code = "withdrawal_on_hold"
    zh = "修改密码后暂不可提现，请稍后再试"


class RewardTooLow(Conflict):
    """The reward balance is not enough."""

    code = "reward_too_low"
    zh = "奖励余额不足"


class BadTransactionHash(InvalidInput):
    """The transaction hash is missing or not valid: letters and digits, at most 128."""

    code = "bad_tx_hash"
    zh = "交易哈希格式不正确"


class ReasonMissing(InvalidInput):
    """Say why: the user reads it."""

    code = "reason_missing"
    zh = "原因不能为空"


def next_status(status: int, action: str) -> int:
    """The status after ``approve``, ``reject``, ``complete`` or ``fail``. Raises ``WithdrawalStateRefused``."""
    needed, after, _ = _STEPS[action]
    if status != needed:
        raise WithdrawalStateRefused(action, status)
    return after


def approvals_needed(amount: Decimal, policy: WithdrawalPolicy) -> int:
    """1, or 2 from the four-eyes amount on."""
    return 2 if policy.four_eyes_usdt is not None and amount >= policy.four_eyes_usdt else 1


def check_cap(amount: Decimal, asked_today: Decimal, policy: WithdrawalPolicy) -> None:
    """Raise ``DailyCapReached`` when today's requests with this one exceed the cap."""
    cap = policy.daily_cap_usdt
    if cap is not None and asked_today + amount > cap:
        left = max(cap - asked_today, Decimal(0))
        raise DailyCapReached(f"The limit is {cap:f} USDT a day; {left:f} USDT are left today (UTC).")


def check_tx_hash(text: str) -> str:
    """The hash without spaces around it. Raises ``BadTransactionHash``."""
    text = text.strip()
    if _HASH.fullmatch(text) is None:
        raise BadTransactionHash
    return text


def check_reason(text: str) -> str:
    """The reason, cut to 200 characters. Raises ``ReasonMissing`` for an empty one."""
    text = " ".join(text.split())
    if not text:
        raise ReasonMissing
    return text[:200]
