"""Page /admin/exchange-accounts: exchange accounts and who executes for them."""

from __future__ import annotations

import reflex as rx

from pages.lists.exchange_accounts import exchange_accounts_page
from pages.routes import route_of
from state.executors import Executors
from state.lists import Lists

ROUTE = route_of("/admin/exchange-accounts")
ON_LOAD = [Lists.enter("exchange_accounts"), Executors.fresh]


def page() -> rx.Component:
    """The page in its frame."""
    return exchange_accounts_page(ROUTE)
