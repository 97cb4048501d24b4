"""The first admin: works once, from the machine itself, while no admin exists."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.act import plain_form
from pages.components.i18n import words
from pages.public.frame import head as frame_head
from pages.public.sign_in import frame, notes, password_field


def head(lang: str) -> dict[str, Any]:
    """Title and description."""
    return frame_head("set_up", lang, f"{words(lang, 'setup.title')} · IronBull")


def page(lang: str) -> rx.Component:
    """The set-up page in one language."""
    form = plain_form(
        rx.el.div(
            rx.el.label(words(lang, "setup.username"), html_for="username", class_name="lab"),
            rx.el.input(
                id="username", name="username", type="text", class_name="inp", required=True, max_length=64,
                auto_complete="username", auto_capitalize="none", spell_check=False, auto_focus=True,
            ),
            class_name="field",
        ),
        password_field(lang, "setup.password", "password", "new-password", "setup.hint"),
        password_field(lang, "setup.again", "again", "new-password"),
        rx.el.button(words(lang, "setup.go"), type="submit", class_name="btn pri lg block"),
        action="/api/session/setup",
        method="post",
    )  # fmt: skip
    return frame(
        lang,
        "set_up",
        rx.el.h1(words(lang, "setup.title")),
        rx.el.p(words(lang, "setup.lead"), class_name="t2"),
        *notes(lang, ("setup_done", "weak_password", "differ"), "setup"),
        *notes(lang, ("other",)),
        form,
    )
