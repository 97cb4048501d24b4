"""Page /tenant/security: the person's own account and its safety."""

from __future__ import annotations

import reflex as rx

from pages.account.safety import safety_page
from pages.routes import route_of
from state.safety import Safety

ROUTE = route_of("/tenant/security")
ON_LOAD = [Safety.load]


def page() -> rx.Component:
    """The page in its frame."""
    return safety_page(ROUTE)
