"""Page /admin/notifications/settings: how messages reach the admin outside of the app."""

from __future__ import annotations

import reflex as rx

from pages.lists.reach import reach_page
from pages.routes import route_of
from state.channels import Channels

ROUTE = route_of("/admin/notifications/settings")
ON_LOAD = [Channels.load]


def page() -> rx.Component:
    """The page in its frame."""
    return reach_page(ROUTE)
