"""Shared by the measurements: one JSON line per figure."""

from __future__ import annotations

import json
import sys


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
