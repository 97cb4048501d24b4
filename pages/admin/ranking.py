"""Page /admin/ranking: users by points held, rewards earned, orders made; how many are in which tier."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import tx
from pages.components.lists import chips, filters, list_page
from pages.components.parts import nav_link, rel_time
from pages.components.table import Column
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/admin/ranking")
ON_LOAD = [Lists.enter("ranking")]
TIERS = ("none", "to_100", "to_1000", "to_10000", "over")


def page() -> rx.Component:
    """The page in its frame."""
    n = Lists.totals
    tiers = [("", "order.all", n[""]), *((name, f"rank.{name}", n[name]) for name in TIERS)]
    columns = [
        Column("user", "col.user", phone="lead", show=lambda r: nav_link(rx.el.b(r["user"]), href="/admin/users?open=" + r["id"].to(str))),
        Column("email", "user.email", phone="sub", quiet=True),
        Column("tenant", "order.tenant", quiet=True, roomy=True),
        Column("level", "tree.level", phone="sub", quiet=True),
        Column("points", "rank.points", "num", phone="tail", sort=True),
        Column("rewards", "rank.rewards", "num", sort=True),
        Column("orders", "rank.orders", "num", sort=True),
        Column("joined_ms", "tree.joined", "num", quiet=True, sort=True, show=lambda r: rel_time(r["joined_ms"].to(int))),
    ]
    total = rx.el.span(tx("rank.sum", n=n["points"]), class_name="t3 t12")
    bar = filters(lead=chips("tier", tiers), tenant=True, find="filter.user", right=total)
    return list_page(ROUTE, "ranking", columns, bar=bar, none=("user.none", "user.none_why", "users"))
