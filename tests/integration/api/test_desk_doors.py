"""Operators and the catalogue by API."""

from __future__ import annotations

from tests.support.doors import World

GOOD, OTHER = "blue-Kettle-47-walks", "red-Teapot-53-sings"


async def test_operators(fresh: World) -> None:
    async with fresh.client("admin") as client:
        before = (await client.get("/api/admins")).json()
        made = await client.post("/api/admins", json={"username": "night", "password": GOOD, "nickname": "Night"})
        assert made.status_code == 200, made.text
        row = made.json()["data"]
        assert set(row) == {"id", "username", "nickname", "role", "status", "last_login_at", "created_at"}
        after = (await client.get("/api/admins", params={"page": 1, "page_size": 1})).json()
        assert (after["total"], [one["username"] for one in after["data"]]) == (before["total"] + 1, ["night"])
        assert (await client.post("/api/admins", json={"username": "NIGHT", "password": GOOD})).status_code == 409
        assert (await client.post("/api/admins", json={"username": "third", "password": "third"})).status_code == 400
        assert (await client.post("/api/admins", json={"username": "third"})).status_code == 422
        door = f"/api/admins/{row['id']}"
        assert (await client.put(door, json={"nickname": "Late"})).json()["data"]["nickname"] == "Late"
        assert (await client.post(f"{door}/reset-password", json={"new_password": OTHER})).status_code == 200
        login = {"username": "night", "password": OTHER}
        assert (await client.post("/api/auth/login", json=login)).status_code == 200
        assert (await client.patch(f"{door}/toggle")).json()["data"]["status"] == 0
        assert (await client.post("/api/auth/login", json=login)).status_code == 401
        mine = (await client.get("/api/auth/me")).json()["data"]
        own = next(one for one in before["data"] if one["username"] == mine["username"])
        assert (await client.patch(f"/api/admins/{own['id']}/toggle")).status_code == 409
        assert (await client.patch("/api/admins/999999/toggle")).status_code == 404


async def test_the_catalogue(fresh: World) -> None:
    async with fresh.client("admin") as client:
        listed = (await client.get("/api/strategies")).json()
        assert listed["total"] == len(listed["data"]) >= 1
        one = next(row for row in listed["data"] if row["id"] == fresh.a.strategy_id)
        assert one["status"] == 1 and {"code", "symbols", "min_confidence", "risk_mode_label"} <= set(one)
        door = f"/api/strategies/{one['id']}"
        assert (await client.patch(f"{door}/toggle")).json()["data"]["status"] == 0
        assert (await client.get(door)).json()["data"]["status"] == 0
        assert (await client.get("/api/strategies", params={"status": 1})).json()["total"] == listed["total"] - 1
        assert (await client.get("/api/strategies/999999")).status_code == 404
