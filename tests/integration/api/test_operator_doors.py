"""The operators' further doors: many users at once, symbols of an exchange, figures, how signals are made, what limits refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backend.live import hub
from backend.monitoring import asked
from tests.integration.api.test_roles import role_token
from tests.support.doors import World, make_world
from tests.support.paper import PaperServer


async def post(client: Any, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, (path, answer.text)
    return dict(answer.json()["data"])


async def get(client: Any, path: str, **params: Any) -> Any:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()["data"]


async def test_many_users_at_once(fresh: World) -> None:
    both, root = [fresh.a.user_id, fresh.b.user_id], fresh.a.root_id
    async with fresh.client("admin") as client:
        assert await post(client, "/api/batch/toggle-users", user_ids=[*both, root, 999_999], status=0) == {"updated": 2, "skipped": 2}
        assert await post(client, "/api/batch/toggle-users", user_ids=both, status=0) == {"updated": 0, "skipped": 2}
        assert await post(client, "/api/batch/toggle-users", user_ids=both, status=1) == {"updated": 2, "skipped": 0}
        points = {"user_ids": [*both, root], "amount": "7", "card_type": "self", "key": "batch-key-1"}
        for _ in range(2):  # the second time nobody gets anything
            done = await post(client, "/api/batch/recharge-users", **points)
            assert (done["success_count"], done["fail_count"]) == (2, 1) and done["errors"][0]["user_id"] == root
            assert (await get(client, f"/api/users/{fresh.a.user_id}"))["point_card_self"] == "27.00000000"
        # What the tenant's stock does not hold is refused for each user, and said.
        done = await post(client, "/api/batch/recharge-users", **points | {"amount": "1000", "key": "batch-key-2"})
        assert done["success_count"] == 0 and len(done["errors"]) == 3
        follow = {"user_ids": both, "strategy_id": fresh.a.strategy_id, "capital": "500", "leverage": 3}
        done = await post(client, "/api/batch/bind-strategy", **follow)
        assert {row["code"] for row in done["errors"]} == {"already_followed"}
        for binding in (fresh.a.binding_id, fresh.b.binding_id):
            await client.put(f"/api/strategy-bindings-admin/{binding}", json={"status": 0})
            await client.delete(f"/api/strategy-bindings-admin/{binding}")
        assert (await post(client, "/api/batch/bind-strategy", **follow))["success_count"] == 2
        assert (await client.post("/api/batch/toggle-users", json={"user_ids": list(range(1, 202)), "status": 1})).status_code == 422
    async with fresh.client(role_token(fresh, "support")) as client:
        assert (await client.post("/api/batch/toggle-users", json={"user_ids": both, "status": 1})).status_code == 200
        assert (await client.post("/api/batch/recharge-users", json=points)).json()["code"] == "role_may_not"
        assert (await client.post("/api/batch/bind-strategy", json=follow)).json()["code"] == "role_may_not"


async def test_figures_of_closed_trades(fresh: World) -> None:
    who = {"tenant_id": fresh.a.tenant_id, "account_id": fresh.a.account_id}
    async with fresh.client("admin") as client:
        found = await get(client, "/api/analytics/performance", **who)
        assert found["summary"]["trades"] == 1 and round(found["equity_curve"][-1]["equity"], 6) == 1006.0
        assert (await get(client, "/api/analytics/performance", **who, end_date="2020-01-01"))["summary"] is None
        assert (await client.get("/api/analytics/performance", params={"tenant_id": fresh.a.tenant_id})).status_code == 422
        for name in ("performance", "risk", "statistics"):
            assert (await client.get(f"/api/analytics/{name}", params={**who, "tenant_id": fresh.b.tenant_id})).status_code == 404
        assert (await get(client, "/api/analytics/risk", **who))["days"] == 1
        assert await get(client, "/api/analytics/risk", **who, strategy_code="other") is None
        answer = (await client.get("/api/analytics/statistics", params={**who, "period_type": "monthly", "symbol": "MARKA/USDT"})).json()
        (row,) = answer["data"]
        assert answer["total"] == 1 and (row["winning"], row["net_profit"], row["profit_factor"]) == (1, "5", None)
        assert (await client.get("/api/analytics/statistics", params={**who, "period_type": "hourly"})).status_code == 422


async def test_the_making_of_signals(fresh: World) -> None:
    async with fresh.client("admin") as client:
        found = await get(client, "/api/signal-monitor/status")
        assert found["state"]["running"] is False and found["state"]["total_checks"] == 1
        assert found["position_monitor_stats"]["watched"] == 2 and [row["code"] for row in found["strategies"]] == ["composite"]
        assert await post(client, "/api/signal-monitor/trigger-scan") == {"asked": "scan"}
        assert fresh.db.run(asked.take) == ["scan"]
        asked_of = {"symbols": "btcusdt,UNHEARD/USDT"}
        hub.publish("market", {"prices": {"BTC/USDT": "50000.5"}})
        try:
            assert (await get(client, "/api/signal-monitor/realtime-prices", **asked_of))["prices"] == {"BTC/USDT": "50000.5", "UNHEARD/USDT": None}
        finally:
            hub.publish("market", {"prices": {"BTC/USDT": None}})
        for odd in ("BTC/USDT", "nowhere:BTC/USDT", ",".join(["gate:BTC/USDT"] * 21)):
            assert (await client.get("/api/signal-monitor/realtime-prices", params={"exchange_symbols": odd})).status_code == 400
        empty = await get(client, "/api/risk/violations", days=3)
        assert empty["total"] == 0 and empty["daily"]["violations"] == [0, 0, 0]


async def test_symbols_with_their_rules_come_from_the_exchange(tmp_path: Path) -> None:
    with PaperServer(tmp_path, db=False) as server:
        world = make_world(tmp_path, paper_url=server.base_url, venues="binance,gate")
        world.sign_in()
        async with world.client("admin") as client:
            assert await post(client, "/api/sync/markets") == {"binance": {"total": 5, "updated": 0, "new": 5}}
            assert await post(client, "/api/sync/markets?exchange=binance") == {"binance": {"total": 5, "updated": 0, "new": 0}}
            rows = await get(client, "/api/sync/markets", exchange="binance", symbol="btc")
            assert [row["symbol"] for row in rows] == ["BTC/USDT"] and rows[0]["active"] and rows[0]["exchange_symbol"] == "BTCUSDT"
            prices = await get(client, "/api/signal-monitor/realtime-prices", exchange_symbols="binance:BTC/USDT,binance:NONE/USDT")
            told = prices["exchange_prices"]
            assert float(told["binance:BTC/USDT"]) > 0 and told["binance:NONE/USDT"] is None
            assert (await client.post("/api/sync/markets?exchange=okx")).status_code == 400
            asked_for = await post(client, "/api/sync/balance")
            assert asked_for["asked"] == "sync_balances" and asked_for["last"]["runs"] == 0
            assert (await client.post("/api/sync/weather")).status_code == 422
            assert await get(client, "/api/sync/monitored-positions") == []
    async with world.client("admin") as client:
        assert "error" in (await post(client, "/api/sync/markets"))["binance"], "the exchange is gone"
        assert len(await get(client, "/api/sync/markets")) == 5
