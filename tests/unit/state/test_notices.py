"""Messages of one kind in a row stand together; the order in time stays."""

from __future__ import annotations

from typing import Any

from backend.notifications.phrases import phrase_of
from state.notices import folded


def note(number: int, title: str, kind: str = "trade_open", unread: bool = True) -> dict[str, Any]:
    return {"id": number, "type": kind, "title": title, "title_zh": "", "link": "", "at_ms": number, "unread": unread}


def test_a_phrase_is_known_by_its_fixed_words() -> None:
    assert phrase_of("Opened BTC/USDT LONG") == phrase_of("Opened SOL/USDT SHORT") == "Opened {symbol} {side}"
    assert phrase_of("Opened BTC/USDT LONG") != phrase_of("Closed BTC/USDT LONG")
    assert phrase_of("Maintenance tonight") == "Maintenance tonight"


def test_like_ones_in_a_row_are_one() -> None:
    rows = folded(
        [
            note(9, "Opened A/USDT LONG"), note(8, "Opened B/USDT SHORT"), note(7, "Opened C/USDT LONG", unread=False),
            note(6, "Closed A/USDT LONG", "trade_close", unread=False), note(5, "Opened D/USDT LONG", unread=False), note(4, "From a person", "system"),
            note(3, "From a person", "system"), note(2, "From another", "system"),
        ]
    )  # fmt: skip
    assert [(row["id"], row["n"], row["ids"]) for row in rows] == [
        (9, 1, "9,8"), (7, 0, "7"), (6, 0, "6"), (5, 0, "5"), (4, 1, "4,3"), (2, 0, "2"),
    ]  # fmt: skip
    assert [one["title"] for one in rows[0]["more"]] == ["Opened B/USDT SHORT"]
    assert folded([]) == []
