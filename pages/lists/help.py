"""Help: why things happened, key errors, the profit share by the reader's own figures, symbols, words."""

from __future__ import annotations

import reflex as rx

from pages.components.act import filter_chips, search_field
from pages.components.i18n import USED, tx
from pages.components.parts import empty, link_button, note, section_head, sentence, skeleton
from pages.components.shell import shell
from pages.routes import Route
from state.help import ARTICLES, GROUPS, Help

USED.update(key for one in ARTICLES for key in (one.question, one.answer))
USED.update({"help.all", *(f"help.g.{group}" for group in GROUPS)})


def _group(group: rx.Var) -> rx.Component:
    row = lambda one: rx.el.div(
        rx.el.dt(rx.el.b(tx(one["q"]))),
        rx.el.dd(tx(one["a"]), class_name="t2"),
        id=one["q"],
        key=one["q"],
        class_name="help-row",
    )
    return rx.el.section(
        rx.el.div(rx.el.h2(tx(group["title"].to(str))), class_name="sec-h"),
        rx.el.dl(rx.foreach(group["rows"].to(list[dict[str, str]]), row), class_name="help"),
        class_name="sec",
        key=group["id"].to(str),
    )


def _example() -> rx.Component:
    d = Help.example
    step = lambda one: rx.fragment(rx.el.dt(tx(one["k"])), rx.el.dd(one["v"], class_name="num"))
    shown = rx.fragment(
        rx.el.p(rx.el.b(d["month"]), " · ", d["user"], class_name="t2"),
        rx.el.dl(rx.foreach(d["steps"].to(list[dict[str, str]]), step), class_name="kv"),
        rx.el.p(d["formula"], class_name="mono t12 sim-go"),
    )
    none = note(tx("help.example_none"), tx("help.example_none_why"), calm=True, icon_name="receipt")
    return rx.el.section(
        section_head("help.example"), rx.cond(d.contains("month"), shown, none), class_name="sec", id="example"
    )


def _symbols() -> rx.Component:
    one = lambda s: rx.el.div(
        rx.el.p(
            rx.el.b(s["name"]),
            " ",
            rx.el.span(tx("help.symbols_line", n=s["count"], timeframe=s["timeframe"]), class_name="t3"),
        ),
        rx.el.p(s["symbols"], class_name="t2"),
        key=s["id"],
        class_name="help-row",
    )
    none = rx.el.p(tx("help.symbols_none"), class_name="t3")
    return rx.el.section(
        section_head("help.symbols"),
        rx.cond(Help.strategies.length() > 0, rx.foreach(Help.strategies, one), none),
        class_name="sec",
        id="symbols",
    )


def help_page(route: Route) -> rx.Component:
    """The page."""
    asked = rx.cond(
        Help.asked.contains("q"),
        rx.el.div(
            note(tx(Help.asked["q"]), tx(Help.asked["a"]), calm=True, icon_name="help"), class_name="sec", id="asked"
        ),
        rx.fragment(),
    )
    tools = rx.el.div(
        search_field("help.find", Help.search, "240px"),
        filter_chips(Help.chips, Help.only, Help.choose),
        class_name="sec tools row wrap",
    )
    hits = rx.cond(
        Help.groups.length() > 0, rx.foreach(Help.groups, _group), empty("help.none", "help.none_why", "search")
    )
    body = rx.fragment(asked, tools, hits, _example(), _symbols())
    again = [link_button("help.tour", "/agent?tour=1", "only-l")] if route.kind == "agent" else []
    return shell(
        route,
        sentence(tx("help.lead"), meta=tx("help.lead_why"), right=again, icon_name="help"),
        rx.cond(Help.ready, body, rx.el.div(skeleton("40%"), skeleton(height="120px"), class_name="wait")),
    )
