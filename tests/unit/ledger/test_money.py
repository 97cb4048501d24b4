"""Reading amounts strictly."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.money import InvalidAmount, check_amount, exact_units, format_units, from_units, parse_amount, units_down


@pytest.mark.parametrize(
    "bad",
    ["0", 0, "-1", -1, "-0.0", "-0", "0.0", "NaN", "nan", "sNaN", "Infinity", "-Infinity", "1e400", "1E5", "1e-30",
     "1,000", "1_000", "１２", "٣", "1.2.3", "", " ", " 1", "1 ", "1\n", "+1", ".5", "5.", "01", "0x10", "1/2", "½",
     "0." + "1" * 40, "1.000000000", "0.000000001", True, False, None, 1.5, 0.1, float("nan"), float("inf"), b"1",
     [], {}, D("1"), "10000000000.00000001", "99999999999", 10**30, "1" * 5000],
)  # fmt: skip
def test_bad_amounts_are_refused(bad: object) -> None:
    with pytest.raises(InvalidAmount) as caught:
        parse_amount(bad)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", "1"), ("0.00000001", "0.00000001"), ("12.50", "12.5"), (7, "7"), ("10000000000", "10000000000"),
     ("1.00000000", "1")],
)  # fmt: skip
def test_good_amounts(text: object, value: str) -> None:
    assert parse_amount(text) == D(value)


def test_zero_and_negative_only_when_allowed() -> None:
    assert parse_amount("0", allow_zero=True) == 0
    assert parse_amount("-2.5", allow_negative=True) == D("-2.5")
    with pytest.raises(InvalidAmount):
        parse_amount("-0", allow_negative=True)
    with pytest.raises(InvalidAmount):
        parse_amount("-1", allow_zero=True)


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "0", "-1", "0.000000001", "1e400", "1E-400"])
def test_inner_decimals_are_checked_too(bad: str) -> None:
    with pytest.raises(InvalidAmount):
        check_amount(D(bad))


def test_trailing_zeros_are_not_decimals() -> None:
    assert check_amount(D("1.0000000000")) == 1


def test_rounding_is_down_towards_zero() -> None:
    assert units_down(D("1.999999999")) == 199999999
    assert units_down(D("-1.999999999")) == -199999999
    assert units_down(D("999999999999999999.999999999999999999")) == 99999999999999999999999999
    with pytest.raises(InvalidAmount):
        exact_units(D("0.000000001"))


@given(st.integers(-(2**62), 2**62))
def test_units_and_amounts_are_the_same_thing(units: int) -> None:
    assert exact_units(from_units(units)) == units == exact_units(D(format_units(units)))


@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_an_error(text: str) -> None:
    try:
        value = parse_amount(text)
    except InvalidAmount:
        return
    assert value > 0 and D(text) == value and text.isascii() and set(text) <= set("0123456789.")
