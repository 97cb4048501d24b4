"""Profit share statements: the same list for the operator, the merchant and the agent, each of their own."""

from __future__ import annotations

import reflex as rx

from pages.components.act import hold_button
from pages.components.i18n import USED, t, tx
from pages.components.icons import icon
from pages.components.lists import chips, filters, list_page, mini
from pages.components.parts import chip, empty, file_link, kv, nav_link, num, side_tag, stat, stats
from pages.components.table import Column, drawer, drawer_section
from pages.routes import Route
from state.lists import Lists
from state.periods import Periods

STATES = ("draft", "approved", "invoiced", "paid")
STEPS = ("c0", "sum", "c", "u", "bill", "h0", "h1", "carry")
USED.update(f"period.{name}" for name in (*STATES, *STEPS, "trade", "correction", "funding"))


def _columns(kind: str) -> list[Column]:
    who = [Column("user", "col.user", phone="lead")] if kind != "agent" else []
    tenant = [Column("tenant", "order.tenant", quiet=True)] if kind == "admin" else []
    state = lambda r: rx.el.span(tx(r["status"]), class_name=rx.cond(r["look"], "", "t3"))
    return [
        *who,
        *tenant,
        Column("month", "period.month", phone="lead" if kind == "agent" else "end", sort=False),
        Column("trades", "period.trades", "num", quiet=True, roomy=True),
        Column("pnl", "period.net", "pnl", phone="sub", sort=True),
        Column("high", "period.mark", "num", quiet=True, roomy=True),
        Column("share", "period.share", "num", quiet=True, roomy=True),
        Column("fee", "period.fee", "num", phone="tail", sort=True, show=lambda r: rx.el.b(r["fee"])),
        Column("status", "order.status", phone="sub", show=state),
        Column("invoice", "period.invoice", quiet=True, roomy=True),
    ]


def _lines(d: rx.Var) -> rx.Component:
    row = lambda one: rx.el.tr(
        rx.el.td(rx.el.b(one["base"]), " ", side_tag(one["side"]), rx.cond(one["late"], chip(tx("period.late")), rx.fragment())),
        rx.el.td(tx(one["kind"].to(str)), class_name="t2"),
        rx.el.td(one["day"], class_name="num t2"),
        rx.el.td(num(one["net"]), class_name="num"),
        rx.el.td(one["c"], class_name="num"),
        rx.el.td(one["above"], class_name="num t2"),
        key=one["id"],
    )
    heads = [("period.line", ""), ("period.kind", ""), ("period.when", "num"), ("period.net", "num"), ("period.c_short", "num"), ("period.above", "num")]
    table = mini(heads, rx.foreach(d["lines"].to(list[dict]), row), "period.lines")
    cut = rx.cond(d["cut"], rx.el.p(tx("period.cut", n=d["count"]), class_name="t3 t12"), rx.fragment())
    return rx.cond(d["lines"].to(list[dict]).length() > 0, rx.fragment(table, cut), empty("period.no_lines", "period.no_lines_why", "receipt"))


def _foot(route: Route, d: rx.Var) -> rx.Component:
    path = "/api/billing/periods/" if route.kind == "admin" else f"/api/{route.kind}/billing/periods/"
    file = lambda kind: file_link(
        icon("download"), kind.upper(), href=path + Lists.open_id + f"/statement.{kind}", class_name="btn"
    )
    files = rx.fragment(file("pdf"), file("csv"), rx.el.span(class_name="sp"))
    if route.kind != "admin":
        return files
    paid = rx.el.form(
        rx.el.input(name="reference", placeholder=t("period.reference"), max_length=128, auto_complete="off", class_name="inp sm"),
        rx.el.button(tx("period.go_paid"), type="submit", class_name="btn pri"),
        on_submit=Periods.paid,
        class_name="row",
        key=Lists.open_id,
    )
    step = rx.match(
        d["state"].to(str),
        ("draft", rx.fragment(
            rx.el.button(tx("period.again"), type="button", class_name="btn", on_click=Periods.recompute(Lists.open_id)),
            hold_button(tx("period.go_approve"), Periods.approve(Lists.open_id)),
        )),
        ("approved", rx.el.button(tx("period.go_invoice"), type="button", class_name="btn pri", on_click=Periods.invoice(Lists.open_id))),
        ("invoiced", paid),
        rx.el.span(tx("period.over"), class_name="t3 t12"),
    )  # fmt: skip
    return rx.fragment(files, step)


def periods_page(route: Route) -> rx.Component:
    """The page."""
    d, n = Lists.detail, Lists.totals
    steps = rx.foreach(
        d["steps"].to(list[dict]), lambda one: rx.fragment(rx.el.dt(tx(one["k"].to(str))), rx.el.dd(one["v"], class_name="num"))
    )
    panel = drawer(
        drawer_section(rx.el.dl(steps, class_name="kv"), rx.el.p(d["formula"], class_name="mono t12 sim-go"), rx.el.p(tx("period.by_hand"), " ", nav_link(tx("help.share_link"), href=f"/{route.kind}/help?at=help.q.mark"), class_name="t3 t12"), title="period.computed"),
        drawer_section(kv(("period.invoice", rx.cond(d["invoice"] != "", d["invoice"], "–")), ("period.reference", d["reference"]))),
        drawer_section(_lines(d), title="period.lines", right=rx.el.span(d["count"], class_name="t3 t12")),
        state=Lists,
        head=rx.fragment(
            rx.el.div(rx.el.h2(d["month"]), chip(tx(d["status"].to(str)), kind=rx.cond(d["look"], "act", "")), class_name="row"),
            rx.el.div(rx.el.span(d["fee"], class_name="big"), rx.el.span("USDT · ", d["user"], class_name="t2"), class_name="row wrap baseline"),
        ),
        foot=[_foot(route, d)],
        label=t("nav.statements"),
        wide=True,
    )  # fmt: skip
    states = [("", "order.all", None), *[(state, f"period.{state}", n[f"n_{state}"]) for state in STATES]]
    bar = filters(
        lead=chips("status", states), dated=True, tenant=route.kind == "admin", find="" if route.kind == "agent" else "filter.user"
    )
    cards = stats(*[stat(f"period.{state}", n[f"sum_{state}"], "USDT", tx("period.sum_line", n=n[f"n_{state}"])) for state in STATES])
    return list_page(
        route, "periods", _columns(route.kind), cards, bar=bar, none=("period.none", "period.none_why", "receipt"), drawer=panel
    )
