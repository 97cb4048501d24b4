"""The terms a visitor accepts: what the platform does, may cost, and cannot promise."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.i18n import words
from pages.public.frame import head as frame_head
from pages.public.sign_in import frame

PARTS = (1, 2, 3, 4, 5)


def head(lang: str) -> dict[str, Any]:
    """Title and description."""
    return frame_head("terms", lang, f"{words(lang, 'terms.title')} · IronBull")


def page(lang: str) -> rx.Component:
    """The page in one language."""
    parts = [
        part
        for n in PARTS
        for part in (rx.el.h2(words(lang, f"terms.h{n}"), class_name="b"), rx.el.p(words(lang, f"terms.p{n}"), class_name="t2"))
    ]
    return frame(lang, "terms", rx.el.h1(words(lang, "terms.title")), *parts)
