"""A merchant's webhook endpoints, and sending again what was sent. The deliveries are in ``Lists``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.clock import to_ms, utcnow
from backend.identity.principal import Principal
from backend.models import WebhookEndpoint
from backend.money import parse_amount
from backend.webhooks import queries, service
from backend.webhooks.rules import SUBSCRIBABLE
from state.base import needs, read, signed_in
from state.merchant import act, open_row, row_id
from state.ui import say

EVENTS = SUBSCRIBABLE


class Hooks(rx.State):
    """``editing`` is the id of the endpoint in the form, "new", or ""; ``made`` a secret shown until the page is left."""

    endpoints: list[dict[str, Any]] = []
    editing: str = ""
    form: dict[str, Any] = {}
    made: dict[str, str] = {}
    ready: bool = False
    _allowed: ClassVar[tuple[str, ...]] = ("tenant",)

    @rx.event
    @needs("tenant")
    async def load(self) -> None:
        """The endpoints; a secret that was to be shown once is gone."""
        self.editing, self.form, self.made = "", {}, {}
        await self._read()

    @rx.event
    @needs("tenant")
    async def edit(self, what: str) -> None:
        """Open the form for a new endpoint or an existing one; "" closes it."""
        row = next((one for one in self.endpoints if one["id"] == str(what)), None)
        self.made = {}
        self.editing = "new" if what == "new" else row["id"] if row else ""
        self.form = _form(row)

    @rx.event
    @needs("tenant")
    async def save(self, form: dict[str, Any]) -> None:
        """Make or change an endpoint; a new one shows its secret."""
        url = str(form.get("url", ""))
        events = [name for name in EVENTS if form.get(name.replace(".", "_"))]
        low = parse_amount(str(form.get("low") or "0").strip().replace(",", ""), allow_zero=True)
        if self.editing == "new":
            made = await self._do(lambda session, who: service.create_endpoint(session, who, url, events, low))
            self.made = {"url": made.endpoint.url, "secret": made.secret}
            await say(self, "hook.made_now")
        elif self.editing:
            number = row_id(self.editing)
            await self._do(lambda session, who: service.change_endpoint(session, who, number, url=url, events=events, low_points=low))
            await say(self, "hook.saved")
        self.editing, self.form = "", {}

    @rx.event
    @needs("tenant")
    async def switch(self, what: str, on: bool) -> None:
        """Send to an endpoint or not; what happens meanwhile is not kept for it."""
        number, on = row_id(what), on is True
        await self._do(lambda session, who: service.change_endpoint(session, who, number, on=on))
        await say(self, "hook.on_now" if on else "hook.off_now")

    @rx.event
    @needs("tenant")
    async def rotate(self, what: str) -> None:
        """A new secret for an endpoint; both sign for a day."""
        number = row_id(what)
        made = await self._do(lambda session, who: service.rotate_secret(session, who, number))
        self.made = {"url": made.endpoint.url, "secret": made.secret}

    @rx.event
    @needs("tenant")
    async def remove(self, what: str) -> None:
        """Remove an endpoint; what was not sent is given up."""
        number = row_id(what)
        await self._do(lambda session, who: service.remove_endpoint(session, who, number))
        await say(self, "hook.removed")

    @rx.event
    @needs("tenant")
    async def fire(self, what: str) -> None:
        """Send a test event."""
        number = row_id(what)
        await self._do(lambda session, who: service.send_test(session, who, number))
        await say(self, "hook.fired")

    @rx.event
    @needs("tenant")
    async def replay(self) -> None:
        """Send the open message again."""
        number = await open_row(self)
        await self._do(lambda session, who: service.replay(session, who, number))
        await say(self, "hook.replayed")

    async def _do(self, work: Callable[[Session, Principal], Any]) -> Any:
        done = await act(self, work)
        await self._read()
        return done

    async def _read(self) -> None:
        who = await signed_in(self)
        self.endpoints = [_endpoint(row) for row in await read(lambda session: queries.endpoints(session, who))]
        self.ready = True


def _endpoint(row: WebhookEndpoint) -> dict[str, Any]:
    turning = row.old_until is not None and row.old_until > utcnow()
    return {
        "id": str(row.id), "url": row.url, "on": row.status == 1, "events": list(row.events), "said": " · ".join(row.events),
        "low": f"{row.low_points:f}", "why": row.stopped_why, "created_ms": to_ms(row.created_at),
        "old_ms": to_ms(row.old_until) if turning and row.old_until else 0,
    }  # fmt: skip


def _form(row: dict[str, Any] | None) -> dict[str, Any]:
    chosen = row["events"] if row else list(EVENTS)
    return {"url": row["url"] if row else "", "low": row["low"] if row else "10", **{name.replace(".", "_"): name in chosen for name in EVENTS}}

