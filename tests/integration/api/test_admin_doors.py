"""The operators' documented doors: fields, true totals, filters, verbs, and who may use them."""

from __future__ import annotations

from typing import Any

from sqlmodel import select

from backend.models import Notification
from backend.notifications import broadcast
from backend.notifications.broadcast import Segment
from tests.integration.api.test_roles import role_token
from tests.support.doors import World

GOOD = "blue-Kettle-47-walks"
TENANT = {
    "id", "name", "email", "app_key", "root_user_id", "point_card_self", "point_card_gift", "total_users", "status", "billing_scheme",
    "quota_plan_id", "quota_plan_name", "created_at",
}  # fmt: skip
USER = {
    "id", "tenant_id", "email", "name", "is_root", "invite_code", "inviter_id", "inviter_invite_code", "point_card_self", "point_card_gift",
    "reward_usdt", "member_level", "level_name", "is_market_node", "team_direct_count", "status", "created_at",
}  # fmt: skip
INSTANCE = {
    "id", "tenant_id", "strategy_id", "strategy_code", "strategy_name", "display_name", "display_description", "capital", "leverage", "risk_mode",
    "risk_mode_label", "amount_usdt", "max_loss_per_trade", "min_capital", "status", "sort_order",
}  # fmt: skip
BINDING = {
    "id", "user_id", "user_email", "tenant_id", "tenant_name", "account_id", "exchange", "exchange_account_label", "strategy_code", "strategy_name",
    "mode", "ratio", "capital", "leverage", "risk_mode", "risk_mode_label", "max_loss_per_trade", "amount_usdt", "total_profit", "total_trades",
    "point_card_self", "point_card_gift", "point_card_total", "status", "created_at",
}  # fmt: skip


async def rows(client: Any, path: str, **params: Any) -> tuple[int, list[dict[str, Any]]]:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()["total"], answer.json()["data"]


async def test_tenants(fresh: World) -> None:
    async with fresh.client("admin") as client:
        total, found = await rows(client, "/api/tenants", limit=1)
        assert total == 2 and len(found) == 1 and set(found[0]) == TENANT
        one = next(row for row in (await rows(client, "/api/tenants"))[1] if row["id"] == fresh.a.tenant_id)
        assert (one["point_card_self"], one["total_users"]) == ("30.00000000", 1)
        assert (await rows(client, "/api/tenants", name="MARKB"))[0] == 1
        made = (await client.post("/api/tenants", json={"name": "Third", "email": "third@x.example", "password": GOOD})).json()["data"]
        assert len(made["app_secret"]) == 64 and (await rows(client, "/api/tenants"))[0] == 3
        door = f"/api/tenants/{made['id']}"
        assert (await client.put(door, json={"name": "Thirdly", "status": 0})).json()["data"]["name"] == "Thirdly"
        assert (await rows(client, "/api/tenants", status=0))[0] == 1
        assert (await client.patch(f"{door}/toggle")).json()["data"]["status"] == 1
        points = {"amount": "12.5", "card_type": "gift", "key": "recharge-1"}
        assert (await client.post(f"{door}/recharge", json=points)).json()["data"]["point_card_gift"] == "12.50000000"
        assert (await client.post(f"{door}/recharge", json=points)).json()["data"]["replayed"] is True
        assert (await client.post(f"{door}/recharge", json={**points, "card_type": "x", "key": "recharge-2"})).status_code == 400
        assert (await client.put("/api/tenants/999999", json={"name": "x"})).status_code == 404


async def test_users(fresh: World) -> None:
    user = fresh.a.user_id
    async with fresh.client("admin") as client:
        total, found = await rows(client, "/api/users", tenant_id=fresh.a.tenant_id)
        assert total == 2 and all(set(row) == USER for row in found)
        assert (await rows(client, "/api/users", email="trader@a"))[0] == 1
        assert [row["id"] for row in (await rows(client, "/api/users", point_card_self_min="20"))[1]] == sorted([user, fresh.b.user_id], reverse=True)
        assert (await rows(client, "/api/users", point_card_self_min="20.00000001"))[0] == 0
        one = (await client.get(f"/api/users/{user}")).json()["data"]
        assert set(one) > USER and "credentials" not in str(one) and one["active_strategies"] == ["composite"]
        assert (await rows(client, f"/api/users/{fresh.a.root_id}/team"))[1][0]["depth"] == 1
        assert (await client.post(f"/api/users/{user}/toggle-status", json={"status": 0})).json()["data"]["status"] == 0
        assert (await client.post(f"/api/users/{fresh.a.root_id}/toggle-status", json={"status": 0})).status_code == 409
        assert (await client.post(f"/api/users/{user}/set-market-node", json={"is_node": True})).json()["data"]["is_market_node"] is True
        done = await client.post(f"/api/users/{user}/recharge", json={"amount": 5, "key": "recharge-3"})
        assert done.json()["data"]["point_card_self"] == "25.00000000"
        assert (await client.get("/api/users/999999")).status_code == 404


async def test_what_tenants_offer_and_who_follows(fresh: World) -> None:
    base = f"/api/tenants/{fresh.a.tenant_id}/tenant-strategies"
    async with fresh.client("admin") as client:
        total, found = await rows(client, base)
        assert total == 1 and set(found[0]) == INSTANCE
        door = f"{base}/{found[0]['id']}"
        changed = (await client.put(door, json={"capital": "500", "leverage": 5, "risk_mode": 3})).json()["data"]
        assert (changed["capital"], changed["risk_mode_label"], changed["status"]) == ("500", "aggressive", 1)
        assert (await client.put(door, json={"leverage": 500})).status_code == 400
        assert (await client.post(base, json={"strategy_id": fresh.a.strategy_id})).json()["code"] == "instance_exists"
        assert (await client.delete(door)).json()["code"] == "instance_in_use"
        assert (await client.post(f"{door}/copy-from-master")).status_code == 200
        assert (await client.put(f"/api/tenants/{fresh.b.tenant_id}/tenant-strategies/{found[0]['id']}", json={"leverage": 2})).status_code == 404
        total, subs = await rows(client, "/api/strategy-bindings-admin", tenant_id=fresh.a.tenant_id)
        assert total == 1 and set(subs[0]) == BINDING
        sub = f"/api/strategy-bindings-admin/{fresh.a.binding_id}"
        assert (await client.put(sub, json={})).status_code == 400
        assert (await client.delete(sub)).json()["code"] == "still_running"
        assert (await client.put(sub, json={"ratio": 50, "status": 0})).json()["data"]["status"] == 0
        options = (await client.get("/api/strategy-bindings-admin/form-options", params={"tenant_id": fresh.a.tenant_id})).json()["data"]
        assert set(options) == {"strategies", "users", "accounts"}
        assert (await client.delete(sub)).status_code == 200
        again = {"user_id": fresh.a.user_id, "account_id": fresh.a.account_id, "strategy_code": "composite", "leverage": 4}
        assert (await client.post("/api/strategy-bindings-admin", json={**again, "account_id": fresh.b.account_id})).status_code == 400
        assert (await client.post("/api/strategy-bindings-admin", json=again)).json()["data"]["leverage"] == 4
        assert (await client.post("/api/strategy-bindings-admin", json=again)).json()["code"] == "already_followed"


async def test_history(fresh: World) -> None:
    async with fresh.client("admin") as client:
        await client.post(f"/api/users/{fresh.a.user_id}/toggle-status", json={"status": 0})
        total, found = await rows(client, "/api/audit-logs", action="user.disable")
        assert total == 1 and found[0]["detail"] == {"status": "on -> off"} and found[0]["tenant_id"] == fresh.a.tenant_id
        assert (await rows(client, "/api/audit-logs", action="user.disable", start_date="2999-01-01"))[0] == 0
        assert (await client.get("/api/audit-logs", params={"start_date": "yesterday"})).status_code == 400
        file = await client.get("/api/audit-logs/export", params={"action": "user.disable"})
        assert file.headers["content-type"].startswith("text/csv") and len(file.text.strip().splitlines()) == 2
        stats = (await client.get("/api/audit-logs/stats")).json()["data"]
        assert stats["total"] == sum(row["count"] for row in stats["by_action"]) > 0
        answer = (await client.get("/api/signal-events")).json()
        assert set(answer["stats"]) == {"total", "executed", "failed", "pending"} and answer["stats"]["executed"] == 2
        assert (await client.get("/api/signal-events", params={"status": "odd"})).status_code == 400
        assert (await client.get("/api/signal-events/strategies")).status_code == 200
        over = (await client.get("/api/user-analytics/overview")).json()["data"]
        assert over == {"total_users": 2, "total_points": "40.00000000", "tiers": {"none": 0, "to_100": 2, "to_1000": 0, "to_10000": 0, "over": 0}}
        total, ranked = await rows(client, "/api/user-analytics/ranking", by="trade_count")
        assert total == 2 and ranked[0]["trade_count"] == 1
        grown = (await client.get("/api/user-analytics/growth", params={"days": 3})).json()["data"]
        assert grown["total_users"][-1] == 2 and sum(grown["new_users"]) == 2


async def test_a_broadcast_reaches_its_segment_once(fresh: World) -> None:
    from backend.identity.principal import Principal

    boss = Principal("admin", 1, None, "boss", "boss", "support", 0)
    segment = Segment(role="both", tenant_id=fresh.a.tenant_id)
    with fresh.db.transaction() as session:
        assert broadcast.reach(session, boss, segment).people == 2
        for _ in range(2):
            sent = broadcast.send(session, boss, "broadcast-1", segment, title="Maintenance tonight", message="From 22:00.", link="/agent/bot")
        assert sent.people == 2
    with fresh.db.reading() as session:
        notes = session.exec(select(Notification).where(Notification.title == "Maintenance tonight")).all()
        assert sorted((note.audience, note.tenant_id, note.user_id) for note in notes) == [
            ("agent", fresh.a.tenant_id, fresh.a.user_id), ("tenant", fresh.a.tenant_id, None),
        ]  # fmt: skip
        assert broadcast.reach(session, boss, Segment(bot="running")).people == 0
        assert [broadcast.reach(session, boss, Segment(mode=mode)).people for mode in ("paper", "live")] == [2, 0]
    async with fresh.client("agent_b") as other:
        assert "Maintenance" not in (await other.get("/api/agent/notifications")).text


async def test_the_new_doors_ask_the_role(fresh: World) -> None:
    async with fresh.client(role_token(fresh, "auditor")) as client:
        assert (await client.get("/api/users")).status_code == 200
        assert (await client.post("/api/tenants", json={"name": "x", "email": "x@x.example", "password": GOOD})).json()["code"] == "role_may_not"
        order = {"account_id": 1, "symbol": "BTC/USDT", "side": "BUY", "amount_usdt": "10", "stop_loss": "1", "reason": "why not", "request_id": "request-1"}
        assert (await client.post("/api/manual-order", json=order)).json()["code"] == "role_may_not"
    async with fresh.client("admin") as client:
        assert (await client.post("/api/manual-order", json={**order, "account_id": fresh.a.account_id, "symbol": "UNHEARD/USDT"})).json()["code"] == "no_price"
        close = {"symbol": "MARKA/USDT", "account_id": fresh.a.account_id, "reason": "asked for", "request_id": "request-2"}
        assert (await client.post("/api/close-position", json=close)).json()["data"]["trade_type"] == "CLOSE"
        assert (await client.post("/api/close-position", json={**close, "symbol": "X/USDT"})).status_code == 404
        pending = (await client.get("/api/orders", params={"tenant_id": fresh.a.tenant_id, "status": "PENDING"})).json()["data"][0]
        assert (await client.post(f"/api/orders/{pending['id']}/cancel", json={"reason": "not after all"})).json()["data"]["status"] == "CANCELLED"
