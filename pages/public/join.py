"""Sign-up: an address, a password, an invite code if there is one. A plain form."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.act import plain_form
from pages.components.i18n import words
from pages.public.frame import head as frame_head
from pages.public.frame import path_of
from pages.public.parts import box, go, hidden, mail_box
from pages.public.sign_in import frame, notes, password_field

ERRORS = ("weak_password", "differ", "terms", "invalid_email", "invite_code_unknown", "signup_closed", "quota_exceeded", "too_many")


def head(lang: str) -> dict[str, Any]:
    """Title and description."""
    return frame_head("join", lang, f"{words(lang, 'join.title')} · IronBull")


def page(lang: str) -> rx.Component:
    """The sign-up page in one language."""
    terms = rx.el.label(
        rx.el.input(type="checkbox", name="terms", value="1", required=True),
        rx.el.span(words(lang, "join.terms"), " ", rx.el.a(words(lang, "join.terms_link"), href=path_of("terms", lang), target="_blank")),
        class_name="row p-terms gap-top",
    )
    form = plain_form(
        mail_box(lang),
        password_field(lang, "in.password", "password", "new-password", "join.hint"),
        password_field(lang, "setup.again", "again", "new-password"),
        box(lang, "invite", "join.invite", "join.invite_hint", filled=True, type="text", input_mode="numeric", max_length=16, auto_complete="off"),
        terms,
        *hidden(lang, "tenant"),
        go(lang, "join.go"),
        action="/api/session/join",
        method="post",
    )
    return frame(
        lang,
        "join",
        rx.el.h1(words(lang, "join.title")),
        rx.el.p(words(lang, "join.lead"), class_name="t2"),
        *notes(lang, ERRORS, "joinerr"),
        *notes(lang, ("other",), "joinerr"),
        form,
        rx.el.p(words(lang, "join.have"), " ", rx.el.a(words(lang, "in.go"), href=path_of("sign_in", lang), class_name="acc"), class_name="t2"),
    )
