"""Page /admin/orders."""

from __future__ import annotations

import reflex as rx

from pages.lists.orders import orders_page
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/admin/orders")
ON_LOAD = [Lists.enter("orders")]


def page() -> rx.Component:
    """The page in its frame."""
    return orders_page(ROUTE)
