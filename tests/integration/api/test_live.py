"""The /live websocket over a real server and a real client."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from backend.api.live import CHECK_S
from backend.identity import service, sessions
from backend.identity.principal import Kind
from tests.support.doors import World, make_world, served


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    with served(world.app) as at:
        yield at


def dial(address: str, sid: str = "", origin: str | None = None) -> connect:
    headers = {"Cookie": f"sid={sid}"} if sid else {}
    return connect(f"ws://{address}/live", origin=origin or f"http://{address}", additional_headers=headers)


async def hear(socket: ClientConnection) -> dict[str, Any]:
    return json.loads(await asyncio.wait_for(socket.recv(), 20))


async def subscribe(socket: ClientConnection, *topics: str) -> dict[str, dict[str, Any]]:
    """The first answer of each topic."""
    await socket.send(json.dumps({"sub": list(topics)}))
    answers: dict[str, dict[str, Any]] = {}
    while len(answers) < len(topics):
        message = await hear(socket)
        answers[message["t"]] = message
    return answers


async def test_topics_are_given_only_to_whom_they_belong(world: World, address: str) -> None:
    a, b = world.a, world.b
    topics = ["market", "platform", f"tenant:{a.tenant_id}", f"tenant:{b.tenant_id}", f"agent:{a.user_id}",
              f"agent:{b.user_id}", "agent:999999", "nonsense"]  # fmt: skip
    for topic in topics:
        world.hub.publish(topic, {"secret_of": topic})
    expected: dict[tuple[Kind, int], set[str]] = {
        ("admin", 1): set(topics) - {"nonsense"},
        ("tenant", a.tenant_id): {"market", f"tenant:{a.tenant_id}", f"agent:{a.user_id}"},
        ("agent", a.user_id): {"market", f"agent:{a.user_id}"},
    }
    for (kind, number), allowed in expected.items():
        _, sid = world.cookie(kind, number)
        async with dial(address, sid) as socket:
            answers = await subscribe(socket, *topics)
            assert {topic for topic, answer in answers.items() if "d" in answer} == allowed
            for topic in set(topics) - allowed:
                assert answers[topic] == {"t": topic, "error": "not_allowed"}
            for topic in topics:
                world.hub.publish(topic, {"more": topic})
            heard = {(await hear(socket))["t"] for _ in allowed}
            assert heard == allowed
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.1)


async def test_snapshot_first_then_changes_until_unsubscribed(world: World, address: str) -> None:
    _, sid = world.cookie("agent", world.a.user_id)
    world.hub.publish("market", {"prices": {"X": "1"}})
    async with dial(address, sid) as socket:
        first = (await subscribe(socket, "market"))["market"]
        assert first["d"]["prices"] == {"X": "1"}
        assert abs(first["ts"] - time.time() * 1000) < 60_000
        world.hub.publish("market", {"prices": {"X": "2"}})
        assert (await hear(socket))["d"] == {"prices": {"X": "2"}}
        await socket.send(json.dumps({"unsub": ["market"]}))
        await subscribe(socket, "platform")
        world.hub.publish("market", {"prices": {"X": "3"}})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.1)


async def test_other_sites_are_refused_at_the_handshake(world: World, address: str) -> None:
    _, sid = world.cookie("agent", world.a.user_id)
    for origin in ("https://evil.example", "null", f"http://{address}.evil.example"):
        with pytest.raises(websockets.InvalidStatus) as caught:
            async with dial(address, sid, origin):
                pass
        assert caught.value.response.status_code == 403


@pytest.mark.parametrize("sid", ["", "unknown", "x" * 400])
async def test_without_a_session_the_socket_closes(address: str, sid: str) -> None:
    async with dial(address, sid) as socket:
        with pytest.raises(websockets.ConnectionClosed):
            await hear(socket)
        assert socket.close_code == 4401


@pytest.mark.parametrize("how", ["revoked", "disabled", "tenant disabled", "expired elsewhere"])
async def test_the_socket_closes_when_the_session_ends(address: str, world: World, how: str) -> None:
    """Within five seconds, also when the change was made by another process (nothing in this one hears of it)."""
    owner = world.b
    number, sid = world.cookie("agent", owner.user_id)
    async with dial(address, sid) as socket:
        await subscribe(socket, "market", f"agent:{owner.user_id}")
        started = time.monotonic()
        with world.db.transaction() as session:
            if how == "revoked":
                sessions.revoke_session(session, number)
            elif how == "disabled":
                service.set_status(session, "agent", owner.user_id, active=False)
            elif how == "tenant disabled":
                service.set_status(session, "tenant", owner.tenant_id, active=False)
            else:
                session.connection().exec_driver_sql(
                    "UPDATE login_session SET revoked_at = '2020-01-01 00:00:00.000000' WHERE id = ?", (number,)
                )
        with pytest.raises(websockets.ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 20)
        assert socket.close_code == 4401
        # Looked for every three seconds where nothing tells; a crowded machine needs some more.
        assert CHECK_S <= 3 and time.monotonic() - started < (10 if how == "expired elsewhere" else 5)
    world.hub.publish(f"agent:{owner.user_id}", {"late": 1})
    with world.db.transaction() as session:
        service.set_status(session, "agent", owner.user_id, active=True)
        service.set_status(session, "tenant", owner.tenant_id, active=True)


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "1", "{", '{"sub": "market"}', '{"sub": [1]}', '{"sub": [""]}', '{"sub": ["' + "x" * 65 + '"]}',
     '{"other": []}', '{"sub": ["market"], "x": 1}', '{"sub": [' + ",".join(['"market"'] * 65) + "]}", "x" * 10_000,
     "[" * 5_000],
)  # fmt: skip
async def test_nonsense_closes_the_socket(world: World, address: str, text: str) -> None:
    _, sid = world.cookie("agent", world.a.user_id)
    async with dial(address, sid) as socket:
        await socket.send(text)
        with pytest.raises(websockets.ConnectionClosed):
            await hear(socket)
        assert socket.close_code == 4400


async def test_one_session_cannot_open_sockets_without_end(world: World, address: str) -> None:
    _, sid = world.cookie("agent", world.a.user_id)
    sockets = [await dial(address, sid) for _ in range(33)]
    try:
        with pytest.raises(websockets.ConnectionClosed):
            await hear(sockets[-1])
        assert sockets[-1].close_code == 4429
        assert "market" in await subscribe(sockets[0], "market")
    finally:
        await asyncio.gather(*(socket.close() for socket in sockets))


async def test_a_reader_that_stops_reading_does_not_hold_up_the_others(world: World, address: str) -> None:
    _, slow_sid = world.cookie("agent", world.a.user_id)
    _, quick_sid = world.cookie("agent", world.a.user_id)
    async with dial(address, slow_sid) as slow, dial(address, quick_sid) as quick:
        await subscribe(slow, "market")
        await subscribe(quick, "market")
        slow.transport.pause_reading()
        block = "x" * 20_000
        started = time.monotonic()
        for number in range(400):
            world.hub.publish("market", {"n": number, "block": block})
        assert time.monotonic() - started < 10
        seen = -1
        while seen < 399:
            seen = (await hear(quick))["d"].get("n", seen)
        slow.transport.resume_reading()
        count, last = 0, -1
        while last < 399:
            last = (await hear(slow))["d"].get("n", last)
            count += 1
        assert count < 400
    world.hub.publish("market", {"block": None})
