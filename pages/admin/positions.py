"""Page /admin/positions."""

from __future__ import annotations

import reflex as rx

from pages.lists.positions import positions_page
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/admin/positions")
ON_LOAD = [Lists.enter("positions")]


def page() -> rx.Component:
    """The page in its frame."""
    return positions_page(ROUTE)
