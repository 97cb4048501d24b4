"""From measurements to messages: confirmation, cooldown, escalation, recovery, quiet windows, limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backend.monitoring.watch_rules import LIMITS, Policy, Reading, State, limits_of, measured, services_of, step

T0 = datetime(2026, 1, 1, tzinfo=UTC)
BAD = Reading("database", "", False, severity="critical")
GOOD = Reading("database", "", True)
POLICY = Policy(confirm=2, cooldown=timedelta(minutes=15), escalate=timedelta(minutes=30))


def run(minutes: list[tuple[int, bool]], *, muted: bool = False, taken: bool = False, reading: Reading = BAD) -> list[tuple[int, str]]:
    """The notices of readings (minute, ok)."""
    state: State | None = None
    told = []
    for minute, ok in minutes:
        done = step(T0 + timedelta(minutes=minute), GOOD if ok else reading, state, POLICY, muted=muted)
        state = done.state
        if taken and state is not None:
            state = State(state.seen, state.told, state.opened_at, state.told_at, state.escalated, True)
        if done.notice:
            told.append((minute, done.notice))
    return told


def test_one_bad_reading_is_none() -> None:
    assert run([(0, False), (1, True), (2, False), (3, True)]) == []


def test_told_once_then_after_the_cooldown_then_escalated_then_recovered() -> None:
    minutes = [(minute, False) for minute in range(40)] + [(40, True)]
    assert run(minutes) == [(1, "open"), (16, "again"), (30, "escalate"), (40, "recovered")]


def test_a_warning_never_escalates_and_what_is_taken_is_not_told_again() -> None:
    mild = Reading("disk", "", False)
    assert [what for _, what in run([(m, False) for m in range(60)], reading=mild)] == ["open", "again", "again", "again"]
    assert run([(m, False) for m in range(60)], taken=True) == []
    state = step(T0, BAD, State(5, 1, T0 - timedelta(hours=1), T0 - timedelta(hours=1), False, True), POLICY, muted=False)
    assert state.notice is None


def test_a_maintenance_window_is_silent_from_beginning_to_end() -> None:
    assert run([(m, False) for m in range(40)] + [(40, True)], muted=True) == []


def test_what_comes_and_goes_is_told_once_per_cooldown() -> None:
    earlier = T0 - timedelta(minutes=5)
    first = step(T0, BAD, None, POLICY, muted=False, told_before=earlier)
    second = step(T0 + timedelta(minutes=1), BAD, first.state, POLICY, muted=False)
    assert second.notice is None
    third = step(T0 + timedelta(minutes=10), BAD, second.state, POLICY, muted=False)
    assert third.notice == "open"


def test_limits_and_services_are_read_strictly() -> None:
    assert limits_of(" database_ms=5 , disk_free_mb=9")["database_ms"] == 5
    assert services_of("web=http://x/health")["web"] == "http://x/health"
    for bad in ("database=5", "database_ms=-1", "database_ms", "database_ms=1.5"):
        with pytest.raises(ValueError, match="no limit"):
            limits_of(bad)
    with pytest.raises(ValueError, match="name=address"):
        services_of("web=ftp://x")


def test_most_bounds_are_ceilings_and_free_space_is_a_floor() -> None:
    assert measured("database", "", "database_ms", LIMITS["database_ms"], LIMITS).ok
    assert not measured("database", "", "database_ms", LIMITS["database_ms"] + 1, LIMITS).ok
    assert measured("disk", "", "disk_free_mb", LIMITS["disk_free_mb"], LIMITS).ok
    assert not measured("disk", "", "disk_free_mb", LIMITS["disk_free_mb"] - 1, LIMITS).ok
