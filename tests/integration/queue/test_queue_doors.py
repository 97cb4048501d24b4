"""The queue by API: how it stands, a dead job tried again and written down, a backtest as a job."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from backend.clock import utcnow
from backend.models import AuditLog, Job
from backend.queue import service
from tests.support.doors import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    made.sign_in()
    return made


async def test_dead_letters_by_api(world: World) -> None:
    db = world.db
    job = db.run(lambda s: service.add(s, "settle", {"fills": [1]}))
    assert job is not None
    async with world.client("admin") as http:
        seen = (await http.get("/api/queue")).json()["data"]
        assert [(row["kind"], row["waiting"]) for row in seen["counts"]] == [("settle", 1)]
        assert (await http.post(f"/api/queue/jobs/{job.id}/replay")).status_code == 409
        db.run(lambda s: s.connection().execute(
            update(Job).where(col(Job.id) == job.id).values(state="DEAD", attempts=5, error="no way", finished_at=utcnow())
        ) and None)  # fmt: skip
        rows = (await http.get("/api/queue/jobs", params={"state": "DEAD"})).json()
        assert (rows["total"], rows["data"][0]["error"]) == (1, "no way")
        assert (await http.get("/api/queue/jobs", params={"state": "LOST"})).status_code == 400
        answer = await http.post(f"/api/queue/jobs/{job.id}/replay")
        assert answer.json()["data"] == {"id": job.id, "kind": "settle", "state": "WAITING"}
        assert "settle" in (await http.get("/api/lists/jobs.csv")).text
        made = (await http.post("/api/queue/backtests", json={"strategy": "composite_score", "bars": 200})).json()["data"]
        assert made["kind"] == "backtest"
        assert (await http.post("/api/queue/backtests", json={"strategy": "nothing"})).status_code in (400, 404)
    with db.reading() as session:
        assert "job.replay" in session.exec(select(AuditLog.action)).all()
