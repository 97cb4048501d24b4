"""The tenant's doors of its webhooks: the whole life of an endpoint, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.doors import World, make_world

DOOR, SENT = "/api/tenant/webhooks", "/api/tenant/webhook-deliveries"
URL = "https://hooks.example.com/in"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    made.sign_in()
    yield made
    made.db.dispose()


async def test_the_life_of_an_endpoint(world: World) -> None:
    async with world.client("tenant_a") as client:
        made = (await client.post(DOOR, json={"url": URL, "events": ["trade.closed"], "low_points": "12.5"})).json()["data"]
        assert made["secret"].startswith("whsec_") and (made["low_points"], made["status"]) == ("12.5", 1)
        one = f"{DOOR}/{made['id']}"
        changed = (await client.put(one, json={"events": ["reward.paid", "trade.closed"]})).json()["data"]
        assert changed["events"] == ["reward.paid", "trade.closed"] and changed["url"] == URL
        turned = (await client.post(f"{one}/rotate")).json()["data"]
        assert turned["secret"] != made["secret"] and turned["old_until"]
        assert (await client.post(f"{one}/test")).status_code == 200
        (row,) = (await client.get(SENT, params={"status": "PENDING"})).json()["data"]
        assert row["event"] == "test.ping" and row["endpoint_id"] == made["id"]
        assert (await client.post(f"{SENT}/{row['id']}/replay")).json()["data"]["message_id"] == row["message_id"]
        listed = await client.get(DOOR)
        assert listed.json()["total"] == 1
        assert "whsec_" not in listed.text and "sealed" not in listed.text
        assert (await client.put(one, json={"on": False})).json()["data"]["status"] == 0
        off = await client.post(f"{one}/test")
        assert (off.status_code, off.json()["code"]) == (409, "endpoint_stopped")
        assert (await client.delete(one)).status_code == 200
        (row,) = (await client.get(SENT)).json()["data"]
        assert (row["status"], row["error"]) == ("DEAD", "the endpoint was removed")
        assert (await client.delete(one)).status_code == 404


@pytest.mark.parametrize(
    "bad",
    [{"url": "http://hooks.example.com"}, {"url": "https://127.0.0.1/x"}, {"url": "https://[::1]/x"}, {"url": "https://10.0.0.8/"},
     {"url": "https://user:pw@hooks.example.com/"}, {"url": "https://0x7f.1/"}, {"url": "https://169.254.169.254/latest"}, {"url": ""},
     {"events": []}, {"events": ["trade.opened"]}, {"low_points": "-1"}, {"low_points": "NaN"}, {"low_points": 1.5}],
)  # fmt: skip
async def test_bad_input_is_refused(world: World, bad: dict[str, object]) -> None:
    async with world.client("tenant_a") as client:
        answer = await client.post(DOOR, json={"url": URL, "events": ["trade.closed"], **bad})
        assert answer.status_code in (400, 422), answer.text
        assert (await client.get(DOOR)).json()["total"] == 0


async def test_another_tenant_finds_nothing(world: World) -> None:
    async with world.client("tenant_a") as client:
        made = (await client.post(DOOR, json={"url": URL, "events": ["trade.closed"]})).json()["data"]
        await client.post(f"{DOOR}/{made['id']}/test")
        (row,) = (await client.get(SENT)).json()["data"]
    one = f"{DOOR}/{made['id']}"
    async with world.client("tenant_b") as client:
        for method, path in (("PUT", one), ("DELETE", one), ("POST", f"{one}/rotate"), ("POST", f"{one}/test"), ("POST", f"{SENT}/{row['id']}/replay")):
            assert (await client.request(method, path, json={})).status_code == 404, path
        assert (await client.get(SENT)).json()["total"] == 0
        assert (await client.get("/api/lists/deliveries.csv")).text.count("\n") == 1
    async with world.client("agent_a") as client:
        assert (await client.get(DOOR)).status_code == 403
