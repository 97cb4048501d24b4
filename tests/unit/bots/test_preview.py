"""A preview agrees with the scan for the settings it ran with, and moves with each setting it judges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from backend.bots.preview import preview
from backend.bots.rules import BotConfig

CONFIG = BotConfig(skip_list=("DOGE/USDT",), max_opened_per_scan=2, min_score=60, long_min_score=70, long_skip_from_score=85)


def row(symbol: str, direction: str, score: int, *, refused: int = -1) -> dict[str, Any]:
    return {"symbol": symbol, "direction": direction, "score": score, "gates": [[0, 0, gate != refused] for gate in range(9)]}


SCAN = [
    row("SOL/USDT", "LONG", 80),
    row("ARB/USDT", "SHORT", 75),
    row("ETH/USDT", "SHORT", 65),
    row("BTC/USDT", "LONG", 66),
    row("XRP/USDT", "LONG", 90),
    row("DOGE/USDT", "SHORT", 95),
    row("LTC/USDT", "SHORT", 88, refused=1),
    row("UNI/USDT", "SHORT", 77, refused=8),
    {"symbol": "ADA/USDT", "direction": "", "score": 0, "gates": []},
]


def test_best_scores_first_and_no_more_than_one_scan_may_open() -> None:
    found = preview(SCAN, CONFIG)
    assert (found.signals, found.fit, found.opened) == (8, 3, 2)
    assert found.symbols == ("SOL/USDT", "ARB/USDT")


def test_each_setting_counts() -> None:
    assert preview(SCAN, replace(CONFIG, min_score=70)).fit == 2
    assert preview(SCAN, replace(CONFIG, long_min_score=60)).fit == 4
    assert preview(SCAN, replace(CONFIG, long_skip_from_score=None)).symbols[0] == "XRP/USDT"
    assert preview(SCAN, replace(CONFIG, skip_list=())).symbols[0] == "DOGE/USDT"
    assert preview(SCAN, replace(CONFIG, ma_filter="off")).fit == 4
    assert preview(SCAN, replace(CONFIG, max_opened_per_scan=9)).opened == 3


def test_what_settings_do_not_decide_stays() -> None:
    everything = replace(CONFIG, min_score=0, long_min_score=0, long_skip_from_score=None, skip_list=(), ma_filter="off", max_opened_per_scan=50)
    assert "LTC/USDT" not in preview(SCAN, everything).symbols
    assert preview([], everything).signals == 0
