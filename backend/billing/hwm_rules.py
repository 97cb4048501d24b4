"""Profit share by high-water mark on cumulative net trading profit. Pure; amounts are ``Decimal`` USDT.

The state is what was earned by trading since the beginning (``C``), not equity: deposits and withdrawals drop out by
construction. At the end of each period

    C_bill = C + min(0, U)          U: unrealised profit of open positions at the end, so held losses count
    fee    = share x max(0, C_bill - H)
    H'     = max(H, C_bill)

``H`` begins at 0. Equality costs nothing; a loss is carried forward as ``H - C_bill``. The exact fees of all periods
sum to ``share x max(0, highest C_bill)`` for a constant share. Only the invoice is rounded: half-even to 0.01.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, localcontext

from backend.errors import InvalidInput

ZERO = Decimal(0)
CENT = Decimal("0.01")
PLACES = Decimal(1).scaleb(-8)
DEFAULT_SHARE = Decimal("0.20")
_WIDE = Context(prec=60)

DRAFT, APPROVED, INVOICED, PAID = "draft", "approved", "invoiced", "paid"
NEXT = {DRAFT: APPROVED, APPROVED: INVOICED, INVOICED: PAID}
"""The status after each: one way only, no step left out. From ``approved`` on nothing changes any more."""


class BillingPeriodState(InvalidInput):
    """This step does not fit the state of the billing period. Reload it."""

    code = "billing_period_state"


@dataclass(frozen=True, slots=True)
class Mark:
    """The running state between two periods: cumulative profit and the highest value billed so far."""

    cumulative: Decimal = ZERO
    high: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class PeriodBill:
    """One period worked out. ``fee`` is exact, ``invoice`` what is asked for."""

    start: Mark
    pnl: Decimal
    unrealized: Decimal
    share: Decimal
    cumulative: Decimal
    billable: Decimal
    gain: Decimal
    fee: Decimal
    high: Decimal

    @property
    def invoice(self) -> Decimal:
        """The fee rounded half-even to 0.01 USDT."""
        return self.fee.quantize(CENT, ROUND_HALF_EVEN, _WIDE)

    @property
    def carry_forward(self) -> Decimal:
        """The loss that must be earned back before anything is due again."""
        return self.high - self.billable if self.high > self.billable else ZERO

    @property
    def end(self) -> Mark:
        """Where the next period starts."""
        return Mark(self.cumulative, self.high)

    def formula(self) -> str:
        """The fee as a sum anybody can check by hand."""
        return (
            f"{_plain(self.share)} x max(0, {_plain(self.billable)} - {_plain(self.start.high)}) "
            f"= {_plain(self.fee)} -> {self.invoice:f} USDT"
        )


def net_of_trade(pnl: Decimal, fee: Decimal, funding: Decimal = ZERO) -> Decimal:
    """What one trade earned: price profit minus commissions plus funding received (minus when paid)."""
    with localcontext(_WIDE):
        return pnl - fee + funding


def total(amounts: Iterable[Decimal]) -> Decimal:
    """An exact sum, whatever the order."""
    with localcontext(_WIDE):
        return sum(amounts, ZERO)


def cut(value: Decimal) -> Decimal:
    """Rounded down towards zero to 8 places, as the ledger holds amounts."""
    return value.quantize(PLACES, ROUND_DOWN, _WIDE)


def bill(start: Mark, pnl: Decimal, share: Decimal, unrealized: Decimal = ZERO) -> PeriodBill:
    """One period from the mark it starts with. Raises ``InvalidInput`` for a share outside 0 to 1."""
    if not (share.is_finite() and 0 <= share <= 1):
        raise InvalidInput("The profit share is between 0 and 1.")
    with localcontext(_WIDE):
        cumulative = start.cumulative + pnl
        billable = cumulative + min(ZERO, unrealized)
        gain = max(ZERO, billable - start.high)
        return PeriodBill(
            start, pnl, unrealized, share, cumulative, billable, gain, share * gain, max(start.high, billable)
        )


def next_status(status: str, wanted: str) -> str:
    """``wanted`` when it is the next step. Raises ``BillingPeriodState``."""
    if NEXT.get(status) != wanted:
        raise BillingPeriodState(f"A period that is {status} cannot become {wanted}. Reload it.")
    return wanted


def month_start(moment: datetime) -> datetime:
    """The first instant of the month in UTC."""
    moment = moment.astimezone(UTC)
    return datetime(moment.year, moment.month, 1, tzinfo=UTC)


def month_after(start: datetime) -> datetime:
    """The first instant of the next month; also the (exclusive) end of this one."""
    return datetime(start.year + start.month // 12, start.month % 12 + 1, 1, tzinfo=UTC)


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
