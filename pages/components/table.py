"""Data table and drawer: paged, sorted and filtered in SQL; a phone shows the same rows as two-line cards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import reflex as rx

from pages.components.guide import explained
from pages.components.i18n import t, tx
from pages.components.icons import icon
from pages.components.parts import num, rel_time, side_tag, skeleton_rows, symbol

JS = "$/public/js/keys.jsx"


class _RowKeys(rx.Component):
    library = JS
    tag = "RowKeys"
    follow: rx.Var[bool]


class _Drawer(rx.Component):
    library = JS
    tag = "Drawer"
    label: rx.Var[str]
    row_id: rx.Var[str]
    wide: rx.Var[bool]
    on_close: rx.EventHandler[rx.event.no_args_event_spec]


@dataclass(frozen=True)
class Column:
    """One column: ``key`` of the row dict, words, how to show it, where it goes on a phone card.

    kind: text | num | pnl | sym | side | age | clock | held | chevron; phone: lead | tail | sub | end | "" (drawer only).
    ``show`` overrides kind with a function of the row. ``sort`` makes the header a button; ``roomy``
    columns leave when a drawer is open.
    """

    key: str
    label: str = ""
    kind: str = "text"
    phone: str = ""
    sort: bool = False
    quiet: bool = False
    roomy: bool = False
    show: Callable[[rx.Var], Any] | None = None


_RIGHT = {"num", "pnl", "age", "held", "clock"}


def _cell(column: Column, row: rx.Var, first_end: bool) -> rx.Component:
    value = row[column.key] if column.key else ""
    if column.show is not None:
        content = column.show(row)
    else:
        content = {
            "pnl": lambda: num(value),
            "sym": lambda: symbol(value),
            "side": lambda: side_tag(value),
            "age": lambda: rel_time(value),
            "held": lambda: rel_time(value, "held"),
            "clock": lambda: rel_time(value, "clock"),
            "chevron": lambda: icon("chevron", "s"),
        }.get(column.kind, lambda: value)()
    css = " ".join(
        part
        for part in (
            "num" if column.kind in _RIGHT else "",
            f"p-{column.phone}" if column.phone else "",
            "p-first" if first_end else "",
            "t2" if column.quiet else "",
            "chev" if column.kind == "chevron" else "",
            "roomy" if column.roomy else "",
        )
        if part
    )
    return rx.el.td(content, class_name=css)


def _head(column: Column, state: Any) -> rx.Component:
    css = ("num" if column.kind in _RIGHT else "") + (" roomy" if column.roomy else "")
    if not column.label:
        return rx.el.th(rx.el.span(tx("table.open"), class_name="sr"), scope="col")
    if not column.sort:
        return _th(column, tx(column.label), css)
    way = rx.cond(state.sort == column.key, rx.cond(state.desc, "descending", "ascending"), "none")
    button = rx.el.button(tx(column.label), icon("sort", "s"), type="button", on_click=state.sort_by(column.key))
    return _th(column, button, css, aria_sort=way)


def _th(column: Column, words: rx.Component, css: str, **props: Any) -> rx.Component:
    """The "?" of a term stands before figures and after words: on the side with room."""
    parts = (explained(column.label), words) if column.kind in _RIGHT else (words, explained(column.label))
    return rx.el.th(*parts, scope="col", class_name=css, **props)


def data_table(
    columns: list[Column],
    state: Any,
    *,
    rows: Any = None,
    empty: rx.Component | None = None,
    label: str = "",
    tight: bool = False,
    openable: bool = True,
    ready: Any = None,
) -> rx.Component:
    """Table over ``state`` (a ``TableState``): its rows, sort, open row. Arrows move, Enter opens the drawer."""
    source = state.rows if rows is None else rows
    ready = state.ready if ready is None else ready
    first_end = next((c for c in columns if c.phone == "end"), None)

    def line(row: rx.Var) -> rx.Component:
        props: dict[str, Any] = {"key": row["id"]}
        if openable:
            props |= {
                "tab_index": 0,
                "on_click": state.show(row["id"]),
                "class_name": rx.cond(state.open_id == row["id"], "sel", ""),
                "custom_attrs": {"data-row": row["id"]},
            }
        return rx.el.tr(*[_cell(c, row, c is first_end) for c in columns], **props)

    body = rx.cond(ready, rx.foreach(source, line), skeleton_rows(len(columns)))
    table = rx.el.table(
        rx.el.thead(rx.el.tr(*[_head(c, state) for c in columns])),
        rx.el.tbody(body),
        class_name="tbl cards tight" if tight else "tbl cards",
        aria_label=t(label) if label else "",
    )
    keys = _RowKeys.create(table, follow=state.open_id != "" if openable else False)
    if empty is None:
        return keys
    return rx.fragment(keys, rx.cond(ready & (source.length() == 0), empty, rx.fragment()))


def sideways(content: Any, label: Any, css: str = "scroll-x") -> rx.Component:
    """Something that may be wider than its place: it scrolls by touch, and by the arrow keys once it has the focus."""
    return rx.el.div(content, class_name=css, role="group", tab_index=0, aria_label=label)


def table_foot(state: Any, extra: Any = None, export: Any = None) -> rx.Component:
    """"1–25 of 148", turn page, export."""
    turn = rx.el.span(
        rx.el.button(
            icon("back"), type="button", class_name="btn quiet ico sm", on_click=state.turn(-1),
            disabled=state.page == 0, aria_label=t("table.previous"),
        ),
        rx.el.button(
            icon("chevron"), type="button", class_name="btn quiet ico sm", on_click=state.turn(1),
            disabled=~state.has_more, aria_label=t("table.next"),
        ),
        class_name="row",
    )  # fmt: skip
    return rx.el.div(
        rx.el.span(
            rx.cond(state.total > 0, tx("table.range", a=state.first_shown, b=state.last_shown, n=state.total), tx("table.nothing")),
            custom_attrs={"aria-live": "polite"},
        ),
        rx.cond(state.total > state.size, turn, rx.fragment()),
        rx.el.span(class_name="sp"),
        extra or rx.fragment(),
        export if export is not None else rx.fragment(),
        class_name="foot",
    )


def drawer(*sections: Any, state: Any, head: Any, foot: Any = None, label: Any = "", wide: bool = False) -> rx.Component:
    """Panel beside the list for ``state.open_id``; a bottom sheet on a phone. Esc closes, focus returns to the row."""
    close = rx.el.button(
        icon("close"), type="button", class_name="btn quiet ico", on_click=state.close, aria_label=t("act.close")
    )
    panel = _Drawer.create(
        rx.el.div(rx.el.div(rx.el.div(head, class_name="grow"), close, class_name="row", custom_attrs={"style": {"alignItems": "flex-start"}}), class_name="dr-h"),
        rx.el.div(*sections, class_name="dr-b"),
        rx.el.div(*foot, class_name="dr-f") if foot else rx.fragment(),
        label=label,
        row_id=state.open_id,
        wide=wide,
        on_close=state.close,
    )
    return rx.cond(state.open_id != "", panel, rx.fragment())


def drawer_section(*content: Any, title: str = "", right: Any = None) -> rx.Component:
    """Part of a drawer below a hairline with a quiet title."""
    head = rx.el.h3(tx(title), rx.el.span(class_name="sp"), rx.fragment() if right is None else right) if title else rx.fragment()
    return rx.el.section(head, *content, class_name="dr-s")
