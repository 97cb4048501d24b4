"""Page /admin/nodes: what each node last said, the accounts it serves; switch it on and off."""

from __future__ import annotations

import reflex as rx

from pages.components.act import copy_button, field, hold_button, segmented, text_input
from pages.components.charts import small_line
from pages.components.i18n import USED, t, tx
from pages.components.icons import icon
from pages.components.lists import Pick, cut, filters, list_page, mini
from pages.components.parts import facts, mode_chip, note, rel_time
from pages.components.table import Column, drawer, drawer_section
from pages.lists.failover import failover_section
from pages.routes import route_of
from state.admin_nodes import Nodes
from state.console import Console
from state.executors import Executors
from state.lists import Lists

ROUTE = route_of("/admin/nodes")
ON_LOAD = [Lists.enter("nodes"), Console.fresh, Nodes.fresh, Executors.fresh]
STATUS = Pick("status", "node.state", (("1", "access.on"), ("0", "node.off")))
USED.update(f"node.{s}" for s in ("on", "silent", "joining", "off", "draining"))


def _code(row: rx.Var) -> rx.Component:
    return rx.el.span(rx.el.span(class_name=row["dot"].to(str)), rx.el.b(row["code"]), class_name="row")


def _columns() -> list[Column]:
    beat = lambda r: rx.el.span(rel_time(r["beat_ms"].to(int), "held"), class_name=rx.cond(r["quiet"], "look", ""))
    state = lambda r: rx.el.span(tx(r["state"]), class_name=rx.cond(r["quiet"], "look", "t2"))
    return [
        Column("code", "node.col", phone="lead", sort=True, show=_code),
        Column("name", "node.name", phone="sub", quiet=True, show=lambda r: cut(r["name"])),
        Column("accounts", "node.accounts", "num", sort=True),
        Column("beat_ms", "node.beat", "num", phone="tail", sort=True, show=beat),
        Column("latency", "node.latency", "num", phone="end"),
        Column("inflight", "node.inflight", "num", quiet=True),
        Column("orders", "node.orders", "num", sort=True),
        Column("version", "node.version", quiet=True, roomy=True),
        Column("state", "node.state", phone="sub", show=state),
        Column("error", "node.error", quiet=True, roomy=True, show=lambda r: cut(r["error"])),
    ]


def _drawer() -> rx.Component:
    d = Lists.detail
    served = d["served"].to(list[dict])
    line = lambda a: rx.el.tr(
        rx.el.td(rx.el.b(a["user"]), rx.el.span(" ", a["tenant"], class_name="t3")), rx.el.td(a["exchange"]),
        rx.el.td(mode_chip(a["mode"].to(str), quiet_live=True)), rx.el.td(a["balance"], class_name="num"), key=a["id"],
    )  # fmt: skip
    heads = [("col.user", ""), ("acc.exchange", ""), ("order.mode", ""), ("acc.balance", "num")]
    switch = rx.cond(
        d["enabled"],
        hold_button(tx("node.switch_off"), Console.switch_node(Lists.open_id, False)),
        rx.el.button(tx("node.switch_on"), type="button", class_name="btn pri", on_click=Console.switch_node(Lists.open_id, True)),
    )
    error = rx.cond(d["error"] != "", drawer_section(note(tx("node.last_error"), d["error"])), rx.fragment())
    offered = rx.cond(
        d["key_offered"],
        drawer_section(
            note(
                tx("node.key_offered"),
                tx("node.key_offered_do"),
                icon_name="key",
                action=hold_button(tx("node.accept_key"), Nodes.accept_key(Lists.open_id)),
            )
        ),
        rx.fragment(),
    )
    drain = rx.cond(
        d["draining"],
        rx.el.button(tx("node.undrain"), type="button", class_name="btn", on_click=Nodes.drain(Lists.open_id, False)),
        rx.el.button(tx("node.drain"), type="button", class_name="btn", on_click=Nodes.drain(Lists.open_id, True)),
    )
    return drawer(
        error,
        offered,
        drawer_section(
            facts(
                ("node.egress", d["egress"]),
                ("node.skew", d["skew"]),
                ("node.beat", rel_time(d["beat_ms"].to(int))),
                ("node.latency", d["latency"]),
                ("node.inflight", d["inflight"]),
                ("node.orders", d["orders"]),
                ("node.version", d["version"]),
                ("node.accounts", d["accounts"]),
                ("tenant.created", rel_time(d["created_ms"].to(int))),
            )
        ),
        _history(),
        drawer_section(
            rx.el.span(d["url"], class_name="mono"), rx.el.p(tx("node.off_line"), class_name="t3 t12"), title="node.address"
        ),
        drawer_section(
            rx.cond(served.length() > 0, mini(heads, rx.foreach(served, line)), rx.el.p(tx("node.serves_none"), class_name="t3")),
            title="node.serves",
        ),
        state=Lists,
        head=rx.fragment(rx.el.div(rx.el.h2(_code(d)), rx.el.span(tx(d["state"].to(str)), class_name="t2"), class_name="row"), rx.el.p(d["name"], class_name="t2")),
        foot=[rx.el.span(class_name="sp"), drain, switch],
        label=t("node.col"),
    )  # fmt: skip


def _history() -> rx.Component:
    """Latency, load, skew and orders in flight over the chosen span; a gap is silence."""
    line = lambda one: rx.el.li(
        rx.el.span(tx(one["k"].to(str)), class_name="t2"),
        small_line(one["d"].to(str), t("node.line", last=one["last"], worst=one["worst"])),
        rx.el.span(one["last"], class_name="num"),
        rx.el.span(tx("node.worst", worst=one["worst"]), class_name="num t3 t12"),
        key=one["k"],
    )  # fmt: skip
    spans = segmented([*((n, tx("unit.h", n=n)) for n in ("1", "6", "24")), ("168", tx("unit.d", n=7))], Nodes.span, Nodes.look_back, t("node.history"))

    def span(one: rx.Var) -> rx.Component:
        lines = one["lines"].to(list[dict])
        shown = rx.cond(lines.length() > 0, rx.el.ul(rx.foreach(lines, line), class_name="node-lines"), rx.el.p(tx("node.no_history"), class_name="t3"))
        return rx.cond(one["hours"] == Nodes.span, shown, rx.fragment())

    return drawer_section(rx.foreach(Lists.detail["charts"].to(list[dict]), span), title="node.history", right=spans)


def _new() -> rx.Component:
    """Form in place of the list's head; afterwards the token and the command, once."""
    form = rx.el.form(
        rx.el.div(
            field("node.code", text_input(name="code", required=True, max_length=32, class_name="inp sm")),
            field("node.name", text_input(name="name", max_length=100, class_name="inp sm")),
            rx.el.button(tx("node.invite"), type="submit", class_name="btn pri"),
            rx.el.button(tx("act.cancel"), type="button", class_name="btn", on_click=Nodes.open_form(False)),
            class_name="form-row",
        ),
        on_submit=Nodes.invite,
    )
    made = rx.el.div(
        note(tx("node.token_for", node=Nodes.made["code"]), tx("node.token_once"), calm=True, icon_name="key"),
        field("node.command", rx.el.span(rx.el.span(Nodes.made["command"], class_name="mono"), copy_button(Nodes.made["command"]), class_name="secret")),
        rx.el.button(tx("tenant.kept"), type="button", class_name="btn", on_click=Nodes.open_form(False)),
        class_name="col made-b",
    )
    shown = rx.cond(Nodes.made.contains("command"), made, form)
    return rx.cond(Nodes.making, rx.el.section(shown, class_name="sec hline-b"), rx.fragment())


def page() -> rx.Component:
    """The page in its frame."""
    add = rx.el.button(icon("plus", "s"), tx("node.add"), type="button", class_name="btn sm", on_click=Nodes.open_form(True))
    fails = rx.el.button(
        tx("failover.title"), type="button", class_name="btn sm", on_click=Executors.open_policies(~Executors.deciding), aria_expanded=Executors.deciding
    )
    bar = filters(picks=(STATUS,), find="filter.node", right=rx.el.span(fails, add, class_name="row"))
    return list_page(ROUTE, "nodes", _columns(), _new(), failover_section(), bar=bar, none=("node.none", "node.none_why", "nodes"), drawer=_drawer(), live=("scan>at_ms",))
