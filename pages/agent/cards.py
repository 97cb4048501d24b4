"""Page /agent/cards: the agent's own."""

from __future__ import annotations

import reflex as rx

from pages.lists.cards import cards_page
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/agent/cards")
ON_LOAD = [Lists.enter("cards")]


def page() -> rx.Component:
    """The page in its frame."""
    return cards_page(ROUTE)
