"""Each rule at its boundary, and the law of layers: the strictest wins, a further limit never allows more."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.risk.limit_rules import (
    AGENT,
    CODES,
    LAYERS,
    PLATFORM,
    RULES,
    SENTENCES,
    TENANT,
    BadLimit,
    Entry,
    Facts,
    Total,
    as_json,
    capped,
    combine,
    parse_limits,
    refuse_order,
)

D = Decimal


def facts(**change: Any) -> Facts:
    base = Facts(D(1000), D(900), D(1000), totals={PLATFORM: Total(D(5000), 7), TENANT: Total(D(3000), 4)})
    return replace(base, **change)


def asked(limits: dict[str, Any], layer: str = PLATFORM, have: Facts | None = None, **order: Any) -> str:
    effective = combine([(layer, parse_limits(limits, layer))])
    given_ = {"symbol": "BTC/USDT", "direction": "LONG", "notional_usdt": D(500), "leverage": 5, **order}
    found = refuse_order(effective, have or facts(), Entry(**given_))
    return found.code if found else ""


@pytest.mark.parametrize(
    ("limits", "passes", "refuses", "code"),
    [
        ({"min_balance_usdt": "100"}, facts(available_usdt=D(100)), facts(available_usdt=D("99.99")), "RISK_INSUFFICIENT_BALANCE"),
        ({"max_positions": 3}, facts(positions=2), facts(positions=3), "RISK_MAX_POSITION"),
        ({"max_trades_per_day": 100}, facts(trades_today=99), facts(trades_today=100), "RISK_DAILY_TRADE_LIMIT"),
        ({"max_trades_per_week": 500}, facts(trades_this_week=499), facts(trades_this_week=500), "RISK_WEEKLY_TRADE_LIMIT"),
        ({"max_daily_loss_usdt": 1000}, facts(loss_today_usdt=D("999.99")), facts(loss_today_usdt=D(1000)), "RISK_DAILY_LOSS_LIMIT"),
        ({"max_losses_in_a_row": 5}, facts(losses_in_a_row=4, since_loss_s=1), facts(losses_in_a_row=5, since_loss_s=1), "RISK_CONSECUTIVE_LOSS"),
        (
            {"max_losses_in_a_row": 5, "pause_after_losses_min": 10},
            facts(losses_in_a_row=5, since_loss_s=600), facts(losses_in_a_row=5, since_loss_s=599), "RISK_CONSECUTIVE_LOSS",
        ),
        ({"trade_pause_s": 60}, facts(since_entry_s=60), facts(since_entry_s=59.9), "RISK_TRADE_COOLDOWN"),
        ({"equity_stop_pct": 10}, facts(equity_usdt=D("900.01")), facts(equity_usdt=D(900)), "RISK_EQUITY_STOP"),
        ({"max_symbol_exposure_usdt": 800}, facts(by_symbol={"BTC/USDT": D(300)}), facts(by_symbol={"BTC/USDT": D(301)}), "RISK_SYMBOL_EXPOSURE"),
        ({"max_direction_exposure_usdt": 800}, facts(by_direction={"LONG": D(300), "SHORT": D(999)}), facts(by_direction={"LONG": D(301)}), "RISK_DIRECTION_EXPOSURE"),
        ({"max_total_exposure_usdt": 5500}, facts(), facts(totals={PLATFORM: Total(D(5001), 1)}), "RISK_TOTAL_EXPOSURE"),
        ({"max_total_positions": 8}, facts(), facts(totals={PLATFORM: Total(D(0), 8)}), "RISK_TOTAL_POSITIONS"),
    ],
)  # fmt: skip
def test_each_rule_at_its_boundary(limits: dict[str, Any], passes: Facts, refuses: Facts, code: str) -> None:
    assert asked(limits, have=passes) == ""
    assert asked(limits, have=refuses) == code


def test_rules_on_the_order_itself() -> None:
    assert asked({"symbols_allowed": ["ETH/USDT"]}) == "RISK_SYMBOL_NOT_ALLOWED"
    assert asked({"symbols_allowed": ["ETH/USDT", "BTC/USDT"]}) == ""
    assert asked({"symbols_blocked": ["btc/usdt"]}) == "RISK_SYMBOL_BLOCKED"
    assert asked({"max_leverage": 4}) == "RISK_MAX_LEVERAGE" and asked({"max_leverage": 5}) == ""
    assert asked({"max_position_value_usdt": "499.99"}) == "RISK_MAX_POSITION_VALUE"
    assert asked({"max_position_value_usdt": "500"}) == ""
    tight = combine([(PLATFORM, parse_limits({"max_leverage": 4, "max_position_value_usdt": 300}, PLATFORM))])
    assert capped(tight, D(500), 5) == (D(300), 4)
    assert refuse_order(tight, facts(), Entry("BTC/USDT", "LONG", *capped(tight, D(500), 5))) is None


@pytest.mark.parametrize(
    ("limits", "blind"),
    [
        ({"min_balance_usdt": 1}, facts(available_usdt=None)), ({"max_positions": 9}, facts(positions=None)),
        ({"max_trades_per_day": 9}, facts(trades_today=None)), ({"max_trades_per_week": 9}, facts(trades_this_week=None)),
        ({"max_daily_loss_usdt": 9}, facts(loss_today_usdt=None)), ({"max_losses_in_a_row": 9}, facts(losses_in_a_row=None)),
        ({"equity_stop_pct": 99}, facts(equity_usdt=None)), ({"equity_stop_pct": 99}, facts(equity_peak_usdt=D(0))),
        ({"max_total_positions": 99}, facts(totals={})), ({"max_total_exposure_usdt": 99999}, facts(totals={PLATFORM: Total(None, 1)})),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused(limits: dict[str, Any], blind: Facts) -> None:
    assert asked(limits, have=blind) == "RISK_NO_DATA"
    assert asked({}, have=blind) == "", "without the limit it does not matter"


def test_the_strictest_wins_and_is_named() -> None:
    found = combine([
        (PLATFORM, parse_limits({"max_positions": 10, "min_balance_usdt": 100, "symbols_allowed": ["BTC/USDT", "ETH/USDT"]}, PLATFORM)),
        (TENANT, parse_limits({"max_positions": 5, "min_balance_usdt": 50, "symbols_blocked": ["SOL/USDT"]}, TENANT)),
        (AGENT, parse_limits({"max_positions": 7, "min_balance_usdt": 200, "symbols_allowed": ["ETH/USDT", "XRP/USDT"]}, AGENT)),
    ])  # fmt: skip
    assert (found.limits["max_positions"], found.sources["max_positions"]) == (5, TENANT)
    assert (found.limits["min_balance_usdt"], found.sources["min_balance_usdt"]) == (D(200), AGENT)
    assert found.limits["symbols_allowed"] == {"ETH/USDT"}
    assert found.sources["symbols_blocked"] == TENANT


def test_a_layer_is_counted_over_its_own_accounts() -> None:
    both = combine([(PLATFORM, {"max_total_positions": 8}), (TENANT, {"max_total_positions": 4})])
    assert refuse_order(both, facts(), Entry("BTC/USDT", "LONG", D(1), 1)).source == TENANT  # type: ignore[union-attr]


def test_written_entries_count_at_once() -> None:
    have, limits = facts(), combine([(PLATFORM, {"max_total_positions": 8, "max_symbol_exposure_usdt": D(900)})])
    assert refuse_order(limits, have, Entry("BTC/USDT", "LONG", D(500), 5)) is None
    have.opened("BTC/USDT", "LONG", D(500))
    assert refuse_order(limits, have, Entry("BTC/USDT", "LONG", D(500), 5)).code == "RISK_SYMBOL_EXPOSURE"  # type: ignore[union-attr]
    assert refuse_order(limits, have, Entry("ETH/USDT", "LONG", D(500), 5)).code == "RISK_TOTAL_POSITIONS"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "bad",
    [
        {"nothing": 1}, {"max_positions": "x"}, {"max_positions": 1.5}, {"max_positions": "1.5"}, {"max_positions": -1}, {"max_leverage": 0},
        {"equity_stop_pct": "NaN"}, {"min_balance_usdt": True}, {"symbols_allowed": "BTCUSDT"}, {"symbols_blocked": [1]}, {"max_positions": "９"},
    ],
)  # fmt: skip
def test_bad_limits_are_named(bad: dict[str, Any]) -> None:
    with pytest.raises(BadLimit) as said:
        parse_limits(bad, PLATFORM)
    assert next(iter(bad)) in said.value.message or "USDT" in said.value.message
    with pytest.raises(BadLimit):
        parse_limits({"max_total_positions": 5}, AGENT)


def test_every_code_has_a_sentence() -> None:
    assert set(CODES) == set(SENTENCES)


SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")


def layer_values() -> st.SearchStrategy[dict[str, Any]]:
    single = {}
    for rule in RULES.values():
        if rule.kind in ("only", "never"):
            single[rule.name] = st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=3)
        else:
            single[rule.name] = st.integers(1, 100)
    return st.fixed_dictionaries({}, optional=single)


LAYER = st.sampled_from(LAYERS).flatmap(
    lambda layer: layer_values().map(
        lambda values: (layer, parse_limits({k: v for k, v in values.items() if layer != AGENT or not RULES[k].shared}, layer))
    )
)
amount = st.integers(0, 150).map(Decimal)
maybe = st.one_of(st.none(), amount)
count = st.one_of(st.none(), st.integers(0, 120))
FACTS = st.builds(
    Facts, maybe, maybe, maybe, count, count, count, maybe, count, st.one_of(st.none(), st.floats(0, 9000)), st.one_of(st.none(), st.floats(0, 200)),
    st.dictionaries(st.sampled_from(SYMBOLS), amount), st.dictionaries(st.sampled_from(("LONG", "SHORT")), amount),
    st.dictionaries(st.sampled_from(LAYERS), st.builds(Total, maybe, count)),
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.lists(LAYER, max_size=3), LAYER, FACTS, st.sampled_from(SYMBOLS), st.sampled_from(("LONG", "SHORT")), amount, st.integers(1, 125))
def test_a_further_limit_never_allows_more(
    layers: list[Any], extra: Any, have: Facts, symbol: str, direction: str, notional: Decimal, leverage: int
) -> None:
    entry = Entry(symbol, direction, notional, leverage)
    before, after = combine(layers), combine([*layers, extra])
    if refuse_order(before, have, entry) is not None:
        assert refuse_order(after, have, entry) is not None
    less = capped(after, notional, leverage)
    assert less[0] <= capped(before, notional, leverage)[0] and less[1] <= capped(before, notional, leverage)[1]
    # Order of the layers decides only who is named.
    assert combine(reversed([*layers, extra])).limits == after.limits
    assert parse_limits(as_json(extra[1]), extra[0]) == extra[1]


def test_a_shorter_pause_of_another_layer_weakens_nothing() -> None:
    have = facts(losses_in_a_row=5, since_loss_s=1200.0)
    alone = combine([(PLATFORM, {"max_losses_in_a_row": 5})])
    both = combine([(PLATFORM, {"max_losses_in_a_row": 5}), (AGENT, {"pause_after_losses_min": 10})])
    for effective in (alone, both):
        assert refuse_order(effective, have, Entry("BTC/USDT", "LONG", D(1), 1)) is not None
