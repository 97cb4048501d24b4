"""B1 for a node: generated requests, valid and not, rightly signed, to every door: a documented refusal or an answer, no 5xx.

Every task names an exchange on this machine that nobody listens at: nothing leaves it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import schemathesis
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode

from node_service.app import ROUTES, NodeApp, NodeSettings
from node_service.protocol import signed_headers
from tests.support.faults import times

SECRET = "s" * 40
NOWHERE = "http://127.0.0.1:9"
PER_DOOR = times(2, 100)
ID = {"type": "integer", "minimum": 0, "maximum": 2**53}
AMOUNT = {"type": "string", "pattern": "^[0-9]{1,6}(\\.[0-9]{1,8})?$"}
CLIENT_ID = {"type": "string", "pattern": "^[a-s][a-z0-9]{25,27}$"}
SYMBOL = {"enum": ["BTC/USDT", "ETH/USDT", "BTCUSDT"]}
QUERY = {
    "type": "object", "required": ["symbol", "client_order_id"],
    "properties": {"symbol": SYMBOL, "client_order_id": CLIENT_ID, "conditional": {"type": "boolean"}},
}  # fmt: skip
TASK = {
    "type": "object",
    "required": ["account_id", "exchange", "api_key", "api_secret", "client_order_id", "quantity", "symbol", "trigger_price",
                 "position_side", "queries", "symbols"],
    "properties": {
        "account_id": ID, "tenant_id": ID, "user_id": ID, "exchange": {"enum": ["binance"]},
        "api_key": {"type": "string", "pattern": "^[A-Za-z0-9]{16,64}$"},
        "api_secret": {"type": "string", "pattern": "^[A-Za-z0-9]{16,64}$"},
        "client_order_id": CLIENT_ID, "quantity": AMOUNT, "amount_usdt": AMOUNT, "symbol": SYMBOL,
        "trade_type": {"enum": ["OPEN", "CLOSE", "ADD", "REDUCE"]}, "side": {"enum": ["BUY", "SELL"]},
        "position_side": {"enum": ["LONG", "SHORT"]}, "stop_loss": AMOUNT, "trigger_price": AMOUNT,
        "stop_client_order_id": CLIENT_ID, "leverage": {"type": "integer", "minimum": 1, "maximum": 125},
        "expires_at_ms": ID, "lookup": {"type": "boolean"}, "reduce_only": {"type": "boolean"}, "since_ms": ID,
        "queries": {"type": "array", "items": QUERY, "minItems": 1, "maxItems": 3},
        "symbols": {"type": "array", "items": SYMBOL, "minItems": 1, "maxItems": 2},
        "client_order_ids": {"type": "array", "items": CLIENT_ID, "maxItems": 3},
    },
}  # fmt: skip
BODY = {
    "type": "object", "required": ["tasks"],
    "properties": {
        "tasks": {"type": "array", "items": TASK, "minItems": 1, "maxItems": 3},
        "signal": {"type": "object", "properties": {"symbol": SYMBOL, "side": {"enum": ["BUY", "SELL"]}, "leverage": ID}},
        "symbols": {"type": "array", "items": SYMBOL}, "since_ms": ID, "sandbox": {"type": "boolean"},
    },
}  # fmt: skip


def document() -> dict[str, Any]:
    """The node's doors as an OpenAPI document."""
    paths = {
        path: {
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": TASK if path == "/api/close-position" else BODY}},
                },
                "responses": {"200": {"description": "results"}, "4XX": {"description": "refused"}},
            }
        }
        for path in ROUTES
    }
    return {"openapi": "3.1.0", "info": {"title": "node", "version": "1"}, "paths": paths}


@pytest.fixture
def node() -> Iterator[tuple[asyncio.AbstractEventLoop, TestClient[Any, Any]]]:
    """A node on a loop of its own."""
    loop = asyncio.new_event_loop()
    app = NodeApp(NodeSettings(auth_secret=SECRET, node_code="n1", allow_venue_url=True)).application()

    async def start() -> TestClient[Any, Any]:
        client = TestClient(TestServer(app))
        await client.start_server()
        return client

    client = loop.run_until_complete(start())
    yield loop, client
    loop.run_until_complete(client.close())
    loop.close()


def _kept_here(value: Any) -> Any:
    """Whatever was made of a task, it goes to no real exchange."""
    if isinstance(value, dict):
        return {name: _kept_here(part) for name, part in value.items()} | {"base_url": NOWHERE, "exchange_url": NOWHERE}
    return [_kept_here(part) for part in value] if isinstance(value, list) else value


@pytest.mark.timeout(7200)
def test_generated_requests_to_a_node(node: tuple[asyncio.AbstractEventLoop, TestClient[Any, Any]]) -> None:
    loop, client = node
    answered: Counter[int] = Counter()
    schema = schemathesis.openapi.from_dict(document())
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(
                max_examples=PER_DOOR, deadline=None, database=None, suppress_health_check=list(HealthCheck),
                phases=[Phase.explicit, Phase.generate],
            )  # fmt: skip
            def one(case: Any) -> None:
                path = case.operation.path
                try:
                    raw = orjson.dumps(_kept_here(case.body))
                except TypeError:
                    raw = str(case.body).encode()
                headers, _ = signed_headers(SECRET, "POST", path, raw)
                status, text = loop.run_until_complete(_send(client, path, raw, headers))
                answered[status] += 1
                assert status == 200 or 400 <= status < 500, (path, status, text, raw[:300])
                assert SECRET not in text and (status == 200 or '"code"' in text), (path, text)

            one()
    print(dict(answered))
    assert answered[200] and sum(answered.values()) > PER_DOOR * len(ROUTES)


async def _send(client: TestClient[Any, Any], path: str, raw: bytes, headers: dict[str, str]) -> tuple[int, str]:
    async with client.post(path, data=raw, headers=headers | {"Content-Type": "application/json"}) as answer:
        return answer.status, await answer.text()
