"""What stands around every signed-in page: side bar, head, lines that say what is special now, palette.

Each part is one component per console that all its pages share: written out on every page, these parts would be more
than half of what is compiled and of what a browser loads.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any, NamedTuple

import reflex as rx

from pages.components.act import PlainForm, menu, palette, preferences, search_button
from pages.components.alike import more_alike
from pages.components.guide import reader
from pages.components.i18n import USED, in_both, t, tx
from pages.components.icons import icon, mark
from pages.components.live import live_cell, live_dot, live_signal
from pages.components.parts import empty, mode_chip, nav_link, rel_time, skeleton
from pages.routes import Route, menu_of
from state.session import Session
from state.ui import Ui

CONSOLES = ("agent", "tenant", "admin")


def _nav_item(route: Route, active: rx.Var[str], live: bool = True) -> rx.Component:
    count = (
        rx.el.span(live_cell(Session.topic, route.count_cell, "", flash=False, fmt="count"), class_name="cnt")
        if route.count_cell and live
        else rx.fragment()
    )
    current = rx.cond(active == route.path, "page", rx.Var("undefined"))
    attrs = {"aria-current": current, "title": t(route.title)}
    link = nav_link(icon(route.icon), rx.el.span(tx(route.title)), count, href=route.path, custom_attrs=attrs)
    return rx.cond(Session.rights.contains(route.right), link, rx.fragment()) if route.right else link


def _side(kind: str, active: rx.Var[str]) -> rx.Component:
    items: list[rx.Component] = []
    for heading, routes in groupby(menu_of(kind), key=lambda route: route.group):
        if heading:
            items.append(rx.el.h2(tx(heading)))
        items.extend(_nav_item(route, active) for route in routes)
    return rx.el.aside(
        nav_link(mark(), rx.el.span("IronBull"), href=f"/{kind}", class_name="brand"),
        rx.el.div(
            rx.cond(
                Session.logo != "",
                rx.el.img(src=Session.logo, alt="", class_name="av sq logo"),
                rx.el.span(Session.workspace[0:1], class_name="av sq"),
            ),
            rx.el.span(tx("shell.platform") if kind == "admin" else Session.workspace, class_name="grow cut"),
            class_name="ws",
        ),
        rx.el.nav(*items, class_name="nav", aria_label=t("shell.menu")),
        rx.el.div(_user_menu("upward"), class_name="me"),
        class_name="side",
    )


def _user_menu(place: str, kind: str = "") -> rx.Component:
    avatar = rx.el.span(Session.initials, class_name="av")
    who = rx.el.span(
        rx.el.span(Session.name, class_name="b cut", custom_attrs={"style": {"display": "block"}}),
        rx.el.span(tx("kind." + Session.kind), class_name="t3 t12"),
        class_name="grow",
    )
    wide = place == "upward"
    USED.update({"kind.admin", "kind.tenant", "kind.agent"})
    sign_out = PlainForm.create(
        rx.el.button(icon("out"), tx("menu.sign_out"), type="submit", class_name="item"),
        action="/api/session/logout",
        method="post",
    )
    # a phone has five tabs; the other pages stand here
    rest = [route for route in menu_of(kind) if not route.tab] if kind else []
    pages = [nav_link(icon(route.icon), tx(route.title), href=route.path, class_name="item") for route in rest]
    return menu(
        rx.fragment(avatar, who) if wide else avatar,
        *([rx.el.nav(*pages, aria_label=t("shell.menu")), rx.el.hr()] if pages else []),
        preferences(),
        rx.el.hr(),
        sign_out,
        label=t("menu.account"),
        place=place,
        class_name="" if wide else "btn quiet ico",
    )


def _said(n: rx.Var, what: str) -> rx.Component:
    return in_both(n[what], n[what + "_zh"])


def _bell(kind: str) -> rx.Component:
    badge = rx.cond(Ui.unread > 0, rx.el.span(rx.cond(Ui.unread > 99, "99+", Ui.unread), class_name="badge-n"), rx.fragment())
    row = lambda n: rx.el.li(
        icon("bell"),
        rx.cond(n["link"] != "", nav_link(_said(n, "title"), href=n["link"], class_name="b"), rx.el.b(_said(n, "title"))),
        rx.el.span(rel_time(n["at_ms"]), class_name="t3 t12"),
        rx.el.p(_said(n, "body")),
        more_alike(n["more"], n["n"]),
        class_name=rx.cond(n["unread"], "unread", ""),
        key=n["id"],
    )
    body = rx.cond(
        Ui.notices_ready,
        rx.cond(
            Ui.notices.length() > 0,
            rx.el.ul(rx.foreach(Ui.notices, row), class_name="bell-list"),
            empty("bell.none", "bell.none_why", "bell"),
        ),
        rx.el.div(skeleton(), skeleton("70%"), class_name="wait"),
    )
    button = rx.el.span(icon("bell"), badge, class_name="bell btn quiet ico")
    # a fill and a stop on trading each write a message
    follow = live_signal("platform" if kind == "admin" else Session.topic, ["changed_ms", "stops_ms"], Ui.count_notices)
    body = rx.fragment(body, nav_link(tx("bell.all"), href=f"/{kind}/notifications", class_name="item bell-all"))
    return rx.fragment(follow, menu(button, body, label=t("bell.label", n=Ui.unread), stay=True, on_open=Ui.open_bell))


def _top(kind: str, title: rx.Var[str], every_ms: rx.Var[int]) -> rx.Component:
    return rx.el.header(
        nav_link(mark(), href=f"/{kind}", class_name="only-s", aria_label="IronBull"),
        rx.el.h1(tx(title)),
        rx.cond((Session.kind != "admin") & (Session.mode != ""), mode_chip(Session.mode), rx.fragment()),
        rx.el.span(class_name="sp"),
        live_dot(Session.topic, every_ms),
        search_button(),
        _bell(kind),
        rx.el.span(_user_menu("right", kind), class_name="only-s"),
        class_name="top",
    )


def _tabs(kind: str, active: rx.Var[str]) -> rx.Component:
    routes = [route for route in menu_of(kind) if route.tab][:5]
    return rx.el.nav(*[_nav_item(r, active, live=False) for r in routes], class_name="tabs", aria_label=t("shell.menu"))


def _stopped(kind: str) -> rx.Component:
    """Says on every page that trading is stopped, and leads to where it is lifted."""
    topic = "platform" if kind == "admin" else Session.topic
    line = rx.el.div(
        icon("alert"), rx.el.b(tx(Session.stop)), rx.el.span(Session.stop_why, class_name="cut wide"), rx.el.span(class_name="sp"),
        nav_link(tx("stop.open"), href=f"/{kind}/stops"), class_name="stop-bar", role="alert",
    )  # fmt: skip
    return rx.fragment(live_signal(topic, ["stops_ms"], Session.stops_again), rx.cond(Session.stop != "", line, rx.fragment()))


def _looking() -> rx.Component:
    """Says on every page that this is another person's account, seen by an admin, and leads back."""
    back = PlainForm.create(
        rx.el.button(tx("look.end"), type="submit", class_name="btn sm"), action="/api/session/look/end", method="post", class_name="bare"
    )
    line = rx.el.div(
        icon("eye"), rx.el.b(tx("look.banner", name=Session.name)), rx.el.span(tx("look.nothing"), class_name="cut wide"),
        rx.el.span(tx("look.until"), " ", rel_time(Session.until_ms, "clock")), rx.el.span(class_name="sp"), back,
        class_name="stop-bar look-bar", role="status",
    )  # fmt: skip
    return rx.cond(Session.seen_by != "", line, rx.fragment())


def _prove(kind: str) -> rx.Component:
    if kind != "admin":
        return rx.fragment()
    line = rx.el.div(icon("shield"), rx.el.b(tx("look.prove")), class_name="stop-bar", role="alert")
    return rx.cond(Session.prove, line, rx.fragment())


class Frame(NamedTuple):
    """The parts of one console."""

    side: Any
    """``active``: the path of the page shown."""
    top: Any
    """``title``: its key; ``every_ms``: how often live data comes."""
    lines: Any
    tabs: Any
    """``active``, as above."""
    unseen: Any


def _frame(kind: str) -> Frame:
    def side(active: rx.Var[str]) -> rx.Component:
        return _side(kind, active)

    def top(title: rx.Var[str], every_ms: rx.Var[int]) -> rx.Component:
        return _top(kind, title, every_ms)

    def lines() -> rx.Component:
        return rx.fragment(_looking(), _prove(kind), _stopped(kind))

    def tabs(active: rx.Var[str]) -> rx.Component:
        return _tabs(kind, active)

    def unseen() -> rx.Component:
        items = [{"id": r.path, "k": r.title, "keys": r.keys} for r in menu_of(kind)]
        return rx.fragment(palette(items), reader(Session.zone, Session.lang, Session.colours))

    return Frame(*(_shared(part, kind) for part in (side, top, lines, tabs, unseen)))


def _shared(part: Any, kind: str) -> Any:
    part.__name__ = f"{kind}_{part.__name__}"
    return rx.memo(part)


FRAMES = {kind: _frame(kind) for kind in CONSOLES}
