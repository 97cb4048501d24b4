"""Page /tenant/webhooks: endpoints with their secrets, and every message that was sent to them."""

from __future__ import annotations

import reflex as rx

from pages.components.act import copy_button, field, hold_button, menu
from pages.components.i18n import USED, t, tx
from pages.components.icons import icon
from pages.components.lists import chips, cut, filters, list_page
from pages.components.parts import chip, empty, facts, note, rel_time, section_head
from pages.components.table import Column, drawer, drawer_section
from pages.routes import route_of
from state.lists import Lists
from state.merchant_hooks import EVENTS, Hooks

ROUTE = route_of("/tenant/webhooks")
ON_LOAD = [Lists.enter("deliveries"), Hooks.load]
WORDS = {name: f"hook.e.{name.replace('.', '_')}" for name in EVENTS}
USED.update(f"hook.{state}" for state in ("pending", "delivered", "dead"))
USED.update(f"hook.x.{error}" for error in ("answered", "redirect", "private", "late", "connect", "cut", "removed", "sealed"))


def _error(row: rx.Var) -> rx.Component:
    return rx.cond(row["error"] != "", tx(row["error"].to(str), n=row["http"]), rx.fragment())


def _endpoint(one: rx.Var) -> rx.Component:
    state = rx.cond(one["on"], chip(tx("hook.on"), kind="act"), chip(tx("hook.off"), kind="look"))
    turning = rx.cond(
        one["old_ms"].to(int) > 0, rx.el.span(tx("hook.turning"), " ", rel_time(one["old_ms"].to(int), "clock"), class_name="t3 t12"), rx.fragment()
    )
    why = rx.cond(one["why"] != "", rx.el.span(tx("hook.gone"), class_name="look t12"), rx.fragment())
    more = menu(
        rx.el.span(tx("hook.more"), class_name="btn sm"),
        rx.cond(
            one["on"],
            rx.el.button(tx("hook.switch_off"), type="button", class_name="item", on_click=Hooks.switch(one["id"], False)),
            rx.el.button(tx("hook.switch_on"), type="button", class_name="item", on_click=Hooks.switch(one["id"], True)),
        ),
        rx.el.button(tx("hook.rotate"), type="button", class_name="item", on_click=Hooks.rotate(one["id"])),
        rx.el.hr(),
        hold_button(tx("hook.remove"), Hooks.remove(one["id"])),
        label=t("hook.more"),
    )
    return rx.el.li(
        rx.el.div(
            rx.el.div(state, rx.el.b(one["url"], class_name="mono cut wide", title=one["url"]), class_name="row"),
            rx.el.p(one["said"], class_name="t3 t12"),
            turning,
            why,
            class_name="grow col",
        ),
        rx.el.button(icon("play", "s"), tx("hook.fire"), type="button", class_name="btn sm", disabled=~one["on"].to(bool), on_click=Hooks.fire(one["id"])),
        rx.el.button(tx("hook.edit"), type="button", class_name="btn sm", on_click=Hooks.edit(one["id"])),
        more,
        class_name="row wrap hook",
        key=one["id"],
    )


def _form() -> rx.Component:
    f = Hooks.form
    url = rx.el.input(
        name="url", type="url", default_value=f["url"].to(str), required=True, max_length=500, placeholder="https://example.com/hooks/ironbull",
        auto_complete="off", class_name="inp sm mono",
    )  # fmt: skip
    low = rx.el.input(name="low", default_value=f["low"].to(str), input_mode="decimal", max_length=16, auto_complete="off", class_name="inp sm num")
    tick = lambda name: rx.el.label(
        rx.el.input(type="checkbox", name=name.replace(".", "_"), default_checked=f[name.replace(".", "_")].to(bool)),
        rx.el.span(tx(WORDS[name]), " ", rx.el.span(name, class_name="mono t3")),
        class_name="row tick",
    )
    form = rx.el.form(
        field("hook.url", url, tx("hook.url_hint")),
        rx.el.div(rx.el.span(tx("hook.events"), class_name="lab"), *[tick(name) for name in EVENTS], class_name="field"),
        field("hook.low", low, tx("hook.low_hint")),
        rx.el.div(
            rx.el.button(rx.cond(Hooks.editing == "new", tx("hook.create"), tx("hook.save")), type="submit", class_name="btn pri"),
            rx.el.button(tx("act.cancel"), type="button", class_name="btn", on_click=Hooks.edit("")),
            class_name="row",
        ),
        on_submit=Hooks.save,
        key=Hooks.editing,
        class_name="col gap3 narrow",
    )
    return rx.cond(Hooks.editing != "", rx.el.section(form, class_name="sec hline-b"), rx.fragment())


def _made() -> rx.Component:
    once = rx.el.div(
        note(tx("hook.secret", url=Hooks.made["url"]), tx("hook.secret_once"), calm=True, icon_name="key"),
        rx.el.span(rx.el.span(Hooks.made["secret"], class_name="mono"), copy_button(Hooks.made["secret"]), class_name="secret made"),
        rx.el.button(tx("key.kept"), type="button", class_name="btn", on_click=Hooks.edit("")),
        class_name="col made-b",
    )
    return rx.cond(Hooks.made.contains("secret"), rx.el.section(once, class_name="sec hline-b"), rx.fragment())


def _endpoints() -> rx.Component:
    add = rx.el.button(icon("plus", "s"), tx("hook.new"), type="button", class_name="btn sm", on_click=Hooks.edit("new"))
    some = rx.el.ul(rx.foreach(Hooks.endpoints, _endpoint), class_name="hooks")
    none = empty("hook.none", "hook.none_why", "link")
    return rx.el.section(
        section_head("hook.endpoints", add, meta=tx("hook.spec")),
        rx.cond(Hooks.ready, rx.cond(Hooks.endpoints.length() > 0, some, none), rx.fragment()),
        class_name="sec hline-b",
    )


def _columns() -> list[Column]:
    state = lambda r: rx.el.span(tx(r["status"]), class_name=rx.cond(r["look"], "look", "t2"))
    return [
        Column("event", "hook.event", phone="lead", show=lambda r: rx.el.b(r["event"], class_name="mono")),
        Column("reference", "hook.reference", phone="sub", quiet=True, show=lambda r: cut(r["reference"])),
        Column("host", "hook.to", quiet=True, roomy=True, show=lambda r: cut(r["host"])),
        Column("tries", "hook.tries", "num"),
        Column("http", "hook.http", "num", phone="end", quiet=True),
        Column("status", "hook.state", phone="sub", show=state),
        Column("at_ms", "hook.at", "num", phone="tail", sort=True, show=lambda r: rel_time(r["at_ms"].to(int))),
        Column("error", "hook.error", quiet=True, roomy=True, show=_error),
    ]


def _drawer() -> rx.Component:
    d = Lists.detail
    when = lambda key: rx.cond(d[key].to(int) > 0, rel_time(d[key].to(int), "clock"), "–")
    error = rx.cond(d["error"] != "", drawer_section(note(_error(d))), rx.fragment())
    return drawer(
        error,
        drawer_section(
            facts(
                ("hook.at", rel_time(d["at_ms"].to(int), "clock")), ("hook.tried", when("tried_ms")), ("hook.done", when("done_ms")),
                ("hook.next", when("next_ms")), ("hook.tries", d["tries"]), ("hook.http", d["http"]), ("hook.took", d["took"]),
                ("hook.reference", d["reference"]),
            )
        ),
        drawer_section(rx.el.span(d["url"], class_name="mono"), title="hook.to"),
        drawer_section(rx.el.div(rx.el.span(d["message_id"], class_name="mono"), copy_button(d["message_id"]), class_name="secret"), title="hook.id"),
        drawer_section(rx.el.pre(d["body"], class_name="code tall", tab_index=0), title="hook.body", right=copy_button(d["body"].to(str))),
        state=Lists,
        head=rx.el.div(rx.el.h2(d["event"], class_name="mono"), chip(tx(d["status"].to(str)), kind=rx.cond(d["look"], "look", "")), class_name="row"),
        foot=[
            rx.el.span(tx("hook.replay_line"), class_name="t3 t12 grow"),
            rx.el.button(tx("hook.replay"), type="button", class_name="btn pri", disabled=~d["can_replay"].to(bool), on_click=Hooks.replay),
        ],
        label=t("hook.event"),
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    n = Lists.totals
    states = [("", "order.all", n[""]), ("PENDING", "hook.pending", n["PENDING"]), ("DELIVERED", "hook.delivered", n["DELIVERED"]), ("DEAD", "hook.dead", n["DEAD"])]
    again = rx.el.button(tx("hook.again"), type="button", class_name="btn sm", on_click=Lists.refresh)
    bar = filters(lead=chips("status", states), dated=True, find="filter.hook", right=again)
    return list_page(
        ROUTE, "deliveries", _columns(), _endpoints(), _made(), _form(), bar=bar, none=("hook.nothing", "hook.nothing_why", "inbox"), drawer=_drawer()
    )
