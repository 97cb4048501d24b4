"""Shown when the server itself failed."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.i18n import words
from pages.components.icons import mark
from pages.public.frame import path_of


def head(lang: str) -> dict[str, Any]:
    """Title and description."""
    return {"title": f"{words(lang, 'crash.title')} · IronBull", "description": "", "meta": []}


def page(lang: str) -> rx.Component:
    """One fact, one line, one way out."""
    return rx.el.main(
        mark(title=""),
        rx.el.h1(words(lang, "crash.title")),
        rx.el.p(words(lang, "crash.line"), class_name="t2"),
        rx.el.a(words(lang, "nf.home"), href=path_of("landing", lang), class_name="btn"),
        class_name="p-lost",
    )
