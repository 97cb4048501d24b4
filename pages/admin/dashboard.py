"""Page /admin: nodes, newest orders, what needs a person, scan and ledger health."""

from __future__ import annotations

import reflex as rx

from pages.components.act import segmented
from pages.components.charts import bars
from pages.components.i18n import USED, in_both, tx, tx_of
from pages.components.icons import icon
from pages.components.live import live_signal
from pages.components.parts import bar, empty, mode_chip, panel_mode, rel_time, section_head, skeleton_rows, stat, stats
from pages.components.shell import shell
from pages.components.table import Column, data_table
from pages.routes import route_of
from state.admin_dashboard import AdminDashboard

ROUTE = route_of("/admin")
ON_LOAD = [AdminDashboard.load]
USED.update(f"order.{s}" for s in ["PENDING", "SENT", "OPEN", "PARTIAL", "FILLED", "REJECTED", "UNKNOWN", "EXPIRED", "CANCELLED", "FAILED"])
USED.update(f"trend.{s}" for s in ("orders", "new_users", "trade_volume", "pool_amount"))
USED.update(f"leg.{s}" for s in ("entry", "exit", "stop"))
USED.update(f"node.{s}" for s in ("on", "silent", "joining", "off"))
USED.update(f"need.{s}" for s in ("unknown", "node", "pools", "job"))
USED.update(f"need.{s}.do" for s in ("unknown", "node", "pools", "job"))


def _cards() -> rx.Component:
    c = AdminDashboard.cards
    unknown = rx.cond(c["unknown"] == "0", rx.el.span("0"), rx.el.span(c["unknown"], class_name="look"))
    return stats(
        stat(
            "admin.equity", c["equity"], "USDT", tx("admin.accounts", n=c["accounts"]),
            title=c["equity_exact"], tag=panel_mode(c["mode"]),
        ),
        stat("admin.tenants", c["tenants"], "", tx("admin.tenants_line", n=c["tenants_all"], people=c["people"])),
        stat("admin.bots", c["bots"], "", tx("admin.bots_line", n=c["bots_other"])),
        stat("admin.orders", c["orders"], "", tx("admin.orders_line", n=c["filled"])),
        stat("admin.pool", c["pool"], "USDT", tx("admin.pool_line", n=c["pool_kept"])),
        stat(
            "admin.unknown", unknown, "",
            rx.cond(c["unknown"] == "0", tx("admin.unknown_none"), tx("admin.unknown_line", s=c["unknown_s"])),
        ),
    )  # fmt: skip


def _node(node: rx.Var) -> rx.Component:
    quiet = node["state"] == "node.silent"
    return rx.el.tr(
        rx.el.td(rx.el.span(rx.el.span(class_name=node["dot"].to(str)), rx.el.b(node["code"]), class_name="row"), class_name="p-lead"),
        rx.el.td(node["name"], class_name="t2"),
        rx.el.td(node["accounts"], class_name="num"),
        rx.el.td(rel_time(node["beat_ms"].to(int), "held"), class_name=rx.cond(quiet, "num look p-tail", "num p-tail")),
        rx.el.td(node["latency"], class_name="num"),
        rx.el.td(node["inflight"], class_name="num t2"),
        rx.el.td(node["orders"], class_name="num"),
        rx.el.td(node["version"], class_name="t3"),
        rx.el.td(tx(node["state"]), class_name=rx.cond(quiet, "look p-sub", "t2 p-sub")),
        key=node["id"],
    )


def _nodes() -> rx.Component:
    heads = [("node.col", ""), ("node.name", ""), ("node.accounts", "num"), ("node.beat", "num"), ("node.latency", "num"), ("node.inflight", "num"), ("node.orders", "num"), ("node.version", ""), ("node.state", "")]
    table = rx.el.table(
        rx.el.thead(rx.el.tr(*[rx.el.th(tx(k), class_name=css, scope="col") for k, css in heads])),
        rx.el.tbody(rx.cond(AdminDashboard.ready, rx.foreach(AdminDashboard.nodes, _node), skeleton_rows(len(heads), 3))),
        class_name="tbl cards",
    )
    none = rx.cond(AdminDashboard.ready & (AdminDashboard.nodes.length() == 0), empty("node.none", "node.none_why", "nodes"), rx.fragment())
    return rx.el.section(section_head("node.title", flush=True), table, none)


def _order_columns() -> list[Column]:
    status = lambda r: rx.el.span(tx(r["status_k"]), " ", rx.el.span(in_both(r["reason"], r["reason_zh"]), class_name="t3 t12"), class_name=rx.cond(r["look"], "look cut", "cut"))
    return [
        Column("at_ms", "order.time", phone="end", show=lambda r: rx.el.span(rel_time(r["at_ms"].to(int), "clock"), class_name="t2")),
        Column("tenant", "order.tenant", phone="sub", show=lambda r: rx.el.b(r["tenant"])),
        Column("base", "col.symbol", phone="lead"),
        Column("side", "col.side", "side", phone="lead"),
        Column("leg", "order.leg", show=lambda r: tx(r["leg"])),
        Column("quantity", "pos.quantity", "num"),
        Column("price", "order.price", "num", phone="tail"),
        Column("status", "order.status", phone="sub", show=status),
        Column("node", "node.col", quiet=True),
        Column("mode", "order.mode", show=lambda r: mode_chip(r["mode"].to(str), quiet_live=True)),
    ]


def _orders() -> rx.Component:
    choices = [("", tx("order.all")), ("open", tx("order.open")), ("problems", tx("order.problems"))]
    return rx.el.section(
        section_head("order.title", segmented(choices, AdminDashboard.only, AdminDashboard.choose), flush=True),
        data_table(_order_columns(), AdminDashboard, openable=False, label="order.title", empty=empty("order.none", "order.none_why", "orders")),
        class_name="hline",
    )  # fmt: skip


def _need(row: rx.Var) -> rx.Component:
    return rx.el.li(
        icon("alert"),
        rx.el.div(rx.el.b(tx_of(row["k"], row["p"])), rx.el.p(tx_of(row["k"].to(str) + ".do", row["p"]), class_name="t2 t12"), class_name="grow"),
        rx.el.span(rel_time(row["at_ms"].to(int), "held"), class_name="t3 t12"),
        class_name="need",
    )


def _scan(one: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.b(one["id"], class_name="grow cut"),
        rx.el.span(one["timeframe"], class_name="t3"),
        rx.el.span(bar(one["percent"].to(int), one["kind"].to(str)), class_name="part-bar"),
        rx.el.span(one["took"], rx.el.span(" / ", one["of"], class_name="t3"), class_name="num"),
    )


def _aside() -> rx.Component:
    ok = rx.el.span(tx("ledger.ok", n=AdminDashboard.ledger["checked"]))
    bad = rx.el.span(AdminDashboard.ledger["difference"], class_name="look")
    return rx.el.aside(
        section_head("need.title", meta=AdminDashboard.problems.length()),
        rx.cond(
            AdminDashboard.ready & (AdminDashboard.problems.length() == 0),
            rx.el.p(tx("need.none"), class_name="t3"),
            rx.el.ul(rx.foreach(AdminDashboard.problems, _need)),
        ),
        section_head("health.scans", meta=tx("health.scans_meta")),
        rx.el.ul(rx.foreach(AdminDashboard.scans, _scan), class_name="lines"),
        section_head("ledger.title", meta=rel_time(AdminDashboard.ledger_ms)),
        rx.cond(AdminDashboard.ledger_ms > 0, rx.el.p(rx.cond(AdminDashboard.ledger_ok, ok, bad)), rx.fragment()),
        class_name="sec vline d-side",
    )


def _trends() -> rx.Component:
    one = lambda r: rx.el.div(
        rx.el.div(rx.el.span(tx(r["word"].to(str)), class_name="t2"), rx.el.span(class_name="sp"), rx.el.b(r["total"], class_name="num"), class_name="row"),
        bars(r["bars"].to(list[dict])), key=r["id"].to(str),
    )  # fmt: skip
    age = rx.cond(AdminDashboard.trends_cached, tx("trend.cached"), tx("trend.fresh"))
    return rx.el.section(section_head("trend.title", meta=age), rx.el.div(rx.foreach(AdminDashboard.trends, one), class_name="trends"), class_name="sec hline")


def page() -> rx.Component:
    """The page in its frame."""
    return shell(
        ROUTE,
        live_signal("platform", ["orders", "scan>at_ms"], AdminDashboard.changed),
        _cards(),
        rx.el.div(rx.el.div(_nodes(), _trends(), _orders(), class_name="grow"), _aside(), class_name="d-main tall"),
    )
