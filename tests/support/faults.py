"""How often a fault test repeats: a few times in ``make test``, its full number with ``IRONBULL_FAULTS=full``."""

from __future__ import annotations

import os

FULL = os.environ.get("IRONBULL_FAULTS") == "full"
SEED = int(os.environ.get("IRONBULL_FAULT_SEED", "1"))


def times(small: int, full: int) -> int:
    """``full`` repetitions when all faults are asked for, else ``small``."""
    return full if FULL else small
