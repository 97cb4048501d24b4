"""Limits before an entry: each rule at its edge, whose limit wins, and that a further limit never allows more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.risk.limit_rules import (
    BY_NAME,
    DOCUMENTED,
    NO_DATA,
    RULES,
    BadLimit,
    Facts,
    OpenTrade,
    Wanted,
    as_json,
    check,
    read_limits,
    strictest,
)  # fmt: skip

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
HELD = (OpenTrade("BTC/USDT", "LONG", D(300)), OpenTrade("ETH/USDT", "SHORT", D(200)))
FACTS = Facts(
    NOW, available_usdt=D(150), equity_usdt=D(900), equity_peak_usdt=D(1000), open=HELD, trades_today=4, trades_week=9,
    today_pnl_usdt=D(-40), losses_in_a_row=3, last_loss_at=NOW - timedelta(minutes=10), last_trade_at=NOW - timedelta(seconds=50),
    totals_usdt={"platform": D(5000), "tenant": D(900), "agent": D(500)},
)  # fmt: skip
WANTED = Wanted("BTC/USDT", "LONG", D(100), 5)


def ask(limits: dict[str, Any], facts: Facts = FACTS, wanted: Wanted = WANTED, source: str = "agent") -> str:
    refusal = check(strictest([(source, read_limits(limits))]), facts, wanted)
    return refusal.code if refusal else ""


@pytest.mark.parametrize(
    ("name", "passes", "refuses", "code"),
    [
        ("min_balance_usdt", "150", "150.01", "RISK_INSUFFICIENT_BALANCE"), ("max_positions", 3, 2, "RISK_MAX_POSITION"),
        ("max_position_value_usdt", "100", "99.99", "RISK_MAX_POSITION_VALUE"), ("daily_trades", 5, 4, "RISK_DAILY_TRADE_LIMIT"),
        ("weekly_trades", 10, 9, "RISK_WEEKLY_TRADE_LIMIT"), ("daily_loss_usdt", "40.01", "40", "RISK_DAILY_LOSS_LIMIT"),
        ("losses_in_a_row", 4, 3, "RISK_CONSECUTIVE_LOSS"), ("trade_pause_s", 50, 51, "RISK_TRADE_COOLDOWN"),
        ("symbols_only", ["BTC/USDT", "SOL/USDT"], ["ETH/USDT"], "RISK_SYMBOL_NOT_ALLOWED"),
        ("symbols_never", ["ETH/USDT"], ["btc/usdt"], "RISK_SYMBOL_BLOCKED"), ("max_leverage", 5, 4, "RISK_MAX_LEVERAGE"),
        ("max_symbol_usdt", "400", "399.99", "RISK_SYMBOL_EXPOSURE"), ("max_side_usdt", "400", "399", "RISK_SIDE_EXPOSURE"),
        ("equity_stop_pct", "10.1", "10", "RISK_EQUITY_STOP"), ("max_total_usdt", "600", "599", "RISK_TOTAL_EXPOSURE"),
    ],
)  # fmt: skip
def test_each_rule_at_its_edge(name: str, passes: Any, refuses: Any, code: str) -> None:
    assert ask({name: passes}) == ""
    assert ask({name: refuses}) == code
    assert BY_NAME[name].code == code


def test_every_rule_is_tested_above() -> None:
    tested = {mark.args[1][n][0] for mark in test_each_rule_at_its_edge.pytestmark for n in range(15)}
    assert tested | {"loss_pause_minutes"} == set(BY_NAME)


@pytest.mark.parametrize(
    ("limits", "unknown"),
    [
        ({"min_balance_usdt": "1"}, "available_usdt"), ({"equity_stop_pct": "50"}, "equity_usdt"), ({"equity_stop_pct": "50"}, "equity_peak_usdt"),
        ({"daily_trades": 99}, "trades_today"), ({"weekly_trades": 99}, "trades_week"), ({"daily_loss_usdt": "999"}, "today_pnl_usdt"),
        ({"losses_in_a_row": 99}, "losses_in_a_row"),
    ],
)  # fmt: skip
def test_no_data_is_no_permission(limits: dict[str, Any], unknown: str) -> None:
    assert ask(limits) == ""
    assert ask(limits, replace(FACTS, **{unknown: None})) == NO_DATA
    assert ask({"max_total_usdt": "999999"}, replace(FACTS, totals_usdt={})) == NO_DATA


def test_after_losses_an_account_waits_and_then_goes_on() -> None:
    assert ask({"losses_in_a_row": 3, "loss_pause_minutes": 10}) == ""
    assert ask({"losses_in_a_row": 3, "loss_pause_minutes": 11}) == "RISK_CONSECUTIVE_LOSS"
    later = replace(FACTS, now=NOW + timedelta(minutes=25))
    assert ask({"losses_in_a_row": 3}, later) == ""
    assert ask({"loss_pause_minutes": 600}) == ""


def test_the_total_is_that_of_whoever_limits_it() -> None:
    for source, edge in (("platform", "5100"), ("tenant", "1000"), ("agent", "600")):
        assert ask({"max_total_usdt": edge}, source=source) == ""
        assert ask({"max_total_usdt": str(D(edge) - 1)}, source=source) == "RISK_TOTAL_EXPOSURE"


def test_the_strictest_wins_and_it_is_said_whose() -> None:
    found = strictest(
        [
            ("platform", read_limits({"max_leverage": 10, "min_balance_usdt": "100", "symbols_only": "BTC/USDT ETH/USDT"})),
            ("tenant", read_limits({"max_leverage": 20, "min_balance_usdt": "500", "symbols_never": ["SOL/USDT"]})),
            ("agent", read_limits({"max_leverage": 3, "symbols_only": ["ETH/USDT", "SOL/USDT"], "symbols_never": "XRP/USDT"})),
        ]
    )
    assert {name: (as_json({name: limit.value})[name], limit.source) for name, limit in found.items()} == {
        "max_leverage": ("3", "agent"), "min_balance_usdt": ("500", "tenant"), "symbols_only": (["ETH/USDT"], "agent"),
        "symbols_never": (["SOL/USDT", "XRP/USDT"], "agent"),
    }  # fmt: skip
    refusal = check(found, FACTS, Wanted("ETH/USDT", "LONG", D(100), 3))
    assert refusal is not None and refusal.source == "tenant" and "tenant" in refusal.sentence


@pytest.mark.parametrize(
    "wrong",
    [
        {"nothing": 1}, {"max_leverage": 0}, {"max_leverage": 126}, {"max_leverage": "2.5"}, {"max_leverage": True}, {"max_positions": "NaN"},
        {"min_balance_usdt": "-1"}, {"min_balance_usdt": "1e99"}, {"daily_loss_usdt": "0"}, {"symbols_only": "BTC"}, {"symbols_never": [7]},
        {"symbols_only": ["A/B"] * 501}, {"equity_stop_pct": "101"}, {"daily_trades": "٣"},
    ],
)  # fmt: skip
def test_what_is_no_limit_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadLimit, match=next(iter(wrong))):
        read_limits(wrong)


def test_the_documented_limits_and_their_way_through_json() -> None:
    limits = read_limits(DOCUMENTED)
    assert as_json(limits) == {
        "min_balance_usdt": "100", "max_positions": "10", "daily_trades": "100", "daily_loss_usdt": "1000", "losses_in_a_row": "5",
        "loss_pause_minutes": "30",
    }  # fmt: skip
    assert read_limits(as_json(limits)) == limits
    assert read_limits({"max_leverage": "", "symbols_only": [], "max_positions": None}) == {}


_SYMBOLS = st.lists(st.sampled_from(["BTC/USDT", "ETH/USDT", "SOL/USDT"]), max_size=3)
_VALUES = {
    rule.name: _SYMBOLS if rule.name.startswith("symbols") else st.integers(max(1, int(rule.low)), min(int(rule.high), 1_000)) for rule in RULES
}
_LIMITS = st.fixed_dictionaries({}, optional=_VALUES).map(read_limits)
_MAYBE = st.one_of(st.none(), st.integers(0, 1_000).map(D))
_COUNT = st.one_of(st.none(), st.integers(0, 20))
_AT = st.one_of(st.none(), st.integers(0, 100_000).map(lambda n: NOW - timedelta(seconds=n)))
_FACTS = st.builds(
    Facts, now=st.just(NOW), available_usdt=_MAYBE, equity_usdt=_MAYBE, equity_peak_usdt=_MAYBE,
    open=st.lists(st.builds(OpenTrade, st.sampled_from(["BTC/USDT", "ETH/USDT"]), st.sampled_from(["LONG", "SHORT"]), st.integers(1, 500).map(D)), max_size=5).map(tuple),
    trades_today=_COUNT, trades_week=_COUNT, today_pnl_usdt=st.one_of(st.none(), st.integers(-500, 500).map(D)), losses_in_a_row=_COUNT,
    last_loss_at=_AT, last_trade_at=_AT,
    totals_usdt=st.fixed_dictionaries({"platform": st.integers(0, 900).map(D), "tenant": st.integers(0, 900).map(D), "agent": st.integers(0, 900).map(D)}),
)  # fmt: skip
_WANTED = st.builds(Wanted, st.sampled_from(["BTC/USDT", "ETH/USDT", "SOL/USDT"]), st.sampled_from(["LONG", "SHORT"]), st.integers(1, 900).map(D), st.integers(1, 125))


@given(platform=_LIMITS, tenant=_LIMITS, agent=_LIMITS, facts=_FACTS, wanted=_WANTED)
def test_a_further_limit_never_allows_more(platform: Any, tenant: Any, agent: Any, facts: Facts, wanted: Wanted) -> None:
    sources = [("platform", platform), ("tenant", tenant), ("agent", agent)]
    alone = [check(strictest([one]), facts, wanted) for one in sources]
    together = check(strictest(sources), facts, wanted)
    assert (together is not None) >= any(alone), "one of them alone refuses"
