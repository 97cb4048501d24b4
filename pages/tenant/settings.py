"""Page /tenant/settings: the merchant's name, logo, colour and words, and how they look."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.act import field
from pages.components.i18n import t, tx
from pages.components.icons import icon
from pages.components.parts import chip, page_link, section_head, skeleton
from pages.components.shell import shell
from pages.routes import route_of
from state.merchant_brand import Brand
from state.session import Session

ROUTE = route_of("/tenant/settings")
ON_LOAD = [Brand.load]


class _PicturePicker(rx.Component):
    library = "$/public/js/picture.jsx"
    tag = "PicturePicker"
    label: rx.Var[str]
    max_bytes: rx.Var[int]
    on_pick: rx.EventHandler[rx.event.passthrough_event_spec(str)]


def _logo() -> rx.Component:
    shown = rx.cond(
        Brand.kept["logo"] != "",
        rx.el.img(src=Brand.kept["logo"], alt=t("brand.logo"), class_name="logo-big"),
        rx.el.span(Session.workspace[0:1], class_name="av sq logo-big"),
    )
    remove = rx.cond(
        Brand.kept["logo"] != "",
        rx.el.button(tx("brand.logo_remove"), type="button", class_name="btn", on_click=Brand.upload("")),
        rx.fragment(),
    )
    return rx.el.div(
        rx.el.span(tx("brand.logo"), class_name="lab"),
        rx.el.div(shown, _PicturePicker.create(label=t("brand.logo_pick"), max_bytes=48_000, on_pick=Brand.upload), remove, class_name="row wrap"),
        rx.el.span(tx("brand.logo_hint"), class_name="hint"),
        class_name="field",
    )


def _accent() -> rx.Component:
    seen = lambda words, key: rx.el.span(tx(words), " ", rx.el.b(Brand.tried[key]), class_name="t2")
    verdict = rx.cond(
        Brand.tried["ok"], chip(icon("check", "s"), tx("brand.accent_ok"), kind="act"), chip(icon("alert", "s"), tx("brand.accent_bad"), kind="look")
    )
    checked = rx.cond(
        Brand.tried.contains("dark"),
        rx.el.div(verdict, seen("brand.on_dark", "dark"), seen("brand.on_light", "light"), class_name="row wrap", custom_attrs={"aria-live": "polite"}),
        rx.el.span(tx("brand.accent_own"), class_name="hint"),
    )
    box = rx.el.input(
        name="accent", value=Brand.accent, on_change=Brand.try_accent, placeholder="#rrggbb", max_length=7, auto_complete="off",
        spell_check=False, class_name="inp sm mono", aria_label=t("brand.accent"),
    )  # fmt: skip
    wheel = rx.el.input(type="color", value=Brand.accent, on_change=Brand.try_accent, class_name="inp sm wheel", aria_label=t("brand.accent_pick"))
    clear = rx.cond(
        Brand.accent != "", rx.el.button(tx("brand.accent_clear"), type="button", class_name="btn", on_click=Brand.try_accent("")), rx.fragment()
    )
    return rx.el.div(
        rx.el.span(tx("brand.accent"), class_name="lab"), rx.el.div(wheel, box, clear, class_name="row"), checked, class_name="field accent"
    )


def _form() -> rx.Component:
    line = lambda name, longest: rx.el.input(
        name=name, default_value=Brand.kept[name], max_length=longest, auto_complete="off", class_name="inp"
    )
    return rx.el.form(
        field("brand.name", line("brand", 60), tx("brand.name_hint")),
        _logo(),
        _accent(),
        field("brand.host", line("host", 253), tx("brand.host_hint")),
        field("brand.headline", line("headline", 120)),
        field(
            "brand.text",
            rx.el.textarea(name="landing_text", default_value=Brand.kept["landing_text"], rows="6", max_length=2000, class_name="inp"),
            tx("brand.text_hint"),
        ),
        rx.el.button(tx("brand.save"), type="submit", class_name="btn pri gap-top"),
        on_submit=Brand.save,
        key=Brand.version,
    )


def _preview() -> rx.Component:
    """The words as a visitor would meet them, in the kept look."""
    paragraphs: Any = Brand.kept["landing_text"].to(str).split("\n\n")
    return rx.el.div(
        rx.el.div(
            rx.cond(Brand.kept["logo"] != "", rx.el.img(src=Brand.kept["logo"], alt="", class_name="av sq logo"), rx.fragment()),
            rx.el.b(Session.workspace),
            class_name="row",
        ),
        rx.cond(Brand.kept["headline"] != "", rx.el.h2(Brand.kept["headline"]), rx.el.h2(tx("brand.no_headline"), class_name="t3")),
        rx.foreach(paragraphs, lambda text: rx.el.p(text, class_name="t2 lines")),
        rx.el.div(rx.el.span(tx("brand.button"), class_name="btn pri"), rx.el.span(tx("brand.link"), class_name="acc"), class_name="row"),
        class_name="face col gap3",
    )


def page() -> rx.Component:
    """The page in its frame."""
    waiting = rx.el.div(skeleton("40%"), skeleton(height="120px"), class_name="wait")
    body = rx.el.div(
        rx.el.section(section_head("brand.title"), _form(), class_name="sec"),
        rx.el.section(section_head("brand.preview", page_link(icon("link", "s"), tx("brand.open"), href=Brand.kept["page"])), _preview(), class_name="sec"),
        class_name="two-up",
    )
    return shell(
        ROUTE, rx.el.div(rx.el.p(tx("brand.lead"), class_name="t2"), class_name="sec sentence"), rx.cond(Brand.ready, body, waiting)
    )
