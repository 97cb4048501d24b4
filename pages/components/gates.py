"""The gates a symbol went through, or the checks of a key: passed, stopped here, not reached."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import tx, tx_of
from pages.components.icons import icon


def _gate(gate: rx.Var) -> rx.Component:
    number = rx.el.span(gate["n"], class_name="n")
    passed = rx.el.li(
        rx.el.span(icon("check", "s"), class_name="g"),
        rx.el.span(number, tx_of(gate["k"], gate["kp"])),
        rx.el.em(gate["value"]),
        class_name="gate",
    )
    stopped = rx.el.li(
        rx.el.span(icon("close", "s"), class_name="g"),
        rx.el.div(rx.el.p(number, tx_of(gate["k"], gate["kp"])), rx.el.p(tx_of(gate["why"], gate["why_p"]))),
        rx.el.em(gate["value"]),
        class_name="gate stop",
    )
    skipped = rx.el.li(
        rx.el.span(class_name="g"), rx.el.span(number, tx_of(gate["k"], gate["kp"])), rx.el.em(tx("gates.not_reached")),
        class_name="gate skip",
    )  # fmt: skip
    return rx.match(gate["state"], ("pass", passed), ("stop", stopped), skipped)


def gates_list(gates: rx.Var) -> rx.Component:
    """``gates``: list of {n, k, kp params, state pass|stop|skip, value, why key, why_p params} in the order they are asked."""
    return rx.el.ul(rx.foreach(gates, _gate), class_name="gates")
