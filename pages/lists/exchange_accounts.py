"""Exchange accounts: masked keys, balances, who executes for them; operators move them between nodes and the centre."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.i18n import USED, t, tx
from pages.components.icons import icon
from pages.components.lists import Pick, chips, chosen, cut, filters, list_page
from pages.components.parts import chip, facts, link_button, mode_chip, nav_link, note, rel_time, side_tag
from pages.components.table import Column, drawer, drawer_section
from pages.routes import Route
from state.executors import Executors
from state.lists import Lists

MODE = Pick("mode", "order.mode", tuple((name, f"mode.{name.upper()}") for name in ("live", "testnet", "simulated")))
STATES = ("node", "centre", "trouble", "off")
USED.update(f"exacc.by.{name}" for name in ("centre", "on", "draining", "silent", "joining", "off"))
USED.update(f"exacc.is.{name}" for name in ("fine", "trouble", "off"))


def _executor(row: rx.Var) -> rx.Component:
    """The node's code or the centre, with a dot that says how it is."""
    name = rx.cond(row["node"] != "", rx.el.span(row["node"], class_name="mono"), rx.el.span(tx("exacc.by.centre")))
    return rx.el.span(
        rx.el.span(class_name=row["dot"].to(str)), name, class_name=rx.cond(row["quiet"], "row look", "row"), title=t(row["executor"])
    )


def _state(row: rx.Var) -> rx.Component:
    return rx.cond(row["look"], chip(tx(row["state"]), kind="look"), rx.el.span(tx(row["state"]), class_name=rx.cond(row["enabled"], "t2", "t3")))


def _tick(row: rx.Var) -> rx.Component:
    box = rx.el.input(
        type="checkbox", checked=Executors.picked.contains(row["id"]), on_change=Executors.pick(row["id"]).prevent_default,
        aria_label=t("exacc.choose", user=row["user"]),
    )  # fmt: skip
    return rx.el.span(box, on_click=rx.stop_propagation, class_name="pickbox")


def _columns(admin: bool) -> list[Column]:
    first = [Column("id", "exacc.chosen", phone="sub", show=_tick)] if admin else []
    tenant = [Column("tenant", "order.tenant", quiet=True, roomy=True)] if admin else []
    return [
        *first,
        Column("user", "col.user", phone="lead", sort=True, show=lambda r: rx.el.b(cut(r["user"]))),
        *tenant,
        Column("exchange", "acc.exchange", phone="sub", quiet=True),
        Column("mode", "order.mode", phone="sub", show=lambda r: mode_chip(r["mode"].to(str), quiet_live=True)),
        Column("key", "acc.key", quiet=True, roomy=True, show=lambda r: rx.el.span(r["key"], class_name="mono")),
        Column("balance", "acc.balance", "num", phone="tail", sort=True),
        Column("available", "exacc.free", "num", quiet=True, roomy=True, sort=True),
        Column("node", "exacc.executor", phone="sub", sort=True, show=_executor),
        Column("synced_ms", "acc.synced", "num", phone="end", quiet=True, sort=True, show=lambda r: rel_time(r["synced_ms"].to(int))),
        Column("state", "offer.state", phone="sub", show=_state),
    ]


def _targets() -> list[rx.Component]:
    some = rx.foreach(
        Executors.nodes, lambda node: rx.el.option(node["name"], value=node["id"], disabled=node["open"] == "", key=node["id"])
    )
    return [rx.el.option(t("exacc.where"), value="", disabled=True), rx.el.option(t("exacc.by.centre"), value="centre"), some]


def _batch() -> rx.Component:
    """What is done with the chosen rows."""
    where = rx.el.select(*_targets(), value=Executors.target, on_change=Executors.aim, class_name="inp sm pick", aria_label=t("exacc.where"))
    line = rx.el.div(
        rx.el.b(tx("exacc.picked", n=Executors.picked.length())),
        rx.el.button(tx("exacc.pick_page"), type="button", class_name="btn quiet sm", on_click=Executors.pick_page),
        where,
        rx.el.button(tx("exacc.assign"), type="button", class_name="btn pri sm", disabled=Executors.target == "", on_click=Executors.assign_picked),
        rx.el.button(icon("close", "s"), tx("exacc.drop"), type="button", class_name="btn quiet sm", on_click=Executors.drop),
        class_name="row wrap",
    )
    return rx.cond(Executors.picked.length() > 0, rx.el.section(line, class_name="sec hline-b"), rx.fragment())


def _node_pick() -> rx.Component:
    value = chosen("node")
    return rx.el.select(
        rx.el.option(t("exacc.any_node"), value=""),
        rx.foreach(Executors.nodes, lambda node: rx.el.option(node["name"], value=node["id"], key=node["id"])),
        value=value, on_change=lambda v: Lists.filter_by("node", v),
        class_name=rx.cond(value != "", "inp sm pick on", "inp sm pick"), aria_label=t("exacc.any_node"),
    )  # fmt: skip


def _drawer(kind: str) -> rx.Component:
    d = Lists.detail
    order = lambda o: rx.el.li(
        rx.el.div(
            nav_link(rx.el.b(o["base"]), href=f"/{kind}/orders?open=" + o["id"].to(str)), " ", side_tag(o["side"].to(str)), class_name="grow row"
        ),
        rx.el.span(tx(o["status"]), class_name="t2"), rx.el.span(rel_time(o["at_ms"].to(int)), class_name="t3 t12"), key=o["id"], class_name="who row",
    )  # fmt: skip
    moved = lambda m: rx.el.li(
        rx.el.span(rx.cond(m["node"] != "", tx("exacc.to_node", node=m["node"]), tx("exacc.to_centre")), class_name="grow"),
        rx.el.span(rel_time(m["at_ms"].to(int)), class_name="t3 t12"), key=m["id"], class_name="who row",
    )  # fmt: skip
    orders, moves = d["orders"].to(list[dict]), d["moves"].to(list[dict])
    parts: list[Any] = [
        rx.cond(d["error"] != "", drawer_section(note(tx("exacc.error"), d["error"])), rx.fragment()),
        rx.cond(d["busy"], drawer_section(note(tx("exacc.busy"), tx("exacc.busy_why"), calm=True)), rx.fragment()),
        drawer_section(
            facts(
                ("acc.balance", d["balance"]), ("exacc.free", d["available"]), ("exacc.executor", _executor(d)),
                ("exacc.egress", rx.el.span(d["egress"], class_name="mono")), ("acc.key", rx.el.span(d["key"], class_name="mono")),
                ("exacc.positions", d["positions"]), ("acc.synced", rel_time(d["synced_ms"].to(int))),
                ("tenant.created", rel_time(d["created_ms"].to(int))),
            )
        ),
    ]  # fmt: skip
    if kind == "admin":
        where = rx.el.select(
            *_targets(), value="", on_change=lambda v: Executors.assign_one(Lists.open_id, v), disabled=d["busy"].to(bool),
            class_name="inp sm", aria_label=t("exacc.where"),
        )  # fmt: skip
        parts.append(drawer_section(where, rx.el.p(tx("exacc.where_why"), class_name="hint"), title="exacc.executor"))
    some = rx.cond(orders.length() > 0, rx.el.ul(rx.foreach(orders, order), class_name="lines"), rx.el.p(tx("exacc.no_order"), class_name="t3"))
    parts.append(drawer_section(some, title="exacc.newest"))
    if kind == "admin":
        parts.append(rx.cond(moves.length() > 0, drawer_section(rx.el.ul(rx.foreach(moves, moved), class_name="lines"), title="exacc.moves"), rx.fragment()))
    return drawer(
        *parts,
        state=Lists,
        head=rx.fragment(
            rx.el.div(rx.el.h2(d["user"]), _state(d), class_name="row"),
            rx.el.p(d["exchange"], " ", mode_chip(d["mode"].to(str), quiet_live=True), " ", d["tenant"], class_name="t2 row"),
        ),
        foot=[link_button("binding.its_user", f"/{kind}/users?open=" + d["user_id"].to(str)), link_button("exacc.its_orders", f"/{kind}/orders?user=" + d["user_id"].to(str))],
        label=t("nav.exchange_accounts"),
    )


def exchange_accounts_page(route: Route) -> rx.Component:
    """The page."""
    admin, n = route.kind == "admin", Lists.totals
    states = [("", "order.all", n[""]), *((name, f"exacc.f.{name}", n[name]) for name in STATES)]
    bar = filters(
        lead=chips("state", states), picks=(MODE,), tenant=admin, find="filter.exacc", right=_node_pick() if admin else None
    )
    return list_page(
        route, "exchange_accounts", _columns(admin), *([_batch()] if admin else []), bar=bar,
        none=("exacc.none", "exacc.none_why", "key"), drawer=_drawer(route.kind), live=("orders",),
    )  # fmt: skip
