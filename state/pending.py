"""Entries that wait at their price: take one off; how a strategy enters."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx

from backend.errors import InvalidInput
from backend.execution import resting
from backend.live import hub
from state.base import needs
from state.merchant import act, open_row
from state.ui import say

_FIGURES = ("retest_bars", "retest_offset_bps", "post_fill_confirm_bars")


class Pending(rx.State):
    """The list itself is in ``Lists``."""

    _allowed: ClassVar[tuple[str, ...]] = ("admin", "tenant", "agent")

    @rx.event
    @needs("admin", "tenant", "agent", may="trading")
    async def cancel(self) -> None:
        """Take the open entry off; one that is being confirmed is closed at market."""
        number, market_ms = await open_row(self), hub.snapshot("market").get("market_ms")
        try:
            await act(self, lambda session, who: resting.cancel_by_hand(session, who, number, market_ms=market_ms))
        except resting.NotWaiting:
            await say(self, "pending.gone", bad=True)
            return
        await say(self, "pending.asked")

    @rx.event
    @needs("admin", may="settings")
    async def change_terms(self, form: dict[str, Any]) -> None:
        """How the open strategy enters, from its next scan on."""
        given: dict[str, object] = {name: _whole(form.get(name)) for name in _FIGURES}
        given |= {"entry_mode": str(form.get("entry_mode", "")), "confirm_after_fill": bool(form.get("confirm_after_fill"))}
        number = await open_row(self)
        code = await act(self, lambda session, who: resting.change_terms(session, who, number, given))
        await say(self, "offer.changed", name=code)


def _whole(value: Any) -> int:
    text = str(value or "0").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise InvalidInput("The window, the distance and the confirmation are whole numbers.")
    return int(text)
