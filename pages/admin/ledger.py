"""Page /admin/ledger: every posting set; its entries with the balance before and after."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import USED, t, tx
from pages.components.lists import Pick, cut, filters, list_page
from pages.components.parts import chip, link_button, nav_link, rel_time
from pages.components.table import Column, drawer, drawer_section
from pages.lists.entries import entry_line, reason_form
from pages.routes import route_of
from state.console import Console
from state.lists import Lists

ROUTE = route_of("/admin/ledger")
ON_LOAD = [Lists.enter("transactions"), Console.fresh]
KINDS = (
    "settlement", "distribution", "recharge_tenant", "recharge_user", "transfer_points", "withdraw_freeze", "withdraw_complete",
    "withdraw_reject_return", "withdraw_fail_return", "reversal", "funding", "share_invoice", "share_payment",
)  # fmt: skip
KIND = Pick("kind", "ledger.kind", tuple((kind, f"ledger.k.{kind}") for kind in KINDS))
USED.update(f"ledger.cause_{what}" for what in ("fill", "pool", "withdrawal", "billing_period"))
USED.update(f"owner.{kind}" for kind in ("platform", "tenant", "user", "exchange_account"))


def _columns() -> list[Column]:
    return [
        Column("id", "ledger.number", phone="end", quiet=True, show=lambda r: rx.el.span("#", r["id"])),
        Column("at_ms", "order.time", phone="end", sort=True, show=lambda r: rel_time(r["at_ms"].to(int))),
        Column("kind", "ledger.kind", phone="lead", sort=True, show=lambda r: rx.el.b(tx(r["kind"]))),
        Column("reference", "ledger.reference", phone="sub", show=lambda r: rx.el.span(r["reference"], class_name="mono")),
        Column("tenant", "order.tenant", quiet=True, roomy=True),
        Column("entries", "ledger.entries", "num", quiet=True),
        Column("moved", "ledger.moved", "num", phone="tail"),
        Column("actor", "ledger.actor", quiet=True, roomy=True),
        Column("remark", "card.remark", quiet=True, roomy=True, show=lambda r: cut(r["remark"])),
    ]


def _drawer() -> rx.Component:
    d = Lists.detail
    return drawer(
        drawer_section(rx.el.ul(rx.foreach(d["lines"].to(list[dict]), entry_line), class_name="lines"), title="ledger.entries"),
        drawer_section(
            rx.el.dl(
                rx.el.dt(tx("ledger.sums_to")), rx.el.dd(d["sums_to"]),
                rx.el.dt(tx("ledger.reference")), rx.el.dd(d["reference"], class_name="mono"),
                rx.el.dt(tx("ledger.key")), rx.el.dd(d["key"], class_name="mono"),
                rx.el.dt(tx("ledger.actor")), rx.el.dd(d["actor"]),
                rx.el.dt(tx("card.remark")), rx.el.dd(d["remark"]),
                class_name="kv ids",
            )
        ),
        rx.cond(
            d["cause"].to(list[dict]).length() > 0,
            drawer_section(
                rx.foreach(
                    d["cause"].to(list[dict]),
                    lambda one: rx.el.p(nav_link(tx(one["k"].to(str)), " ", rx.el.span(one["id"], class_name="mono"), href=one["path"].to(str)), key=one["id"]),
                ),
                title="ledger.cause",
            ),
            rx.fragment(),
        ),
        rx.cond(
            d["correction"].to(str) != "",
            drawer_section(
                rx.el.p(nav_link("C-", d["correction"], href="/admin/corrections?open=" + d["correction"].to(str)), " ", chip(tx(d["correction_status"].to(str)))),
                title="correction.of",
            ),
            rx.fragment(),
        ),
        reason_form("undo", "correction.send"),
        state=Lists,
        foot=[rx.cond(d["reversible"] & ~d["undone"], rx.el.button(tx("correction.ask"), type="button", class_name="btn", on_click=Console.ask("undo")), rx.fragment())],
        head=rx.fragment(
            rx.el.div(rx.el.h2(tx(d["kind"].to(str))), rx.el.span("#", d["id"], class_name="t3"), class_name="row"),
            rx.el.div(rx.el.span(d["moved"], class_name="big"), rx.el.span(tx("ledger.moved_word"), class_name="t2"), class_name="row wrap baseline"),
            rx.el.p(rel_time(d["at_ms"].to(int), "date"), " ", rx.el.span(d["tenant"], class_name="t3"), class_name="t2"),
        ),
        label=t("ledger.title"),
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    bar = filters(
        picks=(KIND,), dated=True, tenant=True, find="filter.reference", right=link_button("nav.accounts", "/admin/accounts", "sm")
    )
    return list_page(ROUTE, "transactions", _columns(), bar=bar, none=("ledger.none", "ledger.none_why", "receipt"), drawer=_drawer())
