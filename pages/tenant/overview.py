"""Page /tenant: people, money, the invite tree, newest settlements."""

from __future__ import annotations

import reflex as rx

from pages.components.act import search_field
from pages.components.i18n import t, tx
from pages.components.live import live_signal
from pages.components.parts import chip, empty, facts, num, rel_time, section_head, stat, stats
from pages.components.shell import shell
from pages.components.table import Column, data_table, drawer, drawer_section
from pages.routes import route_of
from state.session import Session
from state.tenant_overview import TenantOverview

ROUTE = route_of("/tenant")
ON_LOAD = [TenantOverview.load]


def _cards() -> rx.Component:
    c = TenantOverview.cards
    return stats(
        stat("tenant.people", c["people"], "", tx("tenant.people_line", week=c["week"], n=c["trading"])),
        stat("tenant.capital", c["capital"], "USDT", tx("tenant.capital_line", n=c["accounts"]), title=c["capital_exact"]),
        stat("tenant.cards", c["self"], "USDT", tx("tenant.cards_line", gift=c["gift"])),
        stat(
            "tenant.today", c["today"], "USDT",
            tx("tenant.today_line", profit=c["today_profit"], rewards=c["today_rewards"]),
            title=t("tenant.today_exact", profit=c["today_profit"], n=c["today"], rewards=c["today_rewards"]),
        ),
        stat("tenant.rewards", c["rewards"], "USDT", tx("tenant.rewards_line", n=c["receivers"])),
        stat("tenant.strategies", c["strategies"], "", tx("tenant.strategies_line", n=c["followers"])),
    )  # fmt: skip


def _who(row: rx.Var) -> rx.Component:
    node = rx.cond(row["market_node"], chip(tx("tree.market_node")), rx.fragment())
    return rx.el.span(
        rx.el.span(class_name="indent", custom_attrs={"style": {"width": row["indent"]}}),
        rx.el.b(row["name"]),
        rx.cond(row["root"], chip(tx("tree.root")), node),
        class_name="row",
    )


def _columns() -> list[Column]:
    return [
        Column("name", "tree.person", phone="lead", show=_who),
        Column("level", "tree.level", phone="end", quiet=True),
        Column("hold", "tree.hold", "num", phone="sub", quiet=True),
        Column("team", "tree.team", "num", phone="tail"),
        Column("rewards", "tree.rewards", "num", quiet=True),
    ]


def _settlement(row: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.b(row["user"], class_name="grow cut"),
        rx.el.span(num(row["profit"]), class_name="num"),
        rx.el.span(tx("settle.took", n=row["deducted"]), class_name="t3 t12 num"),
        rel_time(row["at_ms"]),
        key=row["id"],
    )


def _drawer() -> rx.Component:
    d = TenantOverview.detail
    return drawer(
        drawer_section(
            facts(
                ("tree.level", d["level"]),
                ("tree.invited", d["invited"]),
                ("tree.hold", d["hold"]),
                ("tree.team", d["team"]),
                ("stat.cards", d["cards"]),
                ("tree.rewards", d["rewards"]),
                ("tree.code", rx.el.span(d["code"], class_name="mono")),
                ("tree.joined", rel_time(d["joined_ms"].to(int))),
            )
        ),
        state=TenantOverview,
        head=rx.fragment(rx.el.h2(d["name"]), rx.el.p(d["email"], class_name="t2")),
        label=t("tree.person"),
    )


def page() -> rx.Component:
    """The page in its frame."""
    tree = rx.el.section(
        section_head(
            "tree.title",
            rx.el.span(search_field("tree.find", TenantOverview.set_search), class_name="only-l"),
            meta=tx("tree.meta", n=TenantOverview.total),
            flush=True,
        ),
        data_table(_columns(), TenantOverview, label="tree.title", empty=empty("tree.none", "tree.none_why", "tree")),
    )
    settled = rx.el.section(
        section_head("settle.title"),
        rx.cond(
            TenantOverview.ready & (TenantOverview.settlements.length() == 0),
            empty("settle.none", "settle.none_why", "wallet"),
            rx.el.ul(rx.foreach(TenantOverview.settlements, _settlement), class_name="lines"),
        ),
        class_name="sec hline",
    )
    return shell(
        ROUTE,
        live_signal(Session.topic, ["changed_ms", "settlements"], TenantOverview.changed),
        rx.el.div(rx.el.div(_cards(), tree, settled, class_name="list"), _drawer(), class_name="split"),
        fixed=True,
    )
