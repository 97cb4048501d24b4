"""Page /admin/fills."""

from __future__ import annotations

import reflex as rx

from pages.lists.fills import fills_page
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/admin/fills")
ON_LOAD = [Lists.enter("fills")]


def page() -> rx.Component:
    """The page in its frame."""
    return fills_page(ROUTE)
