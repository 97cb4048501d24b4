"""Where an entry waits, how long, and what confirms it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.execution.resting_rules import (
    BadTerms,
    Terms,
    checked,
    expires_ms,
    limit_price,
    terms_of,
    touched,
    verdict,
)

D = Decimal


def test_terms_come_from_settings_and_bad_figures_are_the_defaults() -> None:
    assert terms_of({}) is None
    assert terms_of({"entry_mode": "market", "retest_bars": 3}) is None
    assert terms_of({"entry_mode": "limit"}) == Terms(20, D(0), 0)
    assert terms_of({"entry_mode": "limit", "retest_bars": True, "retest_offset_bps": -4, "confirm_after_fill": True}) == Terms(20, D(0), 3)
    with pytest.raises(BadTerms, match="window"):
        checked({"entry_mode": "limit", "retest_bars": 501, "retest_offset_bps": 0, "post_fill_confirm_bars": 1})
    assert checked({"entry_mode": "market", "retest_bars": 501}) == {}


@pytest.mark.parametrize(("side", "price", "reached"), [("LONG", "99.9", True), ("LONG", "100", True), ("LONG", "100.1", False),
                                                         ("SHORT", "100.1", True), ("SHORT", "99.9", False)])  # fmt: skip
def test_a_price_is_reached_from_its_own_side(side: str, price: str, reached: bool) -> None:
    assert touched(D(100), side, D(price)) is reached


def test_the_offset_is_always_in_favour_and_the_price_stays_short() -> None:
    assert limit_price(D("64000.5"), "LONG", D(10)) == D("63936.4995")
    assert limit_price(D("64000.5"), "SHORT", D(10)) == D("64064.5005")
    tiny = limit_price(D("0.0000123456789012"), "LONG", D(333))
    assert -int(tiny.as_tuple().exponent) <= 18
    assert expires_ms(1_000, 60, 2) == 1_180


@pytest.mark.parametrize(("side", "close", "direction", "bar_close", "said"), [
    ("LONG", "101", 1, 100, "confirmed"), ("LONG", "99", 0, 100, "wait"), ("LONG", "99", 0, 300, "close"), ("LONG", "101", -1, 100, "close"),
    ("LONG", "100", 0, 100, "wait"), ("SHORT", "99", 0, 100, "confirmed"), ("SHORT", "101", 0, 300, "close"), ("SHORT", "99", 1, 100, "close"),
])  # fmt: skip
def test_verdicts(side: str, close: str, direction: int, bar_close: int, said: str) -> None:
    assert verdict(side, D(100), D(close), direction, bar_close_ms=bar_close, until_ms=300) == said
