"""A list page: filters, table, totals, drawer, export. Every plain list of the consoles is made of this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx

from pages.components.act import search_field
from pages.components.i18n import USED, t, tx
from pages.components.icons import icon
from pages.components.live import live_signal
from pages.components.parts import empty, file_link
from pages.components.shell import shell
from pages.components.table import Column, data_table, sideways, table_foot
from pages.routes import Route
from state.exports import Exports
from state.lists import Lists
from state.session import Session


@dataclass(frozen=True)
class Pick:
    """A select: the filter's name, what it chooses, and its values with their words."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]


def chosen(name: str) -> rx.Var:
    """The present value of a filter, "" when it is not set."""
    return rx.cond(Lists.flt.contains(name), Lists.flt[name], "")


def pick(one: Pick) -> rx.Component:
    """A select that filters."""
    USED.update(key for _, key in one.options)
    value = chosen(one.name)
    return rx.el.select(
        rx.el.option(t(one.label), value=""),
        *[rx.el.option(t(key), value=option) for option, key in one.options],
        value=value,
        on_change=lambda v: Lists.filter_by(one.name, v),
        class_name=rx.cond(value != "", "inp sm pick on", "inp sm pick"),
        aria_label=t(one.label),
    )


def pick_tenant() -> rx.Component:
    """Admins: one tenant's rows."""
    value = chosen("tenant")
    return rx.el.select(
        rx.el.option(t("filter.tenant"), value=""),
        rx.foreach(Lists.tenants, lambda one: rx.el.option(one["name"], value=one["id"], key=one["id"])),
        value=value,
        on_change=lambda v: Lists.filter_by("tenant", v),
        class_name=rx.cond(value != "", "inp sm pick on", "inp sm pick"),
        aria_label=t("filter.tenant"),
    )


def days() -> rx.Component:
    """From and to, both days included, UTC."""

    def day(name: str, label: str) -> rx.Component:
        value = chosen(name)
        return rx.el.input(
            type="date", value=value, on_change=lambda v: Lists.filter_by(name, v), aria_label=t(label), title=t(label),
            class_name=rx.cond(value != "", "inp sm pick on", "inp sm pick"),
        )  # fmt: skip

    return rx.el.span(day("from", "filter.from"), rx.el.span("–", class_name="t3"), day("to", "filter.to"), class_name="row")


def chips(name: str, items: Sequence[tuple[str, str, rx.Var | None]]) -> rx.Component:
    """Filter chips: (value, words, count)."""
    value = chosen(name)

    def one(key: str, words: str, count: rx.Var | None) -> rx.Component:
        number = rx.el.b(count) if count is not None else rx.fragment()
        return rx.el.button(
            tx(words), number, type="button", class_name="fchip", on_click=Lists.filter_by(name, key), aria_pressed=value == key
        )

    return rx.el.div(*[one(*item) for item in items], class_name="fchips", role="group")


def filters(
    *, picks: Sequence[Pick] = (), dated: bool = False, tenant: bool = False, find: str = "", lead: rx.Component | None = None,
    right: Any = None,
) -> rx.Component:  # fmt: skip
    """The line above the table."""
    parts: list[Any] = []
    if tenant:
        parts.append(pick_tenant())
    parts += [pick(one) for one in picks]
    if dated:
        parts.append(days())
    clear = rx.cond(
        Lists.filtered,
        rx.el.button(icon("close", "s"), tx("filter.clear"), type="button", class_name="btn quiet sm", on_click=Lists.clear),
        rx.fragment(),
    )
    box = rx.el.span(search_field(find, Lists.set_search, "264px"), key=Lists.cleared, class_name="f-find") if find else rx.fragment()
    choices = rx.el.div(*parts, clear, class_name="picks")
    ends = [rx.el.span(class_name="sp"), right if right is not None else rx.fragment(), box]
    if lead is None:
        return rx.el.div(choices, *ends, class_name="sec tools filters")
    return rx.el.div(lead, *ends, choices, class_name="sec tools filters two")


def _export() -> rx.Component:
    """Short lists at once; long ones are written in the background."""
    at_once = [file_link(icon("download"), words, href=href) for words, href in (("CSV", Lists.csv_href), ("Excel", Lists.excel_href))]
    later = [
        rx.el.button(icon("download"), words, type="button", class_name="btn quiet sm", title=t("export.long"), on_click=Exports.ask(kind))
        for words, kind in (("CSV", "csv"), ("Excel", "xlsx"))
    ]
    return rx.cond(Lists.long, rx.el.span(*later, class_name="row"), rx.el.span(*at_once, class_name="row"))


def list_page(
    route: Route,
    name: str,
    columns: list[Column],
    *above: Any,
    bar: rx.Component,
    none: tuple[str, str, str],
    drawer: Any = None,
    live: tuple[str, ...] = (),
    more: Sequence[Any] = (),
    export: bool = True,
) -> rx.Component:
    """The page of list ``name``. ``none``: words and icon of the empty list; ``live``: cells that make it follow."""
    ready = Lists.ready & (Lists.name == name)
    clear = rx.el.button(tx("filter.clear"), type="button", class_name="btn", on_click=Lists.clear)
    nothing = rx.cond(Lists.filtered, empty("filter.none", "filter.none_why", "filter", clear), empty(*none))
    topic = "platform" if route.kind == "admin" else Session.topic
    follow = [live_signal(topic, list(live), Lists.pulse)] if live else []
    return shell(
        route,
        *follow,
        rx.el.div(
            rx.el.div(
                *above,
                bar,
                sideways(
                    data_table(columns, Lists, empty=nothing, label=route.title, openable=drawer is not None, ready=ready),
                    t(route.title), "grow scroll-x",
                ),
                table_foot(Lists, export=_export() if export else None),
                class_name="list",
            ),
            rx.cond(ready, drawer, rx.fragment()) if drawer is not None else rx.fragment(),
            class_name="split",
        ),
        *more,
        fixed=True,
    )


def cut(value: Any, wide: bool = False, title: Any = None) -> rx.Component:
    """Text that ends in dots; whole on hover. ``title``: its words when ``value`` is a component."""
    return rx.el.span(value, class_name="cut wide" if wide else "cut", title=value if title is None else title)


def mini(heads: Sequence[tuple[str, str]], body: Any, label: str = "") -> rx.Component:
    """Small table inside a drawer; heads are (words, css)."""
    return sideways(
        rx.el.table(
            rx.el.thead(rx.el.tr(*[rx.el.th(tx(key) if key else "", class_name=css, scope="col") for key, css in heads])),
            rx.el.tbody(body),
            class_name="tbl tight mini",
            aria_label=t(label) if label else "",
        ),
        t(label or "table.wide"),
    )
