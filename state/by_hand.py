"""An open position by hand: close it or a part of it, move its stop, move its target."""

from __future__ import annotations

import secrets
from decimal import Decimal, InvalidOperation
from typing import Any

import reflex as rx
from sqlmodel import Session

from backend.dashboards.marks import marks
from backend.errors import InvalidInput
from backend.execution import by_hand
from backend.identity.scope import get_scoped
from backend.models import Position
from state.agent_common import typed_target
from state.agent_positions import AgentPositions
from state.base import needs, signed_in, write
from state.merchant import row_id
from state.ui import say

SHARES = ("25", "50", "75", "100")


class ByHand(rx.State):
    """``share`` is percent of what is open; ``_request`` names one wish to close, so that a repeat is not a second one."""

    share: str = "100"
    _request: str = ""

    @rx.event
    @needs("agent")
    async def choose(self, share: str) -> None:
        """How much to close."""
        self.share = share if share in SHARES else self.share
        self._request = ""

    @rx.event
    @needs("agent")
    async def close(self) -> None:
        """Close the open position, or the chosen part."""
        self._request = self._request or secrets.token_hex(8)
        request_id, share, prices = self._request, int(self.share), marks()
        row, who = await self._row(), await signed_in(self)

        def work(session: Session) -> None:
            price = prices.get(get_scoped(session, who, Position, row).symbol)
            by_hand.close_by_hand(session, who, row, request_id=request_id, share_pct=share, price=price)

        await write(work)
        self._request, self.share = "", "100"
        await say(self, "hand.closing")
        await self._again()

    @rx.event
    @needs("agent")
    async def move(self, form: dict[str, Any]) -> None:
        """Move the stop and the target; an empty target takes it away."""
        stop, target = _price(form.get("stop")), _price(form.get("target"))
        row, prices, who = await self._row(), marks(), await signed_in(self)

        def work(session: Session) -> bool:
            position = get_scoped(session, who, Position, row)
            mark, before = prices.get(position.symbol), (position.stop_loss, position.take_profit)
            if stop is not None and stop != position.stop_loss:
                by_hand.move_stop(session, who, row, stop, mark=mark)
            # What the field shows of it is no wish to move it.
            if target not in (position.take_profit, _price(typed_target(position.take_profit))):
                by_hand.move_target(session, who, row, target, mark=mark)
            return (position.stop_loss, position.take_profit) != before

        await say(self, "hand.moved" if await write(work) else "hand.same")
        await self._again()

    async def _row(self) -> int:
        return row_id((await self.get_state(AgentPositions)).open_id)

    async def _again(self) -> None:
        await (await self.get_state(AgentPositions))._follow()


def _price(text: Any) -> Decimal | None:
    """A price as typed; None for nothing. Raises ``InvalidInput``."""
    word = str(text or "").replace(",", "").strip()
    if not word:
        return None
    try:
        return Decimal(word)
    except InvalidOperation:
        raise InvalidInput("The price is a number above 0.") from None
