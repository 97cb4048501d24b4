"""Page /admin/trace: the way of each signal through each account, with the time every step took."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import USED, t, tx
from pages.components.lists import Pick, chips, cut, filters, list_page
from pages.components.parts import facts, link_button, mode_chip, rel_time, side_tag, symbol
from pages.components.table import Column, drawer, drawer_section
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/admin/trace")
ON_LOAD = [Lists.enter("trace")]
OUTCOMES = ("filled", "waiting", "unknown", "refused", "not_sent")
STEPS = ("judged", "written", "sent", "filled", "answered", "stop")
SIDE = Pick("side", "col.side", (("LONG", "side.LONG"), ("SHORT", "side.SHORT")))
USED.update(f"trace.at.{name}" for name in STEPS)


def _outcome(row: rx.Var) -> rx.Component:
    told: rx.Component = rx.el.span(
        tx(row["outcome"].to(str)), " ", rx.el.span(row["said"], class_name="t3 t12"), title=row["said"],
        class_name=rx.cond(row["look"], "look cut", "cut"),
    )  # fmt: skip
    return told


def _columns() -> list[Column]:
    return [
        Column("at_ms", "order.time", phone="end", sort=True, show=lambda r: rel_time(r["at_ms"].to(int))),
        Column("base", "col.symbol", "sym", phone="lead"),
        Column("side", "col.side", "side", phone="lead"),
        Column("user", "col.user", phone="sub", show=lambda r: cut(r["user"])),
        Column("node", "node.col", quiet=True, roomy=True, show=lambda r: rx.cond(r["node"] != "", r["node"], tx("order.centre"))),
        Column("written", "trace.written", "num", quiet=True),
        Column("sent", "trace.sent", "num", quiet=True),
        Column("answered", "trace.answered", "num"),
        Column("stop", "trace.stop", "num"),
        Column("slippage", "trace.slippage", "num", phone="tail"),
        Column("outcome", "trace.outcome", phone="sub", show=_outcome),
        Column("", "", "chevron"),
    ]


def _drawer() -> rx.Component:
    d = Lists.detail
    head = rx.fragment(
        rx.el.div(rx.el.h2(symbol(d["base"])), side_tag(d["side"].to(str)), mode_chip(d["mode"].to(str), quiet_live=True), class_name="row wrap"),
        rx.el.div(rx.el.span(tx(d["outcome"].to(str)), class_name="big"), class_name="row wrap baseline"),
        rx.cond(d["said"] != "", rx.el.p(d["said"], " ", rx.el.span(d["error_code"], class_name="t3"), class_name="t2"), rx.fragment()),
    )
    step = lambda s: rx.el.li(
        rel_time(s["at_ms"].to(int), "clock"), rx.el.span(class_name="pt"),
        rx.el.span(tx(s["k"].to(str)), " ", rx.el.span(s["after"], class_name="num t3")), key=s["k"],
    )  # fmt: skip
    return drawer(
        drawer_section(rx.el.ul(rx.foreach(d["steps"].to(list[dict]), step), class_name="story"), rx.el.p(tx("trace.clocks"), class_name="t3 t12"), title="trace.way"),
        drawer_section(
            facts(
                ("col.user", rx.el.span(d["user"], rx.el.span(" ", d["tenant"], class_name="t3"))),
                ("node.col", rx.cond(d["node"] != "", d["node"], tx("order.centre"))),
                ("trace.wanted", d["wanted"]),
                ("trace.got", d["got"]),
                ("trace.slippage", d["slippage"]),
                ("col.stop", d["stop_price"]),
                ("col.score", d["score"]),
                ("trace.attempts", d["attempt"]),
            )
        ),
        drawer_section(rx.el.dl(rx.el.dt(tx("order.signal_id")), rx.el.dd(d["signal"], class_name="mono"), class_name="kv ids")),
        state=Lists,
        head=head,
        foot=[link_button("trace.all", "/admin/trace?signal=" + d["signal"].to(str)), link_button("trace.order", "/admin/orders?open=" + Lists.open_id)],
        label=t("nav.trace"),
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    n = Lists.totals
    outcomes = [("", "order.all", n[""]), *((name, f"trace.o.{name}", n[name]) for name in OUTCOMES)]
    bar = filters(lead=chips("outcome", outcomes), picks=(SIDE,), dated=True, tenant=True, find="filter.trace")
    return list_page(ROUTE, "trace", _columns(), bar=bar, none=("trace.none", "trace.none_why", "signal"), drawer=_drawer(), live=("orders",))
