"""Page /admin/plans: quota plans, their limits and who has them."""

from __future__ import annotations

import reflex as rx

from pages.components.act import field, hold_button, text_input
from pages.components.i18n import t, tx
from pages.components.icons import icon
from pages.components.lists import Pick, cut, filters, list_page
from pages.components.parts import chip, note
from pages.components.table import Column, drawer, drawer_section
from pages.routes import route_of
from state.admin_plans import Plans
from state.lists import Lists

ROUTE = route_of("/admin/plans")
ON_LOAD = [Lists.enter("plans"), Plans.fresh]
STATUS = Pick("status", "plan.state", (("1", "plan.offered"), ("0", "plan.stopped")))
LIMITS = ("api_calls_daily", "api_calls_monthly", "max_users", "max_strategies", "max_exchange_accounts")


def _columns() -> list[Column]:
    name = lambda r: rx.el.span(rx.el.b(r["name"], custom_attrs={"translate": "no"}), rx.el.span(r["code"], class_name="mono t3"), class_name="row")
    state = lambda r: rx.cond(r["active"], rx.el.span(tx("plan.offered")), rx.el.span(tx("plan.stopped"), class_name="t3"))
    return [
        Column("name", "plan.name", phone="lead", sort=True, show=name),
        Column("text", "plan.text", quiet=True, roomy=True, show=lambda r: cut(r["text"])),
        Column("price", "plan.price", "num", phone="tail", sort=True),
        *[Column(one, f"plan.{one}", "num", quiet=one != "api_calls_daily", roomy=True) for one in LIMITS],
        Column("tenants", "plan.tenants", "num", sort=True),
        Column("active", "plan.state", phone="end", show=state),
    ]


def _number(name: str, value: rx.Var | str) -> rx.Component:
    box = rx.el.input(name=name, default_value=value, input_mode="numeric", max_length=10, auto_complete="off", class_name="inp sm num")
    return field(f"plan.{name}", box)


def _limits(d: rx.Var | None) -> rx.Component:
    value = lambda key, first: d[f"in_{key}"].to(str) if d is not None else first
    price = rx.el.input(name="price", default_value=value("price", "0"), input_mode="decimal", max_length=16, auto_complete="off", class_name="inp sm num")
    return rx.fragment(
        rx.el.div(*[_number(one, value(one, "0")) for one in LIMITS], class_name="form-row"),
        rx.el.div(field("plan.price", price, right=rx.el.span("USDT")), _number("sort_order", value("order", "10")), class_name="form-row"),
        rx.el.span(tx("plan.zero"), class_name="hint"),
    )


def _drawer() -> rx.Component:
    d = Lists.detail
    words = lambda name, key, longest: rx.el.input(name=name, default_value=d[key].to(str), max_length=longest, auto_complete="off", class_name="inp sm")
    form = rx.el.form(
        rx.el.div(field("plan.name", words("name", "name", 64)), field("plan.text", words("description", "text", 255)), class_name="form-row"),
        _limits(d),
        rx.el.button(tx("plan.save"), type="submit", class_name="btn pri gap-top"),
        on_submit=Plans.save,
        key=Lists.open_id,
        class_name="col gap3",
    )
    holders = d["holders"].to(list[dict[str, str]])
    one = lambda h: rx.el.li(
        rx.el.span(h["name"], class_name="grow cut"), hold_button(tx("plan.release"), Plans.release(h["id"])), class_name="row", key=h["id"]
    )
    give = rx.el.form(
        rx.el.div(
            rx.el.select(
                rx.foreach(Lists.tenants, lambda one: rx.el.option(one["name"], value=one["id"], key=one["id"])), name="tenant",
                aria_label=t("order.tenant"), class_name="inp sm grow",
            ),
            rx.el.button(tx("plan.assign"), type="submit", class_name="btn pri"),
            class_name="row",
        ),
        on_submit=Plans.assign,
    )  # fmt: skip
    switch = rx.cond(
        d["active"],
        hold_button(tx("plan.stop"), Plans.toggle),
        rx.el.button(tx("plan.offer"), type="button", class_name="btn", on_click=Plans.toggle),
    )
    return drawer(
        drawer_section(form, title="plan.limits"),
        drawer_section(
            rx.cond(d["active"], give, note(tx("plan.not_offered"), calm=True)),
            rx.el.span(tx("plan.assign_line"), class_name="hint"),
            rx.cond(
                holders.length() > 0, rx.el.ul(rx.foreach(holders, one), class_name="col holders"), rx.el.p(tx("plan.nobody"), class_name="t3")
            ),
            title="plan.tenants",
            right=d["tenants"],
        ),
        state=Lists,
        head=rx.el.div(rx.el.h2(d["name"]), rx.el.span(d["code"], class_name="mono t3"), rx.cond(d["active"], rx.fragment(), chip(tx("plan.stopped"), kind="look")), class_name="row"),
        foot=[rx.el.span(tx("plan.stop_line"), class_name="t3 t12 grow"), switch],
        label=t("nav.plans"),
        wide=True,
    )  # fmt: skip


def _new() -> rx.Component:
    word = lambda name, longest, must: text_input(name=name, required=must, max_length=longest, auto_complete="off", class_name="inp sm")
    form = rx.el.form(
        rx.el.div(
            field("plan.code", word("code", 32, True)), field("plan.name", word("name", 64, True)),
            field("plan.text", word("description", 255, False)), class_name="form-row",
        ),
        _limits(None),
        rx.el.div(
            rx.el.button(tx("plan.create"), type="submit", class_name="btn pri"),
            rx.el.button(tx("act.cancel"), type="button", class_name="btn", on_click=Plans.make(False)),
            class_name="row",
        ),
        on_submit=Plans.create,
        class_name="col gap3",
    )  # fmt: skip
    return rx.cond(Plans.making, rx.el.section(form, class_name="sec hline-b"), rx.fragment())


def page() -> rx.Component:
    """The page in its frame."""
    n = Lists.totals
    add = rx.el.button(icon("plus", "s"), tx("plan.new"), type="button", class_name="btn sm", on_click=Plans.make(True))
    without = rx.cond(n.contains("without"), rx.el.span(tx("plan.without", n=n["without"]), class_name="t3 t12"), rx.fragment())
    bar = filters(picks=(STATUS,), find="filter.plan", right=rx.el.span(without, add, class_name="row"))
    return list_page(ROUTE, "plans", _columns(), _new(), bar=bar, none=("plan.none", "plan.none_why", "columns"), drawer=_drawer())
