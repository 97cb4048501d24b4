"""What profit costs and who is paid: point-card deduction, distribution, levels, withdrawal fee. Pure and exact.

Everything is computed exactly in ``Decimal``. Amounts become payments by rounding down to 8 places; the remainder of
all roundings goes to the platform's share, so that the payments always sum to the pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import lru_cache

from backend.errors import Conflict, InvalidInput

ZERO = Decimal(0)
PLACES = Decimal(1).scaleb(-8)
CENT = Decimal("0.01")
_WIDE = Context(prec=60)


class DistributionImpossible(Conflict):
    """The pool cannot be distributed now."""

    code = "distribution_impossible"


class WithdrawalTooSmall(InvalidInput):
    """The amount is below the smallest withdrawal."""

    code = "withdrawal_too_small"
    zh = "最低提现金额为 50 USDT"


@dataclass(frozen=True, slots=True)
class Rates:
    """The documented rates; a deployment may change them in one place."""

    billing: Decimal = Decimal("0.30")
    tech: Decimal = Decimal("0.10")
    network: Decimal = Decimal("0.20")
    direct: Decimal = Decimal("0.25")
    peer: Decimal = Decimal("0.10")
    self_hold_min: Decimal = Decimal(1000)
    withdrawal_min: Decimal = Decimal(50)
    withdrawal_fee: Decimal = Decimal("0.05")


RATES = Rates()


# Levels ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Level:
    """One member level: its threshold of team performance in USDT and its share of the network budget."""

    number: int
    min_team_usdt: Decimal
    diff_rate: Decimal


LEVELS: tuple[Level, ...] = tuple(
    Level(number, Decimal(threshold), Decimal(rate))
    for number, (threshold, rate) in enumerate(
        [
            ("0", "0"),
            ("10000", "0.20"),
            ("50000", "0.30"),
            ("200000", "0.40"),
            ("500000", "0.50"),
            ("1000000", "0.60"),
            ("3000000", "0.70"),
            ("10000000", "0.80"),
        ]
    )
)


def level_for(self_hold_usdt: Decimal, team_usdt: Decimal, rates: Rates = RATES) -> int:
    """S0 below the minimal self-hold, else the highest level whose threshold the team reaches. No grace."""
    if self_hold_usdt < rates.self_hold_min:
        return 0
    return max(level.number for level in LEVELS if level.min_team_usdt <= team_usdt)


# Deduction ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deduction:
    """What one profit takes from the cards. ``pool`` is the paid part; gift points are destroyed."""

    nominal: Decimal
    self_deduct: Decimal
    gift_deduct: Decimal
    self_after: Decimal
    gift_after: Decimal

    @property
    def pool(self) -> Decimal:
        """Only paid points feed the pool."""
        return self.self_deduct

    @property
    def forgiven(self) -> Decimal:
        """The part of the charge the cards could not cover; it is not a debt."""
        return self.nominal - self.self_deduct - self.gift_deduct


def charge_for(profit: Decimal, rates: Rates = RATES) -> Decimal:
    """The exact charge on a profit (30 %), gross of fees. Raises ``InvalidInput`` unless the profit is positive."""
    if not profit > 0:
        raise InvalidInput("The profit to bill must be more than zero.")
    with localcontext(_WIDE):
        return profit * rates.billing


def deduct(charge: Decimal, self_balance: Decimal, gift_balance: Decimal) -> Deduction:
    """Take a charge from the cards: paid points first, then gift points, never below zero."""
    with localcontext(_WIDE):
        from_self = min(self_balance, charge)
        from_gift = min(gift_balance, charge - from_self)
        return Deduction(charge, from_self, from_gift, self_balance - from_self, gift_balance - from_gift)


# Distribution ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Member:
    """An ancestor of the billed user. ``self_hold_usdt`` counts for the direct inviter only."""

    user_id: int
    level: int = 0
    market_node: bool = False
    self_hold_usdt: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Payment:
    """One reward. ``exact`` is the computed amount, ``amount`` what is paid (8 places, rounded down)."""

    user_id: int
    reward_type: str
    exact: Decimal
    amount: Decimal
    rate: Decimal
    remark: str
    from_level: int | None = None
    to_level: int | None = None


@dataclass(frozen=True, slots=True)
class Distribution:
    """How one pool is paid out. The shares are exact; the payments sum to the pool rounded down to 8 places."""

    pool: Decimal
    tech: Decimal
    network: Decimal
    platform: Decimal
    direct: Decimal
    diff: Decimal
    peer: Decimal
    payments: tuple[Payment, ...]

    @property
    def undistributed(self) -> Decimal:
        """The part of the network share that went to the root because nobody qualified."""
        return self.network - self.direct - self.diff - self.peer

    def paid_to(self, user_id: int) -> Decimal:
        """All payments to one user."""
        return sum((payment.amount for payment in self.payments if payment.user_id == user_id), ZERO)


def distribute(
    pool: Decimal,
    *,
    root_id: int | None,
    source_level: int = 0,
    inviter: Member | None = None,
    path: Sequence[Member] = (),
    rates: Rates = RATES,
) -> Distribution:
    """Split a pool: tech, direct, level differences, peer, the rest of the network share and the platform's share.

    ``path`` holds the ancestors from the nearest to the top. Raises ``DistributionImpossible`` without a root user.
    """
    if root_id is None:
        raise DistributionImpossible("The tenant has no root user to receive undistributed rewards. Set one and retry.")
    if not pool > 0:
        raise InvalidInput("The pool to distribute must be more than zero.")
    with localcontext(_WIDE):
        return _Split(pool, root_id, source_level, inviter, path, rates).run()


@dataclass(slots=True)
class _Split:
    """The steps of one distribution, sharing the remaining network budget."""

    pool: Decimal
    root_id: int
    source_level: int
    inviter: Member | None
    path: Sequence[Member]
    rates: Rates
    tech: Decimal = field(init=False)
    network: Decimal = field(init=False)
    budget: Decimal = field(init=False)
    payments: list[Payment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tech = self.pool * self.rates.tech
        self.network = self.pool * self.rates.network
        self.budget = self.network

    def run(self) -> Distribution:
        self._pay(self.root_id, "tech_team", self.tech, self.rates.tech, f"技术团队 {percent(self.rates.tech)}")
        direct = self._direct()
        diff = self._level_differences()
        peer = self._peer()
        if self.budget > 0:
            self._pay(self.root_id, "network_undist", self.budget, ZERO, "网体剩余预算 → 根账户")
        platform = self.pool - self.tech - self.network
        paid = sum((payment.amount for payment in self.payments), ZERO)
        # The platform's share takes the remainder of every rounding, so it is paid last and by subtraction.
        rest = _down(self.pool) - paid
        if rest > 0:
            rate = 1 - self.rates.tech - self.rates.network
            self.payments.append(
                Payment(self.root_id, "platform_retain", platform, rest, rate, f"平台留存 {percent(rate)}")
            )
        return Distribution(
            self.pool,
            self.tech,
            self.network,
            platform,
            direct,
            diff,
            peer,
            tuple(p for p in self.payments if p.amount),
        )

    def _direct(self) -> Decimal:
        paid = min(self.network * self.rates.direct, self.budget)
        self.budget -= paid
        inviter = self.inviter
        if inviter is not None and inviter.self_hold_usdt >= self.rates.self_hold_min:
            self._pay(inviter.user_id, "direct", paid, self.rates.direct, "直推奖励")
            return paid
        why = "无邀请人" if inviter is None else "邀请人自持不足"
        self._pay(self.root_id, "direct_undist", paid, self.rates.direct, f"直推未发放（{why}）→ 根账户")
        return ZERO

    def _level_differences(self) -> Decimal:
        total, last = ZERO, LEVELS[0]
        for member in self.path:
            if self.budget <= 0:
                break
            level = LEVELS[member.level]
            rate = level.diff_rate - last.diff_rate
            if not member.market_node or rate <= 0:
                continue
            want = self.network * rate
            paid = min(want, self.budget)
            capped = " (预算封顶)" if paid < want else ""
            remark = f"级差奖 S{last.number}->S{level.number} diff={plain(rate)}{capped}"
            self._pay(member.user_id, "level_diff", paid, rate, remark, last.number, level.number)
            self.budget -= paid
            total += paid
            last = level
        return total

    def _peer(self) -> Decimal:
        if self.budget <= 0:
            return ZERO
        want = self.network * self.rates.peer
        paid = min(want, self.budget)
        self.budget -= paid
        level = self.source_level
        for member in self.path:
            if member.market_node and member.level == level:
                capped = " (预算封顶)" if paid < want else ""
                self._pay(member.user_id, "peer", paid, self.rates.peer, f"平级奖{capped}", level, level)
                return paid
        self._pay(self.root_id, "peer_undist", paid, self.rates.peer, "平级未发放（无同级市场节点）→ 根账户")
        return ZERO

    def _pay(self, user_id: int, reward_type: str, exact: Decimal, rate: Decimal, remark: str, *levels: int) -> None:
        self.payments.append(Payment(user_id, reward_type, exact, _down(exact), rate, remark, *levels))


def _down(value: Decimal) -> Decimal:
    return value.quantize(PLACES, ROUND_DOWN)


@lru_cache(maxsize=1024)
def plain(value: Decimal) -> str:
    """A rate without trailing zeros or exponent: 0.2, 0.25, 0."""
    return f"{value.normalize():f}"


def percent(rate: Decimal) -> str:
    """A rate in percent: 30%, 12.5%."""
    return f"{plain(rate * 100)}%"


# Point-card moves and their remarks -----------------------------------------------------------------------

SELF, GIFT = 1, 2
CARD_KINDS = {SELF: "point_self", GIFT: "point_gift"}


def remark_deduction(rates: Rates = RATES) -> str:
    """Billing of a profit: 盈利扣费30% by the documented rates."""
    return f"盈利扣费{percent(rates.billing)}"


def card_kind(card: int) -> str:
    """The ledger pocket of a card type, 1 self or 2 gift. Raises ``InvalidInput``."""
    if type(card) is not int or card not in CARD_KINDS:
        raise InvalidInput("The card type is 1 (self) or 2 (gift).")
    return CARD_KINDS[card]


def remark_tenant_recharge(card: int) -> str:
    """Admin to tenant."""
    return "后台充值(self)" if card == SELF else "后台充值(gift)"


def remark_handed_out(card: int, user_id: int) -> str:
    """Tenant to user, on the tenant's row."""
    return f"分发给用户#{user_id}（{'充值' if card == SELF else '赠送'}）"


def remark_received(card: int) -> str:
    """Tenant to user, on the user's row."""
    return "代理商充值" if card == SELF else "代理商赠送"


def remark_transfer_out(card: int, user_id: int) -> str:
    """User to user, on the giver's row."""
    return f"{'自充' if card == SELF else '赠送'}转出给用户#{user_id}"


def remark_transfer_in(card: int, user_id: int) -> str:
    """User to user, on the receiver's row."""
    return f"从用户#{user_id}{'自充' if card == SELF else '赠送'}转入"


# Withdrawals ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WithdrawalQuote:
    """What a withdrawal costs and pays."""

    amount: Decimal
    fee: Decimal
    actual: Decimal


def quote_withdrawal(amount: Decimal, rates: Rates = RATES) -> WithdrawalQuote:
    """Fee 5 % rounded half-even to 0.01. Raises ``WithdrawalTooSmall`` below 50 USDT."""
    if amount < rates.withdrawal_min:
        raise WithdrawalTooSmall(f"The smallest withdrawal is {plain(rates.withdrawal_min)} USDT.")
    with localcontext(_WIDE):
        fee = (amount * rates.withdrawal_fee).quantize(CENT, ROUND_HALF_EVEN)
        return WithdrawalQuote(amount, fee, amount - fee)
