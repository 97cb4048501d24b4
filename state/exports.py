"""Long exports: ask for the list on the page, cancel or delete one."""

from __future__ import annotations

from typing import ClassVar

import reflex as rx

from backend.exports import service
from state.base import needs, signed_in, write
from state.lists import Lists
from state.merchant import act, row_id
from state.ui import say


class Exports(rx.State):
    """No values of its own: the jobs are a list like others."""

    _allowed: ClassVar[tuple[str, ...]] = ("admin", "tenant", "agent")

    @rx.event
    @needs(may="own")
    async def ask(self, kind: str) -> None:
        """The list as it is filtered now, as "csv" or "xlsx"."""
        who, lists = await signed_in(self), await self.get_state(Lists)
        name, asked = lists.name, lists._asked()
        await write(lambda session: service.ask(session, who, name, kind, asked))
        await say(self, "export.asked")

    @rx.event
    @needs(may="own")
    async def remove(self, job: str) -> None:
        """Cancel it, or delete its file."""
        job_id = row_id(job)
        await act(self, lambda session, who: service.remove(session, who, job_id))
        await say(self, "export.removed")
