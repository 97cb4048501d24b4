"""The frame of every signed-in page, and the guard that shows nothing before the identity is known."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import reflex as rx

from pages.components.act import PlainForm, menu, palette, preferences, search_button, toast_host
from pages.components.alike import more_alike
from pages.components.guide import reader
from pages.components.i18n import USED, in_both, t, tx, tx_of
from pages.components.icons import icon, mark
from pages.components.live import live_cell, live_dot, live_signal
from pages.components.parts import empty, mode_chip, nav_link, rel_time, skeleton
from pages.routes import Route, menu_of
from state.session import Session
from state.ui import Ui

JS = "$/public/js/leave.jsx"


class _Leave(rx.Component):
    """Leaves the app by a full navigation when ``to`` is set: the socket must be opened anew with the new cookie."""

    library = JS
    tag = "Leave"
    to: rx.Var[str]


def _nav_item(route: Route, active: str, live: bool = True) -> rx.Component:
    count = (
        rx.el.span(live_cell(Session.topic, route.count_cell, "", flash=False, fmt="count"), class_name="cnt")
        if route.count_cell and live
        else rx.fragment()
    )
    current = {"aria-current": "page"} if route.path == active else {}
    link = nav_link(
        icon(route.icon), rx.el.span(tx(route.title)), count, href=route.path, custom_attrs=current | {"title": t(route.title)}
    )
    return rx.cond(Session.rights.contains(route.right), link, rx.fragment()) if route.right else link


def _side(kind: str, active: str) -> rx.Component:
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


def _top(title: str, kind: str, every_ms: int) -> rx.Component:
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


def _tabs(kind: str, active: str) -> rx.Component:
    routes = [route for route in menu_of(kind) if route.tab][:5]
    return rx.el.nav(*[_nav_item(r, active, live=False) for r in routes], class_name="tabs", aria_label=t("shell.menu"))


class _Again(rx.Component):
    """Loads the page anew every few seconds while it is there."""

    library = JS
    tag = "Again"


def _away() -> rx.Component:
    """The database does not answer: said in words, and asked again."""
    again = rx.el.a(tx("act.retry"), href="", class_name="btn", rel="external")
    return rx.fragment(empty("away.title", "away.line", "alert", action=again), _Again.create())


def _waiting() -> rx.Component:
    """What the prerendered page holds: the frame's shape, no figure and no name."""
    return rx.el.div(
        rx.el.aside(rx.el.span(mark(), rx.el.span("IronBull"), class_name="brand"), class_name="side"),
        rx.el.div(
            rx.el.div(rx.el.span(mark(), class_name="only-s"), class_name="top"),
            rx.cond(
                Session.away, _away(), rx.el.div(skeleton("40%", "16px"), skeleton(height="64px"), skeleton(height="220px"), class_name="wait")
            ),
            class_name="main",
        ),
        class_name="app",
        aria_busy=True,
    )


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


def shell(route: Route, *body: Any, active: str = "", fixed: bool = False, every_ms: int = 5000, on_undo: Any = None) -> rx.Component:
    """A signed-in page in its frame. ``fixed``: the page scrolls inside its parts (lists with a drawer)."""
    kind = route.kind
    items = [{"id": r.path, "k": r.title, "keys": r.keys} for r in menu_of(kind)]
    USED.update({"mode.LIVE", "mode.PAPER", "mode.TESTNET", "mode.SIMULATED"})
    framed = rx.el.div(
        rx.cond(Session.look != "", rx.el.style(Session.look), rx.fragment()),
        rx.el.a(tx("shell.skip"), href="#main", class_name="skip-link"),
        _side(kind, active or route.path),
        rx.el.div(
            _top(route.title, kind, every_ms),
            _looking(),
            _prove(kind),
            _stopped(kind),
            rx.el.main(*body, id="main", class_name="body fixed" if fixed else "body", tab_index=-1),
            class_name="main",
        ),
        _tabs(kind, active or route.path),
        palette(items),
        reader(Session.zone, Session.lang, Session.colours),
        toast_host(Ui.toast, on_undo),
        class_name="app",
    )
    known = rx.State.is_hydrated & (Session.ok_for == route.key)
    return rx.fragment(_Leave.create(to=Session.leave_to), rx.cond(known, framed, _waiting()))


def said(key: rx.Var, params: rx.Var) -> rx.Component:
    """A sentence whose key and figures come from the state."""
    return tx_of(key, params)
