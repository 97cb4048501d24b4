"""Executions: filters and columns."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import tx
from pages.components.lists import Pick, cut, filters, list_page
from pages.components.parts import mode_chip, nav_link, num, rel_time
from pages.components.table import Column
from pages.lists.orders import MODE, SIDE
from pages.routes import Route

TRADE = Pick("trade", "fill.type", tuple((name, f"trade.{name}") for name in ("OPEN", "ADD", "REDUCE", "CLOSE")))


def _columns(kind: str) -> list[Column]:
    order = lambda r: nav_link(r["order_id"], href=f"/{kind}/orders?open=" + r["order"].to(str), class_name="mono")
    tenant = [Column("tenant", "order.tenant", quiet=True)] if kind == "admin" else []
    return [
        Column("at_ms", "order.time", phone="end", sort=True, show=lambda r: rel_time(r["at_ms"].to(int), "clock")),
        Column("base", "col.symbol", "sym", phone="lead", sort=False),
        Column("side", "col.side", "side", phone="lead"),
        Column("trade", "fill.type", phone="sub", show=lambda r: tx(r["trade"])),
        *tenant,
        Column("user", "col.user", phone="sub", show=lambda r: cut(r["user"])),
        Column("quantity", "pos.quantity", "num", sort=True),
        Column("price", "order.price", "num", phone="tail", sort=True),
        Column("value", "fill.value", "num"),
        Column("fee", "pos.fee", "num", quiet=True, sort=True),
        Column("pnl", "col.realized", "num", phone="tail", sort=True, show=lambda r: num(r["pnl"].to(str))),
        Column("order_id", "fill.order", show=order),
        Column("mode", "order.mode", show=lambda r: mode_chip(r["mode"].to(str), quiet_live=True)),
    ]


def fills_page(route: Route) -> rx.Component:
    """The page."""
    bar = filters(picks=(SIDE, TRADE, MODE), dated=True, tenant=route.kind == "admin", find="filter.fill")
    return list_page(
        route, "fills", _columns(route.kind), bar=bar, none=("fill.none", "fill.none_why", "orders"), live=("orders",)
    )
