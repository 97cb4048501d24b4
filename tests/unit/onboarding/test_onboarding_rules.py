from __future__ import annotations

from decimal import Decimal

import pytest

from backend.onboarding.rules import judge_key, may_store, worst_case

GOOD = {
    "restrictions": {
        "ipRestrict": True, "enableReading": True, "enableWithdrawals": False, "enableInternalTransfer": False,
        "enableFutures": True, "permitsUniversalTransfer": False, "expires_ms": None,
    },
    "clock": {"skew_ms": 12},
    "account": {"can_trade": True, "balance": "10"},
    "position_mode": {"hedge": False},
    "multi_assets": {"on": False},
    "test_order": {"accepted": True},
}  # fmt: skip
DAY = 86_400_000


def states(**change: object) -> dict[str, str]:
    return {check.name: check.state for check in judge_key({**GOOD, **change}, strict=True, now_ms=0)}


@pytest.mark.parametrize(("skew", "state"), [(499, "pass"), (-499, "pass"), (500, "fail"), (-2000, "fail")])
def test_the_clock_may_differ_by_less_than_half_a_second(skew: int, state: str) -> None:
    assert states(clock={"skew_ms": skew})["clock"] == state


@pytest.mark.parametrize(("until", "state"), [(31 * DAY, "pass"), (30 * DAY, "warn"), (DAY, "warn"), (-1, "fail")])
def test_a_key_that_ends_soon_is_warned_of(until: int, state: str) -> None:
    assert states(restrictions={**GOOD["restrictions"], "expires_ms": until})["expiry"] == state


def test_a_missing_word_about_withdrawals_is_a_refusal() -> None:
    silent = {k: v for k, v in GOOD["restrictions"].items() if k != "enableWithdrawals"}
    assert states(restrictions=silent)["withdrawals"] == "fail"


def test_nothing_answered_is_a_refusal() -> None:
    checks = judge_key({}, strict=False)
    assert not may_store(checks) and {check.state for check in checks} == {"fail", "skip"}


def test_an_empty_wallet_is_only_warned_of() -> None:
    assert states(account={"can_trade": True, "balance": "0"})["wallet"] == "warn"
    assert states(account={"can_trade": False, "balance": "5"})["wallet"] == "fail"


def test_worst_case_by_hand() -> None:
    # four positions of 250 stopped at 10 % of the margin: 1000 in use, 100 lost, 1900 of 2000 left
    found = worst_case(Decimal(2000), max_positions=4, max_position=Decimal(250), stop_roi=Decimal(10))
    assert found == {"margin": Decimal("1000.00"), "loss": Decimal("100.00"), "left": Decimal("1900.00"), "share": Decimal("5.0")}
    without = worst_case(Decimal(500), max_positions=4, max_position=Decimal(250), stop_roi=None)
    assert without["loss"] == Decimal("500.00") and without["left"] == 0


@pytest.mark.parametrize(("skew", "unsure", "state"), [(785, 300, "pass"), (-1200, 700, "fail"), (1199, 700, "pass"), (100, 900, "pass")])
def test_a_slow_answer_says_little_about_the_clocks(skew: int, unsure: int, state: str) -> None:
    assert states(clock={"skew_ms": skew, "unsure_ms": unsure})["clock"] == state
