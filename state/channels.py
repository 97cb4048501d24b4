"""The notification channels of an agent or an admin: add, change, remove, try out, and what was sent through them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.clock import to_ms
from backend.errors import InvalidInput
from backend.identity.principal import Principal
from backend.models import NoticeChannel, NoticeDelivery
from backend.notifications import channels
from backend.notifications.rules import ADMIN_TYPES, ESCALATION, KINDS, TYPES, minute_of, time_of
from backend.settings import get_settings
from state.base import needs, read, signed_in, write
from state.merchant import row_id
from state.ui import say

__all__ = ["ADMIN_TYPES", "DIGESTS", "ESCALATION", "KINDS", "TYPES", "Channels", "types_of"]

LOG_ROWS = 20
LOOKS = 8
LOOK_EVERY_S = 1.0
DIGESTS = ("0", "15", "60", "240", "1440")
_WHY = {
    "the address is not public": "private", "no answer in time": "late", "cannot connect": "connect",
    "the mail server did not take it": "mail", "the address cannot be opened": "sealed",
}  # fmt: skip


class Channels(rx.State):
    """``editing`` is the id of the channel in the form, "new", or ""; ``kind`` what the form is about."""

    rows: list[dict[str, Any]] = []
    log: list[dict[str, Any]] = []
    editing: str = ""
    kind: str = "email"
    form: dict[str, Any] = {}
    ready: bool = False
    _allowed: ClassVar[tuple[str, ...]] = ("agent", "admin")

    @rx.event
    @needs(may="own")
    async def load(self) -> None:
        """The page was opened."""
        self.editing, self.form = "", {}
        await self._read()

    @rx.event
    @needs(may="own")
    async def edit(self, what: str) -> None:
        """Open the form for a new channel or an existing one; "" closes it."""
        row = next((one for one in self.rows if one["id"] == str(what)), None)
        self.editing = "new" if what == "new" else row["id"] if row else ""
        self.kind = row["kind"] if row else "email"
        self.form = _form(row, types_of(await signed_in(self)))

    @rx.event
    @needs(may="own")
    async def choose(self, kind: str) -> None:
        """What kind of channel the new one is."""
        self.kind = str(kind) if str(kind) in KINDS else "email"

    @rx.event
    @needs(may="own")
    async def save(self, form: dict[str, Any]) -> None:
        """Make or change a channel."""
        wishes, kind = _wishes(form, types_of(await signed_in(self))), self.kind
        if self.editing == "new":
            target = {name: str(form.get(name, "")).strip() for name in ("url", "token", "chat", "to_address") if form.get(name)}
            if "to_address" in target:
                target["to"] = target.pop("to_address")
            private = get_settings().webhook_allow_private

            def make(session: Session, who: Principal) -> None:
                row = channels.add(session, who, kind, target, types=wishes["types"], allow_private=private)
                channels.change(session, who, row.id or 0, **wishes)

            await self._do(make)
            await say(self, "reach.added")
        elif self.editing:
            number = row_id(self.editing)
            on = next((bool(one["on"]) for one in self.rows if one["id"] == self.editing), True)
            await self._do(lambda session, who: channels.change(session, who, number, on=on, **wishes))
            await say(self, "reach.saved")
        self.editing, self.form = "", {}

    @rx.event
    @needs(may="own")
    async def switch(self, what: str, on: bool) -> None:
        """Send through a channel or not."""
        number, on = row_id(what), on is True

        def turn(session: Session, who: Principal) -> None:
            row = next((one for one in channels.channels(session, who) if one.id == number), None)
            if row is None:
                raise InvalidInput("This channel is gone. Open the page again.")
            channels.change(
                session, who, number, types=row.types, quiet_from_min=row.quiet_from_min, quiet_to_min=row.quiet_to_min,
                digest_min=row.digest_min, on=on,
            )  # fmt: skip

        await self._do(turn)

    @rx.event
    @needs(may="own")
    async def remove(self, what: str) -> None:
        """Forget a channel and what waited for it."""
        number = row_id(what)
        await self._do(lambda session, who: channels.remove(session, who, number))
        self.editing, self.form = "", {}
        await say(self, "reach.removed")

    @rx.event
    @needs(may="own")
    async def try_out(self, what: str) -> Any:
        """Send a test message and watch what becomes of it."""
        number = row_id(what)
        await self._do(lambda session, who: channels.try_out(session, who, number))
        await say(self, "reach.trying")
        return Channels.watch(LOOKS)

    @rx.event
    @needs(may="own")
    async def watch(self, looks: int) -> Any:
        """Look at the log again while something is on its way; each look is an event of its own, so clicks get between."""
        await asyncio.sleep(LOOK_EVERY_S)
        await self._read()
        left = min(looks, LOOKS) - 1 if isinstance(looks, int) else 0
        fresh = self.log[0] if self.log else None
        return Channels.watch(left) if left > 0 and fresh is not None and fresh["state"] == "reach.PENDING" and not fresh["why"] else None

    async def _do(self, work: Callable[[Session, Principal], Any]) -> None:
        who = await signed_in(self)
        await write(lambda session: work(session, who) and None)
        await self._read()

    async def _read(self) -> None:
        who = await signed_in(self)
        rows, sent = await read(lambda session: (channels.channels(session, who), channels.log_of(session, who, LOG_ROWS)))
        self.rows = [_row(row, types_of(who)) for row in rows]
        known = {one["id"]: one for one in self.rows}
        self.log = [_sent(row, known) for row in sent]
        self.ready = True


def types_of(who: Principal) -> tuple[str, ...]:
    """What somebody of this kind may have sent."""
    return ADMIN_TYPES if who.kind == "admin" else TYPES


def _row(row: NoticeChannel, types: tuple[str, ...]) -> dict[str, Any]:
    return {
        "id": str(row.id), "kind": row.kind, "word": f"reach.{row.kind}", "hint": row.hint, "types": list(row.types), "on": row.status == 1,
        "all": len(row.types) == len(types), "n": len(row.types), "quiet": row.quiet_from_min != row.quiet_to_min,
        "from": time_of(row.quiet_from_min), "to": time_of(row.quiet_to_min), "digest": row.digest_min,
    }  # fmt: skip


def _sent(row: NoticeDelivery, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    channel = known.get(str(row.channel_id), {})
    answered = row.error.removeprefix("answered ") if row.error.startswith("answered ") else ""
    why = "answered" if answered else _WHY.get(row.error, "other") if row.error else ""
    return {
        "id": str(row.id), "state": f"reach.{row.status}", "done": row.status == "SENT", "dead": row.status == "DEAD",
        "word": channel.get("word", "reach.email"), "hint": channel.get("hint", ""), "tries": row.attempts, "http": answered,
        "why": f"reach.x.{why}" if why else "", "at_ms": to_ms(row.sent_at or row.created_at),
    }  # fmt: skip


def _form(row: dict[str, Any] | None, types: tuple[str, ...]) -> dict[str, Any]:
    chosen = row["types"] if row else types
    digest = str(row["digest"]) if row else "0"
    return {
        "from": row["from"] if row and row["quiet"] else "", "to": row["to"] if row and row["quiet"] else "", "digest": digest,
        **{name: name in chosen for name in types},
    }  # fmt: skip


def _wishes(form: dict[str, Any], types: tuple[str, ...]) -> dict[str, Any]:
    """Types, quiet hours and digest of the form. Raises ``InvalidInput``."""
    quiet = [str(form.get(name) or "").strip() for name in ("from", "to")]
    minutes = [minute_of(text) for text in quiet] if any(quiet) else [0, 0]
    digest = str(form.get("digest") or "0")
    if None in minutes:
        raise InvalidInput("Quiet hours need a beginning and an end, such as 22:00 and 07:00.")
    if not digest.isascii() or not digest.isdigit() or len(digest) > 4:
        raise InvalidInput("Choose how messages are gathered.")
    return {
        "types": [name for name in types if form.get(name)], "quiet_from_min": minutes[0], "quiet_to_min": minutes[1],
        "digest_min": int(digest),
    }  # fmt: skip
