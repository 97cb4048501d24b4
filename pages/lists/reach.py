"""How messages reach an agent or an admin outside of the app, and what was sent: a page of both consoles."""

from __future__ import annotations

import reflex as rx

from pages.components.act import field, hold_button, menu, segmented
from pages.components.i18n import USED, t, tx
from pages.components.icons import icon
from pages.components.parts import chip, empty, nav_link, rel_time, section_head, sentence, skeleton
from pages.components.shell import shell
from pages.routes import Route
from state.channels import ADMIN_TYPES, DIGESTS, KINDS, TYPES
from state.channels import Channels as C

USED.update(f"reach.{kind}" for kind in KINDS)
USED.update(f"reach.{state}" for state in ("PENDING", "SENT", "DEAD"))
USED.update(f"reach.x.{why}" for why in ("answered", "private", "late", "connect", "mail", "sealed", "other"))


def _said(one: rx.Var) -> rx.Component:
    quiet = rx.cond(one["quiet"].to(bool), rx.fragment(" · ", tx("reach.quiet_is", start=one["from"], end=one["to"])), rx.fragment())
    digest = rx.cond(one["digest"].to(int) > 0, rx.fragment(" · ", tx("reach.digest_is", n=one["digest"])), rx.fragment())
    return rx.el.p(rx.cond(one["all"].to(bool), tx("reach.all"), tx("reach.some", n=one["n"])), quiet, digest, class_name="t3 t12")


def _channel(one: rx.Var) -> rx.Component:
    on = one["on"].to(bool)
    state = rx.cond(on, chip(tx("hook.on"), kind="act"), chip(tx("hook.off"), kind="look"))
    turn = rx.el.button(
        rx.cond(on, tx("hook.switch_off"), tx("hook.switch_on")), type="button", class_name="item", on_click=C.switch(one["id"], ~on)
    )
    more = menu(
        rx.el.span(tx("hook.more"), class_name="btn sm"), turn, rx.el.hr(), hold_button(tx("hook.remove"), C.remove(one["id"])), label=t("hook.more")
    )
    return rx.el.li(
        rx.el.div(
            rx.el.div(state, rx.el.b(tx(one["word"].to(str))), rx.el.span(one["hint"], class_name="mono cut wide"), class_name="row"),
            _said(one),
            class_name="grow col",
        ),
        rx.el.button(icon("play", "s"), tx("reach.try"), type="button", class_name="btn sm", disabled=~on, on_click=C.try_out(one["id"])),
        rx.el.button(tx("hook.edit"), type="button", class_name="btn sm", on_click=C.edit(one["id"])),
        more,
        class_name="row wrap hook", key=one["id"], custom_attrs={"data-channel": one["kind"]},
    )  # fmt: skip


def _target(kind: str) -> rx.Component:
    box = lambda name, **props: rx.el.input(name=name, required=True, auto_complete="off", class_name="inp mono", **props)
    fields = rx.match(
        C.kind,
        ("webhook", field("reach.url", box("url", type="url", max_length=500, placeholder="https://example.com/ironbull"), tx("reach.url_hint"))),
        ("service", field("reach.service_url", box("url", max_length=500, placeholder="discord://id/token"), tx("reach.service_hint"))),
        (
            "telegram",
            rx.fragment(
                field("reach.token", box("token", type="password", max_length=100), tx("reach.token_hint")),
                field("reach.chat", box("chat", max_length=40), tx("reach.chat_hint")),
            ),
        ),
        # An agent's messages go to its own address; an admin has none.
        field("reach.to_address", box("to_address", type="email", max_length=190))
        if kind == "admin"
        else rx.el.p(tx("reach.email_hint"), class_name="t2"),
    )
    kinds = [(kind, tx(f"reach.{kind}")) for kind in KINDS]
    return rx.cond(
        C.editing == "new", rx.el.div(segmented(kinds, C.kind, C.choose, label=t("reach.kind")), fields, class_name="col gap3"), rx.fragment()
    )


def _form(kind: str) -> rx.Component:
    f = C.form
    types = ADMIN_TYPES if kind == "admin" else TYPES
    tick = lambda name: rx.el.label(
        rx.el.input(type="checkbox", name=name, default_checked=f[name].to(bool)), rx.el.span(tx(f"reach.t.{name}")), class_name="row tick"
    )
    time = lambda name: rx.el.input(name=name, type="time", default_value=f[name].to(str), class_name="inp sm")
    digest = rx.el.select(
        *[rx.el.option(t(f"reach.digest.{value}"), value=value) for value in DIGESTS], name="digest", default_value=f["digest"].to(str), class_name="inp"
    )
    form = rx.el.form(
        _target(kind),
        rx.el.div(rx.el.span(tx("reach.types"), class_name="lab"), *[tick(name) for name in types], class_name="field"),
        rx.el.div(rx.el.div(field("reach.from", time("from"))), rx.el.div(field("reach.to", time("to"))), class_name="row"),
        rx.el.p(tx("reach.quiet_hint"), class_name="hint"),
        field("reach.digest", digest, tx("reach.digest_hint")),
        rx.el.div(
            rx.el.button(rx.cond(C.editing == "new", tx("reach.create"), tx("hook.save")), type="submit", class_name="btn pri"),
            rx.el.button(tx("act.cancel"), type="button", class_name="btn", on_click=C.edit("")),
            class_name="row",
        ),
        on_submit=C.save, key=C.editing, class_name="col gap3 narrow",
    )  # fmt: skip
    return rx.cond(C.editing != "", rx.el.section(form, class_name="sec hline-b"), rx.fragment())


def _sent(one: rx.Var) -> rx.Component:
    state = rx.cond(
        one["done"].to(bool), chip(tx("reach.SENT"), kind="act"), rx.cond(one["dead"].to(bool), chip(tx("reach.DEAD"), kind="look"), chip(tx("reach.PENDING")))
    )
    why = rx.cond(one["why"] != "", rx.el.span(tx(one["why"].to(str), n=one["http"]), class_name="look t12"), rx.fragment())
    return rx.el.li(
        state,
        rx.el.div(rx.el.span(tx(one["word"].to(str)), " ", rx.el.span(one["hint"], class_name="t3")), rx.el.div(why), class_name="grow"),
        rx.el.span(rel_time(one["at_ms"].to(int)), class_name="t3 t12"),
        class_name="row", key=one["id"], custom_attrs={"data-sent": ""},
    )  # fmt: skip


def reach_page(route: Route) -> rx.Component:
    """The page in its frame; it stands below the list of notifications."""
    above = route.path.removesuffix("/settings")
    add = rx.el.button(icon("plus", "s"), tx("reach.new"), type="button", class_name="btn sm", on_click=C.edit("new"))
    again = rx.el.button(tx("hook.again"), type="button", class_name="btn sm", on_click=C.watch(1))
    some = rx.el.ul(rx.foreach(C.rows, _channel), class_name="hooks")
    body = rx.fragment(
        rx.el.section(section_head("reach.channels", add), rx.cond(C.rows.length() > 0, some, empty("reach.none", "reach.none_why", "bell")), class_name="sec hline-b"),
        _form(route.kind),
        rx.el.section(
            section_head("reach.log", again),
            rx.cond(
                C.log.length() > 0, rx.el.ul(rx.foreach(C.log, _sent), class_name="ob-list"), rx.el.p(tx("reach.log_none"), class_name="t3")
            ),
            class_name="sec",
        ),
    )
    return shell(
        route,
        sentence(tx("reach.lead"), meta=nav_link(tx("nav.notices"), href=above), icon_name="bell"),
        rx.cond(C.ready, body, rx.el.div(skeleton("40%"), skeleton(height="120px"), class_name="wait")),
        active=above,
    )
