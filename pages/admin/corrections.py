"""Page /admin/corrections: ledger moves to be undone. One admin asks on the ledger page, another one decides here."""

from __future__ import annotations

import reflex as rx

from pages.components.act import hold_button
from pages.components.i18n import USED, t, tx
from pages.components.lists import chips, cut, filters, list_page
from pages.components.parts import chip, link_button, nav_link, note, rel_time
from pages.components.table import Column, drawer, drawer_section
from pages.lists.entries import entry_line, reason_form
from pages.routes import route_of
from state.console import Console
from state.lists import Lists

ROUTE = route_of("/admin/corrections")
ON_LOAD = [Lists.enter("corrections"), Console.fresh]
STATES = ("requested", "done", "refused")
USED.update(f"correction.{name}" for name in (*STATES, "done_undo", "done_refuse"))


def _columns() -> list[Column]:
    status = lambda r: rx.cond(r["state"] == "requested", rx.el.span(tx(r["status"])), rx.el.span(tx(r["status"]), class_name="t3"))
    return [
        Column("code", "correction.one", phone="end", quiet=True),
        Column("kind", "ledger.kind", phone="lead", show=lambda r: rx.el.span(rx.el.b(tx(r["kind"])), " ", rx.el.span("#", r["transaction"], class_name="t3"))),
        Column("reason", "correction.reason", phone="sub", show=lambda r: cut(r["reason"])),
        Column("tenant", "order.tenant", quiet=True, roomy=True),
        Column("asked_by", "correction.asked_by", quiet=True),
        Column("decided_by", "correction.decided_by", quiet=True, roomy=True),
        Column("at_ms", "order.time", "num", phone="end", sort=True, show=lambda r: rel_time(r["at_ms"].to(int), "held")),
        Column("status", "order.status", phone="tail", show=status),
    ]


def _drawer() -> rx.Component:
    d = Lists.detail
    waits = d["state"].to(str) == "requested"
    effect = rx.fragment(
        rx.cond(waits, rx.el.p(tx("correction.effect_why"), class_name="t3 t12"), rx.fragment()),
        rx.cond(
            waits,
            rx.el.ul(rx.foreach(d["lines"].to(list[dict]), entry_line), class_name="lines"),
            rx.el.p(
                nav_link(tx("correction.see"), " ", rx.el.span("#", d["transaction"], class_name="mono"), href="/admin/ledger?open=" + d["transaction"].to(str))
            ),
        ),
    )
    posted = rx.cond(
        d["reversal"].to(str) != "",
        rx.el.p(nav_link(tx("correction.opposite"), " ", rx.el.span("#", d["reversal"], class_name="mono"), href="/admin/ledger?open=" + d["reversal"].to(str))),
        rx.fragment(),
    )
    decided = rx.cond(
        waits,
        rx.fragment(),
        drawer_section(
            rx.el.p(rx.el.b(d["decided_by"]), " ", rel_time(d["decided_ms"].to(int), "date"), class_name="t2"), rx.el.p(d["decision"]), posted,
            title="correction.decision",
        ),
    )  # fmt: skip
    agree = rx.cond(
        d["mine"],
        rx.el.span(tx("correction.yours"), class_name="t3 t12"),
        hold_button(tx("correction.hold"), Console.agree(Lists.open_id)),
    )
    foot = rx.cond(
        waits,
        rx.fragment(rx.el.button(tx("correction.refuse"), type="button", class_name="btn", on_click=Console.ask("refuse")), rx.el.span(class_name="sp"), agree),
        rx.el.span(tx("correction.over"), class_name="t3 t12"),
    )
    return drawer(
        drawer_section(rx.el.p(d["reason"]), rx.el.p(tx("correction.asked_by"), " ", rx.el.b(d["asked_by"]), class_name="t2"), title="correction.reason"),
        rx.cond(d["short"], drawer_section(note(tx("correction.short"), tx("correction.short_why"))), rx.fragment()),
        drawer_section(effect, title="correction.effect"),
        decided,
        reason_form("refuse", "correction.refuse"),
        state=Lists,
        head=rx.fragment(
            rx.el.div(rx.el.h2(d["code"]), chip(tx(d["status"].to(str)), kind=rx.cond(waits, "act", "")), class_name="row"),
            rx.el.div(rx.el.span(d["moved"], class_name="big"), rx.el.span(d["currency"], class_name="t2"), class_name="row wrap baseline"),
            rx.el.p(tx(d["kind"].to(str)), " #", d["transaction"], ", ", rel_time(d["posted_ms"].to(int), "date"), " ", rx.el.span(d["tenant"], class_name="t3"), class_name="t2"),
        ),
        foot=[foot],
        label=t("nav.corrections"),
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    n = Lists.totals
    states = [("", "order.all", None), *((name, f"correction.{name}", n[f"n_{name}"]) for name in STATES)]
    bar = filters(lead=chips("status", states), dated=True, tenant=True, find="filter.reference", right=link_button("nav.ledger", "/admin/ledger", "sm"))
    return list_page(ROUTE, "corrections", _columns(), bar=bar, none=("correction.none", "correction.none_why", "history"), drawer=_drawer())
