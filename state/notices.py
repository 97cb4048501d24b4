"""Notifications as people read them: what is alike stands together."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from backend.notifications.phrases import phrase_of

Row = dict[str, Any]


def folded(rows: list[Row]) -> list[Row]:
    """Messages of one kind that follow each other become one row: the newest, with the others in ``more``, how many in ``n``, and
    the ``ids`` of all. Read and unread ones stay apart. Rows hold {id, type, title, title_zh, link, at_ms, unread}."""
    found = []
    for _, group in groupby(rows, key=lambda row: (row["type"], phrase_of(row["title"]), row["unread"])):
        first, *others = group
        more = [{name: one[name] for name in ("id", "title", "title_zh", "link", "at_ms")} for one in others]
        found.append(first | {"more": more, "n": len(more), "ids": ",".join(str(one["id"]) for one in (first, *others))})
    return found
