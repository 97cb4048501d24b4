"""Joining a centre: token, key, sealed secret, signed heartbeat; another key waits for an admin."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from backend.clock import utcnow
from backend.models import AuditLog, ExecutionNode
from backend.security.vault import Vault, node_record
from node_service import enrol
from node_service.app import NodeSettings, SettingsError
from node_service.protocol import NodeKey, derived_seed, dumps, now_ms, open_text, signed_headers
from tests.support.doors import World


@pytest.fixture
def door(world: World) -> Iterator[str]:
    """The centre behind a real socket, for a joining process that speaks plain HTTP."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))

            async def pass_on() -> tuple[int, bytes]:
                async with world.client() as client:
                    answer = await client.post(self.path, content=raw, headers={"Content-Type": "application/json"})
                    return answer.status_code, answer.content

            status, content = asyncio.run_coroutine_threadsafe(pass_on(), loop).result(20)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    loop.call_soon_threadsafe(loop.stop)


async def invite(world: World, code: str) -> str:
    async with world.client("admin") as client:
        answer = await client.post("/api/nodes/invite", json={"node_code": code, "name": "Tokyo"})
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["data"]["token"]
    return token


def row(world: World, code: str) -> ExecutionNode:
    with world.db.reading() as session:
        return session.exec(select(ExecutionNode).where(ExecutionNode.node_code == code)).one()


async def join(door: str, token: str, config: Path) -> dict[str, Any]:
    return await asyncio.to_thread(enrol.join, door, token, config, public_url="http://10.0.0.7:9101")


async def beat(world: World, code: str, secret: str, key: str, offset_ms: int = 0) -> int:
    path = f"/api/nodes/{code}/heartbeat"
    raw = dumps({"version": "9", "time_ms": now_ms() + offset_ms, "public_key": key, "inflight": 0})
    headers, _ = signed_headers(secret, "POST", path, raw)
    async with world.client() as client:
        return (await client.post(path, content=raw, headers={"Content-Type": "application/json", **headers})).status_code


async def test_a_node_joins_with_a_token_and_is_heard(world: World, door: str, tmp_path: Path) -> None:
    config = tmp_path / "etc" / "node.env"
    token = await invite(world, "tokyo-1")
    assert row(world, "tokyo-1").status == 0
    told = await join(door, token, config)
    assert told["node_code"] == "tokyo-1"
    assert abs(told["clock_skew_ms"]) < 5_000
    assert config.stat().st_mode & 0o777 == 0o600
    settings = NodeSettings.from_env({"IRONBULL_NODE_CONFIG": str(config)})
    node = row(world, "tokyo-1")
    assert (node.status, node.base_url, node.join_hash) == (1, "http://10.0.0.7:9101", None)
    assert NodeKey(settings.key_seed).public_key == node.public_key
    vault = Vault(world.settings.master_key.get_secret_value())
    assert vault.open_platform(node_record("tokyo-1"), node.secret_sealed) == settings.auth_secret
    assert await beat(world, "tokyo-1", settings.auth_secret, node.public_key, offset_ms=-7_000) == 200
    node = row(world, "tokyo-1")
    assert -9_000 < (node.clock_skew_ms or 0) < -6_000
    assert node.egress_ip
    with world.db.reading() as session:
        done = {a.action for a in session.exec(select(AuditLog).where(AuditLog.target == "node:tokyo-1")).all()}
    assert {"node.invite", "node.join"} <= done


async def test_a_token_works_once_and_expires(world: World, door: str, tmp_path: Path) -> None:
    token = await invite(world, "tokyo-2")
    await join(door, token, tmp_path / "one.env")
    with pytest.raises(enrol.JoinFailed):
        await join(door, token, tmp_path / "two.env")
    assert not (tmp_path / "two.env").exists()
    late = await invite(world, "tokyo-3")
    with world.db.transaction() as session:
        node = session.exec(select(ExecutionNode).where(ExecutionNode.node_code == "tokyo-3")).one()
        node.join_expires_at = utcnow() - timedelta(seconds=1)
        session.add(node)
    with pytest.raises(enrol.JoinFailed, match="token"):
        await join(door, late, tmp_path / "late.env")
    with world.db.reading() as session:
        assert token not in json.dumps([str(n) for n in session.exec(select(ExecutionNode)).all()])


async def test_the_answer_shows_the_secret_to_the_key_alone(world: World, door: str) -> None:
    token, key = await invite(world, "tokyo-4"), NodeKey()
    async with world.client() as client:
        said = {"token": token, "public_key": key.public_key, "base_url": "http://10.0.0.8:9101", "time_ms": now_ms()}
        answer = await client.post("/api/nodes/join", json=said)
    vault = Vault(world.settings.master_key.get_secret_value())
    secret = vault.open_platform(node_record("tokyo-4"), row(world, "tokyo-4").secret_sealed)
    assert secret not in answer.text
    assert open_text(key, answer.json()["data"]["secret_sealed"]) == secret
    assert answer.headers.get("cache-control") != "public"


async def test_another_key_is_refused_until_an_admin_accepts_it(world: World, door: str, tmp_path: Path) -> None:
    config = tmp_path / "node.env"
    await join(door, await invite(world, "tokyo-5"), config)
    settings, pinned, other = (
        NodeSettings.from_env({"IRONBULL_NODE_CONFIG": str(config)}),
        row(world, "tokyo-5").public_key,
        NodeKey().public_key,
    )
    assert await beat(world, "tokyo-5", settings.auth_secret, other) == 200
    node = row(world, "tokyo-5")
    assert (node.public_key, node.offered_key) == (pinned, other)
    async with world.client("admin") as client:
        assert (await client.post(f"/api/nodes/{node.id}/accept-key")).status_code == 200
        assert (await client.post(f"/api/nodes/{node.id}/accept-key")).status_code == 409
    node = row(world, "tokyo-5")
    assert (node.public_key, node.offered_key) == (other, "")


async def test_bad_joins_change_nothing(world: World, door: str, tmp_path: Path) -> None:
    token = await invite(world, "tokyo-6")
    good = {"token": token, "public_key": NodeKey().public_key, "base_url": "http://10.0.0.8:9101", "time_ms": 1}
    async with world.client() as client:
        for change in ({"token": "x"}, {"public_key": "QUJD"}, {"public_key": "***"}, {"base_url": "http://169.254.169.254"}):
            answer = await client.post("/api/nodes/join", json=good | change)
            assert answer.status_code in (400, 401, 422), answer.text
        assert row(world, "tokyo-6").status == 0
        assert (await client.post("/api/nodes/join", json=good)).status_code == 200


def test_a_configuration_that_others_can_read_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "node.env"
    enrol.write_config(config, {"IRONBULL_NODE_AUTH_SECRET": "s" * 32})
    assert NodeSettings.from_env({"IRONBULL_NODE_CONFIG": str(config)}).auth_secret == "s" * 32
    config.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod"):
        NodeSettings.from_env({"IRONBULL_NODE_CONFIG": str(config)})


def test_a_node_without_a_key_has_the_one_of_its_secret() -> None:
    assert NodeKey(derived_seed("a" * 32)).public_key == NodeKey(derived_seed("a" * 32)).public_key
    assert NodeKey(derived_seed("a" * 32)).public_key != NodeKey(derived_seed("b" * 32)).public_key
