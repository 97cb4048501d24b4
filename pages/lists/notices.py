"""What the platform had to say to a person: a page of all three consoles. Messages of one kind in a row stand together."""

from __future__ import annotations

import reflex as rx

from pages.components.alike import more_alike
from pages.components.i18n import USED, in_both, tx
from pages.components.icons import icon
from pages.components.lists import chips, filters, list_page
from pages.components.parts import nav_link, rel_time
from pages.components.table import Column
from pages.routes import Route
from state.channels import ADMIN_TYPES, ESCALATION, TYPES
from state.console import Notices
from state.lists import Lists

USED.update(f"notice.{kind}" for kind in (*TYPES, *ADMIN_TYPES, ESCALATION))


def _title(row: rx.Var) -> rx.Component:
    title = in_both(row["title"], row["title_zh"])
    link = rx.cond(row["link"] != "", nav_link(title, href=row["link"]), rx.el.span(title))
    return rx.el.span(link, class_name=rx.cond(row["unread"], "b", "t2"))


def _body(row: rx.Var) -> rx.Component:
    return rx.el.span(in_both(row["body"], row["body_zh"]), class_name="cut wide all")


def _read(row: rx.Var) -> rx.Component:
    button = rx.el.button(icon("check", "s"), tx("notice.read"), type="button", class_name="btn quiet sm", on_click=Notices.read_some(row["ids"]))
    return rx.cond(row["unread"], button, rx.fragment())


def _columns() -> list[Column]:
    return [
        Column("at_ms", "order.time", phone="end", quiet=True, show=lambda r: rel_time(r["at_ms"].to(int))),
        Column("type", "notice.type", phone="sub", quiet=True, show=lambda r: tx(r["type"])),
        Column("title", "notice.title", phone="lead", show=lambda r: rx.fragment(_title(r), more_alike(r["more"], r["n"]))),
        Column("body", "notice.body", phone="sub", quiet=True, show=_body),
        Column("unread", "notice.state", phone="tail", show=_read),
    ]


def notices_page(route: Route) -> rx.Component:
    """The page in its frame."""
    n = Lists.totals
    states = [("", "order.all", n[""]), ("unread", "notice.unread", n["unread"])]
    all_read = rx.el.button(icon("check", "s"), tx("notice.mark_all"), type="button", class_name="btn sm", on_click=Notices.read_all)
    how = nav_link(icon("sliders", "s"), tx("reach.settings"), href=f"{route.path}/settings", class_name="btn sm")
    # A merchant hears by webhooks, which have a page of their own.
    bar = filters(lead=chips("read", states), right=rx.fragment(all_read) if route.kind == "tenant" else rx.fragment(how, all_read))
    return list_page(route, "notices", _columns(), bar=bar, none=("bell.none", "bell.none_why", "bell"), live=("changed_ms",))
