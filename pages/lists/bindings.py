"""Subscriptions: who follows which strategy, on which account and terms; stop and start."""

from __future__ import annotations

import reflex as rx

from pages.components.act import hold_button
from pages.components.i18n import USED, t, tx
from pages.components.lists import Pick, filters, list_page
from pages.components.parts import chip, facts, link_button, mode_chip, note, num, rel_time
from pages.components.table import Column, drawer, drawer_section
from pages.routes import Route
from state.admin_desk import Desk
from state.lists import Lists

STATUS = Pick("status", "offer.state", (("1", "binding.runs"), ("0", "binding.off")))
USED.update({"risk.1", "risk.2", "risk.3", "binding.single", "binding.loop"})


def _state(row: rx.Var) -> rx.Component:
    runs = rx.cond(row["stuck"], chip(tx("binding.stuck"), kind="look"), rx.el.span(tx("binding.runs")))
    return rx.cond(row["active"], runs, rx.el.span(tx("binding.off"), class_name="t3"))


def _columns(admin: bool) -> list[Column]:
    tenant = [Column("tenant", "order.tenant", quiet=True)] if admin else []
    account = lambda r: rx.el.span(r["exchange"], mode_chip(r["mode"].to(str), quiet_live=True), class_name="row")
    return [
        Column("user", "col.user", phone="lead", show=lambda r: rx.el.b(r["user"])),
        *tenant,
        Column("strategy", "pos.strategy", phone="sub", show=lambda r: rx.el.span(r["strategy"], class_name="mono")),
        Column("exchange", "acc.exchange", phone="sub", quiet=True, show=account),
        Column("shots", "binding.mode", quiet=True, roomy=True, show=lambda r: tx(r["shots"])),
        Column("capital", "offer.capital", "num"),
        Column("leverage", "offer.leverage", "num", quiet=True),
        Column("risk", "offer.risk", quiet=True, roomy=True, show=lambda r: tx(r["risk"])),
        Column("amount", "binding.amount", "num", quiet=True, roomy=True),
        Column("cards", "stat.cards", "num", quiet=True, roomy=True),
        Column("trades", "binding.trades", "num", quiet=True, sort=True),
        Column("profit", "pool.profit", "num", phone="tail", sort=True, show=lambda r: num(r["profit"].to(str))),
        Column("active", "offer.state", phone="end", show=_state),
    ]


def _drawer(kind: str) -> rx.Component:
    d = Lists.detail
    switch = rx.cond(
        d["active"],
        hold_button(tx("binding.stop"), Desk.switch_binding(False)),
        rx.el.button(tx("binding.start"), type="button", class_name="btn pri", on_click=Desk.switch_binding(True)),
    )
    why = rx.cond(d["stuck"], drawer_section(note(tx("binding.stuck"), tx("binding.stuck_why"))), rx.fragment())
    return drawer(
        why,
        drawer_section(
            facts(
                ("offer.capital", d["capital"]), ("offer.leverage", d["leverage"]), ("offer.risk", tx(d["risk"].to(str))),
                ("binding.amount", d["amount"]), ("binding.ratio", d["ratio"]), ("binding.max_loss", d["max_loss"]),
                ("binding.mode", tx(d["shots"].to(str))), ("acc.exchange", d["exchange"]), ("stat.cards", d["cards"]),
                ("binding.trades", d["trades"]), ("pool.profit", num(d["profit"].to(str))), ("tenant.created", rel_time(d["at_ms"].to(int))),
            )
        ),
        state=Lists,
        head=rx.fragment(
            rx.el.div(rx.el.h2(d["user"]), _state(d), class_name="row"),
            rx.el.p(rx.el.span(d["strategy"], class_name="mono"), " ", d["tenant"], class_name="t2"),
        ),
        foot=[link_button("binding.its_user", f"/{kind}/users?open=" + d["user_id"].to(str)), rx.el.span(class_name="sp"), switch],
        label=t("nav.bindings"),
    )  # fmt: skip


def bindings_page(route: Route) -> rx.Component:
    """The page."""
    admin = route.kind == "admin"
    bar = filters(picks=(STATUS,), dated=True, tenant=admin, find="filter.binding")
    return list_page(
        route, "bindings", _columns(admin), bar=bar, none=("binding.none", "binding.none_why", "link"), drawer=_drawer(route.kind)
    )
