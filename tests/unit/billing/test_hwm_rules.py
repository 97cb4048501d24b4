"""The high-water mark: the eight-month table number for number, and what holds for any results."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.billing import hwm_rules as rules
from backend.billing.hwm_rules import BillingPeriodState, Mark, bill
from backend.errors import InvalidInput
from tests.support.golden import EIGHT_MONTHS, EIGHT_MONTHS_EQUITY

units = st.integers(-(10**15), 10**15).map(lambda n: D(n).scaleb(-8))
shares = st.integers(0, 10_000).map(lambda n: D(n).scaleb(-4))


def test_the_eight_months() -> None:
    mark, total = Mark(), D(0)
    for pnl, cumulative, high_before, fee, high_after, carried in EIGHT_MONTHS:
        assert mark.high == D(high_before)
        found = bill(mark, D(pnl), D("0.20"))
        assert (found.cumulative, found.fee, found.high, found.carry_forward) == tuple(
            map(D, (cumulative, fee, high_after, carried))
        )
        mark, total = found.end, total + found.fee
    assert total == 146


def test_the_eight_months_against_equity_and_flows() -> None:
    """Deposits and withdrawals drop out: a mark on equity that follows each flow charges the same fees."""
    mark, equity, high = Mark(), D(2000), D(2000)
    for (pnl, _, _, fee, _, _), (flow, equity_after, high_after) in zip(EIGHT_MONTHS, EIGHT_MONTHS_EQUITY, strict=True):
        equity, high = equity + D(flow) + D(pnl), high + D(flow)
        found = bill(mark, D(pnl), D("0.20"))
        assert found.fee == max(D(0), equity - high) * D("0.20") == D(fee)
        high, mark = max(high, equity), found.end
        assert (equity, high) == (D(equity_after), D(high_after))
    # A mark that is blind to the deposit of month 4 would have charged it as profit.
    assert (D(3650) - D(2600)) * D("0.20") == 210 != D(EIGHT_MONTHS[3][3])


@given(st.lists(st.tuples(units, units), max_size=40), shares)
def test_fees_sum_to_the_share_of_the_highest_billable_result(months: list[tuple[D, D]], share: D) -> None:
    mark, fees, highest = Mark(), D(0), D(0)
    for pnl, unrealized in months:
        found = bill(mark, pnl, share, unrealized)
        assert found.fee >= 0 and found.carry_forward >= 0
        assert (found.fee == 0) == (found.gain == 0 or share == 0)
        assert abs(found.invoice - found.fee) <= D("0.005")
        highest, fees, mark = max(highest, found.billable), fees + found.fee, found.end
    assert fees == share * highest


@given(st.lists(units, min_size=1, max_size=20), st.randoms())
def test_the_order_of_trades_within_a_period_does_not_matter(trades: list[D], random) -> None:
    other = list(trades)
    random.shuffle(other)
    assert bill(Mark(), rules.total(trades), D("0.2")) == bill(Mark(), rules.total(other), D("0.2"))


def test_open_losses_count_and_open_gains_do_not() -> None:
    assert bill(Mark(), D(100), D("0.2"), D(-40)).fee == D(12)
    assert bill(Mark(), D(100), D("0.2"), D(40)).fee == D(20)


def test_equality_costs_nothing_and_the_invoice_is_half_even() -> None:
    assert bill(Mark(D(50), D(100)), D(50), D("0.2")).fee == 0
    assert [str(bill(Mark(), D(v), D("0.1")).invoice) for v in ("0.25", "0.35", "0.05", "0.15")] == [
        "0.02", "0.04", "0.00", "0.02",
    ]  # fmt: skip
    assert (
        bill(Mark(D(300), D(500)), D("300.5"), D("0.2")).formula() == "0.2 x max(0, 600.5 - 500) = 20.1 -> 20.10 USDT"
    )


@pytest.mark.parametrize("share", ["-0.01", "1.01", "NaN"])
def test_shares_outside_zero_to_one(share: str) -> None:
    with pytest.raises(InvalidInput):
        bill(Mark(), D(1), D(share))


def test_the_way_to_paid_is_one_way() -> None:
    states = (rules.DRAFT, rules.APPROVED, rules.INVOICED, rules.PAID)
    for status in states:
        for wanted in states:
            if states.index(wanted) == states.index(status) + 1:
                assert rules.next_status(status, wanted) == wanted
            else:
                with pytest.raises(BillingPeriodState):
                    rules.next_status(status, wanted)


def test_months_are_utc_and_half_open() -> None:
    late = datetime(2026, 1, 1, 0, 30, tzinfo=UTC).astimezone()
    assert rules.month_start(late) == datetime(2026, 1, 1, tzinfo=UTC)
    assert rules.month_after(datetime(2025, 12, 1, tzinfo=UTC)) == datetime(2026, 1, 1, tzinfo=UTC)
    assert rules.month_after(datetime(2024, 2, 1, tzinfo=UTC)) == datetime(2024, 3, 1, tzinfo=UTC)
