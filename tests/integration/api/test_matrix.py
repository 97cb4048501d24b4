"""Every door of the centre and of a node, asked by every kind of person, against one declared table.

A door that is not in ``tests/support/matrix.txt`` fails: whoever adds one says there who may come in.
"""

from __future__ import annotations

from typing import Any

import httpx
from aiohttp.test_utils import TestClient, TestServer

from node_service.app import ROUTES, NodeApp, NodeSettings
from tests.integration.api.test_isolation import body_of
from tests.support.doors import World, routes_of
from tests.support.matrix import CALLERS, body_for, cell, declared, in_order, own_things, path_of, query_for

ENDS_SESSION = {"/api/auth/logout", "/api/session/logout"}
SHARED = {
    "/api/exports", "/api/exports/{job_id}", "/api/exports/{job_id}/file", "/api/kill-switches",
    "/api/kill-switches/{stop_id}/lift", "/api/lists/{name}.csv", "/api/lists/{name}.xlsx", "/api/risk/in-force",
    "/api/risk/rules", "/api/pending-limit-orders", "/api/pending-limit-orders/stats", "/api/pending-limit-orders/{order_id}/cancel",
}  # fmt: skip
"""Doors for every kind: what they give depends on who asks."""


def test_every_door_is_declared(world: World) -> None:
    assert set(declared()) == set(routes_of(world.app))


def test_the_table_is_closed_to_strangers() -> None:
    """What a row may never say, whatever it is for."""
    for (method, path), (nobody, owner, other, tenant, other_tenant, admin) in declared().items():
        if path.startswith(("/api/session/", "/api/auth/", "/api/brand/")) or nobody != "401":
            continue
        if path == "/api/nodes/join":  # its token in the body is what opens it
            continue
        if path.startswith("/merchant/"):
            assert {nobody, owner, other, tenant, other_tenant, admin} == {"401"}, path
        elif path.startswith("/api/agent/"):
            assert (tenant, other_tenant, admin) == ("403", "403", "403"), path
            assert "{" not in path or other in ("404", "in"), path
        elif path.startswith("/api/tenant/"):
            assert (owner, other, admin) == ("403", "403", "403"), path
            assert "{" not in path or other_tenant in ("404", "in"), path
        elif path not in SHARED:
            assert {owner, other, tenant, other_tenant} == {"403"}, (method, path)


async def test_every_door_answers_as_declared(fresh: World) -> None:
    ids = await own_things(fresh)
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    table = declared()
    for method, pattern in in_order(list(table)):
        expected = table[method, pattern]
        # Strangers first: what they were wrongly allowed to change, the owner would find changed.
        answers = {caller: await _ask(fresh, method, pattern, ids, caller) for caller in _strangers_first()}
        got = tuple(cell(answers[caller].status_code) for caller in CALLERS)
        if got != expected:
            found[method, pattern] = got
        if pattern in ENDS_SESSION:
            fresh.sign_in()
    assert not found, "\n".join(f"{method} {path} {' '.join(got)}" for (method, path), got in found.items())


def _strangers_first() -> tuple[str, ...]:
    return ("", "agent_b", "tenant_b", "tenant_a", "agent_a", "admin")


async def _ask(world: World, method: str, pattern: str, ids: dict[str, Any], caller: str) -> httpx.Response:
    path = path_of(pattern, ids)
    more: dict[str, Any] = {"params": query_for(pattern, world)}
    async with world.client(caller) as client:
        if method in ("POST", "PUT", "PATCH"):
            more["json"] = body_for(pattern, world) or body_of(path)
        return await client.request(method, path, **more)


async def test_every_door_of_a_node(world: World) -> None:
    """A node knows one caller, who signs. Everybody else, with whatever token, gets 401; health says nothing secret."""
    node = NodeApp(NodeSettings(auth_secret="s" * 40, node_code="n1"))
    app = node.application()
    doors = sorted((route.method, route.resource.canonical) for route in app.router.routes() if route.resource)
    assert {path for method, path in doors if method == "POST"} == set(ROUTES)
    async with TestClient(TestServer(app)) as client:
        for method, path in doors:
            for caller in CALLERS:
                token = {"Authorization": f"Bearer {world.tokens[caller]}"} if caller else {}
                answer = await client.request(method, path, headers=token, data=b"{}" if method == "POST" else None)
                assert answer.status == (200 if path == "/health" else 401), (method, path, caller)
                assert "s" * 40 not in await answer.text()
            signed = {"X-IB-Timestamp": "1", "X-IB-Nonce": "n" * 20, "X-IB-Signature": "0" * 64, "X-Center-Token": "s" * 40}
            if path != "/health":
                assert (await client.request(method, path, headers=signed, data=b"{}")).status == 401
