"""The guided tour of an agent's first page: shown until it was seen or skipped once, whatever the browser."""

from __future__ import annotations

from typing import ClassVar

import reflex as rx

from backend.identity import personal
from state.base import needs, read, signed_in, write


class Guide(rx.State):
    """``tour``: whether the tour stands on the page."""

    tour: bool = False
    _allowed: ClassVar[tuple[str, ...]] = ("agent",)

    @rx.event
    @needs("agent")
    async def load(self) -> None:
        """The first page was opened; ``?tour=1`` asks for the tour again."""
        who = await signed_in(self)
        again = str(dict(self.router.url.query_parameters).get("tour", "")) == "1"
        self.tour = again or not await read(lambda session: personal.toured(session, who))

    @rx.event
    @needs("agent", may="own")
    async def done(self) -> None:
        """The tour was walked to its end, or skipped."""
        who = await signed_in(self)
        self.tour = False
        await write(lambda session: personal.remember_tour(session, who))
