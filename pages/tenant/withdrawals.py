"""Page /tenant/withdrawals: what the merchant's users asked for, and where it stands."""

from __future__ import annotations

import reflex as rx

from pages.lists.withdrawals import withdrawals_page
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/tenant/withdrawals")
ON_LOAD = [Lists.enter("withdrawals")]


def page() -> rx.Component:
    """The page in its frame."""
    return withdrawals_page(ROUTE)
