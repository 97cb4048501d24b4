"""Withdrawals as their owner and their merchant see them; only operators decide (see /admin/withdrawals)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.act import copy_button
from pages.components.i18n import t, tx
from pages.components.lists import chips, filters, list_page
from pages.components.parts import chip, kv, rel_time, stat, stats
from pages.components.table import Column, drawer, drawer_section
from pages.routes import Route
from state.lists import Lists


def _columns(agent: bool) -> list[Column]:
    wallet = lambda r: rx.el.span(r["network"], " ", rx.el.span(r["short"], class_name="mono t2"), title=r["wallet"])
    status = lambda r: rx.el.span(tx(r["status"]), class_name=rx.cond(r["waits"], "", "t3"))
    return [
        Column("code", "withdrawal.request", phone="lead" if agent else "end", quiet=True),
        *([] if agent else [Column("user", "col.user", phone="lead")]),
        Column("amount", "withdrawal.asked", "num", sort=True),
        Column("actual", "withdrawal.pays", "num", phone="tail", show=lambda r: rx.el.b(r["actual"])),
        Column("wallet", "withdrawal.wallet", phone="sub", show=wallet),
        Column("at_ms", "withdrawal.age", "num", phone="end", sort=True, show=lambda r: rel_time(r["at_ms"].to(int), "held")),
        Column("status", "order.status", phone="sub", show=status),
    ]


def withdrawals_page(route: Route, *above: Any) -> rx.Component:
    """The page; ``above`` stands over the list."""
    d, n, agent = Lists.detail, Lists.totals, route.kind == "agent"
    result = rx.cond(
        (d["reason"] != "") | (d["tx_hash"] != ""),
        drawer_section(rx.el.p(d["reason"]), rx.el.p(d["tx_hash"], class_name="mono cut"), title="withdrawal.result"),
        rx.fragment(),
    )
    who = () if agent else (("col.user", d["user"]),)
    step = lambda s: rx.el.li(rx.el.span(tx(s["name"].to(str)), class_name="grow"), rx.el.span(rel_time(s["at_ms"].to(int)), class_name="t2"), key=s["name"])
    panel = drawer(
        drawer_section(kv(*who, ("withdrawal.asked", d["amount"]), ("withdrawal.fee", d["fee"]), (tx("withdrawal.pays"), rx.el.b(d["actual"])))),
        drawer_section(
            rx.el.div(rx.el.span(d["wallet"], class_name="mono"), copy_button(d["wallet"]), class_name="secret"),
            title="withdrawal.wallet", right=d["network"],
        ),
        drawer_section(rx.el.ul(rx.foreach(d["steps"].to(list[dict]), step), class_name="lines"), title="withdrawal.way"),
        result,
        state=Lists,
        head=rx.fragment(
            rx.el.div(rx.el.h2(d["code"]), chip(tx(d["status"].to(str)), kind=rx.cond(d["waits"], "act", "")), class_name="row"),
            rx.el.div(rx.el.span(d["actual"], class_name="big"), rx.el.span("USDT", class_name="t2"), class_name="row wrap baseline"),
        ),
        label=t("nav.withdrawals"),
    )  # fmt: skip
    states = [
        ("", "order.all", None), ("0", "withdrawal.pending", n["n_pending"]), ("1", "withdrawal.to_pay", n["n_approved"]),
        ("3", "withdrawal.completed", n["n_completed"]), ("2", "withdrawal.rejected", n["n_rejected"]), ("4", "withdrawal.failed", n["n_failed"]),
    ]  # fmt: skip
    bar = filters(lead=chips("status", states), dated=True, find="filter.own_wallet" if agent else "filter.wallet")
    cards = stats(
        stat("withdrawal.pending", n["n_pending"], "", tx("withdrawal.sum_line", n=n["sum_pending"])),
        stat("withdrawal.to_pay", n["n_approved"], "", tx("withdrawal.sum_line", n=n["sum_approved"])),
        stat("withdrawal.month", n["n_month"], "", tx("withdrawal.sum_line", n=n["sum_month"])),
        stat("withdrawal.rejected", n["n_rejected"], "", tx("withdrawal.returned")),
    )
    return list_page(
        route, "withdrawals", _columns(route.kind == "agent"), *(above or (cards,)), bar=bar,
        none=("withdrawal.none_own", "withdrawal.none_own_why", "wallet") if agent else ("withdrawal.none", "withdrawal.none_why", "wallet"), drawer=panel,
    )  # fmt: skip
