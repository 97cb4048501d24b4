"""Page /agent/positions/<id>: one position on its own page, for links and notifications."""

from __future__ import annotations

import reflex as rx

from pages.agent.parts import position_head, position_sections
from pages.components.i18n import tx
from pages.components.icons import icon
from pages.components.parts import empty, link_button, nav_link, skeleton
from pages.components.shell import shell
from pages.routes import route_of
from state.agent_positions import AgentPositions

ROUTE = route_of("/agent/positions/[pid]")
ON_LOAD = [AgentPositions.load_one]


def page() -> rx.Component:
    """The page in its frame."""
    found = rx.el.article(
        rx.el.div(
            nav_link(icon("back"), tx("pos.all"), href="/agent/positions", class_name="row"),
            position_head(AgentPositions.detail),
            class_name="dr-h",
        ),
        rx.el.div(*position_sections(), class_name="one-b"),
        class_name="one",
    )
    missing = empty("pos.missing", "pos.missing_why", "search", link_button("pos.all", "/agent/positions"))
    waiting = rx.el.div(skeleton("30%", "24px"), skeleton(height="300px"), class_name="wait")
    shown = rx.cond(AgentPositions.missing, missing, rx.cond(AgentPositions.open_id != "", found, waiting))
    return shell(ROUTE, shown, active="/agent/positions")
