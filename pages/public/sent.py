"""After a form that sends mail: look into the mailbox."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.i18n import words
from pages.components.icons import icon
from pages.public.frame import head as frame_head
from pages.public.frame import path_of
from pages.public.sign_in import frame


def head(lang: str) -> dict[str, Any]:
    """Title and description."""
    return frame_head("sent", lang, f"{words(lang, 'sent.title')} · IronBull")


def page(lang: str) -> rx.Component:
    """The page in one language."""
    outbox = rx.el.div(
        icon("alert"),
        rx.el.div(rx.el.p(words(lang, "sent.outbox")), rx.el.p(words(lang, "sent.outbox_do"))),
        class_name="note calm", role="status", hidden=True, custom_attrs={"data-note": "outbox"},
    )  # fmt: skip
    return frame(
        lang,
        "sent",
        rx.el.h1(words(lang, "sent.title")),
        rx.el.p(words(lang, "sent.lead"), class_name="t2"),
        rx.el.p(words(lang, "sent.wait"), class_name="t3"),
        outbox,
        rx.el.p(rx.el.a(words(lang, "sent.back"), href=path_of("sign_in", lang), class_name="acc"), class_name="t2"),
    )
