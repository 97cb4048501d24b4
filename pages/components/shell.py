"""The frame of every signed-in page, and the guard that shows nothing before the identity is known."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.act import toast_host
from pages.components.frame import FRAMES
from pages.components.i18n import USED, tx, tx_of
from pages.components.icons import mark
from pages.components.parts import empty, skeleton
from pages.routes import Route
from state.session import Session
from state.ui import Ui

JS = "$/public/js/leave.jsx"


class _Leave(rx.Component):
    """Leaves the app by a full navigation when ``to`` is set: the socket must be opened anew with the new cookie."""

    library = JS
    tag = "Leave"
    to: rx.Var[str]


class _Again(rx.Component):
    """Loads the page anew every few seconds while it is there."""

    library = JS
    tag = "Again"


def _away() -> rx.Component:
    """The database does not answer: said in words, and asked again."""
    again = rx.el.a(tx("act.retry"), href="", class_name="btn", rel="external")
    return rx.fragment(empty("away.title", "away.line", "alert", action=again), _Again.create())


@rx.memo
def waiting() -> rx.Component:
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


def shell(route: Route, *body: Any, active: str = "", fixed: bool = False, every_ms: int = 5000, on_undo: Any = None) -> rx.Component:
    """A signed-in page in its frame. ``fixed``: the page scrolls inside its parts (lists with a drawer)."""
    frame = FRAMES[route.kind]
    USED.update({"mode.LIVE", "mode.PAPER", "mode.TESTNET", "mode.SIMULATED", route.title})
    framed = rx.el.div(
        rx.cond(Session.look != "", rx.el.style(Session.look), rx.fragment()),
        rx.el.a(tx("shell.skip"), href="#main", class_name="skip-link"),
        frame.side(active=active or route.path),
        rx.el.div(
            frame.top(title=route.title, every_ms=every_ms),
            frame.lines(),
            rx.el.main(*body, id="main", class_name="body fixed" if fixed else "body", tab_index=-1),
            class_name="main",
        ),
        frame.tabs(active=active or route.path),
        frame.unseen(),
        toast_host(Ui.toast, on_undo),
        class_name="app",
    )
    known = rx.State.is_hydrated & (Session.ok_for == route.key)
    return rx.fragment(_Leave.create(to=Session.leave_to), rx.cond(known, framed, waiting()))


def said(key: rx.Var, params: rx.Var) -> rx.Component:
    """A sentence whose key and figures come from the state."""
    return tx_of(key, params)
