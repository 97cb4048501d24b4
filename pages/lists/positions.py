"""Positions of many people: filters, columns, drawer with orders and story."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import USED, t, tx, tx_of
from pages.components.lists import Pick, chips, cut, filters, list_page, mini
from pages.components.parts import chip, facts, link_button, mode_chip, num, rel_time, side_tag, symbol
from pages.components.table import Column, drawer, drawer_section
from pages.lists.orders import MODE, SIDE
from pages.routes import Route
from state.lists import Lists

EXITS = ("SL", "TP", "TRAILING", "TIME", "MANUAL", "LIQUIDATION", "EXTERNAL", "NAKED", "UNCONFIRMED")
EXIT = Pick("exit", "col.why", tuple((e, f"exit.{e}") for e in EXITS))
USED.update(f"exit.{k}" for k in (*EXITS, "other"))
USED.update(f"story.{k}" for k in ("signal", "intent", "sent", "filled", "stop", "stop_not", "REJECTED", "EXPIRED", "UNKNOWN"))


def _columns(admin: bool) -> list[Column]:
    tenant = [Column("tenant", "order.tenant", quiet=True, roomy=True)] if admin else []
    price = lambda r: rx.cond(r["closed"], rx.el.span(r["mark"]), r["mark"])
    result = lambda r: rx.cond(r["closed"], num(r["net"].to(str)), num(r["pnl"].to(str)))
    why = lambda r: rx.el.span(tx(r["why"]), class_name=rx.cond(r["closed"], "t2", "b"))
    return [
        Column("base", "col.symbol", "sym", phone="lead", sort=False),
        Column("side", "col.side", "side", phone="lead"),
        *tenant,
        Column("user", "col.user", phone="sub", show=lambda r: cut(r["user"])),
        Column("lev", "col.leverage", "num", quiet=True, roomy=True),
        Column("margin", "col.margin", "num", quiet=True, roomy=True),
        Column("entry", "col.entry", "num", quiet=True),
        Column("mark", "col.mark_exit", "num", show=price),
        Column("pnl", "col.result", "num", phone="tail", show=result),
        Column("stop", "col.stop", "num", quiet=True, roomy=True),
        Column("score", "col.score", "num", quiet=True, roomy=True, sort=True),
        Column("why", "order.status", phone="sub", show=why),
        Column("opened_ms", "col.opened", "num", phone="end", quiet=True, sort=True, show=lambda r: rel_time(r["opened_ms"].to(int))),
        Column("mode", "order.mode", roomy=True, show=lambda r: mode_chip(r["mode"].to(str), quiet_live=True)),
    ]


def position_drawer(kind: str) -> rx.Component:
    """The open row: the one number, facts, orders, what happened."""
    d = Lists.detail
    head = rx.fragment(
        rx.el.div(
            rx.el.h2(symbol(d["base"])), side_tag(d["side"].to(str)), chip(d["lev"]), chip(tx("pos.score", n=d["score"])),
            mode_chip(d["mode"].to(str), quiet_live=True), class_name="row wrap",
        ),
        rx.el.div(
            rx.el.span(rx.cond(d["closed"], num(d["net"].to(str)), num(d["pnl"].to(str))), class_name="big"),
            rx.el.span("USDT", class_name="t2"),
            rx.el.span(rx.cond(d["closed"], tx(d["why"].to(str)), tx("pos.open")), class_name="t2"),
            class_name="row wrap baseline",
        ),
    )  # fmt: skip
    orders = d["orders"].to(list[dict])
    line = lambda o: rx.el.tr(
        rx.el.td(rel_time(o["at_ms"].to(int), "clock"), class_name="t2"), rx.el.td(tx(o["leg"])), rx.el.td(o["quantity"], class_name="num"),
        rx.el.td(o["price"], class_name="num"), rx.el.td(tx(o["status"])), key=o["id"],
    )  # fmt: skip
    heads = [("order.time", ""), ("order.leg", ""), ("pos.quantity", "num"), ("order.price", "num"), ("order.status", "")]
    step = lambda s: rx.el.li(
        rel_time(s["at_ms"].to(int), "clock"), rx.el.span(class_name="pt"), rx.el.span(tx_of(s["k"], s["p"])),
        key=s["k"].to(str) + s["at_ms"].to(str),
    )  # fmt: skip
    owner = [("col.user", rx.el.span(d["user"], rx.el.span(" ", d["tenant"], class_name="t3")))] if kind != "agent" else []
    foot = (
        [link_button("pos.to_orders", f"/{kind}/orders?position=" + Lists.open_id)]
        if kind != "agent"
        else [link_button("pos.page", "/agent/positions/" + Lists.open_id)]
    )
    return drawer(
        drawer_section(
            facts(
                *owner,
                ("pos.quantity", d["quantity"]),
                ("col.entry", d["entry"]),
                ("col.mark_exit", d["mark"]),
                ("col.stop", d["stop"]),
                ("col.target", d["target"]),
                ("col.realized", num(d["realized"].to(str))),
                ("pos.fee", num(d["fee"].to(str))),
                ("pos.strategy", d["strategy"]),
                ("col.opened", rel_time(d["opened_ms"].to(int))),
                ("col.closed", rel_time(d["closed_ms"].to(int))),
            )
        ),
        drawer_section(mini(heads, rx.foreach(orders, line)), title="nav.orders"),
        drawer_section(rx.el.ul(rx.foreach(d["story"].to(list[dict]), step), class_name="story"), title="pos.story"),
        state=Lists,
        head=head,
        foot=foot,
        label=t("nav.positions"),
    )  # fmt: skip


def positions_page(route: Route) -> rx.Component:
    """The page."""
    admin = route.kind == "admin"
    n = Lists.totals
    states = [("", "order.all", n[""]), ("open", "pos.open", n["open"]), ("closed", "pos.closed", n["closed"])]
    bar = filters(lead=chips("state", states), picks=(SIDE, EXIT, MODE), dated=True, tenant=admin, find="bot.find")
    return list_page(
        route, "positions", _columns(admin), bar=bar, none=("pos.none_any", "pos.none_any_why", "layers"),
        drawer=position_drawer(route.kind), live=("orders",),
    )  # fmt: skip
