from __future__ import annotations

import re
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.execution.rules import (
    Size,
    SizingSource,
    SymbolLimits,
    client_order_id,
    floor_to,
    margin_by_score,
    margin_from_capital,
    notional_from_capital,
    position_size,
    quantity_for,
    risk_based_notional,
    round_price,
)

NONE = SizingSource()


@pytest.mark.parametrize(
    ("capital", "leverage", "mode", "margin", "amount"),
    [
        (1000, 20, 1, "10", "200"),
        (1000, 20, 2, "15", "300"),
        (1000, 20, 3, "20", "400"),
        (2000, 50, 1, "20", "1000"),
        (2000, 50, 3, "40", "2000"),
        (5000, 10, 3, "100", "1000"),
    ],
)
def test_golden_amounts(capital, leverage, mode, margin, amount):
    assert margin_from_capital(D(capital), mode) == D(margin)
    assert notional_from_capital(D(capital), leverage, mode) == D(amount)


def test_unknown_risk_mode_is_steady_and_no_capital_is_nothing():
    assert notional_from_capital(D(1000), 20, 9) == D(200)
    assert notional_from_capital(D(0), 20, 1) == 0


@pytest.mark.parametrize(
    ("stop", "leverage", "capital", "amount"),
    [
        ("99", 1, None, "2000"),
        ("98", 1, None, "1000"),
        ("95", 10, None, "400"),
        ("99.95", 1, None, "20000"),
        ("99.95", 1, D(1000), "3000"),
    ],
)
def test_golden_risk_based(stop, leverage, capital, amount):
    size = risk_based_notional(D(20), D(100), D(stop), leverage, capital)
    assert size.notional_usdt == D(amount)
    assert not size.skipped


def test_stop_near_liquidation_skips_the_trade():
    size = risk_based_notional(D(20), D(100), D(95), 20)
    assert size.skipped
    assert "liquidation" in size.reason
    # Exactly at the limit (0.8 / 20 = 4 %) is still allowed.
    assert risk_based_notional(D(20), D(100), D(96), 20).notional_usdt == D(500)


def test_binding_with_capital_wins_and_ratio_scales():
    binding = SizingSource(capital=D(1000), leverage=20, risk_mode=2)
    instance = SizingSource(capital=D(9000), leverage=5)
    size, leverage = position_size(binding, instance, NONE, ratio_pct=50)
    assert (size.notional_usdt, size.margin_usdt, leverage) == (D("150.00"), D("7.50"), 20)


def test_instance_inherits_field_by_field_from_the_strategy():
    instance = SizingSource(leverage=10)
    strategy = SizingSource(capital=D(2000), leverage=50, risk_mode=3)
    size, leverage = position_size(NONE, instance, strategy)
    assert (size.notional_usdt, leverage) == (D(400), 10)
    own_loss = SizingSource(leverage=10, max_loss_per_trade=D(25))
    assert position_size(NONE, own_loss, strategy)[0].notional_usdt == D(250)


def test_without_capital_the_stored_amount_then_the_default_is_used():
    assert position_size(NONE, NONE, SizingSource(amount_usdt=D(70)))[0].notional_usdt == D(70)
    assert position_size(NONE, NONE, NONE)[0].notional_usdt == D(100)


def test_risk_based_zero_skips_instead_of_keeping_the_fixed_amount():
    binding = SizingSource(capital=D(1000), leverage=20, risk_mode=3)
    size, _ = position_size(binding, NONE, NONE, risk_based=True, entry=D(100), stop_loss=D(95))
    assert size.skipped and "liquidation" in size.reason
    size, _ = position_size(binding, NONE, NONE, risk_based=True, entry=D(100), stop_loss=D(99))
    assert size.notional_usdt == D(2000)  # max loss 20 over 1 %, below the cap of 3000


def test_ratio_out_of_range_is_refused():
    assert position_size(NONE, NONE, NONE, ratio_pct=0)[0].skipped
    assert position_size(NONE, NONE, NONE, ratio_pct=101)[0].skipped


@pytest.mark.parametrize(
    ("score", "margin"),
    [(90, "150.00"), (85, "150.00"), (84, "250.00"), (79, "350.00"), (74, "250.00"), (60, "150.00")],
)
def test_margin_steps(score, margin):
    size = margin_by_score(score, D(2000), 3)
    assert size == Size(D(margin) * 3, D(margin))


def test_margin_by_score_bounds():
    assert margin_by_score(59, D(2000), 3).skipped
    assert margin_by_score(75, D(1000), 3).margin_usdt == D("220.00")  # 22 % of what is free
    assert margin_by_score(75, D(2000), 3, tier=1).margin_usdt == D("455.00")
    assert margin_by_score(75, D(2000), 3, tier=1, max_margin_usdt=D(400)).margin_usdt == D(400)
    assert margin_by_score(60, D(100), 3, tier=3).margin_usdt == D(50)  # 10 % of 100 x 0.7, floor 50
    assert margin_by_score(60, D(49), 3).skipped
    assert margin_by_score(75, D(2000), 3, risk_factor=D(0)).skipped


def test_client_order_id_is_stable_and_venue_safe():
    name = client_order_id("sig-1", 7, "OPEN")
    assert name == client_order_id("sig-1", "7", "OPEN")
    assert re.fullmatch(r"q[a-z2-7]{25}", name)
    # A published order name must never change: a restart would send it twice.
    assert name == "qrf27quxexwqwwi433ffnd4ihj"


@given(st.tuples(st.text(), st.text(), st.text()), st.tuples(st.text(), st.text(), st.text()))
def test_client_order_ids_differ_when_any_part_differs(first, second):
    same = client_order_id(*first) == client_order_id(*second)
    assert same == (first == second)


def test_moving_a_character_between_parts_changes_the_id():
    assert client_order_id("1", "23", "OPEN") != client_order_id("12", "3", "OPEN")


def test_quantity_is_cut_to_the_step_and_never_raised():
    limits = SymbolLimits(step_size=D("0.001"), min_quantity=D("0.001"), min_notional=D(5))
    assert quantity_for(D(100), D("30000"), limits).coins == D("0.003")
    assert quantity_for(D(20), D("30000"), limits).coins == 0
    small = quantity_for(D("4.9"), D(1), limits)
    assert small.coins == 0 and "minimum" in small.reason


def test_prices_go_to_the_nearest_tick():
    assert round_price(D("98.4549"), D("0.01")) == D("98.45")
    assert round_price(D("98.455"), D("0.01")) == D("98.46")
    assert round_price(D("98.455"), D(0)) == D("98.455")


@given(st.decimals(0, 10**6, places=8), st.sampled_from([D("0.1"), D("0.001"), D(1), D("0.00000001")]))
def test_floor_to_is_a_multiple_not_above(value, step):
    floored = floor_to(value, step)
    assert floored <= value < floored + step
    assert floored % step == 0
