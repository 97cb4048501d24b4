"""Page /admin/withdrawals: the queue. Large ones need two people; every step says what it does to the money."""

from __future__ import annotations

import reflex as rx

from pages.components.act import copy_button, hold_button
from pages.components.i18n import USED, t, tx
from pages.components.icons import icon
from pages.components.lists import chips, filters, list_page
from pages.components.parts import chip, kv, note, rel_time, stat, stats
from pages.components.table import Column, drawer, drawer_section
from pages.routes import route_of
from state.console import Console
from state.lists import Lists

ROUTE = route_of("/admin/withdrawals")
ON_LOAD = [Lists.enter("withdrawals"), Console.fresh]
USED.update(f"withdrawal.{s}" for s in ("pending", "second", "approved", "rejected", "completed", "failed"))
USED.update(f"withdrawal.{kind}_{what}" for kind in ("ask", "go", "done") for what in ("reject", "complete", "fail"))


def _columns() -> list[Column]:
    user = lambda r: rx.el.span(rx.el.b(r["user"]), rx.el.span(" ", r["tenant"], class_name="t3"))
    wallet = lambda r: rx.el.span(r["network"], " ", rx.el.span(r["short"], class_name="mono t2"), title=r["wallet"])
    status = lambda r: rx.el.span(tx(r["status"]), class_name=rx.cond(r["waits"], "", "t3"))
    return [
        Column("code", "withdrawal.request", phone="end", quiet=True),
        Column("user", "col.user", phone="lead", show=user),
        Column("amount", "withdrawal.asked", "num", sort=True),
        Column("actual", "withdrawal.pays", "num", phone="tail", show=lambda r: rx.el.b(r["actual"])),
        Column("wallet", "withdrawal.wallet", phone="sub", show=wallet),
        Column("at_ms", "withdrawal.age", "num", phone="end", sort=True, show=lambda r: rel_time(r["at_ms"].to(int), "held")),
        Column("status", "order.status", phone="sub", show=status),
    ]


def _cards() -> rx.Component:
    n = Lists.totals
    return stats(
        stat("withdrawal.pending", n["n_pending"], "", tx("withdrawal.sum_line", n=n["sum_pending"])),
        stat("withdrawal.to_pay", n["n_approved"], "", tx("withdrawal.sum_line", n=n["sum_approved"])),
        stat("withdrawal.month", n["n_month"], "", tx("withdrawal.sum_line", n=n["sum_month"])),
        stat("withdrawal.rejected", n["n_rejected"], "", tx("withdrawal.returned")),
    )


def _approvals(d: rx.Var) -> rx.Component:
    given = d["approvals"].to(list[dict])
    one = lambda a: rx.el.li(
        rx.el.span(a["admin"].to(str)[0:2], class_name="av"),
        rx.el.div(rx.cond(a["me"], rx.el.b(tx("withdrawal.you")), rx.el.b(a["admin"])), rx.el.p(tx("withdrawal.place", n=a["place"]), class_name="t3 t12"), class_name="grow"),
        rx.el.span(rel_time(a["at_ms"].to(int)), class_name="t2"),
        key=a["place"],
        class_name="who",
    )
    return rx.cond(given.length() > 0, rx.el.ul(rx.foreach(given, one)), rx.el.p(tx("withdrawal.nobody"), class_name="t3"))


def _ask(d: rx.Var) -> rx.Component:
    """The line for a reason or a hash, above the buttons."""
    form = rx.el.form(
        rx.el.label(tx("withdrawal.ask_" + Console.asks), class_name="lab"),
        rx.el.div(
            rx.el.input(name="text", required=True, max_length=200, auto_complete="off", class_name="inp sm grow"),
            rx.el.button(tx("withdrawal.go_" + Console.asks), type="submit", class_name="btn pri"),
            rx.el.button(tx("act.cancel"), type="button", class_name="btn", on_click=Console.ask("")),
            class_name="row",
        ),
        on_submit=Console.answer,
        key=Console.asks,
    )
    return rx.cond(Console.asks != "", drawer_section(form), rx.fragment())


def _drawer() -> rx.Component:
    d = Lists.detail
    state = d["state"].to(str)
    balance = drawer_section(
        kv(
            ("withdrawal.before", d["before"]), ("withdrawal.frozen", d["frozen"]),
            ("withdrawal.free", d["free"]),
        )
    )  # fmt: skip
    two = rx.cond(
        d["two"] & (state == "pending"),
        drawer_section(note(tx("withdrawal.two", n=d["four_eyes"]), tx("withdrawal.two_why"), calm=True, icon_name="users")),
        rx.fragment(),
    )
    used = rx.cond(
        d["fresh"],
        rx.el.p(icon("alert", "s"), tx("withdrawal.fresh"), class_name="row look t12"),
        rx.el.p(icon("check", "s"), tx("withdrawal.used", n=d["used"]), class_name="row t2 t12"),
    )
    result = rx.cond(
        (d["reason"] != "") | (d["tx_hash"] != ""),
        drawer_section(rx.el.p(d["reason"]), rx.el.p(d["tx_hash"], class_name="mono"), title="withdrawal.result"),
        rx.fragment(),
    )
    approve = rx.cond(
        d["can_approve"],
        hold_button(tx("withdrawal.hold", n=d["actual"]), Console.approve(Lists.open_id)),
        rx.cond(d["mine"], rx.el.span(tx("withdrawal.yours_given"), class_name="t3 t12"), rx.fragment()),
    )
    ask = lambda what, kind="": rx.el.button(tx(f"withdrawal.{what}"), type="button", class_name=f"btn {kind}", on_click=Console.ask(what))
    foot = rx.match(
        state,
        ("pending", rx.fragment(ask("reject"), rx.el.span(class_name="sp"), approve)),
        ("approved", rx.fragment(ask("fail"), rx.el.span(class_name="sp"), ask("complete", "pri"))),
        rx.el.span(tx("withdrawal.over"), class_name="t3 t12"),
    )
    return drawer(
        drawer_section(kv(("withdrawal.asked", d["amount"]), ("withdrawal.fee", d["fee"]), (tx("withdrawal.pays"), rx.el.b(d["actual"])))),
        rx.cond(d["held"], balance, rx.fragment()),
        drawer_section(
            rx.el.div(rx.el.span(d["wallet"], class_name="mono"), copy_button(d["wallet"]), class_name="secret"), used,
            title="withdrawal.wallet", right=d["network"],
        ),
        drawer_section(_approvals(d), title="withdrawal.approvals"),
        result,
        two,
        _ask(d),
        state=Lists,
        head=rx.fragment(
            rx.el.div(rx.el.h2(d["code"]), chip(tx(d["status"].to(str)), kind=rx.cond(d["waits"], "act", "")), class_name="row"),
            rx.el.div(rx.el.span(d["actual"], class_name="big"), rx.el.span(tx("withdrawal.to", user=d["user"], tenant=d["tenant"]), class_name="t2"), class_name="row wrap baseline"),
        ),
        foot=[foot],
        label=t("nav.withdrawals"),
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    n = Lists.totals
    states = [
        ("", "order.all", None), ("0", "withdrawal.pending", n["n_pending"]), ("1", "withdrawal.to_pay", n["n_approved"]),
        ("3", "withdrawal.completed", n["n_completed"]), ("2", "withdrawal.rejected", n["n_rejected"]), ("4", "withdrawal.failed", n["n_failed"]),
    ]  # fmt: skip
    bar = filters(lead=chips("status", states), dated=True, tenant=True, find="filter.wallet")
    return list_page(
        ROUTE, "withdrawals", _columns(), _cards(), bar=bar, none=("withdrawal.none", "withdrawal.none_why", "wallet"), drawer=_drawer(),
        live=("scan>at_ms",),
    )  # fmt: skip
