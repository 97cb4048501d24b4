"""Page /tenant/tree: who invited whom, drawn as a tree that opens branch by branch."""

from __future__ import annotations

import reflex as rx

from pages.components.act import search_field
from pages.components.i18n import t, tx
from pages.components.icons import icon
from pages.components.parts import chip, empty, facts, rel_time, section_head, skeleton, stat, stats
from pages.components.shell import shell
from pages.components.table import drawer, drawer_section
from pages.routes import route_of
from state.tenant_tree import TenantTree

ROUTE = route_of("/tenant/tree")
ON_LOAD = [TenantTree.load]


def _cards() -> rx.Component:
    c = TenantTree.cards
    return stats(
        stat("tree.members", c["members"], "", tx("tree.members_line")),
        stat("tree.direct", c["direct"], "", tx("tree.direct_line")),
        stat("tree.depth", c["depth"], "", tx("tree.depth_line")),
        stat("tree.nodes", c["nodes"], "", tx("tree.nodes_line")),
    )


def _lines(row: rx.Var) -> rx.Component:
    return rx.el.span(
        rx.foreach(row["lines"].to(list[str]), lambda mark: rx.el.i(class_name="tr-" + mark)), class_name="tr-lines", aria_hidden=True
    )


def _person(row: rx.Var) -> rx.Component:
    opener = rx.cond(
        row["invited_n"].to(int) > 0,
        rx.el.button(
            icon("chevron", "s"),
            type="button",
            class_name=rx.cond(row["open"], "tr-open on", "tr-open"),
            on_click=TenantTree.toggle(row["id"]),
            aria_expanded=row["open"],
            aria_label=t("tree.branch", name=row["name"]),
        ),
        rx.el.span(class_name="tr-open"),
    )
    tags = rx.cond(
        row["root"], chip(tx("tree.root")), rx.cond(row["market_node"], chip(tx("tree.market_node")), rx.fragment())
    )
    name = rx.el.button(
        rx.el.b(row["name"], class_name="cut"), type="button", class_name="tr-name", on_click=TenantTree.show(row["id"])
    )
    return rx.el.li(
        _lines(row),
        opener,
        name,
        rx.el.span(row["level"], class_name="t2 tr-level"),
        tags,
        rx.cond(row["active"], rx.fragment(), rx.el.span(tx("access.off"), class_name="t3 t12")),
        rx.el.span(class_name="sp"),
        rx.cond(
            row["invited_n"].to(int) > 0, rx.el.span(tx("tree.below", n=row["below"]), class_name="t3 t12 only-l"), rx.fragment()
        ),
        rx.el.span(row["team"], class_name="num tr-team"),
        class_name=rx.cond(TenantTree.open_id == row["id"], "tr-row sel", rx.cond(row["hit"], "tr-row hit", "tr-row")),
        aria_level=row["level_no"].to(int),
        role="treeitem",
        key=row["id"],
    )


def _more(row: rx.Var) -> rx.Component:
    return rx.el.li(
        _lines(row),
        rx.el.button(
            tx("tree.more", n=row["left"]), type="button", class_name="btn quiet sm", on_click=TenantTree.more(row["parent"])
        ),
        class_name="tr-row",
        aria_level=row["level_no"].to(int),
        role="treeitem",
        key=row["id"],
    )


def _drawer() -> rx.Component:
    d = TenantTree.detail
    return drawer(
        drawer_section(
            facts(
                ("tree.level", d["level"]),
                ("tree.inviter", d["inviter"]),
                ("tree.invited", d["invited"]),
                ("tree.team_size", d["below"]),
                ("tree.hold", d["hold"]),
                ("tree.team", d["team"]),
                ("stat.cards", d["cards"]),
                ("tree.rewards", d["rewards"]),
                ("tree.code", rx.el.span(d["code"], class_name="mono")),
                ("tree.joined", rel_time(d["joined_ms"].to(int))),
            )
        ),
        state=TenantTree,
        head=rx.fragment(rx.el.h2(d["name"]), rx.el.p(d["email"], class_name="t2")),
        label=t("tree.person"),
    )


def page() -> rx.Component:
    """The page in its frame."""
    found = rx.cond(
        TenantTree.hits >= 0, rx.el.span(tx("tree.hits", n=TenantTree.hits), class_name="t3 t12", custom_attrs={"aria-live": "polite"}), rx.fragment()
    )
    body = rx.cond(
        TenantTree.ready,
        rx.cond(
            TenantTree.rows.length() > 0,
            rx.el.ul(
                rx.foreach(TenantTree.rows, lambda row: rx.cond(row["kind"] == "more", _more(row), _person(row))),
                class_name="tree",
                role="tree",
                aria_label=t("tree.title"),
            ),
            empty("tree.none", "tree.none_why", "tree"),
        ),
        rx.el.div(skeleton(), skeleton("70%"), skeleton("60%"), class_name="wait"),
    )
    tree = rx.el.section(
        section_head("tree.title", found, search_field("tree.find", TenantTree.find), meta=tx("tree.columns"), flush=True), body
    )
    return shell(ROUTE, rx.el.div(rx.el.div(_cards(), tree, class_name="list"), _drawer(), class_name="split"), fixed=True)
