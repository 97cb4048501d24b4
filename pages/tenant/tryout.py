"""Page /tenant/try: make a signed call and see every step of it, to compare with one's own."""

from __future__ import annotations

import reflex as rx

from pages.components.act import copy_button, field
from pages.components.i18n import t, tx
from pages.components.icons import icon
from pages.components.parts import chip, empty, kv, link_button, note, section_head, skeleton
from pages.components.shell import shell
from pages.routes import route_of
from state.merchant_tryout import Tryout, doors

ROUTE = route_of("/tenant/try")
ON_LOAD = [Tryout.load]


def _code(text: rx.Var, label: str) -> rx.Component:
    """Machine text with its copy button."""
    return rx.el.div(
        rx.el.div(rx.el.h3(tx(label)), rx.el.span(class_name="sp"), copy_button(text), class_name="row"),
        rx.el.pre(text, class_name="code", tab_index=0, aria_label=t(label)),
        class_name="col",
    )


def _pairs(items: rx.Var, label: str) -> rx.Component:
    line = lambda one: rx.fragment(rx.el.dt(one["k"], class_name="mono"), rx.el.dd(one["v"], class_name="mono"))
    return rx.cond(
        items.length() > 0,
        rx.el.div(rx.el.h3(tx(label)), rx.el.dl(rx.foreach(items, line), class_name="kv pairs"), class_name="col"),
        rx.fragment(),
    )


def _field(one: rx.Var) -> rx.Component:
    label = rx.el.span(rx.el.span(one["name"], class_name="mono"), rx.cond(one["must"], rx.el.span(" *", class_name="look"), rx.fragment()), class_name="lab")
    kind = rx.cond(one["hidden"], "password", "text")
    box = rx.el.input(name=one["name"].to(str), type=kind, required=one["must"].to(bool), max_length=512, auto_complete="off", class_name="inp sm")
    return rx.el.label(label, box, class_name="field", key=one["name"].to(str))


def _ask() -> rx.Component:
    options = [rx.el.option(words, value=name) for name, words in doors()]
    keys = rx.el.select(rx.foreach(Tryout.keys, lambda k: rx.el.option(k["name"], value=k["id"], key=k["id"])), name="key", class_name="inp sm")
    real = rx.cond(Tryout.method == "POST", note(tx("try.real"), tx("try.real_why")), rx.el.p(tx("try.counts"), class_name="t3 t12"))
    form = rx.el.form(
        field("try.key", keys),
        field(
            "try.door",
            rx.el.select(*options, value=Tryout.door, on_change=Tryout.choose, class_name="inp sm mono", aria_label=t("try.door")),
        ),
        rx.el.div(rx.foreach(Tryout.fields, _field), class_name="col gap3", key=Tryout.door),
        field("try.what", rx.el.select(rx.el.option(t("try.sign_only"), value="0"), rx.el.option(t("try.sign_send"), value="1"), name="go", default_value="1", class_name="inp sm")),
        real,
        rx.el.div(rx.el.button(tx("try.go"), type="submit", class_name="btn pri", disabled=Tryout.busy), link_button("nav.keys", "/tenant/keys"), class_name="row"),
        on_submit=Tryout.sign,
        class_name="col gap3",
    )
    none = empty("key.none", "key.none_why", "key", link_button("nav.keys", "/tenant/keys", "pri"))
    return rx.el.section(section_head("try.call"), rx.cond(Tryout.keys.length() > 0, form, none), class_name="sec")


def _answer() -> rx.Component:
    s, r = Tryout.signed, Tryout.reply
    verdict = rx.cond(
        r["ok"], chip(icon("check", "s"), tx("try.accepted"), kind="act"), chip(icon("alert", "s"), tx("try.refused"), kind="look")
    )
    reply = rx.cond(
        Tryout.reply.contains("status"),
        rx.el.div(
            rx.el.div(rx.el.h3(tx("try.reply")), verdict, rx.el.span("HTTP ", r["status"], " · ", r["ms"], " ms", class_name="t2"), class_name="row wrap"),
            rx.el.pre(r["body"], class_name="code tall", tab_index=0, aria_label=t("try.reply")),
            _pairs(r["headers"].to(list[dict[str, str]]), "try.quota"),
            class_name="col gap3",
            custom_attrs={"aria-live": "polite", "data-reply": ""},
        ),
        rx.fragment(),
    )
    body = rx.cond(s["body"] != "", _code(s["body"].to(str), "try.body"), rx.fragment())
    done = rx.el.div(
        reply,
        _code(s["text"].to(str), "try.text"),
        rx.el.p(tx("try.text_why"), class_name="t3 t12"),
        kv((tx("try.hash"), rx.el.span("HMAC-SHA256", class_name="mono"))),
        _code(s["sign"].to(str), "try.sign"),
        _pairs(s["headers"].to(list[dict[str, str]]), "try.headers"),
        body,
        _code(s["curl"].to(str), "try.curl"),
        rx.el.p(tx("try.curl_why"), class_name="t3 t12"),
        class_name="col gap4",
    )
    return rx.el.section(section_head("try.steps"), rx.cond(Tryout.signed.contains("text"), done, empty("try.none", "try.none_why", "code")), class_name="sec")


def page() -> rx.Component:
    """The page in its frame."""
    waiting = rx.el.div(skeleton("40%"), skeleton(height="120px"), class_name="wait")
    return shell(
        ROUTE,
        rx.el.div(rx.el.p(tx("try.lead"), class_name="t2"), class_name="sec sentence"),
        rx.cond(Tryout.ready, rx.el.div(_ask(), _answer(), class_name="two-up"), waiting),
    )
