from __future__ import annotations

from decimal import Decimal as D

import pytest

from state.words import compact, figure, percent, price, quantity


@pytest.mark.parametrize(
    ("value", "sign", "expected"),
    [
        (D("1234.565"), False, "1,234.56"),
        (D("1234.575"), False, "1,234.58"),
        (D("-0.5"), False, "\u22120.50"),
        (D("12"), True, "+12.00"),
        (D("0"), True, "0.00"),
        (D("-0.001"), True, "0.00"),
        (None, True, "–"),
    ],
)
def test_figure(value: D | None, sign: bool, expected: str) -> None:
    assert figure(value, sign=sign) == expected


def test_percent_has_a_space_and_a_real_minus() -> None:
    assert percent(D("-0.0124"), sign=True) == "\u22121.24 %"
    assert percent(None) == "–"


@pytest.mark.parametrize(("value", "expected"), [("91204.1", "91,204.10"), ("0.00012345", "0.00012345"), ("3.2", "3.2000")])
def test_price_keeps_five_digits(value: str, expected: str) -> None:
    assert price(D(value)) == expected


def test_compact_is_for_cards_only_above_a_hundred_thousand() -> None:
    assert compact(D("99999")) == "99,999.00"
    assert compact(D("4821000")) == "4.82M"


def test_quantity_drops_trailing_zeros_without_exponents() -> None:
    assert quantity(D("1200.00")) == "1,200"
    assert quantity(D("0.00400")) == "0.004"
