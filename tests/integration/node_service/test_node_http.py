"""The node's HTTP service: who is let in, what is answered, what is signed."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from node_service import protocol
from node_service.client import Delivery, NodeClient
from node_service.messages import new_client_id
from tests.support.node import SECRET, NodeServer, Trader

EXECUTE = "/api/execute"
EMPTY = protocol.dumps({"signal": {"symbol": "BTC/USDT"}, "tasks": []})


async def post(
    server: NodeServer, raw: bytes, headers: dict[str, str], path: str = EXECUTE
) -> tuple[int, dict[str, Any], dict[str, str]]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(server.base_url + path, data=raw, headers=headers) as reply,
    ):
        return reply.status, await reply.json(), dict(reply.headers)


def signed(raw: bytes, path: str = EXECUTE, secret: str = SECRET) -> dict[str, str]:
    return protocol.signed_headers(secret, "POST", path, raw)[0]


async def test_a_signed_request_is_answered_and_the_answer_is_signed() -> None:
    async with NodeServer() as server:
        headers = signed(EMPTY)
        status, answer, got = await post(server, EMPTY, headers)
        assert (status, answer) == (200, {"success": True, "results": []})
        protocol.verify_reply(
            SECRET, 200, EXECUTE, protocol.dumps(answer), timestamp=got[protocol.HEADER_TIMESTAMP],
            signature=got[protocol.HEADER_REPLY_SIGNATURE], nonce=headers[protocol.HEADER_NONCE],
        )  # fmt: skip


async def test_strangers_get_401_with_a_code_and_no_signature() -> None:
    async with NodeServer() as server:
        cases = {
            "SIGNATURE_MISSING": {},
            "SIGNATURE_WRONG": signed(EMPTY, secret="another-secret-entirely"),
            "TIMESTAMP_INVALID": signed(EMPTY) | {protocol.HEADER_TIMESTAMP: "soon"},
            "NONCE_INVALID": signed(EMPTY) | {protocol.HEADER_NONCE: "x"},
        }
        for code, headers in cases.items():
            status, answer, got = await post(server, EMPTY, headers)
            assert (status, answer["detail"], answer["code"]) == (401, "Unauthorized", code)
            assert protocol.HEADER_REPLY_SIGNATURE not in got
        status, answer, _ = await post(server, EMPTY, {"X-Center-Token": SECRET})
        assert (status, answer["code"]) == (401, "SIGNATURE_MISSING")


async def test_what_waited_while_the_node_was_stopped_is_refused() -> None:
    async with NodeServer() as server:
        assert (await post(server, EMPTY, signed(EMPTY)))[0] == 200
        waited = signed(EMPTY)
        await asyncio.sleep(0.01)
        server.app._turn_s -= 60  # as if the process had had no turn for a minute
        status, answer, got = await post(server, EMPTY, waited)
        assert (status, answer["code"]) == (401, "BEFORE_START") and protocol.HEADER_REPLY_SIGNATURE in got
        assert (await post(server, EMPTY, signed(EMPTY)))[0] == 200


async def test_replayed_stale_and_skewed_requests_get_401() -> None:
    async with NodeServer() as server:
        headers = signed(EMPTY)
        assert (await post(server, EMPTY, headers))[0] == 200
        for ts_ms, code in (
            (None, "REPLAYED"),
            (-31_000, "CLOCK_SKEW"),
            (31_000, "CLOCK_SKEW"),
            (-5_000, "BEFORE_START"),
        ):
            if ts_ms is not None:
                stamp, nonce = protocol.now_ms() + ts_ms, protocol.new_nonce()
                headers = {
                    protocol.HEADER_TIMESTAMP: str(stamp), protocol.HEADER_NONCE: nonce,
                    protocol.HEADER_SIGNATURE: protocol.sign(SECRET, "POST", EXECUTE, EMPTY, ts_ms=stamp, nonce=nonce),
                }  # fmt: skip
            status, answer, got = await post(server, EMPTY, headers)
            assert (status, answer["code"]) == (401, code)
            assert protocol.HEADER_REPLY_SIGNATURE in got  # the sender holds the secret and may rely on the refusal


async def test_the_old_token_works_when_switched_on() -> None:
    async with NodeServer(legacy_token=True) as server:
        assert (await post(server, EMPTY, {"X-Center-Token": SECRET}))[0] == 200
        assert (await post(server, EMPTY, {"X-Center-Token": "no"}))[0] == 401


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"{", 400, "BAD_JSON"),
        (b"[]", 400, "BAD_JSON"),
        (b"", 400, "BAD_JSON"),
        (b"[" * 100_000, 400, "BAD_JSON"),
        (b"{}", 400, "FIELD_MISSING"),
        (protocol.dumps({"signal": {"symbol": "???"}, "tasks": []}), 422, "UNKNOWN_SYMBOL"),
        (protocol.dumps({"signal": {"symbol": "BTC/USDT"}, "tasks": [{}]}), 422, "FIELD_MISSING"),
    ],
)
async def test_bad_bodies_get_4xx_with_a_code(raw: bytes, status: int, code: str) -> None:
    async with NodeServer() as server:
        got, answer, _ = await post(server, raw, signed(raw))
        assert (got, answer["code"]) == (status, code)
        assert answer["message"]


async def test_zero_quantity_is_refused_and_nothing_is_sent(trader: Trader) -> None:
    async with NodeServer() as server, NodeClient() as client:
        request = trader.request(trader.task(), trader.task(quantity="0"))
        reply = await client.send(server.node(), EXECUTE, request)
    assert (reply.delivery, reply.status, reply.error_code) == (Delivery.REFUSED, 422, "ZERO_QUANTITY")
    assert trader.orders() == []


async def test_compressed_and_oversized_bodies_are_refused() -> None:
    async with NodeServer() as server:
        status, answer, _ = await post(server, EMPTY, signed(EMPTY) | {"Content-Encoding": "gzip"})
        assert status in (400, 415)
        huge = b" " * (protocol.MAX_BODY_BYTES + 1)
        status, answer, _ = await post(server, huge, signed(huge))
        assert (status, answer["code"]) == (413, "BODY_TOO_LARGE")


async def test_only_listed_addresses_may_call() -> None:
    async with NodeServer(allowed_ips=("10.0.0.0/8", "192.0.2.7")) as server:
        status, answer, _ = await post(server, EMPTY, signed(EMPTY))
        assert (status, answer["code"]) == (401, "ADDRESS_REFUSED")
    async with NodeServer(allowed_ips=("127.0.0.0/8",)) as server:
        assert (await post(server, EMPTY, signed(EMPTY)))[0] == 200


async def test_unknown_paths_and_methods_are_refused() -> None:
    async with NodeServer() as server, aiohttp.ClientSession() as session:
        for method, path, status in (("GET", EXECUTE, 405), ("POST", "/api/nothing", 404), ("POST", "/health", 405)):
            async with session.request(method, server.base_url + path) as reply:
                assert reply.status == status


async def test_health_is_open_and_tells_what_the_centre_needs() -> None:
    async with NodeServer() as server, aiohttp.ClientSession() as session:
        async with session.get(server.base_url + "/health") as reply:
            answer = await reply.json()
        assert (answer["status"], answer["service"], answer["node_code"]) == ("ok", "execution-node", "n1")
        assert answer["public_key"] == server.app.key.public_key
        assert abs(answer["time_ms"] - protocol.now_ms()) < 5_000
        assert SECRET not in str(answer)


async def test_sealed_credentials_trade_and_belong_to_one_account_and_node(trader: Trader) -> None:
    async with NodeServer() as server, NodeClient() as client:
        node = server.node()
        key = (await client.health(node)).data["public_key"]
        plain = {name: trader.credentials[name] for name in ("api_key", "api_secret")}
        task = trader.task(api_key=None, api_secret=None)
        task["sealed"] = protocol.seal(key, plain, account_id=trader.account_id, node_code="n1")
        reply = await client.send(node, EXECUTE, trader.request(task))
        assert reply.data["results"][0]["status"] == "FILLED"
        stolen = task | {"account_id": 999_999, "client_order_id": new_client_id()}
        reply = await client.send(node, EXECUTE, trader.request(stolen))
        assert reply.data["results"][0]["error_code"] == "SEALED_WRONG_RECIPIENT"
    assert len(trader.orders()) == 1


async def test_a_node_without_permission_keeps_away_from_other_addresses(trader: Trader) -> None:
    async with NodeServer(allow_venue_url=False) as server, NodeClient() as client:
        reply = await client.send(server.node(), EXECUTE, trader.request(trader.task()))
    assert reply.data["results"][0]["error_code"] == "VENUE_URL_REFUSED"
    assert trader.orders() == []


async def test_the_same_order_over_two_requests_is_sent_once(trader: Trader) -> None:
    async with NodeServer() as server, NodeClient() as client:
        request = trader.request(trader.task())
        first, second = await client.dispatch([(server.node(), EXECUTE, request)] * 2)
        third = await client.send(server.node(), EXECUTE, request)
    ids = {reply.data["results"][0]["exchange_order_id"] for reply in (first, second, third)}
    assert len(ids) == 1
    assert len(trader.orders()) == 1


async def test_a_caller_that_hangs_up_does_not_stop_an_order(trader: Trader) -> None:
    async with NodeServer() as server, NodeClient() as client:
        trader.venue.faults({"kind": "delay", "delay_ms": 500, "when": "after", "path": "/fapi/v1/order", "times": 1})
        task = trader.task()
        reply = await client.send(server.node(), EXECUTE, trader.request(task), timeout_s=0.3)
        assert (reply.delivery, reply.error_code) == (Delivery.UNKNOWN, "NODE_TIMEOUT")
        for _ in range(50):
            asked = await client.send(server.node(), "/api/query-orders", trader.query(task["client_order_id"]))
            [order] = asked.data["results"][0]["orders"]
            if order["found"]:
                break
            assert order["found"] is None  # in flight or too early: never a denial
            await asyncio.sleep(0.1)
        assert (order["status"], order["filled_quantity"]) == ("FILLED", "0.01")
    assert len(trader.orders()) == 1


async def test_no_secret_reaches_log_or_answer(trader: Trader, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with NodeServer() as server, NodeClient() as client:
        trader.venue.faults({"kind": "status", "status": 500, "path": "/fapi/v1/order"})
        task = trader.task(passphrase="canary-passphrase")
        replies = [
            await client.send(server.node(), EXECUTE, trader.request(task)),
            await client.send(server.node(), "/api/query-orders", trader.query(task["client_order_id"])),
            await client.send(server.node(), "/api/execute", {"signal": {}, "tasks": [task]}),
        ]
    text = caplog.text + "".join(str(reply) for reply in replies)
    for secret in (trader.credentials["api_key"], trader.credentials["api_secret"], "canary-passphrase", SECRET):
        assert secret not in text


async def test_the_heartbeat_is_signed_and_says_how_the_node_is() -> None:
    beats: asyncio.Queue[tuple[str, dict[str, str], bytes]] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        beats.put_nowait((request.path, dict(request.headers), await request.read()))
        return web.Response(status=204)

    centre = web.Application()
    centre.router.add_post("/api/nodes/{code}/heartbeat", take)
    runner = web.AppRunner(centre)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    center_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with NodeServer(center_url=center_url, heartbeat_s=0.05) as server:
            for _ in range(2):
                path, headers, raw = await asyncio.wait_for(beats.get(), 20)
                assert path == "/api/nodes/n1/heartbeat"
                protocol.RequestVerifier(SECRET, started_ms=0).verify(headers, "POST", path, raw)
                beat = protocol.loads(raw)
                assert beat["public_key"] == server.app.key.public_key
                assert {
                    "version",
                    "time_ms",
                    "accounts",
                    "inflight",
                    "last_error",
                    "exchange_latency_ms",
                    "base_url",
                } <= set(beat)
    finally:
        await runner.cleanup()
