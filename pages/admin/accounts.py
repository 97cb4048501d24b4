"""Page /admin/accounts: every ledger balance; its newest entries."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import USED, t, tx
from pages.components.lists import Pick, filters, list_page
from pages.components.parts import link_button, nav_link, num, rel_time
from pages.components.table import Column, drawer, drawer_section
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/admin/accounts")
ON_LOAD = [Lists.enter("accounts")]
OWNERS = ("platform", "tenant", "user", "exchange_account")
OWNER = Pick("owner", "ledger.owner", tuple((name, f"owner.{name}") for name in OWNERS))
USED.update(f"owner.{name}" for name in OWNERS)


def _columns() -> list[Column]:
    return [
        Column("id", "ledger.number", quiet=True, show=lambda r: rx.el.span("#", r["id"])),
        Column("owner", "ledger.owner", phone="lead", show=lambda r: rx.el.b(rx.cond(r["owner"] != "", r["owner"], "IronBull"))),
        Column("owner_kind", "ledger.owner_kind", phone="sub", quiet=True, show=lambda r: tx(r["owner_kind"])),
        Column("kind", "ledger.pocket", phone="sub", sort=True, show=lambda r: rx.el.span(r["kind"], class_name="mono")),
        Column("tenant", "order.tenant", quiet=True, roomy=True),
        Column("balance", "acc.balance", "num", phone="tail", sort=True),
        Column("currency", "ledger.currency", phone="end", quiet=True),
    ]


def _drawer() -> rx.Component:
    d = Lists.detail
    line = lambda e: rx.el.li(
        rx.el.div(
            nav_link(rx.el.b(tx(e["what"])), href="/admin/ledger?open=" + e["transaction"].to(str)),
            rx.el.p(rel_time(e["at_ms"].to(int)), " ", rx.el.span(e["reference"], class_name="mono"), class_name="t3 t12"),
            class_name="grow",
        ),
        rx.el.div(rx.el.p(num(e["amount"].to(str))), rx.el.p(e["before"], " → ", e["after"], class_name="t3 t12"), class_name="num"),
        key=e["id"],
        class_name="who",
    )
    lines = d["lines"].to(list[dict])
    return drawer(
        drawer_section(
            rx.cond(lines.length() > 0, rx.el.ul(rx.foreach(lines, line), class_name="lines"), rx.el.p(tx("ledger.no_entry"), class_name="t3")),
            title="ledger.newest",
        ),
        state=Lists,
        head=rx.fragment(
            rx.el.div(rx.el.h2(rx.cond(d["owner"] != "", d["owner"], "IronBull")), rx.el.span(d["kind"], class_name="mono t2"), class_name="row"),
            rx.el.div(rx.el.span(d["balance"], class_name="big"), rx.el.span(d["currency"], class_name="t2"), class_name="row wrap baseline"),
            rx.cond(d["overdraft"], rx.el.p(tx("ledger.may_overdraw"), class_name="t3 t12"), rx.fragment()),
        ),
        foot=[link_button("ledger.all_of", "/admin/ledger?account=" + Lists.open_id)],
        label=t("nav.accounts"),
    )


def page() -> rx.Component:
    """The page in its frame."""
    bar = filters(picks=(OWNER,), tenant=True, find="filter.pocket", right=link_button("ledger.title", "/admin/ledger", "sm"))
    return list_page(ROUTE, "accounts", _columns(), bar=bar, none=("ledger.none", "ledger.none_why", "wallet"), drawer=_drawer())
