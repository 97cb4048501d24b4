"""The kill switch: set a stop, lift one."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.dashboards.desk import accounts, tenants
from backend.identity.principal import Principal
from backend.risk import stops
from backend.risk.switches import CLOSE, ENTRIES
from state.base import needs, read, signed_in
from state.merchant import act, row_id
from state.session import Session as Frame
from state.ui import say

MOST = 300


class Stops(rx.State):
    """``choices`` are what this person may stop: {id "account:5", k words or "", name}; ``lifting`` the row being lifted."""

    ready: bool = False
    choices: list[dict[str, str]] = []
    chosen: str = ""
    close: bool = False
    reason: str = ""
    lifting: str = ""
    _allowed: ClassVar[tuple[str, ...]] = ("admin", "tenant", "agent")

    @rx.event
    @needs()
    async def load(self) -> None:
        """The page was opened."""
        who = await signed_in(self)
        self.choices = await read(lambda session: _choices(session, who))
        self.chosen = self.choices[0]["id"] if self.choices else ""
        self.ready = True
        self.close, self.reason, self.lifting = False, "", ""

    @rx.event
    @needs()
    async def choose(self, choice: str) -> None:
        """What to stop."""
        self.chosen = choice if choice in {one["id"] for one in self.choices} else self.chosen

    @rx.event
    @needs()
    async def how_far(self, close: bool) -> None:
        """Stop opening, or close everything too."""
        self.close = close is True

    @rx.event
    @needs()
    async def why(self, reason: str) -> None:
        """The reason."""
        self.reason = str(reason)[:200]

    @rx.event
    @needs(may="trading")
    async def engage(self) -> None:
        """Stop now."""
        scope, _, number = self.chosen.partition(":")
        mode, reason = CLOSE if self.close else ENTRIES, self.reason
        wanted = row_id(number or "0")
        await act(self, lambda session, who: stops.engage(session, who, scope, wanted, mode=mode, reason=reason))
        self.reason = ""
        await self._again()
        await say(self, "stop.done", bad=True)

    @rx.event
    @needs()
    async def ask(self, row: str) -> None:
        """Open the line for the reason of lifting a stop, or close it with ""."""
        self.lifting = str(row)[:20]

    @rx.event
    @needs(may="trading")
    async def lift(self, form: dict[str, Any]) -> None:
        """Let trading go on."""
        number, reason = row_id(self.lifting), str(form.get("reason", ""))
        await act(self, lambda session, who: stops.lift(session, who, number, reason))
        self.lifting = ""
        await self._again()
        await say(self, "stop.lifted_now")

    async def _again(self) -> None:
        await (await self.get_state(Frame))._stops(await signed_in(self))


def _choices(session: Session, who: Principal) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    if who.kind == "admin":
        found.append({"id": "platform:0", "k": "stop.platform", "name": ""})
        found += [{"id": f"tenant:{one['id']}", "k": "", "name": one["name"]} for one in tenants(session, MOST)]
    elif who.kind == "tenant":
        found.append({"id": f"tenant:{who.tenant_id}", "k": "stop.all_mine", "name": ""})
    return found + [
        {"id": f"account:{one['id']}", "k": "", "name": f"{one['user']} · {one['exchange']} #{one['id']}"} for one in accounts(session, who, MOST)
    ]
