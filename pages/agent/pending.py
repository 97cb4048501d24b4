"""Page /agent/pending: entries that wait at their price."""

from __future__ import annotations

import reflex as rx

from pages.lists.pending import pending_page
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/agent/pending")
ON_LOAD = [Lists.enter("pending")]


def page() -> rx.Component:
    """The page in its frame."""
    return pending_page(ROUTE)
