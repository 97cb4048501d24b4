"""Page /admin."""

from __future__ import annotations

import reflex as rx

from pages.components.shell import shell
from pages.routes import ROUTES

ROUTE = next(route for route in ROUTES if route.path == "/admin")
ON_LOAD: list = []


def page() -> rx.Component:
    """The page in its frame."""
    return shell(ROUTE)
