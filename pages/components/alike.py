"""Like messages shown as one."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.i18n import in_both, tx
from pages.components.parts import NavLink, rel_time


def more_alike(others: rx.Var, n: rx.Var) -> rx.Component:
    """"3 more of this kind" under the newest of like messages; opens to show them."""
    line = lambda one: rx.el.li(
        rx.cond(one["link"] != "", NavLink.create(in_both(one["title"], one["title_zh"]), to=one["link"]), in_both(one["title"], one["title_zh"])),
        " ", rel_time(one["at_ms"].to(int)), key=one["id"],
    )  # fmt: skip
    opened = rx.el.details(
        rx.el.summary(tx("notice.more", n=n)), rx.el.ul(rx.foreach(others.to(list[dict[str, Any]]), line)), class_name="alike t3 t12"
    )
    return rx.cond(n.to(int) > 0, opened, rx.fragment())
