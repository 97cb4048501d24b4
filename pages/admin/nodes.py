"""Page /admin/nodes: what each node last said, the accounts it serves; switch it on and off."""

from __future__ import annotations

import reflex as rx

from pages.components.act import hold_button
from pages.components.i18n import USED, t, tx
from pages.components.lists import Pick, cut, filters, list_page, mini
from pages.components.parts import facts, mode_chip, note, rel_time
from pages.components.table import Column, drawer, drawer_section
from pages.routes import route_of
from state.console import Console
from state.lists import Lists

ROUTE = route_of("/admin/nodes")
ON_LOAD = [Lists.enter("nodes"), Console.fresh]
STATUS = Pick("status", "node.state", (("1", "access.on"), ("0", "node.off")))
USED.update(f"node.{s}" for s in ("on", "silent", "joining", "off"))


def _code(row: rx.Var) -> rx.Component:
    return rx.el.span(rx.el.span(class_name=row["dot"].to(str)), rx.el.b(row["code"]), class_name="row")


def _columns() -> list[Column]:
    beat = lambda r: rx.el.span(rel_time(r["beat_ms"].to(int), "held"), class_name=rx.cond(r["quiet"], "look", ""))  # noqa: E731
    state = lambda r: rx.el.span(tx(r["state"]), class_name=rx.cond(r["quiet"], "look", "t2"))  # noqa: E731
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
    line = lambda a: rx.el.tr(  # noqa: E731
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
    return drawer(
        error,
        drawer_section(
            facts(
                ("node.beat", rel_time(d["beat_ms"].to(int))),
                ("node.latency", d["latency"]),
                ("node.inflight", d["inflight"]),
                ("node.orders", d["orders"]),
                ("node.version", d["version"]),
                ("node.accounts", d["accounts"]),
                ("tenant.created", rel_time(d["created_ms"].to(int))),
            )
        ),
        drawer_section(rx.el.span(d["url"], class_name="mono"), title="node.address"),
        drawer_section(
            rx.cond(served.length() > 0, mini(heads, rx.foreach(served, line)), rx.el.p(tx("node.serves_none"), class_name="t3")),
            title="node.serves",
        ),
        state=Lists,
        head=rx.fragment(rx.el.div(rx.el.h2(_code(d)), rx.el.span(tx(d["state"].to(str)), class_name="t2"), class_name="row"), rx.el.p(d["name"], class_name="t2")),
        foot=[rx.el.span(tx("node.off_line"), class_name="t3 t12"), rx.el.span(class_name="sp"), switch],
        label=t("node.col"),
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    bar = filters(picks=(STATUS,), find="filter.node")
    return list_page(ROUTE, "nodes", _columns(), bar=bar, none=("node.none", "node.none_why", "nodes"), drawer=_drawer(), live=("scan>at_ms",))
