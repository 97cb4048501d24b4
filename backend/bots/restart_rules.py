"""When something that crashed is started again, and when that is given up. Pure.

The first crash waits 5 s, the next 15 s, then 45 s. A fourth within five minutes is the end: starting again would not help, a
person must look. Half an hour of health, or a person starting it, forgets what was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BACKOFF_S = (5.0, 15.0, 45.0)
WINDOW_S = 300.0
MOST_IN_WINDOW = 3
HEALTHY_AFTER_S = 1_800.0

FATAL = {
    "KEY_INVALID": "The exchange does not accept the API key. Make a new key, save it in Settings, and start the bot again.",
    "KEY_UNREADABLE": "The stored API key cannot be opened. Save the key again in Settings, and start the bot again.",
    "ACCOUNT_BLOCKED": "The exchange account may not trade. Look at the exchange why, and start the bot again.",
    "AGENT_DISABLED": "The account is disabled. Ask your provider.",
    "BAD_SETTINGS": "The bot's settings are not valid. Correct them, and start the bot again.",
}
"""Causes that no restart heals, with what to do."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``crashes`` to remember (seconds, oldest first); ``wait_s`` until the next start, None when there is none."""

    crashes: tuple[float, ...]
    wait_s: float | None


def after_crash(crashes: Sequence[float], now_s: float) -> Verdict:
    """What follows a crash at ``now_s``, after the earlier ones."""
    kept = tuple(at for at in crashes if now_s - at < HEALTHY_AFTER_S)
    if kept and now_s - kept[-1] >= HEALTHY_AFTER_S:
        kept = ()
    kept = (*kept, now_s)
    recent = sum(1 for at in kept if now_s - at < WINDOW_S)
    if recent > MOST_IN_WINDOW:
        return Verdict(kept, None)
    return Verdict(kept, BACKOFF_S[min(recent, len(BACKOFF_S)) - 1])


def stale_after_s(scan_interval_s: float) -> float:
    """Silence after which a worker hangs: three scans, at least 90 s."""
    return max(90.0, 3 * scan_interval_s)
