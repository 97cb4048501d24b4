"""What an operator does beside trading: takes incidents, agrees maintenance windows, tries alerts out, tells many at once."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

import reflex as rx

from backend.dashboards.lists.people import tenant_choices
from backend.errors import InvalidInput
from backend.live import hub
from backend.monitoring import watch
from backend.monitoring.watch_rules import CHECKS
from backend.notifications import broadcast
from backend.notifications.broadcast import BOTS, MODES, ROLES, Segment
from state.base import needs, read, signed_in
from state.merchant import act, open_row, row_id
from state.ui import say

WATCHED = CHECKS
SEGMENTS = (ROLES, BOTS, MODES)


class Operator(rx.State):
    """``segment`` and ``text`` are the broadcast being written, ``reach`` how many it would reach now ("" = not counted)."""

    tenants: list[dict[str, str]] = []
    segment: dict[str, str] = {"role": "agents", "tenant": "", "bot": "any", "mode": "any"}
    text: dict[str, str] = {"title": "", "message": "", "link": ""}
    reach: str = ""
    form_key: str = ""
    _allowed: ClassVar[tuple[str, ...]] = ("admin",)

    @rx.event
    @needs("admin")
    async def load(self) -> None:
        """A page was opened."""
        who = await signed_in(self)
        self.tenants = await read(lambda session: tenant_choices(session, who))
        self.segment = {"role": "agents", "tenant": "", "bot": "any", "mode": "any"}
        self.text, self.reach, self.form_key = {"title": "", "message": "", "link": ""}, "", secrets.token_hex(16)

    @rx.event
    @needs("admin", may="settings")
    async def take(self) -> None:
        """Take the open incident."""
        number = await open_row(self)
        await act(self, lambda session, who: watch.take(session, who, number))
        await say(self, "mon.taken")

    @rx.event
    @needs("admin", may="settings")
    async def try_alert(self) -> None:
        """A test alert on the way of every real one."""
        await act(self, lambda session, who: watch.fire_test(session, who).id)
        await say(self, "mon.tried")

    @rx.event
    @needs("admin", may="settings")
    async def add_window(self, form: dict[str, Any]) -> None:
        """Tell nobody for so many minutes from now."""
        check, subject, reason, minutes = (str(form.get(name, "")) for name in ("check", "subject", "reason", "minutes"))
        if not (minutes.isascii() and minutes.isdigit() and len(minutes) <= 5):
            raise InvalidInput("The minutes are a whole number.")
        await act(
            self,
            lambda session, who: watch.add_window(session, who, check=check, subject=subject, minutes=int(minutes), reason=reason).id,
        )
        await say(self, "mon.window_made")

    @rx.event
    @needs("admin", may="settings")
    async def end_window(self, number: str) -> None:
        """End a window now."""
        window = row_id(number)
        await act(self, lambda session, who: watch.end_window(session, who, window).id)
        await say(self, "mon.window_ended")

    @rx.event
    @needs("admin", may="people")
    async def aim(self, name: str, value: str) -> None:
        """Choose one part of the segment, and count anew."""
        if name in self.segment:
            self.segment = {**self.segment, name: str(value)[:20]}
        await self._count()

    @rx.event
    @needs("admin", may="people")
    async def preview(self, form: dict[str, Any]) -> None:
        """Count, and show what is about to be sent."""
        self.text = {name: str(form.get(name, ""))[:500] for name in ("title", "message", "link")}
        await self._count()

    @rx.event
    @needs("admin", may="people")
    async def back(self) -> None:
        """Write on."""
        self.reach = ""

    @rx.event
    @needs("admin", may="people")
    async def send(self) -> None:
        """Send what the preview shows."""
        key, segment, text = self.form_key, self._segment(), dict(self.text)

        def work(session: Any, who: Any) -> tuple[int, int]:
            row = broadcast.send(session, who, key, segment, title=text["title"], message=text["message"], link=text["link"])
            return row.id or 0, row.people

        _, people = await act(self, work)
        await read(lambda session: broadcast.wake(hub, session, segment))
        self.text, self.reach, self.form_key = {"title": "", "message": "", "link": ""}, "", secrets.token_hex(16)
        await say(self, "cast.sent", n=people)

    async def _count(self) -> None:
        who, segment = await signed_in(self), self._segment()
        found = await read(lambda session: broadcast.reach(session, who, segment))
        self.reach = f"{found.people:,}"

    def _segment(self) -> Segment:
        one = self.segment
        return Segment(one["role"], row_id(one["tenant"]) if one["tenant"] else 0, one["bot"], one["mode"])
