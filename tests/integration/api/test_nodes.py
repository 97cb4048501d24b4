from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
from sqlmodel import select

from backend.execution.nodes import create_node
from backend.models import AuditLog, ExecutionNode
from backend.security.vault import Vault
from node_service.protocol import (
    HEADER_REPLY_SIGNATURE,
    HEADER_TIMESTAMP,
    new_nonce,
    sign,
    signed_headers,
    verify_reply,
)
from tests.support.doors import World

PATH = "/api/nodes/n1/heartbeat"
SAID = {
    "version": "1.2.3", "time_ms": 0, "accounts": 3, "inflight": 2, "last_error": "", "exchange_latency_ms": 41,
    "public_key": "QUJD", "base_url": "http://stolen.example",
}  # fmt: skip


@pytest.fixture(scope="module")
def secret(world: World) -> str:
    vault = Vault(world.settings.master_key.get_secret_value())
    return world.db.run(lambda session: create_node(session, "n1", "One", "http://10.0.0.9:9101/", vault=vault)[1])


async def beat(world: World, headers: dict[str, str], body: bytes, path: str = PATH) -> httpx.Response:
    async with world.client() as client:
        return await client.post(path, content=body, headers={"Content-Type": "application/json", **headers})


def node(world: World) -> ExecutionNode:
    with world.db.reading() as session:
        return session.exec(select(ExecutionNode).where(ExecutionNode.node_code == "n1")).one()


def raw(**changes: Any) -> bytes:
    return json.dumps({**SAID, **changes}).encode()


async def test_a_signed_heartbeat_is_noted_and_answered_with_a_signature(world: World, secret: str) -> None:
    body = raw()
    headers, nonce = signed_headers(secret, "POST", PATH, body)
    answer = await beat(world, headers, body)
    assert (answer.status_code, answer.json()["success"], answer.json()["message"]) == (200, True, "ok")
    verify_reply(
        secret, 200, PATH, answer.content, timestamp=answer.headers[HEADER_TIMESTAMP],
        signature=answer.headers[HEADER_REPLY_SIGNATURE], nonce=nonce,
    )  # fmt: skip
    row = node(world)
    assert (row.version, row.inflight, row.latency_ms, row.offered_key) == ("1.2.3", 2, 41, "QUJD")
    assert row.base_url == "http://10.0.0.9:9101"
    assert row.last_heartbeat_at is not None


async def test_a_heartbeat_counts_once(world: World, secret: str) -> None:
    body = raw()
    headers, _ = signed_headers(secret, "POST", PATH, body)
    assert (await beat(world, headers, body)).status_code == 200
    for _ in range(3):
        assert (await beat(world, headers, body)).status_code == 401


async def test_forged_heartbeats_change_nothing(world: World, secret: str) -> None:
    body = raw(version="evil")
    now = int(time.time() * 1000)

    def headers(
        key: str = secret, method: str = "POST", path: str = PATH, content: bytes = body, ts_ms: int = now
    ) -> dict[str, str]:
        nonce = new_nonce()
        mark = sign(key, method, path, content, ts_ms=ts_ms, nonce=nonce)
        return {"X-IB-Timestamp": str(ts_ms), "X-IB-Nonce": nonce, "X-IB-Signature": mark}

    forged = [
        {},
        {"X-Center-Token": secret},
        headers(key="x" * 64),
        headers(content=raw(version="other")),
        headers(path="/api/nodes/n2/heartbeat"),
        headers(method="PUT"),
        headers(ts_ms=now - 31_000),
        headers(ts_ms=now + 31_000),
        headers(ts_ms=1),
        {**headers(), "X-IB-Nonce": "short"},
        {**headers(), "X-IB-Nonce": new_nonce()},
        {**headers(), "X-IB-Timestamp": "x"},
        {**headers(), "X-IB-Signature": ""},
        {"X-IB-Signature": headers()["X-IB-Signature"]},
    ]
    before = node(world).model_dump()
    for number, attempt in enumerate(forged):
        answer = await beat(world, attempt, body)
        assert answer.status_code == 401, number
        assert HEADER_REPLY_SIGNATURE not in answer.headers
    assert node(world).model_dump() == before
    good = headers(path=PATH + "?x=1")
    assert (await beat(world, good, body, PATH + "?x=2")).status_code == 401


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'{"inflight": "many", "exchange_latency_ms": -1}'])
async def test_signed_nonsense_is_survived(world: World, secret: str, body: bytes) -> None:
    headers, _ = signed_headers(secret, "POST", PATH, body)
    assert (await beat(world, headers, body)).status_code in (200, 400, 401)


async def test_an_unknown_node_is_not_found(world: World, secret: str) -> None:
    headers, _ = signed_headers(secret, "POST", "/api/nodes/n9/heartbeat", b"{}")
    assert (await beat(world, headers, b"{}", "/api/nodes/n9/heartbeat")).status_code == 404


async def test_admins_register_change_and_retire_nodes(world: World) -> None:
    async with world.client("admin") as client:
        made = (await client.post("/api/nodes", json={"node_code": "n5", "base_url": "https://node.example:9101/"})).json()["data"]
        assert made["base_url"] == "https://node.example:9101" and len(made["secret"]) == 64
        taken = await client.post("/api/nodes", json={"node_code": "n5", "base_url": "https://node.example"})
        assert (taken.status_code, taken.json()["code"]) == (409, "node_code_taken")
        changed = await client.put(f"/api/nodes/{made['id']}", json={"name": "Five", "status": 1})
        assert changed.json()["data"]["name"] == "Five"
        listed = (await client.get("/api/nodes")).text
        assert '"n5"' in listed and made["secret"] not in listed
        await client.delete(f"/api/nodes/{made['id']}")
        assert '"n5"' not in (await client.get("/api/nodes")).text
        assert '"n5"' in (await client.get("/api/nodes?include_disabled=true")).text
        assert (await client.put("/api/nodes/999", json={"name": "x"})).status_code == 404
    with world.db.reading() as session:
        actions = session.exec(select(AuditLog.action)).all()
        stored = session.exec(select(ExecutionNode.secret_sealed)).all()
    assert {"node.create", "node.update", "node.retire"} <= set(actions)
    assert not [box for box in stored if made["secret"] in box]


@pytest.mark.parametrize(
    "url",
    ["", "ftp://x", "http://", "javascript:alert(1)", "http://169.254.169.254", "http://[fe80::1]", "http://0.0.0.0:1",
     "http://user:pw@10.0.0.1", "http://10.0.0.1?x=1", "http://10.0.0.1#x", "http://224.0.0.1", "http://[::ffff:169.254.169.254]",
     "http://2852039166", "http://0xa9fea9fe", "http://127.1", "http://10.0.0.1:99999", "http://a b", "http://x\n.y",
     "http://" + "x" * 300],
)  # fmt: skip
async def test_dangerous_node_addresses_are_refused(world: World, url: str) -> None:
    async with world.client("admin") as client:
        answer = await client.post("/api/nodes", json={"node_code": "bad", "base_url": url})
    assert answer.status_code in (400, 422), url
