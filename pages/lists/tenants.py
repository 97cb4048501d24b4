"""The drawer of a tenant: what is agreed with it, its keys, and the forms that change them."""

from __future__ import annotations

import reflex as rx

from pages.components.act import copy_button, field, hold_button, text_input
from pages.components.i18n import USED, t, tx
from pages.components.parts import chip, kv, note, rel_time
from pages.components.table import drawer_section
from state.admin_tenants import Tenants
from state.lists import Lists

RATES = ("billing", "tech", "network", "direct", "peer")
USED.update(f"tenant.rate_{name}" for name in RATES)


def _small(label: str, on_click: rx.EventSpec) -> rx.Component:
    return rx.el.button(tx(label), type="button", class_name="btn sm", on_click=on_click)


def _buttons(save: str) -> rx.Component:
    return rx.el.div(
        rx.el.button(tx(save), type="submit", class_name="btn pri"),
        rx.el.button(tx("act.cancel"), type="button", class_name="btn", on_click=Tenants.open_form("")),
        class_name="row gap-top",
    )


def _percent(name: str, label: str, value: rx.Var) -> rx.Component:
    box = rx.el.input(name=name, default_value=value, input_mode="decimal", required=True, max_length=8, auto_complete="off", class_name="inp sm num")
    return field(label, box, right=rx.el.span("%"))


def _sign_in(d: rx.Var) -> rx.Component:
    form = rx.el.form(
        field("tenant.name", text_input(name="name", default_value=d["name"].to(str), required=True, max_length=100, class_name="inp sm")),
        field("user.email", text_input(name="email", type="email", default_value=d["email"].to(str), required=True, max_length=190, class_name="inp sm")),
        field("tenant.new_password", text_input(name="password", type="password", auto_complete="new-password", class_name="inp sm"), tx("tenant.password_hint")),
        _buttons("tenant.save"),
        on_submit=Tenants.save_sign_in,
        key=Lists.open_id,
    )
    return rx.cond(Tenants.form == "sign_in", drawer_section(form, title="tenant.sign_in"), rx.fragment())


def _terms(d: rx.Var) -> rx.Component:
    scheme = rx.el.select(
        *[rx.el.option(t(f"billing.{one}"), value=one) for one in ("per_close", "hwm")],
        name="scheme", default_value=d["billing"].to(str), class_name="inp sm",
    )  # fmt: skip
    form = rx.el.form(
        rx.el.div(field("tenant.billing", scheme), _percent("share", "tenant.share", d["in_share"].to(str)), class_name="form-row"),
        rx.el.span(tx("tenant.terms_hint"), class_name="hint"),
        _buttons("tenant.save"),
        on_submit=Tenants.save_terms,
        key=Lists.open_id,
    )
    rates = rx.el.form(
        rx.el.div(*[_percent(name, f"tenant.rate_{name}", d[f"in_{name}"].to(str)) for name in RATES], class_name="form-row"),
        field("correction.reason", text_input(name="reason", required=True, max_length=200, auto_complete="off", class_name="inp sm"), tx("tenant.rates_hint")),
        _buttons("tenant.save"),
        on_submit=Tenants.save_rates,
        key=Lists.open_id,
    )
    shown = kv(
        ("tenant.billing", tx("billing." + d["billing"].to(str))),
        ("tenant.share", rx.el.span(d["share"], rx.cond(d["next_share"] != "", rx.el.span(" ", tx("tenant.share_next", n=d["next_share"]), class_name="t3"), rx.fragment()))),
        *[(f"tenant.rate_{name}", rx.el.span(d[f"in_{name}"], " %")) for name in RATES],
    )
    plan = rx.el.select(
        rx.el.option(t("plan.none_yet"), value=""),
        rx.foreach(d["plans"].to(list[dict]), lambda one: rx.el.option(one["name"], value=one["id"].to(str), key=one["id"])),
        value=d["plan"].to(str), on_change=Tenants.set_plan, class_name="inp sm pick", aria_label=t("nav.plans"),
    )  # fmt: skip
    both = rx.el.div(_small("tenant.edit_terms", Tenants.open_form("terms")), _small("tenant.edit_rates", Tenants.open_form("rates")), class_name="row wrap gap-top")
    return rx.fragment(
        rx.match(
            Tenants.form,
            ("terms", drawer_section(form, title="tenant.terms")),
            ("rates", drawer_section(rates, title="tenant.rates")),
            drawer_section(shown, both, title="tenant.terms"),
        ),
        drawer_section(field("nav.plans", plan)),
    )


def _keys(d: rx.Var) -> rx.Component:
    one = lambda k: rx.el.li(
        rx.el.div(
            rx.el.p(rx.el.b(k["name"]), rx.cond(k["legacy"].to(bool), chip("MD5", kind="look"), rx.fragment()), class_name="row"),
            rx.el.p(rx.el.span(k["short"], class_name="mono"), " ", rx.cond(k["used_ms"].to(int) > 0, rel_time(k["used_ms"].to(int)), tx("key.never")), class_name="t3 t12"),
            class_name="grow",
        ),
        rx.cond(k["active"].to(bool), hold_button(tx("key.revoke"), Tenants.revoke_key(k["id"].to(str))), rx.el.span(tx("key.revoked"), class_name="t3")),
        key=k["id"],
        class_name="who",
    )
    line = lambda label, key: field(
        label, rx.el.span(rx.el.span(Tenants.made[key], class_name="mono cut"), copy_button(Tenants.made[key]), class_name="secret")
    )
    made = rx.cond(
        Tenants.made.contains("app_secret"),
        rx.el.div(
            note(tx("tenant.key_made"), tx("key.once"), calm=True, icon_name="key"), line("key.app_key", "app_key"), line("key.app_secret", "app_secret"),
            _small("key.kept", Tenants.open_form("")), class_name="col gap3",
        ),
        _small("tenant.issue_key", Tenants.issue_key),
    )  # fmt: skip
    return drawer_section(rx.el.ul(rx.foreach(d["keys"].to(list[dict]), one), class_name="lines"), made, title="nav.keys")


def agreed(d: rx.Var) -> rx.Component:
    """All of it; ``d`` is the tenant's detail."""
    return rx.fragment(_sign_in(d), _terms(d), _keys(d))
