"""Page /admin/statements: profit share under the high-water mark, each period with every trade."""

from __future__ import annotations

import reflex as rx

from pages.lists.periods import periods_page
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/admin/statements")
ON_LOAD = [Lists.enter("periods")]


def page() -> rx.Component:
    """The page in its frame."""
    return periods_page(ROUTE)
