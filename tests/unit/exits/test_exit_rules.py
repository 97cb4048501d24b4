from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.exits.rules import (
    HOUR_MS,
    ExitConfig,
    ExitConfigError,
    ExitPlan,
    make_plan,
    on_tick,
    price_at_roi,
    roi_pct,
    trailing_stop,
)

AGENT = ExitConfig()  # stop -10 %, trailing 6/3, 48 h
L3 = D(3)


def walk(plan, *prices, start_ms=0, **kwargs):
    for step, price in enumerate(prices):
        plan, reason = on_tick(plan, D(price), start_ms + step, **kwargs)
        if reason:
            return step, reason
    return None


def test_stop_is_ten_per_cent_of_margin():
    plan = make_plan(AGENT, "LONG", D(300), L3, 0)
    assert plan.stop_loss == D(290)  # 300 * (1 - 10 % / 3)
    assert walk(plan, "290.01", "290") == (1, "SL")
    short = make_plan(AGENT, "SHORT", D(300), L3, 0)
    assert short.stop_loss == D(310)
    assert walk(short, "309.99", "310.5") == (1, "SL")


def test_stop_left_to_the_exchange():
    plan = make_plan(AGENT, "LONG", D(300), L3, 0)
    assert walk(plan, "200", stop_at_exchange=True) is None


def test_stop_fires_right_after_entry_there_is_no_minimum_hold():
    plan = make_plan(AGENT, "LONG", D(300), L3, 1000)
    assert on_tick(plan, D(289), 1000)[1] == "SL"


def test_trailing_long_at_three_times():
    # 3x: ROI 6 % is a move of 2 % (306). Peak 312 is ROI 12; trailing closes at ROI 9, price 309.
    plan = make_plan(AGENT, "LONG", D(300), L3, 0)
    assert walk(plan, "305.9", "303", "306", "312", "309.01", "309") == (5, "TRAILING")


def test_trailing_short_mirrors():
    plan = make_plan(AGENT, "SHORT", D(300), L3, 0)
    assert walk(plan, "294.1", "297", "294", "288", "290.99", "291") == (5, "TRAILING")


def test_trailing_stop_price_is_shown_once_started():
    plan = make_plan(AGENT, "LONG", D(300), L3, 0)
    assert trailing_stop(plan) is None
    plan, _ = on_tick(plan, D(312), 1)
    assert trailing_stop(plan) == D(309)


def test_take_profit_at_or_before_trailing_start_is_dropped():
    at_start = make_plan(AGENT, "LONG", D(300), L3, 0, take_profit=D(306))
    assert at_start.take_profit is None
    assert walk(at_start, "306", "330") is None
    beyond = make_plan(AGENT, "LONG", D(300), L3, 0, take_profit=D(330))
    assert walk(beyond, "306", "330") == (1, "TP")


def test_signal_levels_and_their_replacement_when_gapped():
    fixed = ExitConfig(trailing_start_roi_pct=None, trailing_distance_roi_pct=None)
    plan = make_plan(fixed, "SHORT", D(100), D(1), 0, stop_loss=D(104), take_profit=D(90))
    assert (plan.stop_loss, plan.take_profit) == (D(104), D(90))
    # Filled above the signal's stop: the configured 10 % stands in.
    gapped = make_plan(fixed, "SHORT", D(105), D(1), 0, stop_loss=D(104), take_profit=D(90))
    assert gapped.stop_loss == D("115.5")
    own = make_plan(
        ExitConfig(use_signal_levels=False), "LONG", D(100), D(1), 0, stop_loss=D(99), take_profit=D(150)
    )
    assert (own.stop_loss, own.take_profit) == (D(90), None)


def test_stop_before_take_profit_before_trailing_before_time():
    both = ExitPlan("LONG", D(100), D(1), 0, D(100), stop_loss=D(100), take_profit=D(100), max_hold_ms=1)
    assert on_tick(both, D(100), 5)[1] == "SL"
    assert on_tick(both, D(100), 5, stop_at_exchange=True)[1] == "TP"


def test_time_is_market_time_from_the_opening():
    plan = make_plan(AGENT, "LONG", D(300), L3, 7 * HOUR_MS)
    assert on_tick(plan, D(300), 55 * HOUR_MS - 1)[1] is None
    assert on_tick(plan, D(300), 55 * HOUR_MS)[1] == "TIME"


@pytest.mark.parametrize(
    "bad",
    [{"stop_loss_roi_pct": D(-1)}, {"max_hold_ms": 0}, {"trailing_distance_roi_pct": None}],
)
def test_bad_settings_are_refused(bad):
    with pytest.raises(ExitConfigError):
        ExitConfig(**bad)


prices = st.decimals("0.01", "100000", places=2)


@given(prices, prices, st.sampled_from(["LONG", "SHORT"]), st.integers(1, 125))
def test_roi_and_price_are_inverse(entry, price, side, leverage):
    roi = roi_pct(side, entry, price, D(leverage))
    assert abs(price_at_roi(side, entry, roi, D(leverage)) - price) < D("1e-15") * max(price, entry)


@given(st.lists(prices, min_size=1, max_size=40), st.sampled_from(["LONG", "SHORT"]))
def test_peak_is_the_best_price_and_trailing_never_closes_below_the_start(path, side):
    config = ExitConfig(stop_loss_roi_pct=None, max_hold_ms=None)
    entry = path[0]
    plan = make_plan(config, side, entry, L3, 0)
    for step, price in enumerate(path):
        plan, reason = on_tick(plan, price, step)
        seen = path[: step + 1]
        assert plan.peak == (max(seen) if side == "LONG" else min(seen))
        if reason:
            best = roi_pct(side, entry, plan.peak, L3)
            assert reason == "TRAILING"
            assert best >= 6 and best - roi_pct(side, entry, price, L3) >= 3
            break
