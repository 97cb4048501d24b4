"""Orders: filters, columns, drawer. The operator and the merchant see the same list of different rows."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import USED, in_both, t, tx
from pages.components.lists import Pick, chips, cut, filters, list_page, mini
from pages.components.parts import empty, facts, link_button, mode_chip, num, rel_time, side_tag, symbol
from pages.components.table import Column, drawer, drawer_section
from pages.routes import Route
from state.lists import Lists

STATUSES = ("PENDING", "SENT", "OPEN", "PARTIAL", "FILLED", "CANCELLED", "UNKNOWN", "REJECTED", "EXPIRED", "FAILED")
SIDE = Pick("side", "col.side", (("LONG", "side.LONG"), ("SHORT", "side.SHORT")))
LEG = Pick("leg", "order.leg", (("entry", "leg.entry"), ("exit", "leg.exit"), ("stop", "leg.stop")))
STATUS = Pick("status", "order.status", tuple((s, f"order.{s}") for s in STATUSES))
MODE = Pick("mode", "order.mode", tuple((m, f"mode.{m.upper()}") for m in ("live", "testnet", "paper", "simulated")))
USED.update({"order.at.written", "order.at.sent", "order.at.changed"})


def _status(row: rx.Var) -> rx.Component:
    return rx.el.span(
        tx(row["status"]), " ", rx.el.span(in_both(row["reason"], row["reason_zh"]), class_name="t3 t12"),
        class_name=rx.cond(row["look"], "look cut", "cut"),
    )  # fmt: skip


def _columns(admin: bool) -> list[Column]:
    time = lambda r: rx.el.span(rel_time(r["at_ms"].to(int), "clock"), class_name="t2")
    tenant = [Column("tenant", "order.tenant", quiet=True, roomy=True)] if admin else []
    return [
        Column("at_ms", "order.time", phone="end", sort=True, show=time),
        Column("base", "col.symbol", "sym", phone="lead"),
        Column("side", "col.side", "side", phone="lead"),
        Column("leg", "order.leg", phone="sub", show=lambda r: tx(r["leg"])),
        *tenant,
        Column("user", "col.user", phone="sub", show=lambda r: cut(r["user"])),
        Column("quantity", "pos.quantity", "num", sort=True),
        Column("price", "order.price", "num", phone="tail"),
        Column("fee", "pos.fee", "num", quiet=True, roomy=True, sort=True),
        Column("status", "order.status", phone="sub", show=_status, sort=True),
        Column("node", "node.col", quiet=True, roomy=True),
        Column("mode", "order.mode", roomy=True, show=lambda r: mode_chip(r["mode"].to(str), quiet_live=True)),
    ]


def _drawer(kind: str) -> rx.Component:
    d = Lists.detail
    head = rx.fragment(
        rx.el.div(
            rx.el.h2(symbol(d["base"])), side_tag(d["side"].to(str)), rx.el.span(tx(d["leg"].to(str)), class_name="t2"),
            mode_chip(d["mode"].to(str), quiet_live=True), class_name="row wrap",
        ),
        rx.el.div(
            rx.el.span(tx(d["status"].to(str)), class_name="big"),
            rx.cond(d["why"] != "", rx.el.span(tx(d["why"].to(str)), class_name="t2"), rx.fragment()),
            class_name="row wrap baseline",
        ),
        rx.cond(d["said"] != "", rx.el.p(in_both(d["said"].to(str), d["said_zh"].to(str)), " ", rx.el.span(d["error_code"], class_name="t3"), class_name="t2"), rx.fragment()),
    )  # fmt: skip
    fill = lambda f: rx.el.tr(
        rx.el.td(rel_time(f["at_ms"].to(int), "clock"), class_name="t2"), rx.el.td(f["quantity"], class_name="num"),
        rx.el.td(f["price"], class_name="num"), rx.el.td(f["fee"], class_name="num"), rx.el.td(num(f["pnl"].to(str)), class_name="num"),
        key=f["id"],
    )  # fmt: skip
    fills = d["fills"].to(list[dict])
    heads = [("order.time", ""), ("pos.quantity", "num"), ("order.price", "num"), ("pos.fee", "num"), ("col.realized", "num")]
    moment = lambda s: rx.el.li(rel_time(s["at_ms"].to(int), "clock"), rx.el.span(class_name="pt"), rx.el.span(tx(s["k"])), key=s["k"])
    links = [link_button("order.to_position", f"/{kind}/positions?open=" + d["position"].to(str))]
    return drawer(
        drawer_section(
            facts(
                ("col.user", rx.el.span(d["user"], rx.el.span(" ", d["tenant"], class_name="t3"))),
                ("order.wanted", d["wanted"]),
                ("order.filled_q", d["filled"]),
                ("order.price", d["price"]),
                ("col.stop", d["stop"]),
                ("col.leverage", d["lev"]),
                ("pos.fee", d["fee"]),
                ("node.col", rx.cond(d["node"] != "", d["node"], tx("order.centre"))),
                ("pos.strategy", d["strategy"]),
            )
        ),
        drawer_section(rx.el.ul(rx.foreach(d["times"].to(list[dict]), moment), class_name="story"), title="order.life"),
        drawer_section(
            rx.cond(fills.length() > 0, mini(heads, rx.foreach(fills, fill)), empty("order.no_fill", "order.no_fill_why", "orders")),
            title="nav.fills",
        ),
        drawer_section(
            rx.el.dl(
                *[
                    cell
                    for label, key in (("order.id", "order_id"), ("order.client_id", "client"), ("order.exchange_id", "exchange_id"), ("order.signal_id", "signal"))
                    for cell in (rx.el.dt(tx(label)), rx.el.dd(d[key], class_name="mono"))
                ],
                class_name="kv ids",
            ),
            title="order.ids",
        ),
        state=Lists,
        head=head,
        foot=[rx.cond(d["position"] != "", rx.fragment(*links), rx.fragment())],
        label=t("nav.orders"),
    )  # fmt: skip


def orders_page(route: Route) -> rx.Component:
    """The page."""
    admin = route.kind == "admin"
    n = Lists.totals
    states = [("", "order.all", n[""]), ("open", "order.open", n["open"]), ("filled", "order.FILLED", n["filled"]),
              ("cancelled", "order.CANCELLED", n["cancelled"]), ("problems", "order.problems", n["problems"])]  # fmt: skip
    bar = filters(
        lead=chips("state", states), picks=(SIDE, LEG, STATUS, MODE), dated=True, tenant=admin, find="filter.order",
    )  # fmt: skip
    return list_page(
        route, "orders", _columns(admin), bar=bar, none=("order.none", "order.none_why", "orders"), drawer=_drawer(route.kind),
        live=("orders",),
    )  # fmt: skip
