"""Parts of the ledger's pages: one entry, and the line for a reason."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import tx
from pages.components.parts import nav_link, num
from pages.components.table import drawer_section
from state.console import Console


def entry_line(e: rx.Var) -> rx.Component:
    """One entry: account, signed amount, before and after."""
    return rx.el.li(
        rx.el.div(
            nav_link(rx.el.b(rx.cond(e["owner"] != "", e["owner"], "IronBull")), " ", rx.el.span(tx("account." + e["kind"].to(str)), class_name="t2"), href="/admin/accounts?open=" + e["account"].to(str)),
            rx.el.p(tx(e["owner_kind"]), class_name="t3 t12"),
            class_name="grow",
        ),
        rx.el.div(
            rx.el.p(num(e["amount"].to(str)), " ", rx.el.span(e["currency"], class_name="t3")),
            rx.el.p(e["before"], " → ", e["after"], class_name="t3 t12"),
            class_name="num",
        ),
        key=e["id"],
        class_name="who",
    )


def reason_form(what: str, go: str, kind: str = "pri") -> rx.Component:
    """The line for a reason, above the buttons, while ``what`` is asked."""
    form = rx.el.form(
        rx.el.label(
            rx.el.span(tx("correction.say_why"), class_name="lab"),
            rx.el.input(name="text", required=True, max_length=200, auto_complete="off", class_name="inp sm"),
            class_name="field",
        ),
        rx.el.div(
            rx.el.button(tx(go), type="submit", class_name=f"btn {kind}"),
            rx.el.button(tx("act.cancel"), type="button", class_name="btn", on_click=Console.ask("")),
            class_name="row",
        ),
        on_submit=Console.answer,
    )
    return rx.cond(Console.asks == what, drawer_section(form), rx.fragment())
