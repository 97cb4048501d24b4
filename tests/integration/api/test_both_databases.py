"""The doors give the same answers on SQLite and on MariaDB."""

from __future__ import annotations

from pathlib import Path

from tests.support.doors import PASSWORD, World, make_world, routes_of


async def answers(world: World) -> dict[str, tuple[int, int | None]]:
    found: dict[str, tuple[int, int | None]] = {}
    async with world.client() as client:
        for door, body in (
            ("/api/auth/login", {"username": "boss", "password": PASSWORD}),
            ("/api/auth/agent/login", {"email": world.a.email, "password": "wrong"}),
            ("/api/auth/agent/login", {"email": world.a.email, "password": PASSWORD}),
        ):
            found[f"{door} {body['password']}"] = ((await client.post(door, json=body)).status_code, None)
    for token, prefix in (("admin", "/api/"), ("tenant_a", "/api/tenant/"), ("agent_a", "/api/agent/")):
        async with world.client(token) as client:
            for method, path in routes_of(world.app):
                if method != "GET" or "{" in path or not path.startswith(prefix):
                    continue
                ids = {"tenant_id": world.a.tenant_id, "user_id": world.a.user_id, "account_id": world.a.account_id}
                answer = await client.get(path, params={**ids, "days": 7})
                rows = answer.json().get("total") if answer.headers["content-type"].startswith("application/json") else answer.text.count("\n")
                found[f"{token} {path}"] = answer.status_code, rows
    async with world.client("agent_a") as client:
        for method, path in (
            ("POST", "/api/agent/bot/start"),
            ("POST", "/api/agent/bot/stop"),
            ("PUT", f"/api/agent/notifications/{world.a.notification_id}/read"),
            ("PUT", "/api/agent/notifications/read-all"),
            ("POST", "/api/auth/logout"),
        ):
            # Ids of MariaDB go on counting after other tests.
            name = path.replace(str(world.a.notification_id), "{id}")
            found[f"{method} {name}"] = (await client.request(method, path)).status_code, None
        found["out"] = (await client.get("/api/auth/me")).status_code, None
    return found


async def test_both_engines_answer_alike(tmp_path: Path, mariadb_url: str) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    worlds = [make_world(tmp_path / "one"), make_world(tmp_path / "two", mariadb_url)]
    for world in worlds:
        world.sign_in()
    first, second = [await answers(world) for world in worlds]
    assert first == second
    assert {status for status, _ in first.values()} <= {200, 401, 403, 404, 503}
    assert first["admin /api/orders"] == (200, 1)
    assert first["out"] == (401, None)
    for world in worlds:
        world.db.dispose()
