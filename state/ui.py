"""What every page shares: toasts and the bell."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx

from backend.clock import now_ms
from backend.notifications.phrases import in_chinese
from state.base import needs, read, signed_in, write
from state.notices import folded

NEWEST, SHOWN = 100, 30


class Ui(rx.State):
    """Toast of the moment and the notifications behind the bell."""

    toast: dict[str, Any] = {}
    unread: int = 0
    notices: list[dict[str, Any]] = []
    notices_ready: bool = False
    _count: int = 0
    _allowed: ClassVar[tuple[str, ...]] = ("admin", "tenant", "agent")

    def _say(self, key: str = "", *, text: str = "", bad: bool = False, undo: str = "", **params: Any) -> None:
        """Show a toast: catalogue ``key`` with ``params``, or ``text``; ``undo`` names what the page can undo."""
        self._count += 1
        self.toast = {"id": self._count, "k": key, "p": params, "text": text, "zh": in_chinese(text), "bad": bad, "undo": undo, "at": now_ms()}

    @rx.event
    @needs(may="own")
    async def count_notices(self) -> None:
        """How many are unread."""
        from backend.dashboards.queries import unread_notices

        who = await signed_in(self)
        self.unread = await read(lambda session: unread_notices(session, who))

    @rx.event
    @needs(may="own")
    async def open_bell(self) -> None:
        """The newest notifications; opening marks them read."""
        from backend.dashboards.queries import mark_notices_read, newest_notices

        who = await signed_in(self)
        found = await read(lambda session: newest_notices(session, who, NEWEST))
        self.notices = folded([row | {"title_zh": in_chinese(row["title"]), "body_zh": in_chinese(row["body"])} for row in found])[:SHOWN]
        self.notices_ready = True
        if self.unread and not who.read_only:
            await write(lambda session: mark_notices_read(session, who))
            self.unread = 0


async def say(state: rx.State, key: str = "", **more: Any) -> None:
    """Toast from any handler: ``await say(self, "bot.paused")``."""
    (await state.get_state(Ui))._say(key, **more)
