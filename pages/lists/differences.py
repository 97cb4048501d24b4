"""Platform against exchange: what did not agree, why, and what was done about it."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import USED, tx
from pages.components.lists import Pick, chips, cut, filters, list_page
from pages.components.parts import mode_chip, nav_link, rel_time
from pages.components.table import Column
from pages.routes import Route
from state.lists import Lists

CAUSES = (
    "closed_outside", "order_absent", "stop_missing", "quantity_larger", "quantity_less", "opposite_side", "foreign", "answer_lost",
)  # fmt: skip
ACTIONS = ("booked", "sent_again", "expired", "stop_restored", "blocked", "told", "adopted")
WORDS = ("open", "closed", "absent")
ACTION = Pick("action", "diff.action", tuple((name, f"diff.a.{name}") for name in ACTIONS))
USED.update(f"diff.says.{name}" for name in WORDS)


def _said(key: rx.Var, number: rx.Var) -> rx.Component:
    said: rx.Component = rx.el.span(tx(key.to(str)), " ", rx.el.span(number, class_name="num"))
    return said


def _columns(kind: str) -> list[Column]:
    order = lambda r: rx.cond(
        r["order"] != "", nav_link(r["order_id"], href=f"/{kind}/orders?open=" + r["order"].to(str), class_name="mono"), rx.fragment()
    )
    tenant = [Column("tenant", "order.tenant", quiet=True, roomy=True)] if kind == "admin" else []
    return [
        Column("at_ms", "order.time", phone="end", sort=True, show=lambda r: rel_time(r["at_ms"].to(int))),
        Column("base", "col.symbol", "sym", phone="lead"),
        Column("cause", "diff.cause", phone="sub", show=lambda r: tx(r["cause"])),
        Column("platform", "diff.platform", phone="sub", show=lambda r: _said(r["platform"], r["platform_n"])),
        Column("exchange", "diff.exchange", phone="sub", show=lambda r: _said(r["exchange"], r["exchange_n"])),
        Column("action", "diff.action", phone="tail", show=lambda r: rx.el.b(tx(r["action"]))),
        *tenant,
        Column("user", "col.user", phone="sub", show=lambda r: cut(r["user"])),
        Column("account", "diff.account", quiet=True, roomy=True),
        Column("order_id", "fill.order", roomy=True, show=order),
        Column("mode", "order.mode", roomy=True, show=lambda r: mode_chip(r["mode"].to(str), quiet_live=True)),
    ]


def differences_page(route: Route) -> rx.Component:
    """The page."""
    n = Lists.totals
    causes = [("", "order.all", n[""]), *((name, f"diff.c.{name}", n[name]) for name in CAUSES)]
    bar = filters(lead=chips("cause", causes), picks=(ACTION,), dated=True, tenant=route.kind == "admin", find="filter.difference")
    return list_page(route, "differences", _columns(route.kind), bar=bar, none=("diff.none", "diff.none_why", "check"), live=("orders",))
