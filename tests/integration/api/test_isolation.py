"""Nobody sees or changes what is another tenant's, through any door, found by walking the app."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import httpx
import pytest
from sqlmodel import select

from backend.models import Bot, Notification, User
from tests.support.doors import Owned, World, routes_of

PUBLIC = {
    ("GET", "/api/health"),
    ("GET", "/api/openapi.json"),
    ("GET", "/metrics"),  # this machine only; its own test below
    ("POST", "/api/auth/login"),
    ("POST", "/api/auth/agent/login"),
    ("POST", "/api/auth/tenant/login"),
    ("POST", "/api/session/login"),
    ("POST", "/api/session/logout"),
    ("POST", "/api/session/setup"),
    ("GET", "/api/session/setup"),
    ("POST", "/api/session/demo"),
    ("POST", "/api/session/join"),
    ("POST", "/api/session/confirm"),
    ("POST", "/api/session/forgot"),
    ("POST", "/api/session/reset"),
    ("POST", "/api/session/second"),
    ("POST", "/api/session/look/end"),  # ends what is open and nothing else
    ("GET", "/api/demo/accounts"),
    ("GET", "/merchant/health"),
    ("GET", "/api/brand/{tenant_id}"),  # a tenant's name and logo stand on pages before sign-in
    ("GET", "/api/brand/{tenant_id}/logo"),
}
"""Doors that need no sign-in. A new door is closed unless it is written here."""

ANYONE = {
    ("GET", "/api/auth/me"),
    ("POST", "/api/auth/logout"),
    ("POST", "/api/auth/change-password"),
    ("GET", "/api/lists/{name}.csv"),  # which lists there are depends on the kind
    ("GET", "/api/lists/{name}.xlsx"),
    ("POST", "/api/exports"),  # exports belong to one person of any kind
    ("GET", "/api/exports"),
    ("GET", "/api/exports/{job_id}"),
    ("DELETE", "/api/exports/{job_id}"),
    ("GET", "/api/exports/{job_id}/file"),
    ("POST", "/api/kill-switches"),  # what may be stopped depends on who asks
    ("GET", "/api/kill-switches"),
    ("GET", "/api/pending-limit-orders"),  # everybody their own
    ("GET", "/api/pending-limit-orders/stats"),
    ("POST", "/api/pending-limit-orders/{order_id}/cancel"),
    ("GET", "/api/risk/rules"),
    ("PUT", "/api/risk/rules"),
    ("GET", "/api/risk/in-force"),
    ("POST", "/api/kill-switches/{stop_id}/lift"),
}
SIGNED = {("POST", "/api/nodes/{node_code}/heartbeat"), ("POST", "/api/nodes/join")}
UNKNOWN = {"/api/{path:path}", "/merchant/{path:path}"}
MERCHANT = "/merchant/"
"""Doors for signed calls; they know no sign-in, and are walked by the tests of the merchant API."""


def doors(world: World) -> list[tuple[str, str]]:
    return [door for door in routes_of(world.app) if door[1] not in UNKNOWN]


def keeper(path: str) -> str:
    """The kind of person a guarded door is for."""
    if path.startswith("/api/agent/"):
        return "agent"
    return "tenant" if path.startswith("/api/tenant/") else "admin"


def filled(path: str, value: object) -> str:
    return re.sub(r"\{[^}]+\}", str(value), path)


def body_of(path: str) -> dict[str, Any]:
    hand = {"request_id": "request-01", "price": "1", "types": [], "kind": "fax"}
    return {"config": {}, "node_code": "x", "base_url": "http://10.0.0.1", "old_password": "x", "new_password": "x", **hand}


async def ask(client: httpx.AsyncClient, method: str, path: str, **more: Any) -> httpx.Response:
    if method in ("POST", "PUT", "PATCH"):
        more.setdefault("json", body_of(path))
    return await client.request(method, path, **more)


def test_the_walk_finds_the_doors(world: World) -> None:
    found = doors(world)
    assert len(found) > 40
    assert {("GET", "/api/orders"), ("PUT", "/api/agent/notifications/{notification_id}/read")} <= set(found)
    assert set(found) >= PUBLIC | ANYONE | SIGNED


async def test_every_other_door_is_closed_without_a_sign_in(world: World) -> None:
    async with world.client() as client:
        for method, path in doors(world):
            if (method, path) in PUBLIC:
                continue
            answer = await ask(client, method, filled(path, 1), params={"tenant_id": 1})
            expected = {401, 404} if (method, path) in SIGNED else {401}
            assert answer.status_code in expected, (method, path, answer.text)
            shape = {"code", "msg", "data"} if path.startswith(MERCHANT) else {"detail", "code", "request_id"}
            assert set(answer.json()) == shape


@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Basic YTpi", "Bearer a.b.c", "bearer  ", "Bearer \xff", "x" * 5_000])
async def test_bad_authorization_is_refused(world: World, header: str) -> None:
    async with world.client() as client:
        answer = await client.get("/api/auth/me", headers={"Authorization": header.encode("latin-1")})
        assert answer.status_code == 401


async def test_every_guarded_door_is_closed_to_other_kinds(world: World) -> None:
    for kind, token in (("admin", "admin"), ("tenant", "tenant_a"), ("agent", "agent_a")):
        async with world.client(token) as client:
            for method, path in doors(world):
                if (method, path) in PUBLIC | ANYONE | SIGNED or keeper(path) == kind:
                    continue
                answer = await ask(client, method, filled(path, 1), params={"tenant_id": 1})
                if path.startswith(MERCHANT):
                    assert answer.status_code == 401, (kind, method, path)
                    continue
                assert answer.status_code == 403, (kind, method, path, answer.text)
                assert answer.json()["code"] == "not_allowed"


def other_ids(b: Owned) -> dict[str, list[Any]]:
    return {
        "tenant_id": [b.tenant_id],
        "user_id": [b.user_id],
        "account_id": [b.account_id],
        "order_id": [b.order_id],
        "signal_id": [f"SIG{b.mark}"],
        "symbol": [f"{b.mark}/USDT"],
        "source_id": [b.mark],
        "ledger_account_id": list(range(1, 8)),
    }


@pytest.mark.parametrize("token", ["tenant_a", "agent_a"])
async def test_no_list_shows_anything_of_another_tenant(world: World, token: str) -> None:
    """Every readable door, with no filter and with every filter that names the other tenant."""
    asked = 0
    async with world.client(token) as client:
        for method, path in doors(world):
            if method != "GET":
                continue
            queries: list[dict[str, Any]] = [{}, {"limit": 500}, {"offset": 0, "page": 1, "page_size": 500}]
            queries += [{name: value} for name, values in other_ids(world.b).items() for value in values]
            for query in queries:
                answer = await client.get(filled(path, world.b.position_id), params=query)
                asked += 1
                assert world.b.mark not in answer.text, (path, query)
                assert world.b.email not in answer.text, (path, query)
    assert asked > 300


async def test_everybody_does_see_their_own(world: World) -> None:
    """The counterpart: the test above must not pass because everything is empty."""
    for token, prefix in (("tenant_a", "/api/tenant"), ("agent_a", "/api/agent")):
        async with world.client(token) as client:
            for name in ("orders", "positions"):
                answer = await client.get(f"{prefix}/{name}")
                assert world.a.mark in answer.text and answer.json()["total"] >= 1
    async with world.client("agent_a") as client:
        for name in ("trades", "notifications", "bot/signals"):
            assert world.a.mark in (await client.get(f"/api/agent/{name}")).text
    async with world.client("tenant_a") as client:
        for name in ("fills", "transactions", "exchange-accounts"):
            assert world.a.mark in (await client.get(f"/api/tenant/{name}")).text
    async with world.client("admin") as client:
        for owner in (world.a, world.b):
            for name in ("orders", "fills", "positions", "transactions"):
                answer = await client.get(f"/api/{name}", params={"tenant_id": owner.tenant_id})
                assert owner.mark in answer.text
                assert {row["tenant_id"] for row in answer.json()["data"]} == {owner.tenant_id}


def snapshot(world: World) -> str:
    with world.db.reading() as session:
        bot = session.exec(select(Bot).where(Bot.user_id == world.b.user_id)).one()
        note = session.get(Notification, world.b.notification_id)
        user = session.get(User, world.b.user_id)
        assert note and user
        return json.dumps([bot.model_dump(mode="json"), note.model_dump(mode="json"), user.model_dump(mode="json")])


@pytest.mark.parametrize("token", ["tenant_a", "agent_a"])
async def test_no_door_changes_anything_of_another_tenant_and_foreign_looks_like_missing(world: World, token: str) -> None:
    before = snapshot(world)
    skipped = {"/api/auth/logout"}
    async with world.client(token) as client:
        for method, path in doors(world):
            if method == "GET" or path in skipped or (method, path) in PUBLIC:
                continue
            ids = [world.b.notification_id, world.b.position_id, world.b.user_id, world.b.order_pk]
            if "{position_id}" in path:
                ids = [world.b.position_id]
            answers = [await ask(client, method, filled(path, number)) for number in [*ids, 999_999]]
            if "{" not in path or keeper(path) == "admin":
                continue
            foreign, missing = answers[0], answers[-1]
            expected = 404 if token.startswith(keeper(path)) else 403
            assert foreign.status_code == missing.status_code == expected, (method, path)
            assert {**foreign.json(), "request_id": ""} == {**missing.json(), "request_id": ""}
    assert snapshot(world) == before


async def test_extra_fields_change_nothing(world: World) -> None:
    """Mass assignment: what a body does not document is ignored or refused."""
    extra = {
        "tenant_id": world.b.tenant_id, "user_id": world.b.user_id, "id": 1, "role": "owner", "kind": "admin",
        "is_admin": True, "is_root": True, "balance": "1e9", "status": 1, "desired": "running", "reward_usdt": "5",
        "member_level": 7, "is_market_node": True,
    }  # fmt: skip
    before = snapshot(world)
    with world.db.reading() as session:
        mine = session.get(User, world.a.user_id)
        assert mine is not None
        own_before = mine.model_dump(mode="json")
    async with world.client("agent_a") as client:
        for method, path in doors(world):
            if method == "GET" or keeper(path) != "agent" or (method, path) in PUBLIC | ANYONE | SIGNED:
                continue
            for bodies in ({**body_of(path), **extra}, {"config": extra}):
                answer = await ask(client, method, filled(path, world.a.notification_id), json=bodies)
                assert answer.status_code < 500
    assert snapshot(world) == before
    with world.db.reading() as session:
        mine = session.get(User, world.a.user_id)
        bot = session.exec(select(Bot).where(Bot.user_id == world.a.user_id)).one()
        assert mine is not None and mine.model_dump(mode="json") == own_before
        assert bot.tenant_id == world.a.tenant_id
        assert not set(bot.config) & set(extra)


async def test_no_answer_holds_a_secret(world: World) -> None:
    with world.db.reading() as session:
        hashes = {user.password_hash for user in session.exec(select(User)).all() if user.password_hash}
    secrets = [world.a.app_secret, world.b.app_secret, *hashes, "$argon2", "credentials_sealed", "data_key", "app_secret"]
    for token, (method, path) in itertools.product(("admin", "tenant_a", "agent_a"), doors(world)):
        if method != "GET" or path == "/api/openapi.json":
            continue
        async with world.client(token) as client:
            answer = await client.get(filled(path, 1), params={"tenant_id": world.a.tenant_id})
            assert not [secret for secret in secrets if secret in answer.text], (token, path)


async def test_metrics_are_for_this_machine_or_an_admin(world: World) -> None:
    for token, status in (("", 401), ("tenant_a", 403), ("agent_a", 403), ("admin", 200)):
        async with world.client(token, peer="203.0.113.5") as client:
            assert (await client.get("/metrics")).status_code == status
    async with world.client() as client:
        answer = await client.get("/metrics")
        assert answer.status_code == 200 and "ironbull_http_requests_total" in answer.text
        assert (await client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})).status_code == 401
