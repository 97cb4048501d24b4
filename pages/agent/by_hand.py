"""The part of a position's drawer that acts on it: close, move the stop, move the target."""

from __future__ import annotations

import reflex as rx

from pages.components.act import field, hold_button, segmented
from pages.components.i18n import t, tx
from pages.components.table import drawer_section
from state.agent_positions import AgentPositions
from state.by_hand import SHARES, ByHand


def by_hand_section() -> rx.Component:
    """For an open position only."""
    d = AgentPositions.detail
    prices = rx.el.form(
        rx.el.div(
            field("col.stop", _price("stop", d["stop_raw"].to(str), required=True)),
            field("col.target", _price("target", d["target_raw"].to(str))),
            rx.el.button(tx("hand.move"), type="submit", class_name="btn"),
            class_name="form-row",
        ),
        on_submit=ByHand.move,
        key=AgentPositions.open_id + d["stop_raw"].to(str) + d["target_raw"].to(str),
    )
    closing = rx.el.div(
        segmented([(share, share + " %") for share in SHARES], ByHand.share, ByHand.choose, t("hand.share")),
        rx.el.span(class_name="sp"),
        hold_button(tx("hand.close", share=ByHand.share), ByHand.close),
        class_name="row wrap gap-top",
    )
    return drawer_section(prices, rx.el.p(tx("hand.note"), class_name="hint"), closing, title="hand.title")


def _price(name: str, value: rx.Var, *, required: bool = False) -> rx.Component:
    box: rx.Component = rx.el.input(
        name=name, default_value=value, required=required, input_mode="decimal", auto_complete="off", max_length=24, class_name="inp sm num"
    )
    return box
