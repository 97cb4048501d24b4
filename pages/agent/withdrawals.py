"""Page /agent/withdrawals: rewards, the form that asks for a payout, and what became of each."""

from __future__ import annotations

import reflex as rx

from pages.components.act import field
from pages.components.i18n import t, tx
from pages.components.parts import section_head, stat, stats
from pages.lists.withdrawals import withdrawals_page
from pages.routes import route_of
from state.lists import Lists
from state.withdraw import FEE, MINIMUM, NETWORKS, Withdraw

ROUTE = route_of("/agent/withdrawals")
ON_LOAD = [Lists.enter("withdrawals"), Withdraw.load]


def _form() -> rx.Component:
    network = rx.el.select(
        *[rx.el.option(name, value=name) for name in NETWORKS], value=Withdraw.network, on_change=Withdraw.choose, class_name="inp"
    )
    amount = rx.el.input(
        name="amount", input_mode="decimal", auto_complete="off", max_length=20, required=True, class_name="inp",
        on_change=Withdraw.reckon.debounce(200),
    )  # fmt: skip
    address = rx.el.input(
        name="address", auto_complete="off", spell_check=False, max_length=64, required=True, class_name="inp mono",
        placeholder=rx.cond(Withdraw.network == "TRC20", "T…", "0x…"),
    )  # fmt: skip
    arrives = rx.cond(Withdraw.quote != "", tx("withdraw.arrives", n=Withdraw.quote), tx("withdraw.rule", n=MINIMUM, fee=FEE))
    return rx.el.form(
        rx.el.div(
            field("withdraw.amount", amount, right=rx.el.span("USDT", class_name="t3")),
            field("withdraw.network", network),
            class_name="form-row",
        ),
        field("withdraw.address", address, hint=tx("withdraw.address_hint")),
        rx.el.div(
            rx.el.button(tx("withdraw.go"), type="submit", class_name="btn pri"), rx.el.span(arrives, class_name="t3 t12"), class_name="row sim-go"
        ),
        on_submit=Withdraw.apply,
        reset_on_submit=False,
        key=Withdraw.form_key,
        aria_label=t("withdraw.title"),
    )


def page() -> rx.Component:
    """The page in its frame."""
    cards = stats(
        stat("withdraw.free", Withdraw.free, "USDT", tx("withdraw.free_line")),
        stat("withdraw.frozen", Withdraw.frozen, "USDT", tx("withdraw.frozen_line")),
        stat("withdraw.paid", Withdraw.paid, "USDT", tx("withdraw.paid_line")),
    )
    form = rx.el.section(section_head("withdraw.title"), _form(), class_name="sec narrow")
    return withdrawals_page(ROUTE, cards, form)
