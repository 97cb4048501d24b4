"""The kill switch by HTTP and from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from backend import migrations
from tests.support.doors import World


async def test_stop_look_and_lift(fresh: World) -> None:
    async with fresh.client("agent_a") as http:
        body = {"scope": "account", "id": fresh.a.account_id, "mode": "close", "reason": "enough for today"}
        answer = await http.post("/api/kill-switches", json=body)
        assert answer.status_code == 200, answer.text
        made = answer.json()["data"]
        assert (made["by"], made["active"], made["mode"]) == ("agent", True, "close")
        assert (await http.post("/api/kill-switches", json=body)).json()["code"] == "already_stopped"
        assert (await http.post("/api/kill-switches", json=body | {"id": fresh.b.account_id})).status_code == 404
        assert (await http.post("/api/kill-switches", json=body | {"scope": "platform", "id": 0})).status_code == 403
        assert (await http.post("/api/kill-switches", json=body | {"reason": " "})).status_code == 400
        assert (await http.get("/api/kill-switches?active=1")).json()["total"] == 1
    for other in ("tenant_b", "agent_b"):
        async with fresh.client(other) as http:
            assert (await http.get("/api/kill-switches")).json()["total"] == 0
            assert (await http.post(f"/api/kill-switches/{made['id']}/lift", json={"reason": "mine"})).status_code == 404
    async with fresh.client("tenant_a") as http:
        assert (await http.get("/api/kill-switches")).json()["total"] == 1
        lifted = await http.post(f"/api/kill-switches/{made['id']}/lift", json={"reason": "all is well"})
        assert lifted.json()["data"]["active"] is False
        assert (await http.post(f"/api/kill-switches/{made['id']}/lift", json={"reason": "again"})).json()["code"] == "not_stopped"
        assert (await http.get("/api/kill-switches?active=1")).json()["total"] == 0


def test_from_the_command_line(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ironbull.db'}"
    migrations.upgrade(url)
    env = {**os.environ, "IRONBULL_HOME": str(tmp_path), "IRONBULL_DATABASE_URL": url}

    def kill(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "ironbull_app.cli", "kill", *words], env=env, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[3], check=False
        )
        return done.returncode, done.stdout + done.stderr

    assert kill("list") == (0, "Nothing is stopped.\n")
    code, said = kill("stop", "platform", "--close", "--reason", "exchange is on fire")
    assert code == 0 and "everything is being closed" in said
    code, said = kill("stop", "platform", "--reason", "again")
    assert code == 1 and "already" in said
    assert "exchange is on fire" in kill("list")[1]
    assert kill("lift", "1", "--reason", "it is out")[0] == 0
    assert kill("list") == (0, "Nothing is stopped.\n")
    assert kill("stop", "planet", "--reason", "x")[0] == 1
