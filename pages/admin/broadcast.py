"""Page /admin/broadcast: a message to everybody, a tenant or a segment; what was sent before."""

from __future__ import annotations

import reflex as rx

from pages.components.act import field, hold_button
from pages.components.i18n import USED, t, tx
from pages.components.lists import cut, filters, list_page
from pages.components.parts import note, rel_time
from pages.components.table import Column
from pages.routes import route_of
from state.lists import Lists
from state.operator import SEGMENTS, Operator

ROUTE = route_of("/admin/broadcast")
ON_LOAD = [Lists.enter("broadcasts"), Operator.load]
ROLES, BOTS, MODES = SEGMENTS
for _prefix, _names in (("r", ROLES), ("b", BOTS), ("m", MODES)):
    USED.update(f"cast.{_prefix}.{name}" for name in _names)


def _select(name: str, label: str, options: list[rx.Component] | rx.Component) -> rx.Component:
    many = options if isinstance(options, list) else [options]
    return field(label, rx.el.select(*many, value=Operator.segment[name], on_change=lambda v: Operator.aim(name, v), class_name="inp sm"))


def _write() -> rx.Component:
    o = Operator
    words = lambda prefix, names: [rx.el.option(t(f"cast.{prefix}.{name}"), value=name) for name in names]
    tenants = [rx.el.option(t("cast.all_tenants"), value=""), rx.foreach(o.tenants, lambda one: rx.el.option(one["name"], value=one["id"], key=one["id"]))]
    whom = rx.el.div(
        _select("role", "cast.whom", words("r", ROLES)), _select("tenant", "order.tenant", tenants), _select("bot", "nav.bot", words("b", BOTS)),
        _select("mode", "order.mode", words("m", MODES)), class_name="form-row",
    )  # fmt: skip
    form = rx.el.form(
        rx.el.div(
            field("cast.title", rx.el.input(name="title", default_value=o.text["title"], required=True, min_length=3, max_length=160, auto_complete="off", class_name="inp")),
            field("cast.link", rx.el.input(name="link", default_value=o.text["link"], max_length=160, placeholder="/agent/bot", auto_complete="off", class_name="inp")),
            class_name="form-row",
        ),
        field("cast.message", rx.el.textarea(name="message", default_value=o.text["message"], max_length=500, rows="3", class_name="inp")),
        rx.el.button(tx("cast.preview"), type="submit", class_name="btn pri gap-top"),
        on_submit=o.preview,
        key=o.form_key,
    )
    shown = rx.el.div(
        note(tx("cast.will", n=o.reach), tx("cast.will_why"), calm=True, icon_name="bell"),
        rx.el.div(rx.el.b(o.text["title"]), rx.el.p(o.text["message"]), rx.el.p(o.text["link"], class_name="mono t3 t12"), class_name="bell-like gap-top"),
        rx.el.div(
            rx.el.button(tx("cast.back"), type="button", class_name="btn", on_click=o.back), rx.el.span(class_name="sp"),
            hold_button(tx("cast.send"), o.send), class_name="row gap-top",
        ),
    )  # fmt: skip
    ready = (o.reach != "") & (o.text["title"] != "")
    return rx.el.section(whom, rx.cond(ready, shown, form), class_name="sec hline-b")


def page() -> rx.Component:
    """The page in its frame."""
    whom = lambda r: rx.el.span(tx(r["role"]), " ", rx.el.span(r["tenant"], " · ", tx(r["bot"]), " · ", tx(r["mode"]), class_name="t3"))
    columns = [
        Column("at_ms", "order.time", phone="end", sort=True, show=lambda r: rel_time(r["at_ms"].to(int))),
        Column("title", "cast.title", phone="lead", show=lambda r: rx.el.b(r["title"])),
        Column("message", "cast.message", phone="sub", show=lambda r: cut(r["message"], wide=True)),
        Column("role", "cast.whom", phone="sub", quiet=True, show=whom),
        Column("people", "cast.people", "num", phone="tail", sort=True),
        Column("by", "ledger.actor", quiet=True),
    ]
    bar = filters(dated=True, find="filter.broadcast")
    return list_page(ROUTE, "broadcasts", columns, _write(), bar=bar, none=("cast.none", "cast.none_why", "bell"))
