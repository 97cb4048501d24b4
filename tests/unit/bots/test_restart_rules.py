"""5, 15, 45 s; the fourth crash in five minutes is the end; half an hour of health forgets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backend.bots.restart_rules import after_crash, stale_after_s


def test_the_pauses_grow_and_the_fourth_is_the_end() -> None:
    crashes: tuple[float, ...] = ()
    waits = []
    for now in (0.0, 20.0, 60.0, 120.0):
        verdict = after_crash(crashes, now)
        crashes = verdict.crashes
        waits.append(verdict.wait_s)
    assert waits == [5.0, 15.0, 45.0, None]


def test_crashes_far_apart_never_end_it() -> None:
    crashes: tuple[float, ...] = ()
    for number in range(50):
        verdict = after_crash(crashes, number * 150.0)
        crashes = verdict.crashes
        assert verdict.wait_s is not None and len(crashes) <= 13


def test_health_forgets() -> None:
    assert after_crash((0.0, 1.0, 2.0), 1_900.0) == after_crash((), 1_900.0)
    assert (stale_after_s(20), stale_after_s(60)) == (90.0, 180.0)


@given(st.lists(st.floats(0, 4000), min_size=1, max_size=40))
def test_given_up_exactly_when_four_fall_into_five_minutes(times: list[float]) -> None:
    crashes: tuple[float, ...] = ()
    seen: list[float] = []
    for now in sorted(times):
        seen.append(now)
        verdict = after_crash(crashes, now)
        crashes = verdict.crashes
        assert (verdict.wait_s is None) == (sum(1 for at in seen if now - at < 300) > 3)
