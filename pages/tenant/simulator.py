"""Page /tenant/simulator: type a profit, see who in the tree would receive what, and why."""

from __future__ import annotations

import reflex as rx

from pages.components.act import field
from pages.components.i18n import USED, t, tx
from pages.components.parts import chip, empty, note, section_head, skeleton, stat, stats
from pages.components.shell import shell
from pages.components.table import sideways
from pages.routes import route_of
from state.tenant_simulator import KEYS, Simulator

ROUTE = route_of("/tenant/simulator")
ON_LOAD = [Simulator.load]
USED.update(f"simulate.why_{name}" for name in KEYS)
USED.update(f"reward.{name}" for name in KEYS)


def _form() -> rx.Component:
    people = rx.el.select(
        rx.foreach(Simulator.people, lambda one: rx.el.option(one["name"], value=one["id"], key=one["id"])),
        value=Simulator.user_id,
        on_change=Simulator.choose,
        class_name="inp",
    )
    number = lambda name, value, **more: rx.el.input(
        name=name, default_value=value, input_mode="decimal", auto_complete="off", max_length=20, required=True, class_name="inp", **more
    )
    usdt = rx.el.span("USDT", class_name="t3")
    return rx.el.form(
        rx.el.div(
            field("simulate.source", people),
            field("simulate.profit", number("profit", Simulator.profit), right=usdt),
            field("simulate.self", number("own", Simulator.own, key=f"own-{Simulator.user_id}"), right=usdt),
            field("simulate.gift", number("gift", Simulator.gift, key=f"gift-{Simulator.user_id}"), right=usdt),
            class_name="form-row",
        ),
        rx.el.div(rx.el.button(tx("simulate.go"), type="submit", class_name="btn pri"), rx.el.span(tx("simulate.line"), class_name="t3 t12"), class_name="row sim-go"),
        on_submit=Simulator.run,
        class_name="col",
    )  # fmt: skip


def _row(one: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            rx.el.span(
                rx.el.b(one["user"]),
                rx.cond(one["root"], chip(tx("tree.root")), rx.cond(one["node"], chip(tx("tree.market_node")), rx.fragment())),
                class_name="row",
            ),
            class_name="p-lead",
        ),
        rx.el.td(tx(one["type"].to(str)), class_name="p-sub"),
        rx.el.td(tx(one["why"].to(str)), " ", rx.el.span(one["levels"], class_name="t3"), class_name="t2 roomy"),
        rx.el.td(one["level"], class_name="t2 p-end p-first"),
        rx.el.td(one["hold"], class_name="num t2 roomy"),
        rx.el.td(one["rate"], class_name="num t2"),
        rx.el.td(rx.el.b(one["amount"]), class_name="num p-tail"),
        key=one["id"],
    )


def _result() -> rx.Component:
    heads = [
        ("reward.winner", ""), ("reward.type", ""), ("simulate.why", "roomy"), ("tree.level", ""), ("tree.hold", "num roomy"),
        ("reward.rate", "num"), ("card.amount", "num"),
    ]  # fmt: skip
    table = sideways(
        rx.el.table(
            rx.el.thead(rx.el.tr(*[rx.el.th(tx(key), class_name=css, scope="col") for key, css in heads])),
            rx.el.tbody(rx.foreach(Simulator.payments, _row)),
            class_name="tbl cards",
            aria_label=t("simulate.payments"),
        ),
        t("simulate.payments"),
    )
    s = Simulator.sums
    return rx.fragment(
        stats(
            stat("simulate.charge", s["charge"], "USDT", tx("simulate.charge_line", n=s["forgiven"])),
            stat("simulate.from_self", s["self"], "USDT", tx("simulate.self_line")),
            stat("simulate.from_gift", s["gift"], "USDT", tx("simulate.gift_line")),
            stat("simulate.pool", s["pool"], "USDT", tx("simulate.pool_line", n=s["paid"])),
        ),
        rx.cond(
            Simulator.payments.length() > 0,
            rx.el.section(section_head("simulate.payments", flush=True), table),
            empty("simulate.nothing", "simulate.nothing_why", "gift"),
        ),
    )


def page() -> rx.Component:
    """The page in its frame."""
    body = rx.cond(
        Simulator.people.length() > 0,
        rx.fragment(
            rx.el.section(section_head("simulate.title", meta=tx("simulate.meta")), _form(), class_name="sec"),
            rx.cond(
                Simulator.tried,
                _result(),
                rx.el.div(note(tx("simulate.first"), tx("simulate.first_why"), calm=True, icon_name="tree"), class_name="sec"),
            ),
        ),
        empty("simulate.nobody", "simulate.nobody_why", "users"),
    )
    return shell(ROUTE, rx.cond(Simulator.ready, rx.el.div(body), rx.el.div(skeleton(), class_name="wait")))
