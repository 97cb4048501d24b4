"""The kill switch: what is stopped, by whom and why; stop and lift."""

from __future__ import annotations

import reflex as rx

from pages.components.act import field, hold_button, segmented
from pages.components.i18n import USED, t, tx
from pages.components.lists import Pick, cut, filters, list_page
from pages.components.parts import chip, empty, link_button, note, rel_time
from pages.components.table import Column
from pages.routes import Route
from state.stops import Stops

SCOPES = ("platform", "tenant", "account")
STATE = Pick("state", "order.status", (("on", "stop.holds"), ("off", "stop.lifted")))
USED.update(f"stop.{name}" for name in (*SCOPES, "entries", "close", "holds", "lifted", "all_mine"))
USED.update(f"stop.banner.{scope}.{mode}" for scope in SCOPES for mode in ("entries", "close"))


def _new(agent: bool) -> rx.Component:
    choose = rx.el.select(
        rx.foreach(Stops.choices, lambda one: rx.el.option(rx.cond(one["k"] != "", t(one["k"]), one["name"]), value=one["id"], key=one["id"])),
        value=Stops.chosen, on_change=Stops.choose, class_name="inp sm", aria_label=t("stop.what"),
    )  # fmt: skip
    far = segmented([("entries", tx("stop.entries")), ("close", tx("stop.close"))], rx.cond(Stops.close, "close", "entries"), lambda key: Stops.how_far(key == "close"), t("stop.how_far"))
    why = rx.el.input(value=Stops.reason, on_change=Stops.why.debounce(200), max_length=200, auto_complete="off", class_name="inp sm")
    will = rx.cond(Stops.close, note(tx("stop.close"), tx("stop.close_why")), note(tx("stop.entries"), tx("stop.entries_why"), calm=True))
    form = rx.fragment(
        rx.el.div(field("stop.what", choose), field("stop.why", why), class_name="form-row"),
        rx.el.div(rx.el.span(tx("stop.how_far"), class_name="lab"), far, class_name="field gap-top"),
        rx.el.div(will, rx.el.span(class_name="sp"), hold_button(tx("stop.hold"), Stops.engage, disabled=Stops.reason == ""), class_name="row wrap gap-top"),
    )
    nothing = empty("stop.no_account", "stop.no_account_why", "key", link_button("nav.start", "/agent/start") if agent else None)
    return rx.el.section(rx.cond(~Stops.ready | (Stops.choices.length() > 0), form, nothing), class_name="sec hline-b")


def _lift(row: rx.Var) -> rx.Component:
    form = rx.el.form(
        rx.el.input(name="reason", required=True, max_length=200, placeholder=t("stop.why"), aria_label=t("stop.why"), auto_complete="off", class_name="inp sm"),
        rx.el.button(tx("stop.lift"), type="submit", class_name="btn pri sm"),
        rx.el.button(tx("act.cancel"), type="button", class_name="btn sm", on_click=Stops.ask("")),
        on_submit=Stops.lift,
        class_name="row",
    )
    ask = rx.el.button(tx("stop.lift"), type="button", class_name="btn sm", on_click=Stops.ask(row["id"]))
    return rx.cond(row["may_lift"], rx.cond(Stops.lifting == row["id"], form, ask), rx.el.span(row["lift_reason"], class_name="t3"))


def stops_page(route: Route) -> rx.Component:
    """The page."""
    whom = lambda r: rx.el.span(rx.el.b(tx(r["scope"])), " ", rx.el.span(r["whom"], class_name="t2"))
    status = lambda r: rx.cond(r["on"], chip(tx(r["status"]), kind="look"), rx.el.span(tx(r["status"]), class_name="t3"))
    columns = [
        Column("at_ms", "order.time", phone="end", show=lambda r: rel_time(r["at_ms"].to(int))),
        Column("scope", "stop.what", phone="lead", show=whom),
        Column("mode", "stop.how_far", phone="sub", quiet=True, show=lambda r: tx(r["mode"])),
        Column("reason", "correction.reason", phone="sub", show=lambda r: cut(r["reason"], wide=True)),
        Column("by", "ledger.actor", quiet=True, show=lambda r: tx(r["by"])),
        Column("status", "order.status", phone="tail", show=status),
        Column("lift", "stop.lift", phone="sub", show=_lift),
    ]
    bar = filters(picks=(STATE,), dated=True)
    return list_page(route, "stops", columns, _new(route.kind == "agent"), bar=bar, none=("stop.none", "stop.none_why", "check"), live=("stops_ms",))
