"""Shared by the measurements: one JSON line per figure."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable


def report(
    name: str, ours: float, reference: float, *, unit: str, aim: float | None, higher_is_better: bool = False
) -> bool:
    """Print one figure and whether ours / reference meets `aim` (None: no aim); returns that verdict."""
    ratio = ours / reference if reference else float("inf")
    ok = aim is None or (ratio >= aim if higher_is_better else ratio <= aim)
    line = {
        "name": name,
        "ours": round(ours, 4),
        "reference": round(reference, 4),
        "unit": unit,
        "ratio": round(ratio, 4),
        "aim": aim,
        "ok": ok,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    return ok


def skipped(name: str, reason: str) -> None:
    """Print that a figure could not be measured here, and why."""
    sys.stdout.write(json.dumps({"name": name, "skipped": reason, "ok": None}) + "\n")
    sys.stdout.flush()


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """``work`` as a function that returns how many seconds it took."""

    def measure() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return measure


def alternate(ours: Callable[[], float], reference: Callable[[], float], rounds: int) -> tuple[float, float]:
    """Medians of two measurements taken in turn, after one unmeasured round of each."""
    ours(), reference()
    pairs = [(ours(), reference()) for _ in range(rounds)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)
