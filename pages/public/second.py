"""The second step of signing in: the code of the authenticator."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.act import plain_form
from pages.components.i18n import words
from pages.public.frame import head as frame_head
from pages.public.parts import box, go, hidden
from pages.public.sign_in import frame, notes

ERRORS = ("wrong_code",)


def head(lang: str) -> dict[str, Any]:
    """Title and description."""
    return frame_head("second", lang, f"{words(lang, 'second.title')} · IronBull")


def page(lang: str) -> rx.Component:
    """The page in one language."""
    form = plain_form(
        box(lang, "code", "second.code", "second.hint", type="text", required=True, max_length=20, auto_complete="one-time-code", auto_focus=True),
        *hidden(lang, "next"),
        go(lang, "second.go"),
        action="/api/session/second",
        method="post",
    )
    return frame(
        lang,
        "second",
        rx.el.h1(words(lang, "second.title")),
        rx.el.p(words(lang, "second.lead"), class_name="t2"),
        *notes(lang, ERRORS, "joinerr"),
        *notes(lang, ("other",), "joinerr"),
        form,
    )
