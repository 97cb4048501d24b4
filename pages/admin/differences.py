"""Page /admin/differences: platform against exchange."""

from __future__ import annotations

import reflex as rx

from pages.lists.differences import differences_page
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/admin/differences")
ON_LOAD = [Lists.enter("differences")]


def page() -> rx.Component:
    """The page in its frame."""
    return differences_page(ROUTE)
