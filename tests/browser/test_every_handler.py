"""A5, A6: every handler there is, and every way to set a variable, called by somebody without a session."""

from __future__ import annotations

import asyncio
import importlib
import json
import uuid
from typing import Any

import socketio
from reflex_base.registry import RegistrationContext

from pages.routes import ROUTES
from tests.browser.conftest import Server

ROOT = "reflex___state____state"
PRIVATE = ("USDT", "example", "rows_rx_state_\": [{", "cards_rx_state_\": [{", "nodes_rx_state_\": [{")


def handlers() -> dict[str, Any]:
    """Every handler of the project's states by its full name."""
    for route in ROUTES:
        importlib.import_module(route.module)
    found = RegistrationContext.get().event_handlers
    return {name: found[name] for name in sorted(found) if ".state___" in name and not name.endswith(".setvar")}


# Found while this file is read: the registry belongs to the context the states were imported in.
REGISTERED = handlers()
HANDLERS = list(REGISTERED)


async def _stranger(server: Server, events: list[tuple[str, dict[str, Any]]], storage: dict[str, Any]) -> str:
    """Send events over a bare socket without a cookie; everything that came back, as text."""
    sio = socketio.AsyncClient(reconnection=False)
    updates: list[Any] = []

    async def keep(update: Any) -> None:
        updates.append(update)

    sio.on("event", keep, namespace="/_event")
    route = {"pathname": "/nowhere", "asPath": "/nowhere"}
    boot = {"name": f"{ROOT}.hydrate_and_load", "payload": {"vars": storage}, "router_data": route}
    await sio.connect(
        f"{server.base}?token={uuid.uuid4()}", headers={"Origin": server.base}, auth={"event": boot},
        namespaces=["/_event"], transports=["websocket"], socketio_path="/_event", wait_timeout=10,
    )  # fmt: skip
    await asyncio.sleep(1)
    updates.clear()
    for name, payload in events:
        await sio.emit("event", {"name": name, "payload": payload, "router_data": route}, namespace="/_event")
        await asyncio.sleep(0.05)
    await asyncio.sleep(2)
    await sio.disconnect()
    return json.dumps(updates)


async def test_no_handler_serves_a_stranger(server: Server) -> None:
    assert len(HANDLERS) > 40, "the introspection must find the handlers"
    answer = await _stranger(server, [(name, {}) for name in HANDLERS], {})
    assert answer != "[]", "the socket must have answered at all"
    assert [word for word in PRIVATE if word in answer] == []


async def test_setting_variables_changes_no_right(server: Server) -> None:
    """setvar, guessed set_* handlers and forged browser storage: the page of an operator still sends one away."""
    states = sorted({name.rpartition(".")[0] for name in HANDLERS})
    wanted = {"kind": "admin", "ok_for": "admin.dashboard", "_owner": "admin:1:1", "topic": "platform", "_allowed": "admin"}
    events: list[tuple[str, dict[str, Any]]] = []
    for state in states:
        for name, value in wanted.items():
            events.append((f"{state}.setvar", {"var_name": name, "value": value}))
            events.append((f"{state}.set_{name}", {"value": value}))
    storage = {f"{state}.{name}_rx_state_": value for state in states for name, value in wanted.items()}
    session = next(name for name in HANDLERS if name.endswith("session.enter"))
    load = next(name for name in HANDLERS if name.endswith("admin_dashboard.load"))
    answer = await _stranger(server, [*events, (session, {"key": "admin.dashboard"}), (load, {})], storage)
    assert '"ok_for_rx_state_": "admin.dashboard"' not in answer
    assert "/login" in answer and [word for word in PRIVATE if word in answer] == []
