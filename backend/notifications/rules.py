"""When a message may go out, and how several of them read as one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

TYPES = ("trade_open", "trade_close", "risk_alert", "billing", "system")
ADMIN_TYPES = ("alert", "risk_alert", "system", "billing")
"""What admins may have sent to them; "escalation" reaches every channel of theirs at once, asked for or not."""
ESCALATION = "escalation"
KINDS = ("email", "telegram", "webhook", "service")
DAY_MIN = 1440
DELAYS = tuple(timedelta(seconds=s) for s in (10, 60, 300, 1800, 7200, 21600))
"""Waits between tries; after the last one a message is given up."""


def send_at(now: datetime, quiet_from_min: int, quiet_to_min: int, digest_min: int) -> datetime:
    """The first moment a message written ``now`` may be sent: after the digest's window, and outside of the quiet hours (UTC)."""
    at = now
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if digest_min > 0:
        passed = (now - midnight) // timedelta(minutes=digest_min)
        at = midnight + timedelta(minutes=digest_min) * (passed + 1)
    if quiet_from_min == quiet_to_min:
        return at
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    minute = (at - midnight) / timedelta(minutes=1)
    within = (
        quiet_from_min <= minute < quiet_to_min
        if quiet_from_min < quiet_to_min
        else minute >= quiet_from_min or minute < quiet_to_min
    )
    if not within:
        return at
    end = midnight + timedelta(minutes=quiet_to_min)
    return end if end > at else end + timedelta(days=1)


def composed(lines: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """(subject, text) of one or more (title, message); repeats of the same title are counted, not repeated."""
    counts: dict[str, int] = {}
    for title, _ in lines:
        counts[title] = counts.get(title, 0) + 1
    subject = lines[0][0] if len(counts) == 1 else f"{len(lines)} messages"
    if len(lines) == 1:
        return subject, lines[0][1]
    seen: set[str] = set()
    parts: list[str] = []
    for title, message in lines:
        if title in seen:
            continue
        seen.add(title)
        again = f" ({counts[title]} times, first shown)" if counts[title] > 1 else ""
        parts.append(f"{title}{again}\n{message}".rstrip())
    return subject, "\n\n".join(parts)


def minute_of(text: str) -> int | None:
    """Minute of the day of "22:30"; None when it is no time of day."""
    hours, colon, minutes = text.strip().partition(":")
    plain = all(part.isascii() and part.isdigit() and len(part) <= 2 for part in (hours, minutes))
    if not colon or not plain or int(hours) > 23 or int(minutes) > 59:
        return None
    return int(hours) * 60 + int(minutes)


def time_of(minute: int) -> str:
    """The other way: 1350 is "22:30"."""
    return f"{minute // 60:02d}:{minute % 60:02d}"
