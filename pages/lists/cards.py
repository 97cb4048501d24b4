"""The point-card journal."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import USED, tx
from pages.components.lists import Pick, cut, filters, list_page
from pages.components.parts import chip, num, rel_time, stat, stats
from pages.components.table import Column
from pages.routes import Route
from state.lists import Lists

CHANGE = Pick("change", "card.change", tuple((str(n), f"change.{n}") for n in range(1, 6)))
CARD = Pick("card", "card.type", (("1", "card.self"), ("2", "card.gift")))
USED.update(f"change.{n}" for n in range(1, 6))


def _columns(admin: bool) -> list[Column]:
    tenant = [Column("tenant", "order.tenant", quiet=True)] if admin else []
    who = lambda r: rx.cond(r["stock"], chip(tx("card.stock")), rx.el.b(r["user"]))
    return [
        Column("at_ms", "order.time", phone="end", quiet=True, sort=True, show=lambda r: rel_time(r["at_ms"].to(int))),
        *tenant,
        Column("user", "card.owner", phone="lead", show=who),
        Column("change", "card.change", phone="sub", show=lambda r: tx(r["change"])),
        Column("card", "card.type", phone="sub", show=lambda r: rx.el.span(tx(r["card"]), class_name="t2")),
        Column("amount", "card.amount", "num", phone="tail", sort=True, show=lambda r: num(r["amount"].to(str))),
        Column("before", "card.before", "num", quiet=True),
        Column("after", "card.after", "num"),
        Column("related", "card.related", quiet=True, show=lambda r: cut(r["related"])),
        Column("remark", "card.remark", quiet=True, show=lambda r: cut(r["remark"], wide=True)),
    ]


def cards_page(route: Route, *above: rx.Component) -> rx.Component:
    """The page; ``above`` stands over the journal."""
    n = Lists.totals
    cards = stats(
        stat("card.records", n["n"], "", tx("filter.of_match")),
        stat("card.plus", num(n["plus"].to(str)), "USDT", tx("card.plus_line")),
        stat("card.minus", num(n["minus"].to(str)), "USDT", tx("card.minus_line")),
    )
    bar = filters(picks=(CHANGE, CARD), dated=True, tenant=route.kind == "admin", find="filter.card")
    return list_page(
        route, "cards", _columns(route.kind == "admin"), *(above or (cards,)), bar=bar, none=("card.none", "card.none_why", "card")
    )
