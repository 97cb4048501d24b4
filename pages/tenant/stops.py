"""Page /tenant/stops: the kill switch."""

from __future__ import annotations

import reflex as rx

from pages.lists.stops import stops_page
from pages.routes import route_of
from state.lists import Lists
from state.stops import Stops

ROUTE = route_of("/tenant/stops")
ON_LOAD = [Lists.enter("stops"), Stops.load]


def page() -> rx.Component:
    """The page in its frame."""
    return stops_page(ROUTE)
