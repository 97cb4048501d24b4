"""Page /agent/help: answers, found by searching."""

from __future__ import annotations

import reflex as rx

from pages.lists.help import help_page
from pages.routes import route_of
from state.help import Help

ROUTE = route_of("/agent/help")
ON_LOAD = [Help.load]


def page() -> rx.Component:
    """The page in its frame."""
    return help_page(ROUTE)
