"""Parts of the wizard: the list of steps, drawn windows of the exchange, one check of a key."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.i18n import USED, tx, tx_of
from pages.components.icons import icon


def step_item(number: int, step: str, current: rx.Var[str], on_click: Any) -> rx.Component:
    """One step; the present one is marked for eyes and for screen readers."""
    key = f"begin.s_{step}"
    USED.add(key)
    on = current == step
    button = rx.el.button(
        rx.el.i(str(number)), rx.el.span(tx(key)), type="button", on_click=on_click, class_name=rx.cond(on, "on", ""),
        custom_attrs={"aria-current": rx.cond(on, "step", "false")},
    )  # fmt: skip
    return rx.el.li(button)


def box(label: str, ticked: bool) -> rx.Component:
    """A drawn check box of the exchange's page: to tick, or never to tick."""
    square = rx.el.svg(
        rx.el.svg.rect(x="1.5", y="1.5", width="13", height="13", rx="3", fill="none", stroke="currentColor"),
        rx.el.svg.path(d="M4 8.300 7 11.300 12 5" if ticked else "M4.500 4.500l7 7M11.500 4.500l-7 7", fill="none", stroke="currentColor", stroke_width="1.800"),
        view_box="0 0 16 16", width="16", height="16", custom_attrs={"aria-hidden": True},
    )  # fmt: skip
    word = tx("begin.tick") if ticked else tx("begin.never")
    return rx.el.li(square, rx.el.span(tx(label), class_name="grow"), rx.el.em(word), class_name="yes" if ticked else "no")


def window(title: str, *rows: rx.Component) -> rx.Component:
    """A drawing of one page of the exchange: its bar, its title, its boxes."""
    dots = rx.el.svg(
        *[rx.el.svg.circle(cx=str(8 + 12 * n), cy="6", r="3", fill="currentColor") for n in range(3)],
        view_box="0 0 40 12", width="40", height="12", custom_attrs={"aria-hidden": True},
    )  # fmt: skip
    return rx.el.figure(
        rx.el.div(dots, rx.el.figcaption(tx(title)), class_name="row bar-top"), rx.el.ul(*rows), class_name="ob-window gap-top"
    )


def check_row(check: rx.Var[dict[str, Any]]) -> rx.Component:
    """One check: its name, its outcome as a sign and in words, and what to do about it."""
    USED.update({"keys.pass", "keys.warn", "keys.fail", "keys.skip", "keyf.clock", "keyf.wallet", "keyf.one_way", "keyf.hedge"})
    state = check["state"].to(str)
    sign = rx.match(state, ("pass", icon("check", "s")), ("fail", icon("close", "s")), ("warn", icon("alert", "s")), rx.fragment())
    why = rx.cond(
        check["why"] != "",
        rx.el.div(
            rx.el.p(tx_of(check["why"].to(str), check["p"].to(dict[str, Any]))),
            rx.el.p(tx_of(check["do"].to(str), check["p"].to(dict[str, Any])), class_name="t2"),
        ),
        rx.fragment(),
    )
    return rx.el.li(
        rx.el.span(sign, class_name="g"),
        rx.el.div(
            rx.el.b(tx(check["name"].to(str))),
            rx.cond(check["fact"] != "", rx.el.span(" ", tx_of(check["fact"].to(str), check["p"].to(dict[str, Any])), class_name="t3"), rx.fragment()),
            why,
            class_name="grow",
        ),
        rx.el.em(tx("keys." + state)),
        class_name="ob-check " + state,
        custom_attrs={"data-check": check["name"].to(str), "data-state": state},
    )
