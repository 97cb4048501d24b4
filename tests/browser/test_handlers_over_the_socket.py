"""Hiding a page is not authorisation: handlers are called over a bare socket, without a session and with a wrong one."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import httpx
import pytest
import socketio

from tests.browser.conftest import Server

ROOT = "reflex___state____state"
LOADS = (
    "state___agent_dashboard____agent_dashboard.load",
    "state___agent_positions____agent_positions.load",
    "state___agent_bot____agent_bot.load",
    "state___agent_bot____agent_bot.pause",
    "state___tenant_overview____tenant_overview.load",
    "state___admin_dashboard____admin_dashboard.load",
    "state___admin_monitor____admin_monitor.load",
    "state___console____console.fresh",
    "state___ui____ui.open_bell",
)


class RawClient:
    """Speaks to the pages' socket as a script would."""

    def __init__(self, base: str, cookie: str = "", tab: str = "") -> None:
        self.base, self.cookie, self.tab, self.first = base, cookie, tab or str(uuid.uuid4()), ""
        self.sio = socketio.AsyncClient(reconnection=False)
        self.updates: list[dict[str, Any]] = []
        self.sio.on("event", self._on, namespace="/_event")

    async def _on(self, update: dict[str, Any]) -> None:
        self.updates.append(update)

    async def connect(self) -> None:
        # an address without a page: no on_load runs, so every answer is of the handler under test
        route = {"pathname": "/nowhere", "asPath": "/nowhere"}
        boot = {"name": f"{ROOT}.hydrate_and_load", "payload": {"vars": {}}, "router_data": route}
        headers = {"Origin": self.base} | ({"Cookie": self.cookie} if self.cookie else {})
        await self.sio.connect(
            f"{self.base}?token={self.tab}", headers=headers, auth={"event": boot}, namespaces=["/_event"],
            transports=["websocket"], socketio_path="/_event", wait_timeout=10,
        )  # fmt: skip
        await self._answered()
        self.first = json.dumps(self.updates)
        self.updates.clear()

    async def call(self, handler: str, **payload: Any) -> str:
        event = {"name": f"{ROOT}.{handler}", "payload": payload, "router_data": {"pathname": "/nowhere", "asPath": "/nowhere"}}
        await self.sio.emit("event", event, namespace="/_event")
        await self._answered()
        return json.dumps(self.updates)

    async def _answered(self) -> None:
        """Until something has come and nothing more comes; a crowded machine gets its time."""
        for _ in range(200):
            before = len(self.updates)
            await asyncio.sleep(0.4 if before else 0.1)
            if before and before == len(self.updates):
                return

    async def call_all(self, calls: list[tuple[str, dict[str, Any]]], patience_s: float = 60.0) -> str:
        """Full names of handlers with their arguments, one after the other; everything that came back."""
        route = {"pathname": "/nowhere", "asPath": "/nowhere"}
        for name, payload in calls:
            await self.sio.emit("event", {"name": name, "payload": payload, "router_data": route}, namespace="/_event")
            await asyncio.sleep(0.02)
        seen, quiet = -1, 0
        for _ in range(int(patience_s)):
            quiet = quiet + 1 if seen == len(self.updates) else 0
            if quiet == 2:
                break
            seen = len(self.updates)
            await asyncio.sleep(1)
        return json.dumps(self.updates)

    @property
    def answers(self) -> int:
        """How many updates came."""
        return len(self.updates)


@pytest.mark.parametrize("name", LOADS)
async def test_a_stranger_gets_nothing(server: Server, name: str) -> None:
    client = RawClient(server.base)
    await client.connect()
    answer = await client.call(name)
    await client.sio.disconnect()
    assert "/login" in answer, "the handler must send a stranger to sign in"
    for word in ("USDT", "example", "rows_rx_state_", "cards_rx_state_", "nodes_rx_state_", "notices_rx_state_"):
        assert word not in answer


async def asked_by_an_agent(server: Server, handler: str, **payload: Any) -> str:
    """What a signed-in agent gets who calls a handler."""
    async with httpx.AsyncClient(base_url=server.base, headers={"Origin": server.base}) as http:
        await http.post("/api/session/demo", data={"kind": "agent", "index": "0"})
        sid = http.cookies["sid"]
    client = RawClient(server.base, f"sid={sid}")
    await client.connect()
    answer = await client.call(handler, **payload)
    await client.sio.disconnect()
    return answer


@pytest.mark.parametrize("name", [load for load in LOADS if "agent_" not in load and "ui." not in load])
async def test_an_agent_cannot_call_handlers_of_others(server: Server, name: str) -> None:
    answer = await asked_by_an_agent(server, name)
    assert '"/agent"' in answer
    for word in ("rows_rx_state_", "cards_rx_state_", "nodes_rx_state_"):
        assert word not in answer


@pytest.mark.parametrize("name", ["orders", "users", "audit", "transactions", "no such list"])
async def test_an_agent_cannot_fill_a_list_of_others(server: Server, name: str) -> None:
    answer = await asked_by_an_agent(server, "state___lists____lists.enter", name=name)
    assert "rows_rx_state_" not in answer and "toast_rx_state_" in answer


async def test_a_stranger_cannot_fill_a_list(server: Server) -> None:
    client = RawClient(server.base)
    await client.connect()
    answer = await client.call("state___lists____lists.enter", name="orders")
    await client.sio.disconnect()
    assert "/login" in answer and "rows_rx_state_" not in answer


async def test_where_one_was_sent_is_nothing_to_the_next_in_the_same_tab(server: Server) -> None:
    """Whose session ended is sent to sign in; who then signs in there must not be sent after."""
    async with httpx.AsyncClient(base_url=server.base, headers={"Origin": server.base}) as http:
        await http.post("/api/session/demo", data={"kind": "agent", "index": "0"})
        before = RawClient(server.base, f"sid={http.cookies['sid']}")
        await before.connect()
        await http.post("/api/session/logout")
        assert "/login?error=signed_out" in await before.call("state___agent_bot____agent_bot.load")
        await before.sio.disconnect()
        await http.post("/api/session/demo", data={"kind": "admin", "index": "0"})
        after = RawClient(server.base, f"sid={http.cookies['sid']}", tab=before.tab)
        await after.connect()
        await after.sio.disconnect()
    assert "ok_for" in after.first
    assert "/login" not in after.first
