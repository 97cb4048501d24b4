"""What operators do with profit share periods; the list is in ``Lists``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.billing import hwm
from backend.errors import InvalidInput
from backend.identity.principal import Principal
from backend.models import BillingPeriod
from state.base import needs, signed_in, write
from state.lists import Lists
from state.ui import say


class Periods(rx.State):
    """From draft to paid."""

    _allowed: ClassVar[tuple[str, ...]] = ("admin",)

    @rx.event
    @needs("admin", may="money")
    async def approve(self, row_id: str) -> None:
        """Fix a draft for good."""
        row = await self._do(lambda session, who: hwm.approve(session, _id(row_id), who))
        await say(self, "period.was_approved", month=f"{row.start_at:%Y-%m}")

    @rx.event
    @needs("admin", may="money")
    async def recompute(self, row_id: str) -> None:
        """Close a draft again with what is known now. It gets a new number, so its drawer closes."""
        row = await self._do(lambda session, who: hwm.recompute(session, _id(row_id), who), still=False)
        await say(self, "period.was_recomputed", month=f"{row.start_at:%Y-%m}")

    @rx.event
    @needs("admin", may="money")
    async def invoice(self, row_id: str) -> None:
        """Send the invoice."""
        row = await self._do(lambda session, who: hwm.invoice(session, _id(row_id), who))
        await say(self, "period.was_invoiced", no=row.invoice_no)

    @rx.event
    @needs("admin", may="money")
    async def paid(self, form: dict[str, Any]) -> None:
        """The open invoice was paid."""
        row_id, reference = (await self.get_state(Lists)).open_id, str(form.get("reference", ""))
        row = await self._do(lambda session, who: hwm.mark_paid(session, _id(row_id), who, reference))
        await say(self, "period.was_paid", no=row.invoice_no)

    async def _do(self, work: Callable[[Session, Principal], BillingPeriod], *, still: bool = True) -> BillingPeriod:
        who = await signed_in(self)
        done = await write(lambda session: work(session, who))
        lists = await self.get_state(Lists)
        await lists._reload()
        if still:
            await lists._follow()
        else:
            lists.open_id, lists.detail = "", {}
        return done


def _id(text: Any) -> int:
    word = str(text)
    if not word.isascii() or not word.isdigit() or len(word) > 18:
        raise InvalidInput("Open the row again.")
    return int(word)
