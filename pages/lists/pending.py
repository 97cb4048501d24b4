"""Entries that wait at their price: where, how far away, until when; take one off by hand. And how a strategy enters."""

from __future__ import annotations

import reflex as rx

from pages.components.act import field, hold_button
from pages.components.i18n import USED, t, tx
from pages.components.lists import Pick, chips, cut, filters, list_page
from pages.components.parts import chip, facts, link_button, mode_chip, note, num, rel_time, side_tag
from pages.components.table import Column, drawer, drawer_section
from pages.routes import Route
from state.lists import Lists
from state.pending import Pending

SIDE = Pick("side", "col.side", (("LONG", "side.LONG"), ("SHORT", "side.SHORT")))
STATES = ("PENDING", "CONFIRMING", "FILLED", "EXPIRED", "CANCELLED", "REJECTED")
USED.update(f"pending.s.{name}" for name in STATES)
USED.update(f"pending.w.{name}" for name in ("window", "hand", "stopped", "kill", "unconfirmed"))


def _state(row: rx.Var) -> rx.Component:
    word = rx.el.span(tx(row["state"]), class_name=rx.cond(row["waits"], "", "t2"))
    return rx.cond(row["leaving"], chip(tx("pending.leaving"), kind="look"), rx.cond(row["confirming"], chip(tx(row["state"]), kind="act"), word))


def _columns(kind: str) -> list[Column]:
    whose = [Column("user", "col.user", phone="sub", show=lambda r: cut(r["user"]))] if kind != "agent" else []
    tenant = [Column("tenant", "order.tenant", quiet=True, roomy=True)] if kind == "admin" else []
    until = lambda r: rx.cond(r["waits"], rel_time(r["until_market_ms"].to(int), "clock"), rx.el.span("–", class_name="t3"))
    return [
        Column("at_ms", "order.time", phone="end", sort=True, show=lambda r: rel_time(r["at_ms"].to(int))),
        Column("base", "col.symbol", "sym", phone="lead"),
        Column("side", "col.side", phone="sub", show=lambda r: side_tag(r["side"].to(str))),
        *tenant,
        *whose,
        Column("price", "pending.price", "num", phone="tail", sort=True),
        Column("away", "pending.away", "num", show=lambda r: num(r["away"].to(str))),
        Column("amount", "pending.amount", "num", quiet=True, roomy=True),
        Column("strategy", "pos.strategy", quiet=True, roomy=True),
        Column("until_market_ms", "pending.until", "num", quiet=True, show=until),
        Column("state", "offer.state", phone="sub", show=_state),
        Column("mode", "order.mode", roomy=True, show=lambda r: mode_chip(r["mode"].to(str), quiet_live=True)),
    ]


def _drawer(kind: str) -> rx.Component:
    d = Lists.detail
    orders = link_button("pending.order", f"/{kind}/orders?open=" + Lists.open_id) if kind != "agent" else rx.fragment()
    place = f"/{kind}/positions/" + d["position"].to(str) if kind == "agent" else f"/{kind}/positions?open=" + d["position"].to(str)
    position = rx.cond(d["position"] != "", link_button("pending.position", place), rx.fragment())
    off = rx.cond(
        d["waits"] & ~d["leaving"].to(bool),
        hold_button(rx.cond(d["confirming"], tx("pending.close"), tx("pending.cancel")), Pending.cancel),
        rx.fragment(),
    )
    why = rx.cond(d["why"] != "", drawer_section(note(tx(d["why"].to(str)), calm=True, icon_name="clock")), rx.fragment())
    said = rx.cond(d["error"] != "", drawer_section(note(tx("pending.refused"), d["error"])), rx.fragment())
    return drawer(
        why,
        said,
        drawer_section(
            facts(
                ("pending.price", d["price"]), ("pending.mark", d["mark"]), ("pending.away", num(d["away"].to(str))),
                ("pending.amount", d["amount"]), ("offer.leverage", d["lev"]), ("pending.stop", d["stop"]), ("pending.target", d["target"]),
                ("pending.filled", d["filled"]), ("pending.got", d["got"]),
                ("pending.until", rel_time(d["until_market_ms"].to(int), "clock")), ("order.time", rel_time(d["at_ms"].to(int))),
                ("pos.strategy", d["strategy"]),
            )
        ),
        state=Lists,
        head=rx.fragment(
            rx.el.div(rx.el.h2(d["base"]), side_tag(d["side"].to(str)), _state(d), class_name="row"),
            rx.el.p(rx.el.span(d["order_id"], class_name="mono"), " ", d["user"], class_name="t2"),
        ),
        foot=[orders, position, rx.el.span(class_name="sp"), off],
        label=t("nav.pending"),
    )  # fmt: skip


def pending_page(route: Route) -> rx.Component:
    """The page."""
    n = Lists.totals
    states = [("", "order.all", n[""]), *((name, f"pending.s.{name}", n[name]) for name in STATES)]
    bar = filters(lead=chips("state", states), picks=(SIDE,), dated=True, tenant=route.kind == "admin", find="filter.pending")
    return list_page(
        route, "pending", _columns(route.kind), bar=bar, none=("pending.none", "pending.none_why", "clock"), drawer=_drawer(route.kind),
        live=("orders",),
    )  # fmt: skip


def entry_terms(d: rx.Var) -> rx.Component:
    """Form in a strategy's drawer: at market, or at a limit with its window and confirmation."""
    number = lambda name, key: rx.el.input(
        name=name, default_value=d[key].to(str), required=True, input_mode="numeric", auto_complete="off", max_length=5, class_name="inp sm"
    )
    mode = rx.el.select(
        rx.el.option(t("pending.at_market"), value="market"), rx.el.option(t("pending.at_limit"), value="limit"),
        name="entry_mode", default_value=d["in_entry"].to(str), class_name="inp sm",
    )  # fmt: skip
    confirm = rx.el.label(
        rx.el.input(type="checkbox", name="confirm_after_fill", default_checked=d["in_confirm"].to(bool)),
        rx.el.span(tx("pending.confirm")), class_name="row tick",
    )  # fmt: skip
    return rx.el.form(
        rx.el.div(
            field("pending.mode", mode),
            field("pending.window", number("retest_bars", "in_bars")),
            field("pending.offset", number("retest_offset_bps", "in_offset"), right=rx.el.span("bps")),
            field("pending.confirm_bars", number("post_fill_confirm_bars", "in_confirm_bars")),
            class_name="form-row",
        ),
        confirm,
        rx.el.span(tx("pending.terms_note"), class_name="hint"),
        rx.el.button(tx("offer.save"), type="submit", class_name="btn gap-top"),
        on_submit=Pending.change_terms,
        key=Lists.open_id,
    )
