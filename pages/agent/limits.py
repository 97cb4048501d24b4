"""Page /agent/limits: what may be opened at all."""

from __future__ import annotations

import reflex as rx

from pages.lists.limits import limits_page
from pages.routes import route_of
from state.limits import Limits

ROUTE = route_of("/agent/limits")
ON_LOAD = [Limits.load]


def page() -> rx.Component:
    """The page in its frame."""
    return limits_page(ROUTE)
