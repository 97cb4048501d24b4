"""What public pages share: head, bar and foot. They are exported once per language and served without the app."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.i18n import words
from pages.components.icons import mark

PATHS = {
    "sign_in": "/login",
    "second": "/login/second",
    "set_up": "/setup",
    "join": "/join",
    "sent": "/sent",
    "confirm": "/confirm",
    "forgot": "/forgot",
    "reset": "/reset",
    "terms": "/terms",
}
FOUND = ("landing", "sign_in", "join", "terms")
"""Pages a search engine may list; the others are steps of a journey."""
LOCALE = {"en": "en_US", "zh": "zh_CN"}
HTML_LANG = {"en": "en", "zh": "zh-Hans"}


def path_of(page: str, lang: str) -> str:
    """Address of a public page: ``/`` and ``/login`` in English, ``/zh`` and ``/zh/login`` in Chinese."""
    base = "" if page == "landing" else PATHS.get(page, "")
    return (f"/zh{base}" if lang == "zh" else base) or "/"


def head(page: str, lang: str, title: str, description: str = "pub.description") -> dict[str, Any]:
    """Title, description and alternates for ``add_page``."""
    other = "zh" if lang == "en" else "en"
    about = words(lang, description)
    meta = [
        rx.el.link(rel="canonical", href=path_of(page, lang)),
        *[rx.el.link(rel="alternate", href_lang=HTML_LANG[code], href=path_of(page, code)) for code in (lang, other)],
        *[
            rx.el.meta(custom_attrs={"property": f"og:{name}"}, content=text)
            for name, text in (
                ("type", "website"), ("site_name", "IronBull"), ("title", title), ("description", about), ("locale", LOCALE[lang]),
                ("url", path_of(page, lang)), ("image:alt", "IronBull"),
            )
        ],
        rx.el.meta(name="twitter:card", content="summary"),
    ]
    if page not in FOUND:
        meta.append(rx.el.meta(name="robots", content="noindex"))
    return {"title": title, "description": words(lang, description), "image": "/icons/icon-512.png", "meta": meta}


def raw(**style: Any) -> dict[str, Any]:
    """Inline style as a plain attribute (no generated class)."""
    return {"style": style}


def other_language(page: str, lang: str) -> rx.Component:
    """Link to this page in the other language; the script also remembers the choice."""
    other = "zh" if lang == "en" else "en"
    return rx.el.a(
        words(lang, "pub.other"), href=path_of(page, other), lang=HTML_LANG[other], custom_attrs={"data-lang": other, "hreflang": other}
    )


def brand(lang: str) -> rx.Component:
    """Mark and name, home link."""
    return rx.el.a(
        rx.el.span(mark(title=""), custom_attrs={"data-brand": "mark"}, class_name="p-mark"),
        rx.el.span("IronBull"),
        href=path_of("landing", lang),
        class_name="p-brand",
    )
