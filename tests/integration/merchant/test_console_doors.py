"""The operator's doors of quota plans and the tenant's doors of its keys."""

from __future__ import annotations

import pytest

from tests.support.doors import World
from tests.support.merchant import Merchant, data, merchant, stopped


@pytest.fixture
def signed(fresh: World) -> World:
    fresh.tokens = {}
    fresh.sign_in()
    return fresh


async def test_a_plan_is_made_given_and_used(signed: World) -> None:
    async with signed.client("admin") as client:
        plan = {"code": "tiny", "name": "Tiny", "api_calls_daily": 2, "max_users": 9, "price_monthly": "9.50"}
        made = (await client.post("/api/quota-plans", json=plan)).json()["data"]
        assert (made["api_calls_daily"], made["price_monthly"], made["status"]) == (2, "9.50", 1)
        assert (await client.post("/api/quota-plans", json=plan)).status_code == 400
        changed = await client.put(f"/api/quota-plans/{made['id']}", json={"api_calls_daily": 1})
        assert changed.json()["data"]["api_calls_daily"] == 1
        assert (await client.put("/api/quota-plans/999", json={})).status_code == 404
        for bad in ({"max_users": -1}, {"max_users": "5"}, {"price_monthly": "NaN"}, {"code": ""}):
            assert (await client.put(f"/api/quota-plans/{made['id']}", json=bad)).status_code in (400, 422)
        door = f"/api/tenants/{signed.a.tenant_id}/assign-plan"
        assert (await client.post(door, json={"plan_id": made["id"]})).json()["success"] is True
        missing = await client.post(door, json={"plan_id": 999})
        assert (missing.status_code, missing.json()["detail"]) == (404, "租户或套餐不存在")
        a = merchant(signed, signed.a)
        data(await a.get("/balance"))
        assert stopped(await a.get("/balance"), 429) == "超出每日API限额(1次/天)"
        found = (await client.get(f"/api/quota-usage/{signed.a.tenant_id}?days=3")).json()["data"]
        assert found["api_quota"] == {
            "allowed": False, "plan_name": "Tiny", "reason": "超出每日API限额(1次/天)", "daily_limit": 1, "daily_used": 1,
            "monthly_limit": 0, "monthly_used": 1,
        }  # fmt: skip
        assert found["resource_quota"]["users"] == {"limit": 9, "used": 1, "exceeded": False}
        assert [row["api_calls"] for row in found["usage_history"]] == [0, 0, 1]
        assert (await client.patch(f"/api/quota-plans/{made['id']}/toggle")).json()["data"]["status"] == 0
        assert [row["code"] for row in (await client.get("/api/quota-plans")).json()["data"]] == ["tiny"]
        assert (await client.post(door, json={"plan_id": None})).status_code == 200
    data(await a.get("/balance"))


async def test_a_tenant_changes_its_keys_without_a_gap(signed: World) -> None:
    door = "/api/tenant/merchant-keys"
    old = merchant(signed, signed.a)
    async with signed.client("tenant_a") as client:
        (first,) = (await client.get(door)).json()["data"]
        assert first["app_key"] == signed.a.app_key and "app_secret" not in first and "secret_sealed" not in first
        made = (await client.post(door, json={"label": "second"})).json()["data"]
        new = Merchant(signed, made["app_key"], made["app_secret"])
        data(await old.get("/balance"))
        data(await new.get("/balance"))
        third = await client.post(door, json={})
        assert (third.status_code, third.json()["code"]) == (409, "too_many_keys")
        assert (await client.post(f"{door}/{first['id']}/revoke")).json()["data"]["status"] == 0
        stopped(await old.get("/balance"), 401)
        change = {"ips": ["203.0.113.0/24"], "legacy": True}
        kept = (await client.put(f"{door}/{made['id']}", json=change)).json()["data"]
        assert (kept["ips"], kept["legacy"], kept["legacy_writes"], kept["label"]) == (["203.0.113.0/24"], True, False, "second")
        stopped(await new.get("/balance"), 403)
        assert (await client.put(f"{door}/{made['id']}", json={"ips": ["x"]})).status_code == 400
        assert made["app_secret"] not in (await client.get(door)).text
        assert (await client.get("/api/tenant/quota-usage")).json()["data"]["api_quota"]["daily_used"] == 2
    async with signed.client("tenant_b") as client:
        assert (await client.put(f"{door}/{made['id']}", json={"ips": []})).status_code == 404
        assert (await client.post(f"{door}/{made['id']}/revoke")).status_code == 404
