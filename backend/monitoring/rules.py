"""What an invariant check answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invariant:
    """One business invariant as checked now: how many things were looked at and, when broken, what differs."""

    name: str
    ok: bool
    checked: int
    difference: str = ""
