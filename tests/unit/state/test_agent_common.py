"""The panel's drawer says which gate stopped a signal, with the value it had and the value it needed."""

from __future__ import annotations

from state.agent_common import decision_shown, gates_shown, reason_key

GATES = [
    [0, 0, True], [0, 0, True], [0, 3, True], [0.0, 0, True], [2, 15, True], [72, 60, True], [72, 70, True], [72, 85, True],
    [-1.24, -1.0, False],
]  # fmt: skip


def row(**changes: object) -> dict:
    base = {
        "symbol": "ATOM/USDT", "direction": "LONG", "score": 72, "passed": False, "reason": "MA slope filter", "gate": 8,
        "gates": GATES,
    }  # fmt: skip
    return base | changes


def test_the_gate_that_stopped_it_carries_had_and_needed() -> None:
    gates = gates_shown(row())
    assert [g["state"] for g in gates] == ["pass"] * 8 + ["stop", "skip"]
    assert gates[8]["why"] == "gate.ma.why_LONG"
    assert gates[8]["why_p"] == {"had": "\u22121.24", "needed": "\u22121"}
    assert gates[8]["value"] == "\u22121.24 %"


def test_an_opened_signal_passes_all_ten() -> None:
    opened = row(passed=True, reason="passed", gate=-1)
    assert {g["state"] for g in gates_shown(opened)} == {"pass"}
    assert decision_shown(opened)["passed"] == 10


def test_a_signal_refused_by_sizing_passed_nine() -> None:
    refused = row(reason="size", gate=-1, note="The position would be too small.")
    assert decision_shown(refused)["passed"] == 9
    last = gates_shown(refused)[9]
    assert (last["state"], last["why_p"]["note"]) == ("stop", "The position would be too small.")


def test_long_only_gates_do_not_apply_to_a_short() -> None:
    gates = [*GATES]
    gates[6], gates[7] = [72, None, True], [72, None, True]
    shown = gates_shown(row(direction="SHORT", gates=gates))
    assert (shown[6]["k"], shown[7]["k"]) == ("gate.long_na", "gate.hot_na")


def test_a_symbol_without_direction_reached_no_gate() -> None:
    silent = row(direction="", reason="warming up", gate=-1, gates=[])
    assert {g["state"] for g in gates_shown(silent)} == {"skip"}
    assert decision_shown(silent)["passed"] == 0


def test_the_long_skip_is_known_by_its_name_with_any_threshold() -> None:
    assert reason_key("85+ LONG skip") == reason_key("92+ LONG skip") == "reason.hot"
    assert reason_key("something new") == "reason.other"
