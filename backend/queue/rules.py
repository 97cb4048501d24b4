"""What kinds of work there are, how long they may go unheard of, how often they are tried. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Lane = Literal["urgent", "normal"]
LANES: Final[tuple[Lane, ...]] = ("urgent", "normal")
"""Closing orders have a stream and workers of their own; everything else shares the other."""

WAITING: Final = "WAITING"
RUNNING: Final = "RUNNING"
DONE: Final = "DONE"
DEAD: Final = "DEAD"
EXPIRED: Final = "EXPIRED"
STATES: Final = (WAITING, RUNNING, DONE, DEAD, EXPIRED)
OPEN: Final = (WAITING, RUNNING)


@dataclass(frozen=True)
class Kind:
    """``rank``: smaller goes first among those that are due. ``together``: how many of it one process does at once."""

    name: str
    rank: int
    max_attempts: int = 5
    together: int = 8
    backoff_s: float = 1.0


KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("dispatch", 0),
        Kind("settle", 1, together=2),
        Kind("positions", 1, together=1),
        Kind("timetable", 2, together=2),
        Kind("notices", 3, together=1),
        Kind("webhooks", 3, together=1),
        Kind("export", 4, together=1, backoff_s=5.0),
        Kind("backtest", 4, max_attempts=2, together=1, backoff_s=5.0),
    )
}

LONGEST_BACKOFF_S: Final = 300.0


def backoff_s(kind: str, attempt: int) -> float:
    """How long after its ``attempt``-th failure a job waits: doubling, at most five minutes."""
    first = KINDS[kind].backoff_s if kind in KINDS else 1.0
    return min(first * 2.0 ** max(0, attempt - 1), LONGEST_BACKOFF_S)


def max_attempts(kind: str) -> int:
    """After so many tries a job is given up; an unknown kind is not tried again and again."""
    return KINDS[kind].max_attempts if kind in KINDS else 1
