"""Boxes that several public forms share."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.i18n import words


def box(lang: str, name: str, label: str, hint: str = "", *, filled: bool = False, **props: Any) -> rx.Component:
    """A labelled text box. ``filled``: its value may come from the address (``?name=``)."""
    extra = {"data-from-query": ""} if filled else {}
    return rx.el.div(
        rx.el.label(words(lang, label), html_for=name, class_name="lab"),
        rx.el.input(id=name, name=name, class_name="inp", custom_attrs=extra, **props),
        rx.el.span(words(lang, hint), class_name="hint") if hint else rx.fragment(),
        class_name="field",
    )


def hidden(lang: str, *names: str) -> list[rx.Component]:
    """What travels with a form: its language, and values from the address."""
    return [
        rx.el.input(type="hidden", name="lang", default_value=lang),
        *[rx.el.input(type="hidden", name=name, default_value="", custom_attrs={"data-from-query": ""}) for name in names],
    ]


def mail_box(lang: str) -> rx.Component:
    """The address."""
    return box(
        lang, "email", "join.email", type="email", required=True, max_length=190, auto_complete="username",
        auto_capitalize="none", spell_check=False,
    )  # fmt: skip


def go(lang: str, key: str) -> rx.Component:
    """The form's one button."""
    return rx.el.button(words(lang, key), type="submit", class_name="btn pri lg block")
