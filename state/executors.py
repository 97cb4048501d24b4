"""Who executes for which exchange account: chosen rows, moved to a node or back to the centre; what happens when a node fails."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.errors import InvalidInput
from backend.execution import failover, routing
from backend.execution.nodes import nodes, taking
from state.base import needs, read
from state.lists import Lists
from state.merchant import act, row_id
from state.ui import say

MOST = 500
CENTRE = "centre"


class Executors(rx.State):
    """``picked`` are ids of accounts on the page; ``target`` is a node's id or "centre"."""

    picked: list[str] = []
    target: str = ""
    nodes: list[dict[str, str]] = []
    deciding: bool = False
    policies: list[dict[str, Any]] = []
    _allowed: ClassVar[tuple[str, ...]] = ("admin",)

    @rx.event
    @needs("admin")
    async def fresh(self) -> None:
        """The page was opened."""
        self.picked, self.target, self.deciding = [], "", False
        self.nodes = await read(_choices)

    @rx.event
    @needs("admin")
    async def pick(self, number: str) -> None:
        """Choose a row, or let it go."""
        number = str(row_id(number))
        self.picked = [one for one in self.picked if one != number] if number in self.picked else [*self.picked, number][:MOST]

    @rx.event
    @needs("admin")
    async def pick_page(self) -> None:
        """Choose every row of the page."""
        shown = [str(row["id"]) for row in (await self.get_state(Lists)).rows]
        self.picked = list(dict.fromkeys([*self.picked, *shown]))[:MOST]

    @rx.event
    @needs("admin")
    async def drop(self) -> None:
        """Choose nothing."""
        self.picked, self.target = [], ""

    @rx.event
    @needs("admin")
    async def aim(self, target: str) -> None:
        """Where to: a node or the centre."""
        self.target = target if isinstance(target, str) and target in {CENTRE, *(node["id"] for node in self.nodes)} else ""

    @rx.event
    @needs("admin", may="settings")
    async def assign_picked(self) -> None:
        """Give the chosen accounts to the target."""
        if not self.picked:
            raise InvalidInput("Choose accounts first.")
        await self._assign([row_id(one) for one in self.picked], self.target)
        self.picked = []

    @rx.event
    @needs("admin", may="settings")
    async def assign_one(self, number: str, target: str) -> None:
        """Give one account to a node, or back to the centre."""
        await self._assign([row_id(number)], str(target))

    async def _assign(self, ids: list[int], target: str) -> None:
        if not target:
            raise InvalidInput("Choose a node or the centre.")
        node_id = None if target == CENTRE else row_id(target)
        try:
            done = await act(self, lambda session, who: routing.assign(session, who, ids, node_id))
        except routing.AccountBusy:
            await say(self, "exacc.busy_all", bad=True)
            return
        except routing.NodeNotTaking:
            await say(self, "exacc.node_not_taking", bad=True)
            return
        key = "exacc.moved_some" if done.busy else "exacc.moved"
        await say(self, key, bad=bool(done.busy), n=done.changed, busy=len(done.busy))

    @rx.event
    @needs("admin")
    async def open_policies(self, on: bool) -> None:
        """Show or hide what happens when a node cannot take orders."""
        self.deciding = on is True
        if self.deciding:
            await self._policies()

    @rx.event
    @needs("admin", may="settings")
    async def decide(self, tenant: str, policy: str) -> None:
        """Decide for the platform ("") or for one tenant; "" as the policy follows what is above."""
        tenant_id = row_id(tenant) if tenant else None
        await act(self, lambda session, who: failover.set_policy(session, who, tenant_id, str(policy)))
        await self._policies()
        await say(self, "failover.decided")

    @rx.event
    @needs("admin", may="settings")
    async def decide_form(self, form: dict[str, Any]) -> None:
        """A tenant of its own kind."""
        await self.decide(str(form.get("tenant", "")), str(form.get("policy", "")))

    async def _policies(self) -> None:
        found = await read(failover.decisions)
        self.policies = [
            {"id": str(one.tenant_id or ""), "tenant": one.tenant, "policy": one.policy, "by": one.by, "at_ms": one.at_ms}
            for one in found
        ]


def _choices(session: Session) -> list[dict[str, str]]:
    return [
        {"id": str(node.id), "name": node.node_code, "open": "1" if taking(node) else ""} for node, _ in nodes(session, include_disabled=True)
    ]
