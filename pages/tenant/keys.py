"""Page /tenant/keys: API keys, shown once, two at a time, each with its own addresses."""

from __future__ import annotations

import reflex as rx

from pages.components.act import copy_button, field, hold_button, text_input
from pages.components.i18n import t, tx
from pages.components.icons import icon
from pages.components.lists import Pick, filters, list_page
from pages.components.parts import chip, facts, link_button, note, rel_time
from pages.components.table import Column, drawer, drawer_section
from pages.routes import route_of
from state.lists import Lists
from state.merchant import Merchant

ROUTE = route_of("/tenant/keys")
ON_LOAD = [Lists.enter("keys"), Merchant.fresh]
STATUS = Pick("status", "key.state", (("1", "key.active"), ("0", "key.revoked")))


def _columns() -> list[Column]:
    name = lambda r: rx.el.span(
        rx.el.b(r["name"]), rx.cond(r["legacy"] & r["active"], chip("MD5", kind="look"), rx.fragment()), class_name="row"
    )
    nets = lambda r: rx.cond(r["nets"].to(int) > 0, r["nets"], rx.el.span(tx("key.any"), class_name="t3"))
    used = lambda r: rx.cond(r["used_ms"].to(int) > 0, rel_time(r["used_ms"].to(int)), rx.el.span(tx("key.never"), class_name="t3"))
    state = lambda r: rx.cond(r["active"], rx.el.span(tx("key.active")), rx.el.span(tx("key.revoked"), class_name="t3"))
    return [
        Column("label", "key.name", phone="lead", sort=True, show=name),
        Column("short", "key.app_key", phone="sub", quiet=True, show=lambda r: rx.el.span(r["short"], class_name="mono")),
        Column("nets", "key.nets", "num", roomy=True, show=nets),
        Column("created_ms", "key.made", "num", quiet=True, roomy=True, sort=True, show=lambda r: rel_time(r["created_ms"].to(int))),
        Column("used_ms", "key.used", "num", phone="tail", sort=True, show=used),
        Column("active", "key.state", phone="end", show=state),
    ]


def _legacy(d: rx.Var) -> rx.Component:
    """The old signature, and what it costs."""
    writes = rx.cond(
        d["legacy_writes"],
        rx.el.button(tx("key.writes_off"), type="button", class_name="btn sm", on_click=Merchant.legacy(True, False)),
        hold_button(tx("key.writes_on"), Merchant.legacy(True, True)),
    )
    on = rx.el.div(
        note(tx("key.legacy_warn"), tx("key.legacy_why")),
        rx.el.p(rx.cond(d["legacy_writes"], tx("key.writes_are_on"), tx("key.writes_are_off")), class_name="t2"),
        rx.el.div(rx.el.button(tx("key.legacy_stop"), type="button", class_name="btn pri sm", on_click=Merchant.legacy(False, False)), writes, class_name="row wrap"),
        class_name="col gap3",
    )
    off = rx.el.div(
        rx.el.p(tx("key.legacy_line"), class_name="t2"),
        hold_button(tx("key.legacy_start"), Merchant.legacy(True, False)),
        class_name="col gap3",
    )
    return drawer_section(rx.cond(d["legacy"], on, off), title="key.legacy")


def _drawer() -> rx.Component:
    d = Lists.detail
    form = rx.el.form(
        field("key.name", rx.el.input(name="label", default_value=d["label"].to(str), max_length=64, auto_complete="off", class_name="inp sm")),
        field(
            "key.nets",
            rx.el.textarea(name="ips", default_value=d["ips"].to(str), rows="3", placeholder="203.0.113.0/24", class_name="inp mono"),
            tx("key.nets_hint"),
        ),
        rx.el.button(tx("key.save"), type="submit", class_name="btn pri gap-top"),
        on_submit=Merchant.configure,
        key=Lists.open_id,
    )
    used = rx.cond(d["used_ms"].to(int) > 0, rel_time(d["used_ms"].to(int)), tx("key.never"))
    return drawer(
        drawer_section(
            rx.el.div(rx.el.span(d["app_key"], class_name="mono"), copy_button(d["app_key"]), class_name="secret"), title="key.app_key"
        ),
        drawer_section(facts(("key.made", rel_time(d["created_ms"].to(int))), ("key.used", used))),
        rx.cond(d["active"], rx.fragment(drawer_section(form, title="key.rules"), _legacy(d)), drawer_section(note(tx("key.is_revoked"), calm=True))),
        state=Lists,
        head=rx.el.div(rx.el.h2(d["name"]), rx.cond(d["active"], rx.fragment(), chip(tx("key.revoked"), kind="look")), class_name="row"),
        foot=[
            rx.el.span(tx("key.revoke_line"), class_name="t3 t12 grow"),
            rx.cond(d["active"], hold_button(tx("key.revoke"), Merchant.revoke), rx.fragment()),
        ],
        label=t("nav.keys"),
    )


def _new() -> rx.Component:
    """Form above the list; afterwards the pair, once."""
    form = rx.el.form(
        rx.el.div(
            field("key.name", text_input(name="label", max_length=64, auto_complete="off", class_name="inp sm"), tx("key.rotate")),
            rx.el.button(tx("key.create"), type="submit", class_name="btn pri"),
            rx.el.button(tx("act.cancel"), type="button", class_name="btn", on_click=Merchant.make(False)),
            class_name="form-row from-top",
        ),
        on_submit=Merchant.issue,
    )
    line = lambda label, key: field(
        label, rx.el.span(rx.el.span(Merchant.made[key], class_name="mono"), copy_button(Merchant.made[key]), class_name="secret")
    )
    made = rx.el.div(
        note(tx("key.done", name=Merchant.made["name"]), tx("key.once"), calm=True, icon_name="key"),
        rx.el.div(line("key.app_key", "app_key"), line("key.app_secret", "app_secret"), class_name="form-row made"),
        rx.el.div(
            rx.el.button(tx("key.kept"), type="button", class_name="btn", on_click=Merchant.make(False)),
            link_button("key.try", "/tenant/try"),
            class_name="row",
        ),
        class_name="col made-b",
    )
    shown = rx.cond(Merchant.made.contains("app_secret"), made, form)
    return rx.cond(Merchant.making, rx.el.section(shown, class_name="sec hline-b"), rx.fragment())


def page() -> rx.Component:
    """The page in its frame."""
    n = Lists.totals
    add = rx.el.button(icon("plus", "s"), tx("key.new"), type="button", class_name="btn sm", on_click=Merchant.make(True))
    legacy = n["legacy"].to(str)
    warn = rx.cond(
        Lists.totals.contains("legacy") & (legacy != "0"),
        rx.el.section(note(tx("key.legacy_count", n=legacy), tx("key.legacy_why")), class_name="sec hline-b"),
        rx.fragment(),
    )
    bar = filters(picks=(STATUS,), find="filter.key", right=add)
    return list_page(ROUTE, "keys", _columns(), _new(), warn, bar=bar, none=("key.none", "key.none_why", "key"), drawer=_drawer())
