"""Tenant A asks for tenant B's user by e-mail and by id, through every merchant door found by walking the app."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlmodel import select

from backend.billing.jobs import settle_pending
from backend.models import AuditLog, MerchantCall, MerchantKey, MerchantNonce, metadata
from tests.integration.merchant.conftest import fill_pockets
from tests.support.doors import Owned, World, make_world, routes_of
from tests.support.merchant import Merchant, data, merchant
from tests.support.money import assert_sound

TRON = "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"


def doors(world: World) -> list[tuple[str, str]]:
    found = [door for door in routes_of(world.app) if door[1].startswith("/merchant/") and "{" not in door[1]]
    return [(method, path.removeprefix("/merchant")) for method, path in found if path != "/merchant/health"]


def form_of(owned: Owned) -> dict[str, Any]:
    """Every parameter of every door, all naming what one tenant owns."""
    return {
        "email": owned.email, "from_email": owned.email, "to_email": f"root@tenant{owned.tenant_id}.local",
        "account_id": owned.account_id, "strategy_id": owned.strategy_id, "user_id": owned.user_id,
        "tenant_id": owned.tenant_id, "amount": "50", "type": 1, "is_node": 1, "wallet_address": TRON,
        "exchange": "binance", "api_key": "stolen", "api_secret": "stolen", "password": "12345678", "capital": "1000",
        "agent_id": owned.tenant_id, "member_id": owned.user_id, "app_key": owned.app_key,
    }  # fmt: skip


async def call(client: Merchant, method: str, path: str, form: dict[str, Any]) -> Any:
    return await (client.get(path, **form) if method == "GET" else client.post(path, **form))


def everything_of(world: World, tenant_id: int) -> str:
    """Every row of a tenant, except what counts its calls."""
    skipped = {table.__tablename__ for table in (AuditLog, MerchantCall, MerchantKey, MerchantNonce)} | {"api_usage"}
    with world.db.engine.connect() as connection:
        rows = {
            table.name: [list(map(str, row)) for row in connection.execute(table.select().where(table.c.tenant_id == tenant_id))]
            for table in metadata.sorted_tables
            if "tenant_id" in table.c and table.name not in skipped
        }
    return json.dumps(rows)


def assert_all_sound(world: World) -> None:
    """Sound, once the fills are settled: no timetable runs here, and this world may be old by now."""
    world.db.run(settle_pending)
    assert_sound(world.db)


def test_the_walk_finds_twenty_doors(world: World) -> None:
    found = doors(world)
    assert len(found) == 20
    assert sum(method == "POST" for method, _ in found) == 10


async def test_no_door_shows_or_changes_another_tenants_user(world: World) -> None:
    a, b = world.a, world.b
    client = merchant(world, a)
    before = everything_of(world, b.tenant_id)
    own = form_of(a)
    theirs = form_of(b)
    by_id = {name: theirs[name] for name in ("account_id", "user_id", "tenant_id", "agent_id", "member_id", "app_key")}
    for method, path in doors(world):
        if path == "/user/create":  # makes a user of the caller's own with that address: the last test but one
            continue
        for form in (theirs, {**own, **by_id}, {**own, "to_email": b.email}, {**theirs, "from_email": a.email}):
            answer = await call(client, method, path, form)
            assert answer.status_code in (200, 422), (path, answer.text)
            for word in (b.mark, b.email, b.app_key, b.app_secret):
                assert word not in answer.text, path
    assert everything_of(world, b.tenant_id) == before
    assert_all_sound(world)


async def test_foreign_and_missing_look_the_same(world: World) -> None:
    client = merchant(world, world.a)
    skipped = {"/user/create", "/user/apikey"}
    for method, path in doors(world):
        if path in skipped:
            continue
        foreign = {**form_of(world.b), "exchange": "gate"}
        missing = {**foreign, "email": "none@b.example", "from_email": "none@b.example", "to_email": "nil@b.example",
                   "account_id": 987_654, "user_id": 987_654, "app_key": "0" * 32}  # fmt: skip
        assert (await call(client, method, path, foreign)).content == (await call(client, method, path, missing)).content


async def test_both_tenants_do_see_their_own(world: World) -> None:
    for owned in (world.a, world.b):
        client = merchant(world, owned)
        assert owned.email in (await client.get("/users")).text
        assert data(await client.get("/user/info", email=owned.email))["user_id"] == owned.user_id
        assert data(await client.get("/user/strategies", email=owned.email))[0]["account_id"] == owned.account_id


async def test_the_same_address_may_exist_at_two_tenants(fresh: World) -> None:
    form = {"email": fresh.b.email, "password": "12345678"}
    made = data(await merchant(fresh, fresh.a).post("/user/create", **form), "创建成功")
    assert made["user_id"] != fresh.b.user_id
    data(await merchant(fresh, fresh.a).post("/user/recharge", email=fresh.b.email, amount="1"), "分发成功")
    mine = data(await merchant(fresh, fresh.b).get("/user/info", email=fresh.b.email))
    assert (mine["user_id"], mine["point_card_gift"]) == (fresh.b.user_id, "200.00000000")


async def test_every_call_on_mariadb(tmp_path: Path, mariadb_url: str) -> None:
    world = make_world(tmp_path, mariadb_url)
    fill_pockets(world, world.a)
    client = merchant(world, world.a)
    form = {**form_of(world.a), "email": world.a.email.upper()}
    answers = {path: await call(client, method, path, form) for method, path in doors(world)}
    said = {path: (answer.status_code, answer.json()["msg"]) for path, answer in answers.items()}
    assert {path for path, (status, msg) in said.items() if status != 200 or not msg.endswith(("success", "成功", "节点"))} == {
        "/user/create", "/user/apikey/unbind",
    }, said  # fmt: skip
    first = await client.post("/user/recharge", key="k", email=world.a.email, amount="1", type=1)
    again = await client.post("/user/recharge", key="k", email=world.a.email, amount="1", type=1)
    assert first.content == again.content and again.headers["Idempotent-Replayed"] == "true"
    headers = client.headers("GET", "/merchant/balance", {}, b"")
    codes = [(await client.send("GET", "/merchant/balance", "", b"", headers)).status_code for _ in range(2)]
    assert codes == [200, 401]
    with world.db.reading() as session:
        assert session.exec(select(AuditLog).where(AuditLog.actor_kind == "merchant_key")).first()
    assert_all_sound(world)
    world.db.dispose()
