"""The form that opens another person's view: in the drawers of users and tenants, for operators."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.act import PlainForm
from pages.components.i18n import t, tx
from pages.components.icons import icon
from pages.components.table import drawer_section


def look_form(kind: str, number: Any) -> rx.Component:
    """A plain form, because the session is a cookie; ``kind`` is tenant or agent, ``number`` the id."""
    form = PlainForm.create(
        rx.el.input(type="hidden", name="kind", value=kind, read_only=True),
        rx.el.input(type="hidden", name="id", value=number, read_only=True),
        rx.el.input(
            name="reason", required=True, min_length=3, max_length=200, placeholder=t("look.reason"), aria_label=t("look.reason"),
            auto_complete="off", class_name="inp sm grow",
        ),
        rx.el.button(icon("eye", "s"), tx("look.open" if kind == "agent" else "look.open_tenant"), type="submit", class_name="btn sm"),
        action="/api/session/look",
        method="post",
        class_name="row",
    )  # fmt: skip
    return drawer_section(form, rx.el.p(tx("look.why"), class_name="t3 t12"))
