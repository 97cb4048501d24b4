"""What must be refused cleanly: never an exception, never a write, never slowly. Real server for the raw bodies."""

from __future__ import annotations

import asyncio
import gzip
import json
import resource
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from backend.api.guard import Wall
from tests.support.doors import PASSWORD, World, routes_of, served
from tests.support.faults import times


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    with served(world.app) as at:
        yield at


TEXTS = ["\x00", "\u202eabc", "🙂" * 50, "x" * 20_000, "' OR 1=1 --", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "%00",
         "../../etc/passwd", "NaN", "１２３", "null", "-1", "1e400", "9" * 40, "true", ""]  # fmt: skip


async def test_no_parameter_of_any_list_causes_an_exception(world: World) -> None:
    """Every text at every door under `make faults`; else each door gets a third of them, the next door the next third."""
    turn, parts = 0, times(3, 1)
    names = ["tenant_id", "account_id", "limit", "offset", "page", "page_size", "start_time", "symbol", "status", "days",
             "has_position", "order_id", "unread"]  # fmt: skip
    for token, part in (("admin", "/api/"), ("tenant_a", "/api/tenant/"), ("agent_a", "/api/agent/")):
        async with world.client(token) as client:
            for method, path in routes_of(world.app):
                if method != "GET" or not path.startswith(part) or "{" in path or path in ("/api/health", "/api/demo/accounts"):
                    continue
                if token == "admin" and path.startswith(("/api/tenant/", "/api/agent/")):
                    continue
                turn += 1
                for number, text in list(enumerate(TEXTS))[turn % parts :: parts]:
                    query = {names[number % len(names)]: text, names[(number * 5 + 3) % len(names)]: text}
                    answer = await client.get(path, params={"tenant_id": 1, **query})
                    assert answer.status_code in (200, 400, 422), (path, query, answer.text[:300])


@pytest.mark.parametrize("number", ["0", "-1", "9223372036854775808", "1e3", "x", "１", "%00", "1.5", "true", "99999999999999999999999"])
async def test_no_id_of_any_item_causes_an_exception(world: World, number: str) -> None:
    for token in ("admin", "agent_a"):
        async with world.client(token) as client:
            for path in (f"/api/nodes/{number}", f"/api/agent/notifications/{number}/read"):
                answer = await client.put(path, json={})
                assert answer.status_code in (403, 404, 422), (path, answer.text)


@pytest.mark.parametrize("value", [*TEXTS, 1, 1.5, None, True, [], {}, ["x"], {"a": 1}])
async def test_logins_take_any_value_calmly(world: World, value: Any) -> None:
    async with world.client(peer="203.0.113.77") as client:
        for door in ("/api/auth/login", "/api/auth/agent/login"):
            answer = await client.post(door, json={"username": value, "email": value, "password": value})
            assert answer.status_code in (401, 422, 429), answer.text
            assert "Traceback" not in answer.text
        form = await client.post("/api/session/login", data={"identifier": str(value), "password": str(value)})
        assert form.status_code == 303


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in ("min_score", "max_position_usdt", "stop_loss_roi", "max_leverage")
     for value in ("NaN", "Infinity", "1e400", "1,000", "１２", True, [], {}, -1, "-0.5", 10**30, "0x10")],
)  # fmt: skip
async def test_bot_numbers_are_checked(world: World, name: str, value: Any) -> None:
    async with world.client("agent_a") as client:
        before = (await client.get("/api/agent/bot/status")).json()["config"]
        answer = await client.put("/api/agent/bot/config", json={"config": {name: value}})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_bot_config"), answer.text
        assert (await client.get("/api/agent/bot/status")).json()["config"] == before


RAW_JSON = [
    (b"{", "bad_json"),
    (b"", "invalid_input"),
    (b"[" * 100_000, "bad_json"),
    (b"[" * 33 + b"]" * 33, "bad_json"),
    (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "bad_json"),
    (b'{"username": "a", "username": "boss", "password": "x"}', "bad_json"),
    (b'{"username": "a", "password": NaN}', "bad_json"),
    (b'{"username": "a", "password": -Infinity}', "bad_json"),
    (b'{"username": "\\ud800", "password": "x"}', "bad_json"),
    (b'{"username": "\xff\xfe", "password": "x"}', "bad_json"),
    (b'{"username": "a", "password": ' + b"9" * 5_000 + b"}", "bad_json"),
    (b"null", "invalid_input"),
    (b"1", "invalid_input"),
    (b'"x"', "invalid_input"),
    (b"[]", "invalid_input"),
]


@pytest.mark.parametrize(("body", "code"), RAW_JSON)
async def test_unusable_json_is_refused_at_once(world: World, body: bytes, code: str) -> None:
    async with world.client() as client:
        started = time.monotonic()
        answer = await client.post("/api/auth/login", content=body, headers={"Content-Type": "application/json"})
    assert time.monotonic() - started < 10  # a bomb takes minutes; a crowded machine some seconds
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] == code


async def test_brackets_inside_texts_are_no_depth(world: World) -> None:
    async with world.client() as client:
        body = {"username": "[" * 100, "password": '\\"' + "{" * 100}
        assert (await client.post("/api/auth/login", json=body)).status_code in (401, 429)


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_other_content_types_are_not_taken_for_json(world: World, kind: str) -> None:
    body = json.dumps({"username": "boss", "password": PASSWORD}).encode()
    async with world.client() as client:
        answer = await client.post("/api/auth/login", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 422


async def test_a_compressed_body_is_not_unpacked(world: World) -> None:
    bomb = gzip.compress(b"0" * 20_000_000)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with world.client() as client:
        answer = await client.post("/api/auth/login", content=bomb, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "encoding_refused")


async def test_a_large_body_is_refused_by_its_length_and_by_its_size(address: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    async def endless() -> Any:
        for _ in range(1_600):
            yield b"x" * 65_536

    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=30) as client:
        started = time.monotonic()
        told = await client.post("/api/auth/login", content=b"x" * 1_000_001)
        assert (told.status_code, told.json()["code"]) == (413, "body_too_large")
        try:
            streamed = await client.post("/api/auth/login", content=endless())
            assert streamed.status_code == 413
        except (httpx.WriteError, httpx.ReadError):  # the server closed the connection while we were still sending
            pass
        assert time.monotonic() - started < 20
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 40_000  # client and server share this process


def test_lengths_that_lie_do_not_hang_or_crash(address: str) -> None:
    host, port = address.split(":")
    for length in ("-1", "x", "99999999999999999999", "1e9"):
        with socket.create_connection((host, int(port)), 5) as line:
            line.sendall(f"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
            line.settimeout(5)
            assert line.recv(100).startswith((b"HTTP/1.1 4", b"")), length


async def test_every_answer_carries_an_id_and_the_safety_headers(world: World) -> None:
    async with world.client() as client:
        for path in ("/api/health", "/api/none", "/api/orders", "/metrics"):
            answer = await client.get(path)
            assert len(answer.headers["X-Request-Id"]) == 32
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        kept = await client.get("/api/none", headers={"X-Request-Id": "abc-12345"})
        assert kept.headers["X-Request-Id"] == kept.json()["request_id"] == "abc-12345"
        for bad in ("short", "x" * 65, "a b c d e f g", "<script>"):
            changed = await client.get("/api/none", headers={"X-Request-Id": bad})
            assert changed.headers["X-Request-Id"] != bad


async def test_an_unexpected_failure_tells_only_the_request_id(fresh: World) -> None:
    """A table is gone: the database error must not reach the caller."""
    with fresh.db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE trade_order")
    async with fresh.client("admin") as client:
        answer = await client.get("/api/orders?tenant_id=1")
    assert answer.status_code == 500
    body = answer.json()
    assert body["code"] == "internal_error" and body["request_id"] == answer.headers["X-Request-Id"]
    assert "trade_order" not in answer.text and "sqlite" not in answer.text.lower()


async def test_unknown_doors_and_methods(world: World) -> None:
    async with world.client("admin") as client:
        assert (await client.get("/api/nothing/here")).json()["code"] == "not_found"
        assert (await client.post("/api/orders")).status_code in (404, 405)
        assert (await client.get("/api/orders/")).status_code == 404


async def test_a_body_that_never_ends_is_given_up(world: World) -> None:
    with served(Wall(world.app, body_deadline_s=0.3)) as at:
        host, port = at.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
        answer = await asyncio.wait_for(reader.read(100), 10)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408")
