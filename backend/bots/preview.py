"""What other settings would have done with the decisions of a scan that was. Pure.

Only what the settings decide is judged again (skip list, score, long and hot minimum, entries of one scan); positions held, cooldown,
the risk gate and the moving average stay as they were found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.bots.rules import BotConfig

_HELD, _COOLDOWN, _RISK, _MA = 1, 3, 4, 8


@dataclass(frozen=True, slots=True)
class Preview:
    """Of ``signals`` (symbols with a direction), how many fit the settings, how many of them would open, and the symbols."""

    signals: int
    fit: int
    opened: int
    symbols: tuple[str, ...]


def preview(decisions: Sequence[Mapping[str, Any]], config: BotConfig) -> Preview:
    """Judge stored decisions ({symbol, direction, score, gates: [(had, needed, ok), ...]}) by ``config``."""
    signals = [row for row in decisions if row.get("direction") in ("LONG", "SHORT") and len(row.get("gates") or ()) > _MA]
    fit = [row for row in signals if _fits(row, config)]
    fit.sort(key=lambda row: -int(row["score"]))
    opened = fit[: config.max_opened_per_scan]
    return Preview(len(signals), len(fit), len(opened), tuple(str(row["symbol"]) for row in opened))


def _fits(row: Mapping[str, Any], config: BotConfig) -> bool:
    score, gates = int(row["score"]), row["gates"]
    if row["symbol"] in config.skip_list or score < config.min_score:
        return False
    if row["direction"] == "LONG":
        hot = config.long_skip_from_score
        if score < config.long_min_score or (hot is not None and score >= hot):
            return False
    found = (_HELD, _COOLDOWN, _RISK) if config.ma_filter == "off" else (_HELD, _COOLDOWN, _RISK, _MA)
    return all(bool(gates[gate][2]) for gate in found)
