from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from backend.signals.rules import (
    GATES,
    GateConfig,
    GateConfigError,
    GateContext,
    RiskVerdict,
    judge,
)
from backend.strategies.base import Decisions

NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)


def scan(*rows, hedge=None):
    """Decisions of rows (symbol, direction, score, gap %)."""
    count = len(rows)
    close = np.full(count, 100.0)
    direction = np.array([row[1] for row in rows], dtype=np.int8)
    gap = np.array([row[3] if len(row) > 3 else 0.0 for row in rows])
    extra = {}
    if hedge is not None:
        extra = {
            "hedge": np.array(hedge),
            "short_stop_loss": np.full(count, 103.0),
            "short_take_profit": np.full(count, 94.0),
        }
    return Decisions(
        symbols=tuple(row[0] for row in rows),
        bar_open_ms=0,
        direction=direction,
        score=np.array([float(row[2]) for row in rows]),
        close=close,
        stop_loss=close - 3.0 * direction,
        take_profit=np.full(count, np.nan),
        status=np.zeros(count, dtype=np.int8),
        components={"ma_gap_pct": gap, "rsi": np.full(count, np.nan)},
        **extra,
    )


def reasons(decisions):
    return {decision.symbol: decision.reason for decision in decisions}


def test_gates_have_the_published_names_in_order():
    assert GATES == (
        "skip list",
        "already held",
        "max opened per scan",
        "cooldown",
        "risk gate",
        "score below minimum",
        "long minimum",
        "85+ LONG skip",
        "MA slope filter",
    )


def test_each_reason():
    result = judge(
        scan(
            ("PEPE/USDT", 1, 75),
            ("SOL/USDT", 1, 75),
            ("NEAR/USDT", -1, 75),
            ("XRP/USDT", -1, 54),
            ("INJ/USDT", 1, 66),
            ("FIL/USDT", 1, 85),
            ("ATOM/USDT", 1, 72, -1.24),
            ("LTC/USDT", -1, 72, 1.01),
            ("AVAX/USDT", -1, 90),
            ("FLAT/USDT", 0, 0),
        ),
        GateConfig(skip_symbols=frozenset({"PEPE/USDT"})),
        GateContext(
            now=NOW,
            held=frozenset({"SOL/USDT"}),
            cooldown_until={"NEAR/USDT": NOW + timedelta(minutes=18), "AVAX/USDT": NOW},
        ),
    )
    assert reasons(result) == {
        "PEPE/USDT": "skip list",
        "SOL/USDT": "already held",
        "NEAR/USDT": "cooldown",
        "XRP/USDT": "score below minimum",
        "INJ/USDT": "long minimum",
        "FIL/USDT": "85+ LONG skip",
        "ATOM/USDT": "MA slope filter",
        "LTC/USDT": "MA slope filter",
        "AVAX/USDT": "passed",
    }
    assert [decision.gate_index for decision in result if decision.symbol == "ATOM/USDT"] == [8]
    assert [decision.passed for decision in result if decision.symbol == "AVAX/USDT"] == [True]


def test_the_first_refusing_gate_is_the_reason():
    everything = GateContext(
        now=NOW,
        held=frozenset({"A"}),
        opened_this_scan=3,
        cooldown_until={"A": NOW + timedelta(hours=1)},
        risk=RiskVerdict(False, 8, "drawdown 21 %"),
    )
    rows = scan(("A", 1, 20, -5.0))
    config = GateConfig(skip_symbols=frozenset({"A"}))
    assert reasons(judge(rows, config, everything)) == {"A": "skip list"}
    assert reasons(judge(rows, GateConfig(), everything)) == {"A": "already held"}
    checks = judge(rows, config, everything)[0].gates
    assert [check.name for check in checks] == list(GATES)
    assert [check.passed for check in checks] == [False] * 7 + [True, False]
    assert (checks[4].had, checks[3].had, checks[3].unit) == ("drawdown 21 %", 60.0, "min")


def test_best_scores_take_the_places_of_a_scan():
    rows = scan(("D", -1, 70), ("B", -1, 80), ("A", -1, 80), ("C", -1, 75), ("E", -1, 50))
    result = judge(rows, GateConfig(max_opened_per_scan=3), GateContext(now=NOW))
    assert [decision.symbol for decision in result] == ["A", "B", "C", "D", "E"]
    assert [decision.reason for decision in result] == ["passed"] * 3 + ["max opened per scan"] * 2
    assert [decision.gates[2].had for decision in result] == [0, 1, 2, 3, 3]
    second = judge(rows, GateConfig(max_opened_per_scan=3), GateContext(now=NOW, opened_this_scan=2))
    assert [decision.passed for decision in second] == [True, False, False, False, False]


def test_refused_signals_take_no_place():
    rows = scan(("A", 1, 90), ("B", -1, 80))
    result = judge(rows, GateConfig(max_opened_per_scan=1), GateContext(now=NOW))
    assert reasons(result) == {"A": "85+ LONG skip", "B": "passed"}


def test_a_full_account_is_a_risk_refusal():
    rows = scan(("A", -1, 90), ("B", -1, 80))
    held = frozenset({"X", "Y"})
    result = judge(rows, GateConfig(max_positions=3), GateContext(now=NOW, held=held))
    assert reasons(result) == {"A": "passed", "B": "risk gate"}
    assert (result[1].gates[4].had, result[1].gates[4].needed) == (3, 3)


def test_thresholds_are_inclusive_where_they_say_so():
    rows = scan(("A", 1, 70, -1.0), ("B", 1, 84), ("C", -1, 60, 1.0))
    assert set(reasons(judge(rows, GateConfig(), GateContext(now=NOW))).values()) == {"passed"}


def test_the_long_skip_names_its_threshold_and_can_be_off():
    rows = scan(("A", 1, 92))
    context = GateContext(now=NOW)
    assert judge(rows, GateConfig(long_skip_from_score=90), context)[0].reason == "90+ LONG skip"
    assert judge(rows, GateConfig(long_skip_from_score=None), context)[0].passed


def test_levels_and_snapshot():
    decision = judge(scan(("A", -1, 90)), GateConfig(), GateContext(now=NOW))[0]
    assert (decision.entry, decision.stop_loss, decision.take_profit) == (100.0, 103.0, None)
    snapshot = decision.as_dict()
    assert snapshot["direction"] == "SHORT" and snapshot["components"] == {"ma_gap_pct": 0.0}
    assert len(snapshot["gates"]) == 9


def test_a_ranging_market_gives_two_legs_with_their_own_levels_in_hedge_mode_only():
    rows = scan(("A", 0, 80), hedge=[True])
    assert judge(rows, GateConfig(), GateContext(now=NOW)) == []
    both = judge(rows, GateConfig(hedge_mode=True), GateContext(now=NOW))
    assert [(leg.direction, leg.stop_loss, leg.take_profit) for leg in both] == [
        ("LONG", 100.0, None),
        ("SHORT", 103.0, 94.0),
    ]


def test_missing_values_refuse_nothing_and_nothing_to_judge_is_fine():
    rows = scan(("A", -1, 90, float("nan")))
    assert judge(rows, GateConfig(), GateContext(now=NOW))[0].passed
    assert judge(scan(("A", 0, 0)), GateConfig(), GateContext(now=NOW)) == []


def test_bad_settings_are_refused():
    with pytest.raises(GateConfigError):
        GateConfig(ma_filter="other")
    with pytest.raises(GateConfigError):
        GateConfig(min_score=101)
