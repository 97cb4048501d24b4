"""A new password, by the mailed link."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.act import plain_form
from pages.components.i18n import words
from pages.public.frame import head as frame_head
from pages.public.parts import go, hidden
from pages.public.sign_in import frame, notes, password_field

ERRORS = ("weak_password", "differ", "link_used")


def head(lang: str) -> dict[str, Any]:
    """Title and description."""
    return frame_head("reset", lang, f"{words(lang, 'reset.title')} · IronBull")


def page(lang: str) -> rx.Component:
    """The page in one language."""
    form = plain_form(
        password_field(lang, "reset.password", "password", "new-password", "join.hint"),
        password_field(lang, "setup.again", "again", "new-password"),
        *hidden(lang, "token"),
        go(lang, "reset.go"),
        action="/api/session/reset",
        method="post",
    )
    return frame(
        lang,
        "reset",
        rx.el.h1(words(lang, "reset.title")),
        rx.el.p(words(lang, "reset.lead"), class_name="t2"),
        *notes(lang, ERRORS, "joinerr"),
        *notes(lang, ("other",), "joinerr"),
        form,
    )
