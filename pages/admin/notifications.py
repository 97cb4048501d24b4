"""Page /admin/notifications: what the platform had to say."""

from __future__ import annotations

import reflex as rx

from pages.lists.notices import notices_page
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/admin/notifications")
ON_LOAD = [Lists.enter("notices")]


def page() -> rx.Component:
    """The page in its frame."""
    return notices_page(ROUTE)
