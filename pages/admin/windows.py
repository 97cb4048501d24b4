"""Page /admin/windows: times in which the monitor tells nobody."""

from __future__ import annotations

import reflex as rx

from pages.components.act import field, hold_button
from pages.components.i18n import USED, t, tx
from pages.components.lists import cut, filters, list_page
from pages.components.parts import link_button, rel_time
from pages.components.table import Column
from pages.routes import route_of
from state.lists import Lists
from state.operator import WATCHED, Operator

ROUTE = route_of("/admin/windows")
ON_LOAD = [Lists.enter("windows"), Operator.load]
LENGTHS = (15, 60, 240, 1440)
USED.update({"mon.c.all", *(f"mon.len.{n}" for n in LENGTHS)})


def _new() -> rx.Component:
    checks = [rx.el.option(t("mon.c.all"), value=""), *[rx.el.option(t(f"mon.c.{name}"), value=name) for name in WATCHED]]
    lengths = [rx.el.option(t(f"mon.len.{n}"), value=str(n)) for n in LENGTHS]
    form = rx.el.form(
        rx.el.div(
            field("mon.check", rx.el.select(*checks, name="check", class_name="inp sm")),
            field("mon.subject", rx.el.input(name="subject", max_length=64, auto_complete="off", class_name="inp sm")),
            field("mon.length", rx.el.select(*lengths, name="minutes", default_value="60", class_name="inp sm")),
            field("mon.reason", rx.el.input(name="reason", required=True, min_length=3, max_length=200, auto_complete="off", class_name="inp sm")),
            rx.el.button(tx("mon.window_add"), type="submit", class_name="btn pri"),
            class_name="form-row",
        ),
        on_submit=Operator.add_window,
        reset_on_submit=True,
    )
    return rx.el.section(form, rx.el.p(tx("mon.window_why"), class_name="hint"), class_name="sec hline-b")


def page() -> rx.Component:
    """The page in its frame."""
    end = lambda r: rx.cond(r["holds"], hold_button(tx("mon.window_end"), Operator.end_window(r["id"])), rx.el.span(tx("mon.over"), class_name="t3"))
    columns = [
        Column("at_ms", "mon.from", phone="end", show=lambda r: rel_time(r["at_ms"].to(int), "date")),
        Column("ends_ms", "mon.to", phone="sub", show=lambda r: rel_time(r["ends_ms"].to(int), "date")),
        Column("check", "mon.check", phone="lead", show=lambda r: rx.el.span(rx.el.b(tx(r["check"])), " ", r["subject"])),
        Column("reason", "mon.reason", phone="sub", show=lambda r: cut(r["reason"], wide=True)),
        Column("by", "ledger.actor", quiet=True),
        Column("end", "mon.window_end", phone="tail", show=end),
    ]
    bar = filters(dated=True, right=link_button("nav.incidents", "/admin/incidents", "sm"))
    return list_page(ROUTE, "windows", columns, _new(), bar=bar, none=("mon.no_window", "mon.window_why", "clock"))
