"""The node's doctor: what it says of a good machine, and of each thing that can be wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from node_service.doctor import Finding, examine
from node_service.enrol import write_config
from tests.support.node import SECRET, NodeServer
from tests.support.paper import free_port


async def look(env: dict[str, str], exchange: str) -> dict[str, Finding]:
    found = await asyncio.to_thread(examine, env, exchange=exchange)
    return {finding.name: finding for finding in found}


class Other:
    """Something that answers with a date of its own."""

    def __init__(self, date: str = "") -> None:
        self.date = date

    async def __aenter__(self) -> str:
        async def answer(_request: web.Request) -> web.Response:
            return web.json_response({}, headers={"Date": self.date} if self.date else {})

        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


async def test_a_good_machine(tmp_path: Path) -> None:
    async with Other() as centre, NodeServer(port=free_port()) as server:
        config = tmp_path / "node.env"
        write_config(
            config,
            {
                "IRONBULL_NODE_AUTH_SECRET": SECRET, "IRONBULL_NODE_CODE": "n1", "IRONBULL_CENTER_URL": centre,
                "IRONBULL_NODE_PORT": str(server.settings.port), "IRONBULL_NODE_ALLOWED_IPS": "192.0.2.0/24",
            },
        )  # fmt: skip
        found = await look({"IRONBULL_NODE_CONFIG": str(config)}, f"{centre}/time")
    assert [name for name, finding in found.items() if not finding.ok] == []
    assert set(found) == {"file", "settings", "callers", "node", "centre", "exchange", "clock"}
    assert "runs, version" in found["node"].text and "192.0.2.0/24" in found["callers"].text
    assert SECRET not in str(found)


async def test_everything_that_can_be_wrong(tmp_path: Path) -> None:
    config = tmp_path / "node.env"
    config.write_text(f"IRONBULL_NODE_AUTH_SECRET={SECRET}\n")
    config.chmod(0o644)
    away = f"http://127.0.0.1:{free_port()}"
    async with Other("Wed, 01 Jan 2020 00:00:00 GMT") as late:
        env = {
            "IRONBULL_NODE_CONFIG": str(config), "IRONBULL_NODE_PORT": late.rpartition(":")[2], "IRONBULL_CENTER_URL": away,
        }  # fmt: skip
        found = await look(env, f"{late}/time")
        assert {name for name, finding in found.items() if not finding.ok} == {"file", "settings"}
        assert "chmod 600" in found["file"].text
        config.chmod(0o600)
        found = await look(env, f"{late}/time")
    assert {name for name, finding in found.items() if not finding.ok} == {"node", "centre", "clock"}
    assert "time synchronisation" in found["clock"].text


@pytest.mark.parametrize("secret", ["", "short"])
async def test_a_node_without_a_secret_is_told_so(secret: str) -> None:
    found = await look({"IRONBULL_NODE_AUTH_SECRET": secret}, "http://127.0.0.1:9")
    assert list(found) == ["settings"] and not found["settings"].ok
