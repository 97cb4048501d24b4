"""Nodes on the operator's page: a token for a new one, drain, another key."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx

from backend.execution import enrolment, routing
from backend.execution.node_health import SPANS_H
from backend.settings import get_settings
from state.base import needs
from state.merchant import act, row_id
from state.ui import say


class Nodes(rx.State):
    """``made`` holds the command with the one-time token, shown until it is closed."""

    making: bool = False
    span: str = "6"
    made: dict[str, str] = {}
    _allowed: ClassVar[tuple[str, ...]] = ("admin",)

    @rx.event
    @needs("admin")
    async def look_back(self, hours: str) -> None:
        """How far back a node's lines go."""
        self.span = hours if hours in {str(one) for one in SPANS_H} else "6"

    @rx.event
    @needs("admin")
    async def fresh(self) -> None:
        """The page was opened."""
        self.making, self.made = False, {}

    @rx.event
    @needs("admin")
    async def open_form(self, on: bool) -> None:
        """Open or close the form; closing forgets the token."""
        self.making, self.made = on is True, {}

    @rx.event
    @needs("admin", may="settings")
    async def invite(self, form: dict[str, Any]) -> None:
        """A one-time token for a node code."""
        code, name = str(form.get("code", "")).strip(), str(form.get("name", "")).strip()
        token = await act(self, lambda session, who: enrolment.invite(session, who, code, name))
        command = f"ironbull node join {get_settings().base_url} {token} --public-url https://NODE:9101"
        self.made = {"code": code, "command": command}

    @rx.event
    @needs("admin", may="settings")
    async def drain(self, number: str, on: bool) -> None:
        """Open nothing new on a node, or again."""
        node = await act(self, lambda session, who: routing.drain(session, who, row_id(number), on is True).node_code)
        await say(self, "node.drained" if on is True else "node.undrained", node=node)

    @rx.event
    @needs("admin", may="settings")
    async def accept_key(self, number: str) -> None:
        """Trust the other key a node has offered."""
        node = await act(self, lambda session, who: enrolment.accept_key(session, who, row_id(number)).node_code)
        await say(self, "node.key_accepted", node=node)
