"""What happens to orders whose node cannot take them: the platform's decision and each tenant's own, with whose it is."""

from __future__ import annotations

import reflex as rx

from pages.components.act import segmented
from pages.components.i18n import USED, t, tx
from pages.components.parts import note, rel_time
from state.executors import Executors
from state.lists import Lists

POLICIES = ("none", "centre", "any")
USED.update(f"failover.{name}_why" for name in POLICIES)


def failover_section() -> rx.Component:
    """Section above the nodes' list, opened by a button."""
    platform = Executors.policies[0]
    who = lambda one: rx.cond(
        one["by"] != "", rx.el.span(tx("failover.by", by=one["by"]), " ", rel_time(one["at_ms"].to(int)), class_name="t3 t12"),
        rx.el.span(tx("failover.by_setting"), class_name="t3 t12"),
    )  # fmt: skip
    options = [(name, tx(f"failover.{name}")) for name in POLICIES]
    everybody = rx.el.div(
        rx.el.span(tx("failover.platform"), class_name="lab"),
        rx.el.div(segmented(options, platform["policy"], lambda key: Executors.decide("", key), t("failover.platform")), who(platform), class_name="row wrap"),
        rx.el.p(tx("failover." + platform["policy"].to(str) + "_why"), class_name="hint"),
        class_name="field gap-top",
    )
    own = lambda one: rx.el.li(
        rx.el.b(one["tenant"], class_name="cut"),
        segmented(options, one["policy"], lambda key: Executors.decide(one["id"], key), one["tenant"]),
        rx.el.button(tx("failover.follow"), type="button", class_name="btn quiet sm", on_click=Executors.decide(one["id"], "")),
        who(one), key=one["id"], class_name="row wrap",
    )  # fmt: skip
    add = rx.el.form(
        rx.el.select(
            rx.el.option(t("filter.tenant"), value=""),
            rx.foreach(Lists.tenants, lambda one: rx.el.option(one["name"], value=one["id"], key=one["id"])),
            name="tenant", required=True, class_name="inp sm pick", aria_label=t("filter.tenant"),
        ),
        rx.el.select(
            *[rx.el.option(t(f"failover.{name}"), value=name) for name in POLICIES], name="policy", class_name="inp sm pick",
            aria_label=t("failover.title"),
        ),
        rx.el.button(tx("failover.add"), type="submit", class_name="btn sm"),
        on_submit=Executors.decide_form, reset_on_submit=True, class_name="row wrap gap-top",
    )  # fmt: skip
    rest = rx.cond(
        Executors.policies.length() > 1, rx.el.ul(rx.foreach(Executors.policies[1:], own), class_name="lines"), rx.el.p(tx("failover.all_follow"), class_name="t3")
    )
    body = rx.el.section(
        note(tx("failover.title"), tx("failover.lead"), calm=True, icon_name="nodes"),
        everybody,
        rx.el.div(rx.el.span(tx("failover.tenants"), class_name="lab"), rest, add, class_name="field gap-top"),
        class_name="sec hline-b",
    )
    return rx.cond(Executors.deciding & (Executors.policies.length() > 0), body, rx.fragment())
