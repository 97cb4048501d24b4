"""Rewards: who got what, out of which pool, by which rule."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import tx
from pages.components.lists import Pick, cut, filters, list_page
from pages.components.parts import chip, rel_time, stat, stats
from pages.components.table import Column
from pages.routes import Route
from state.lists import Lists

_TYPES = ("direct", "level_diff", "peer", "tech_team", "direct_undist", "peer_undist", "network_undist", "platform_retain")
TYPE = Pick("type", "reward.type", tuple((name, f"reward.{name}") for name in _TYPES))


def _columns(admin: bool) -> list[Column]:
    tenant = [Column("tenant", "order.tenant", quiet=True)] if admin else []
    who = lambda r: rx.el.span(rx.el.b(r["user"]), rx.cond(r["root"], chip(tx("tree.root")), rx.fragment()), class_name="row")
    return [
        Column("at_ms", "order.time", phone="end", quiet=True, sort=True, show=lambda r: rel_time(r["at_ms"].to(int))),
        *tenant,
        Column("user", "reward.winner", phone="lead", show=who),
        Column("type", "reward.type", phone="sub", show=lambda r: tx(r["type"])),
        Column("amount", "card.amount", "num", phone="tail", sort=True),
        Column("rate", "reward.rate", "num", quiet=True),
        Column("levels", "reward.levels", quiet=True),
        Column("source", "reward.source", phone="sub", quiet=True, show=lambda r: cut(r["source"])),
        Column("pool", "reward.pool", "num", quiet=True, show=lambda r: rx.el.span("#", r["pool"])),
        Column("batch", "reward.batch", quiet=True, roomy=True, show=lambda r: rx.el.span(r["batch"], class_name="mono t3")),
        Column("remark", "card.remark", quiet=True, show=lambda r: cut(r["remark"], wide=True)),
    ]


def rewards_page(route: Route) -> rx.Component:
    """The page."""
    n = Lists.totals
    cards = stats(
        stat("reward.sum", n["sum"], "USDT", tx("reward.sum_line", n=n["n"])),
        stat("reward.people", n["people"], "USDT", tx("reward.people_line", n=n["receivers"])),
        stat("reward.root", n["root"], "USDT", tx("reward.root_line")),
    )
    bar = filters(picks=(TYPE,), dated=True, tenant=route.kind == "admin", find="filter.user")
    return list_page(route, "rewards", _columns(route.kind == "admin"), cards, bar=bar, none=("reward.none", "reward.none_why", "gift"))
