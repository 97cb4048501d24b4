"""Page /agent/positions: open and closed positions, one of them in the drawer with its chart and story."""

from __future__ import annotations

import reflex as rx

from pages.agent.parts import closed_columns, open_columns, position_head, position_sections
from pages.components.i18n import t, tx
from pages.components.live import live_cell, live_signal
from pages.components.parts import empty, link_button, stat, stats
from pages.components.shell import shell
from pages.components.table import data_table, drawer, table_foot
from pages.routes import route_of
from state.agent_positions import AgentPositions
from state.session import Session

ROUTE = route_of("/agent/positions")
ON_LOAD = [AgentPositions.load]


def _cards() -> rx.Component:
    c = AgentPositions.cards
    return stats(
        stat(
            "stat.unrealized",
            live_cell(Session.topic, "unrealized", c["unrealized"], fmt="signed", coloured=True, flash=False),
            "USDT",
            tx("stat.up_down", up=c["up"], down=c["down"]),
        ),
        stat("stat.risk", c["risk"], "USDT", tx("stat.risk_line", share=c["risk_pct"])),
        stat("stat.margin", c["margin"], "USDT", tx("stat.margin_line", share=c["margin_pct"])),
    )


def _chip(key: str, label: str, count: rx.Var) -> rx.Component:
    return rx.el.button(
        tx(label), rx.el.b(count), type="button", class_name="fchip", on_click=AgentPositions.choose(key),
        aria_pressed=AgentPositions.only == key,
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    nothing = empty("pos.none", "pos.none_why", "layers", link_button("scan.panel", "/agent/bot"))
    chips = rx.el.div(
        _chip("", "pos.open", AgentPositions.cards["open"]),
        _chip("closed", "pos.closed_today", AgentPositions.cards["closed"]),
        class_name="fchips",
        role="group",
        aria_label=t("pos.which"),
    )
    lists = rx.cond(
        AgentPositions.only == "closed",
        data_table(closed_columns(), AgentPositions, label="pos.closed_today", empty=empty("closed.none", "closed.none_why", "history")),
        data_table(open_columns(short=True), AgentPositions, label="nav.positions", empty=nothing),
    )
    return shell(
        ROUTE,
        live_signal(Session.topic, ["changed_ms"], AgentPositions.changed),
        rx.el.div(
            rx.el.div(
                _cards(),
                rx.el.div(chips, class_name="sec tools"),
                rx.el.div(lists, class_name="grow"),
                table_foot(AgentPositions),
                class_name="list",
            ),
            drawer(
                *position_sections(),
                state=AgentPositions,
                head=position_head(AgentPositions.detail),
                foot=[link_button("pos.page", "/agent/positions/" + AgentPositions.open_id)],
                label=t("nav.positions"),
                wide=True,
            ),
            class_name="split",
        ),
        fixed=True,
    )
