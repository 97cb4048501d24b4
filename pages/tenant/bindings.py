"""Page /tenant/bindings: who follows which strategy."""

from __future__ import annotations

import reflex as rx

from pages.lists.bindings import bindings_page
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/tenant/bindings")
ON_LOAD = [Lists.enter("bindings")]


def page() -> rx.Component:
    """The page in its frame."""
    return bindings_page(ROUTE)
