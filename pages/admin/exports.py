"""Page /admin/exports: long lists as files."""

from __future__ import annotations

import reflex as rx

from pages.lists.exports import exports_page
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/admin/exports")
ON_LOAD = [Lists.enter("exports")]


def page() -> rx.Component:
    """The page in its frame."""
    return exports_page(ROUTE)
