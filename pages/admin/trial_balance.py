"""Page /admin/trial-balance: all accounts of a month by kind; the whole platform must sum to zero."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import USED, t, tx
from pages.components.parts import chip, empty, nav_link, note, section_head, skeleton_rows
from pages.components.shell import shell
from pages.components.table import sideways
from pages.routes import route_of
from state.admin_books import Books

ROUTE = route_of("/admin/trial-balance")
ON_LOAD = [Books.load]
OWNERS = ("platform", "tenant", "user", "exchange_account")
KINDS = (
    "platform_source", "point_self", "point_gift", "pool", "burned_gift", "reward", "withdrawal_frozen", "paid_out", "fee_income",
    "share_due", "share_paid", "share_income", "trading", "market",
)  # fmt: skip
USED.update(f"owner.{name}" for name in OWNERS)
USED.update(f"account.{name}" for name in KINDS)


def _bar() -> rx.Component:
    month = rx.el.select(
        rx.foreach(Books.months, lambda one: rx.el.option(one, value=one, key=one)),
        value=Books.month,
        on_change=Books.set_month,
        class_name="inp sm pick",
        aria_label=t("books.month"),
    )
    tenant = rx.el.select(
        rx.el.option(t("books.all"), value=""),
        rx.foreach(Books.tenants, lambda one: rx.el.option(one["name"], value=one["id"], key=one["id"])),
        value=Books.tenant,
        on_change=Books.set_tenant,
        class_name="inp sm pick",
        aria_label=t("filter.tenant"),
    )
    state = rx.cond(
        Books.tenant == "",
        rx.cond(Books.balanced, chip(tx("books.balanced")), chip(tx("books.broken"), kind="look")),
        rx.el.span(tx("books.part"), class_name="t3 t12"),
    )
    return rx.el.div(rx.el.div(month, tenant, state, class_name="picks"), class_name="sec tools filters")


def _row(one: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.b(tx(one["kind"].to(str))), " ", rx.el.span(one["code"], class_name="mono t3 t12 only-l"), class_name="p-lead"),
        rx.el.td(tx(one["owner"].to(str)), class_name="t2 p-sub"),
        rx.el.td(one["currency"], class_name="t2 p-end p-first"),
        rx.el.td(one["opening"], class_name="num"),
        rx.el.td(one["received"], class_name="num"),
        rx.el.td(one["given"], class_name="num"),
        rx.el.td(rx.el.b(one["closing"]), class_name="num p-tail"),
        key=one["id"],
    )


def _sum(one: rx.Var) -> rx.Component:
    figures = [rx.el.td(rx.el.b(one[name]), class_name=css) for name, css in (("opening", "num"), ("received", "num"), ("given", "num"), ("closing", "num p-tail"))]
    return rx.el.tr(
        rx.el.td(rx.el.b(tx("books.sum")), class_name="p-lead"), rx.el.td(""), rx.el.td(one["currency"], class_name="p-end p-first"), *figures, key=one["currency"]
    )


def page() -> rx.Component:
    """The page in its frame."""
    heads = [("books.account", ""), ("books.owner", ""), ("books.currency", ""), ("books.opening", "num"), ("books.received", "num"), ("books.given", "num"), ("books.closing", "num")]
    table = rx.el.table(
        rx.el.thead(rx.el.tr(*[rx.el.th(tx(key), class_name=css, scope="col") for key, css in heads])),
        rx.el.tbody(
            rx.cond(Books.ready, rx.fragment(rx.foreach(Books.lines, _row), rx.foreach(Books.sums, _sum)), skeleton_rows(7))
        ),
        class_name="tbl cards",
        aria_label=t("nav.trial_balance"),
    )
    broken = rx.cond(
        Books.ready & ~Books.balanced & (Books.tenant == ""),
        rx.el.div(note(tx("books.broken"), tx("books.broken_why")), class_name="sec"),
        rx.fragment(),
    )
    head = section_head("books.title", nav_link(tx("books.ledger"), href="/admin/ledger", class_name="btn sm"), meta=tx("books.meta"), flush=True)
    nothing = rx.cond(Books.ready & (Books.lines.length() == 0), empty("books.none", "books.none_why", "receipt"), rx.fragment())
    return shell(ROUTE, _bar(), broken, rx.el.section(head, sideways(table, t("nav.trial_balance")), nothing))
