"""The link of the confirmation mail ends here; one press makes the account. A mail scanner that follows links makes none."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.act import plain_form
from pages.components.i18n import words
from pages.public.frame import head as frame_head
from pages.public.parts import go, hidden
from pages.public.sign_in import frame, notes

ERRORS = ("link_used", "email_taken", "quota_exceeded")


def head(lang: str) -> dict[str, Any]:
    """Title and description."""
    return frame_head("confirm", lang, f"{words(lang, 'confirm.title')} · IronBull")


def page(lang: str) -> rx.Component:
    """The page in one language."""
    form = plain_form(
        *hidden(lang, "token"),
        go(lang, "confirm.go"),
        action="/api/session/confirm",
        method="post",
    )
    return frame(
        lang,
        "confirm",
        rx.el.h1(words(lang, "confirm.title")),
        rx.el.p(words(lang, "confirm.lead"), class_name="t2"),
        *notes(lang, ERRORS, "joinerr"),
        *notes(lang, ("other",), "joinerr"),
        form,
    )
