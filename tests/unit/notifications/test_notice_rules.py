"""Quiet hours, digests, and several messages as one, by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.notifications.rules import composed, minute_of, send_at, time_of


def at(hour: int, minute: int = 0, day: int = 10) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "quiet", "digest", "expected"),
    [
        (at(12), (0, 0), 0, at(12)),
        (at(12, 10), (0, 0), 60, at(13)),
        (at(23, 59), (0, 0), 1440, at(0, 0, 11)),
        (at(23), (22 * 60, 7 * 60), 0, at(7, 0, 11)),
        (at(3), (22 * 60, 7 * 60), 0, at(7)),
        (at(7), (22 * 60, 7 * 60), 0, at(7)),
        (at(12), (11 * 60, 13 * 60), 0, at(13)),
        (at(10, 59), (11 * 60, 13 * 60), 60, at(13)),
    ],
)
def test_when(now: datetime, quiet: tuple[int, int], digest: int, expected: datetime) -> None:
    assert send_at(now, *quiet, digest) == expected


def test_words() -> None:
    assert composed([("Opened", "one")]) == ("Opened", "one")
    subject, text = composed([("Opened", "one"), ("Opened", "two"), ("Closed", "three")])
    assert subject == "3 messages" and text == "Opened (2 times, first shown)\none\n\nClosed\nthree"
    assert composed([("Opened", "a"), ("Opened", "b")])[0] == "Opened"


@pytest.mark.parametrize(("text", "minute"), [("00:00", 0), ("7:05", 425), ("22:30", 1350), ("23:59", 1439)])
def test_a_time_of_day_is_a_minute_and_back(text: str, minute: int) -> None:
    assert minute_of(text) == minute
    assert minute_of(time_of(minute)) == minute


@pytest.mark.parametrize("text", ["", "24:00", "12:60", "noon", "1:2:3", "-1:00", "٣:00", "12", ":"])
def test_no_time_of_day(text: str) -> None:
    assert minute_of(text) is None
