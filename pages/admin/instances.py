"""Page /admin/instances: what tenants offer to their users, with their own values beside the catalogue's."""

from __future__ import annotations

from collections.abc import Callable

import reflex as rx

from pages.components.i18n import tx
from pages.components.lists import Pick, filters, list_page
from pages.components.parts import chip, link_button, nav_link
from pages.components.table import Column
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/admin/instances")
ON_LOAD = [Lists.enter("instances")]
STATUS = Pick("status", "order.status", (("1", "access.on"), ("0", "access.off")))


def _own(value: str, flag: str) -> Callable[[rx.Var], rx.Component]:
    return lambda r: rx.el.span(rx.cond(r[flag], rx.el.b(r[value]), rx.el.span(r[value], class_name="t3")))


def page() -> rx.Component:
    """The page in its frame."""
    code = lambda r: rx.el.span(rx.el.b(r["code"]), rx.cond(r["scanned"], rx.fragment(), chip(tx("inst.not_scanned"), kind="look")), class_name="row")
    status = lambda r: rx.cond(r["on"], tx("access.on"), chip(tx("access.off"), kind="look"))
    columns = [
        Column("code", "pos.strategy", phone="lead", sort=True, show=code),
        Column("tenant", "order.tenant", phone="sub", sort=True, show=lambda r: nav_link(r["tenant"], href="/admin/tenants?open=" + r["tenant_id"].to(str))),
        Column("followers", "inst.followers", "num", phone="tail"),
        Column("capital", "inst.capital", "num", show=_own("capital", "own_capital")),
        Column("leverage", "inst.leverage", "num", show=_own("leverage", "own_leverage")),
        Column("risk", "inst.risk", quiet=True, show=lambda r: rx.cond(r["own_risk"], rx.el.b(tx(r["risk"])), rx.el.span(tx(r["risk"]), class_name="t3"))),
        Column("min_capital", "inst.least", "num", quiet=True, roomy=True),
        Column("on", "order.status", phone="end", show=status),
    ]
    bar = filters(picks=(STATUS,), tenant=True, find="filter.instance", right=link_button("nav.strategies", "/admin/strategies", "sm"))
    return list_page(ROUTE, "instances", columns, bar=bar, none=("inst.none", "inst.none_why", "layers"))
