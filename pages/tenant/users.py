"""Page /tenant/users."""

from __future__ import annotations

import reflex as rx

from pages.lists.users import users_page
from pages.routes import route_of
from state.console import Console
from state.lists import Lists

ROUTE = route_of("/tenant/users")
ON_LOAD = [Lists.enter("users"), Console.fresh]


def page() -> rx.Component:
    """The page in its frame."""
    return users_page(ROUTE)
