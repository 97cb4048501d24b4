"""The operator's switch that lets a merchant read its users' exchange secrets, for the drawer of a tenant."""

from __future__ import annotations

import reflex as rx

from pages.components.act import hold_button
from pages.components.i18n import tx
from pages.components.parts import note
from pages.components.table import drawer_section
from state.admin_plans import Plans
from state.lists import Lists


def reveal_section(d: rx.Var) -> rx.Component:
    """``d`` is the tenant's detail with ``reveals``; turning it on takes a held button."""
    on = rx.el.div(
        note(tx("reveal.is_on"), tx("reveal.why")),
        rx.el.button(tx("reveal.off"), type="button", class_name="btn pri", on_click=Plans.reveal(Lists.open_id, False)),
        class_name="col gap3",
    )
    off = rx.el.div(
        rx.el.p(tx("reveal.is_off"), class_name="t2"),
        rx.el.p(tx("reveal.why"), class_name="t3 t12"),
        hold_button(tx("reveal.on"), Plans.reveal(Lists.open_id, True)),
        class_name="col gap3",
    )
    return drawer_section(rx.cond(d["reveals"], on, off), title="reveal.title")
