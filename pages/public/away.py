"""Shown while the platform's database does not answer."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.i18n import words
from pages.components.icons import mark
from pages.public.frame import path_of


def head(lang: str) -> dict[str, Any]:
    """Title and description."""
    return {"title": f"{words(lang, 'pause.title')} · IronBull", "description": "", "meta": []}


def page(lang: str) -> rx.Component:
    """One fact, one line, one way on."""
    return rx.el.main(
        mark(title=""),
        rx.el.h1(words(lang, "pause.title")),
        rx.el.p(words(lang, "pause.line"), class_name="t2"),
        rx.el.a(words(lang, "pause.again"), href=path_of("sign_in", lang), class_name="btn"),
        class_name="p-lost",
    )
