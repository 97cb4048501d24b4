"""Exports by HTTP: asked for, followed, fetched, deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.exports import service
from backend.exports.worker import Exporter
from tests.support.doors import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    made.sign_in()
    return made


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_from_asking_to_deleting(world: World, kind: str) -> None:
    async with world.client("tenant_a") as http:
        answer = await http.post("/api/exports", json={"list": "orders", "format": kind, "filters": {"sort": "at_ms"}})
        assert answer.status_code == 202, answer.text
        number = answer.json()["data"]["id"]
        assert answer.json()["data"]["status"] == "queued"
        assert (await http.get(f"/api/exports/{number}/file")).json()["code"] == "export_not_ready"
        assert await Exporter(world.db).run()
        assert (await http.get(f"/api/exports/{number}")).json()["data"]["status"] == "done"
        assert [row["id"] for row in (await http.get("/api/exports")).json()["data"]] == [number]
        file = await http.get(f"/api/exports/{number}/file")
        assert file.status_code == 200
        assert file.headers["content-disposition"].endswith(f'.{kind}"')
        if kind == "csv":
            assert world.a.order_id in file.text
            assert world.b.order_id not in file.text
    for other in ("tenant_b", "agent_a", "admin"):
        async with world.client(other) as http:
            for call in (http.get(f"/api/exports/{number}"), http.get(f"/api/exports/{number}/file"), http.delete(f"/api/exports/{number}")):
                assert (await call).status_code == 404
    async with world.client("tenant_a") as http:
        assert (await http.delete(f"/api/exports/{number}")).status_code == 200
        assert (await http.get(f"/api/exports/{number}/file")).status_code == 404


async def test_too_many_at_once_and_bad_input(world: World) -> None:
    async with world.client("agent_a") as http:
        for _ in range(service.AT_ONCE):
            assert (await http.post("/api/exports", json={"list": "history"})).status_code == 202
        answer = await http.post("/api/exports", json={"list": "history"})
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_exports")
        assert (await http.post("/api/exports", json={"list": "audit"})).status_code == 403
        assert (await http.post("/api/exports", json={"list": 7})).status_code == 422
        assert (await http.post("/api/exports", json={"list": "x" * 40})).status_code == 422


async def test_a_long_list_is_not_cut_short_in_silence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.api.exports.MAX_ROWS", 0)
    async with world.client("tenant_a") as http:
        for kind in ("csv", "xlsx"):
            answer = await http.get(f"/api/lists/orders.{kind}")
            assert (answer.status_code, answer.json()["code"]) == (400, "export_too_long")
