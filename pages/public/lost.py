"""The pages that say that something is not there: one fact, one line, one way on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import reflex as rx

from pages.components.i18n import words
from pages.components.icons import mark
from pages.public.frame import path_of


def lost(name: str, way: str, to: str) -> tuple[Callable[[str], dict[str, Any]], Callable[[str], rx.Component]]:
    """``head`` and ``page`` of such a page: its words begin with ``name``, its button says ``way`` and leads ``to`` a public page."""

    def head(lang: str) -> dict[str, Any]:
        return {"title": f"{words(lang, f'{name}.title')} · IronBull", "description": "", "meta": []}

    def page(lang: str) -> rx.Component:
        return rx.el.main(
            mark(title=""),
            rx.el.h1(words(lang, f"{name}.title")),
            rx.el.p(words(lang, f"{name}.line"), class_name="t2"),
            rx.el.a(words(lang, way), href=path_of(to, lang), class_name="btn"),
            class_name="p-lost",
        )

    return head, page
