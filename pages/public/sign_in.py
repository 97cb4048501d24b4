"""Sign-in: a plain form, posted by the browser itself. Works before, and without, any script."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.act import plain_form
from pages.components.i18n import words
from pages.components.icons import icon, mark
from pages.public.frame import brand, other_language, path_of
from pages.public.frame import head as frame_head

ERRORS = ("bad_credentials", "too_many_tries", "signed_out", "password_set", "link_used", "foreign_origin", "other")
_CALM = ("signed_out", "password_set")


def head(lang: str) -> dict[str, Any]:
    """Title and description."""
    return frame_head("sign_in", lang, f"{words(lang, 'in.title')} · IronBull")


def notes(lang: str, errors: tuple[str, ...], prefix: str = "err") -> list[rx.Component]:
    """One hidden note per error code; the page script shows the one named in the address."""
    return [
        rx.el.div(
            icon("clock" if code == "signed_out" else "alert"),
            rx.el.div(rx.el.p(words(lang, f"{prefix}.{code}")), rx.el.p(words(lang, f"{prefix}.{code}_do"))),
            class_name="note calm" if code in _CALM else "note",
            role="alert",
            hidden=True,
            custom_attrs={"data-error": code},
        )
        for code in errors
    ]


def _kind(lang: str, kind: str, chosen: bool) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="radio", name="kind", value=kind, default_checked=chosen, class_name="sr"),
        rx.el.span(words(lang, f"in.{kind}")),
    )


def password_field(lang: str, label: str, name: str, complete: str, hint: str = "") -> rx.Component:
    """Password box with a button that shows it."""
    return rx.el.div(
        rx.el.label(words(lang, label), html_for=name, class_name="lab"),
        rx.el.span(
            rx.el.input(
                id=name, name=name, type="password", class_name="inp", required=True, max_length=256,
                auto_complete=complete,
            ),
            rx.el.button(
                icon("eye"), type="button", class_name="btn quiet ico", aria_label=words(lang, "in.show"),
                custom_attrs={"data-reveal": name},
            ),
            class_name="p-pass",
        ),
        rx.el.span(words(lang, hint), class_name="hint") if hint else rx.fragment(),
        class_name="field",
    )  # fmt: skip


def _form(lang: str) -> rx.Component:
    return plain_form(
        rx.el.fieldset(
            rx.el.legend(words(lang, "in.as"), class_name="sr"),
            *[_kind(lang, kind, kind == "agent") for kind in ("agent", "tenant", "admin")],
            class_name="p-kinds",
        ),
        rx.el.div(
            rx.el.label(words(lang, "in.name"), html_for="identifier", class_name="lab"),
            rx.el.input(
                id="identifier", name="identifier", type="text", class_name="inp", required=True, max_length=190,
                auto_complete="username", auto_capitalize="none", spell_check=False, auto_focus=True,
            ),
            class_name="field",
        ),
        password_field(lang, "in.password", "password", "current-password"),
        rx.el.input(type="hidden", name="next", default_value=""),
        rx.el.button(words(lang, "in.go"), type="submit", class_name="btn pri lg block"),
        action="/api/session/login",
        method="post",
    )  # fmt: skip


def _demo(lang: str) -> rx.Component:
    """Filled by the script when the server names demo accounts (demo mode, from this machine)."""
    return rx.el.section(
        rx.el.h2(words(lang, "in.demo"), class_name="t12 b"),
        rx.el.p(words(lang, "in.demo_why"), class_name="t3 t12"),
        rx.el.ul(custom_attrs={"data-demo-list": ""}),
        hidden=True,
        class_name="p-demo",
        custom_attrs={"data-demo": ""},
    )


def side(lang: str) -> rx.Component:
    """The quiet half of the page."""
    rows = [
        rx.el.li(
            rx.el.span(class_name="dot"), rx.el.b(words(lang, f"in.side_{n}")), rx.el.span(words(lang, f"in.side_{n}_t"), class_name="t2")
        )
        for n in (1, 2, 3)
    ]
    return rx.el.aside(
        mark("p-big", title=""),
        rx.el.div(rx.el.h2(words(lang, "in.side_h")), rx.el.ul(*rows), class_name="p-now"),
        class_name="p-half",
    )


def frame(lang: str, page_name: str, *content: Any) -> rx.Component:
    """Two halves: the form, and the mark."""
    return rx.el.div(
        rx.el.main(
            brand(lang),
            rx.el.div(*content, class_name="p-form"),
            rx.el.footer(
                other_language(page_name, lang),
                rx.el.span(class_name="sp"),
                rx.el.button(words(lang, "in.theme"), type="button", custom_attrs={"data-theme-turn": ""}, class_name="p-link"),
                rx.el.a(words(lang, "in.home"), href=path_of("landing", lang)),
                class_name="row t12",
            ),
            class_name="p-left",
        ),
        side(lang),
        class_name="p-split",
    )


def page(lang: str) -> rx.Component:
    """The sign-in page in one language."""
    return frame(
        lang,
        "sign_in",
        rx.el.h1(words(lang, "in.title")),
        *notes(lang, ERRORS),
        _form(lang),
        rx.el.p(
            rx.el.a(words(lang, "in.join"), href=path_of("join", lang), class_name="acc"),
            " · ",
            rx.el.a(words(lang, "in.forgot"), href=path_of("forgot", lang), class_name="acc"),
            class_name="t2",
        ),
        _demo(lang),
    )
