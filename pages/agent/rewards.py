"""Page /agent/rewards: the agent's own."""

from __future__ import annotations

import reflex as rx

from pages.lists.rewards import rewards_page
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/agent/rewards")
ON_LOAD = [Lists.enter("rewards")]


def page() -> rx.Component:
    """The page in its frame."""
    return rewards_page(ROUTE)
