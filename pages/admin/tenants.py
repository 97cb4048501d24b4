"""Page /admin/tenants: merchants, their stock and size; recharge, switch, create."""

from __future__ import annotations

import reflex as rx

from pages.components.act import copy_button, field, hold_button, text_input
from pages.components.i18n import USED, t, tx
from pages.components.icons import icon
from pages.components.lists import Pick, cut, filters, list_page
from pages.components.parts import chip, facts, link_button, note, rel_time
from pages.components.table import Column, drawer, drawer_section
from pages.lists.look import look_form
from pages.lists.reveal import reveal_section
from pages.lists.tenants import agreed
from pages.lists.users import recharge_form
from pages.routes import route_of
from state.admin_tenants import Tenants
from state.console import Console
from state.lists import Lists

ROUTE = route_of("/admin/tenants")
ON_LOAD = [Lists.enter("tenants"), Console.fresh, Tenants.fresh]
STATUS = Pick("status", "user.access", (("1", "access.on"), ("0", "access.off")))
USED.update({"billing.per_close", "billing.hwm"})


def _columns() -> list[Column]:
    name = lambda r: rx.el.span(rx.el.b(r["name"]), rx.cond(r["active"], rx.fragment(), chip(tx("access.off"), kind="look")), class_name="row")
    return [
        Column("name", "order.tenant", phone="lead", sort=True, show=name),
        Column("email", "user.email", phone="sub", quiet=True, show=lambda r: cut(r["email"])),
        Column("people", "tenant.people", "num", phone="end"),
        Column("accounts", "node.accounts", "num", quiet=True, roomy=True),
        Column("self", "tenant.stock_self", "num", phone="tail"),
        Column("gift", "tenant.stock_gift", "num", quiet=True),
        Column("tech", "tenant.tech", "num", quiet=True, roomy=True),
        Column("undist", "tenant.undist", "num", quiet=True, roomy=True),
        Column("billing", "tenant.billing", quiet=True, roomy=True, show=lambda r: tx("billing." + r["billing"].to(str))),
        Column("created_ms", "tenant.created", "num", quiet=True, roomy=True, sort=True, show=lambda r: rel_time(r["created_ms"].to(int))),
    ]


def _drawer() -> rx.Component:
    d = Lists.detail
    switch = rx.cond(
        d["active"],
        hold_button(tx("tenant.disable"), Console.switch_tenant(Lists.open_id, False)),
        rx.el.button(tx("user.enable"), type="button", class_name="btn", on_click=Console.switch_tenant(Lists.open_id, True)),
    )
    return drawer(
        drawer_section(
            facts(
                ("tenant.people", d["people"]),
                ("node.accounts", d["accounts"]),
                ("admin.bots", d["bots"]),
                ("tenant.strategies", d["strategies"]),
                ("tenant.stock_self", d["self"]),
                ("tenant.stock_gift", d["gift"]),
                ("tenant.tech", d["tech"]),
                ("tenant.undist", d["undist"]),
                ("tenant.billing", tx("billing." + d["billing"].to(str))),
                ("tenant.created", rel_time(d["created_ms"].to(int))),
            )
        ),
        recharge_form(Console.recharge_tenant, "tenant.recharge", "card.tenant_note"),
        agreed(d),
        reveal_section(d),
        look_form("tenant", Lists.open_id),
        state=Lists,
        head=rx.fragment(
            rx.el.div(rx.el.h2(d["name"]), rx.cond(d["active"], rx.fragment(), chip(tx("access.off"), kind="look")), class_name="row"),
            rx.el.p(d["email"], class_name="t2"),
        ),
        foot=[
            rx.el.button(tx("tenant.edit"), type="button", class_name="btn", on_click=Tenants.open_form("sign_in")),
            link_button("tenant.its_users", "/admin/users?tenant=" + Lists.open_id),
            link_button("tenant.its_orders", "/admin/orders?tenant=" + Lists.open_id),
            rx.el.span(class_name="sp"),
            switch,
        ],
        label=t("order.tenant"),
    )


def _new() -> rx.Component:
    """Form in place of the list's head; afterwards the keys, once."""
    form = rx.el.form(
        rx.el.div(
            field("tenant.name", text_input(name="name", required=True, max_length=100, class_name="inp sm")),
            field("user.email", text_input(name="email", type="email", required=True, max_length=190, class_name="inp sm")),
            field("tenant.password", text_input(name="password", type="password", required=True, auto_complete="new-password", class_name="inp sm")),
            rx.el.button(tx("tenant.create"), type="submit", class_name="btn pri"),
            rx.el.button(tx("act.cancel"), type="button", class_name="btn", on_click=Console.make_tenant(False)),
            class_name="form-row",
        ),
        on_submit=Console.create_tenant,
    )
    line = lambda label, key: field(
        label, rx.el.span(rx.el.span(Console.made[key], class_name="mono"), copy_button(Console.made[key]), class_name="secret")
    )
    made = rx.el.div(
        note(tx("tenant.made", name=Console.made["name"]), tx("tenant.made_once"), calm=True, icon_name="key"),
        rx.el.div(line("tenant.app_key", "app_key"), line("tenant.app_secret", "app_secret"), class_name="form-row made"),
        rx.el.button(tx("tenant.kept"), type="button", class_name="btn", on_click=Console.make_tenant(False)),
        class_name="col made-b",
    )
    shown = rx.cond(Console.made.contains("app_secret"), made, form)
    return rx.cond(Console.making, rx.el.section(shown, class_name="sec hline-b"), rx.fragment())


def page() -> rx.Component:
    """The page in its frame."""
    add = rx.el.button(icon("plus", "s"), tx("tenant.new"), type="button", class_name="btn sm", on_click=Console.make_tenant(True))
    bar = filters(picks=(STATUS,), find="filter.tenant_find", right=add)
    return list_page(ROUTE, "tenants", _columns(), _new(), bar=bar, none=("tenant.none", "tenant.none_why", "home"), drawer=_drawer())
