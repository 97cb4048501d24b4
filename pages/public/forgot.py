"""A forgotten password: where to send the link."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.act import plain_form
from pages.components.i18n import words
from pages.public.frame import head as frame_head
from pages.public.parts import go, hidden, mail_box
from pages.public.sign_in import frame, notes

ERRORS = ("too_many", "invalid_email")


def head(lang: str) -> dict[str, Any]:
    """Title and description."""
    return frame_head("forgot", lang, f"{words(lang, 'forgot.title')} · IronBull")


def page(lang: str) -> rx.Component:
    """The page in one language."""
    form = plain_form(
        mail_box(lang),
        *hidden(lang),
        go(lang, "forgot.go"),
        action="/api/session/forgot",
        method="post",
    )
    return frame(
        lang,
        "forgot",
        rx.el.h1(words(lang, "forgot.title")),
        rx.el.p(words(lang, "forgot.lead"), class_name="t2"),
        *notes(lang, ERRORS, "joinerr"),
        *notes(lang, ("other",), "joinerr"),
        form,
    )
