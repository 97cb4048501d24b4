from __future__ import annotations

import json
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest

from backend.api.app import create_api
from backend.db import Database
from backend.identity.sessions import resolve_session
from backend.live import Hub
from backend.models import metadata
from tests.support.doors import PASSWORD, World, make_settings, make_world

ORIGIN = {"Origin": "http://127.0.0.1"}
FORM = {"kind": "agent", "identifier": "trader@a.example", "password": PASSWORD}


async def login(world: World, headers: dict[str, str] | None = None, **changes: str) -> httpx.Response:
    async with world.client() as client:
        return await client.post("/api/session/login", data={**FORM, **changes}, headers=headers or ORIGIN)


def cookie(answer: httpx.Response) -> str:
    return SimpleCookie(answer.headers["set-cookie"])["sid"].value


async def test_a_sign_in_sets_the_cookie_and_sends_on(world: World) -> None:
    answer = await login(world, next="/agent/positions?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/agent/positions?x=1")
    raw = answer.headers["set-cookie"]
    assert "HttpOnly" in raw and "SameSite=lax" in raw and "Path=/" in raw
    who = resolve_session(cookie(answer), world.db)
    assert who is not None and who.id == world.a.user_id


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: x=1", "evil",
     "/\\/evil", "/api/auth/logout", "/login?next=/x", "\\\\evil", "/" + "x" * 2_000, "/%0d%0a\x00", ""],
)  # fmt: skip
async def test_only_our_own_pages_are_next(world: World, wanted: str) -> None:
    answer = await login(world, next=wanted)
    assert answer.headers["location"] == "/agent"


async def test_a_failure_goes_back_with_a_code(world: World) -> None:
    answer = await login(world, password="wrong", next="/agent/x")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?error=bad_credentials&kind=agent&next=%2Fagent%2Fx"
    assert "set-cookie" not in answer.headers
    assert (await login(world, kind="root")).headers["location"].startswith("/login?error=invalid_input")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"User-Agent": "no origin at all"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_other_sites_cannot_post(world: World, headers: dict[str, str]) -> None:
    answer = await login(world, headers)
    assert answer.headers["location"].startswith("/login?error=foreign_origin")
    sid = cookie(await login(world))
    async with world.client() as client:
        for door in ("/api/session/logout", "/api/agent/bot/stop", "/api/auth/logout"):
            refused = await client.post(door, headers={**headers, "Cookie": f"sid={sid}"})
            assert (refused.status_code, refused.json()["code"]) == (403, "foreign_origin")
        assert (await client.get("/api/auth/me", headers={"Cookie": f"sid={sid}"})).status_code == 200


async def test_our_own_page_without_an_origin_may_post(world: World) -> None:
    answer = await login(world, {"Origin": "null", "Sec-Fetch-Site": "same-origin"})
    assert answer.headers["location"] == "/agent"


async def test_signing_out_ends_the_session(world: World) -> None:
    sid = cookie(await login(world))
    async with world.client() as client:
        answer = await client.post("/api/session/logout", headers={**ORIGIN, "Cookie": f"sid={sid}"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert 'sid=""' in answer.headers["set-cookie"]
    assert resolve_session(sid, world.db) is None


async def test_the_cookie_opens_the_persons_own_doors_only(world: World) -> None:
    sid = cookie(await login(world))
    async with world.client() as client:
        headers = {"Cookie": f"sid={sid}"}
        assert (await client.get("/api/agent/positions", headers=headers)).status_code == 200
        assert (await client.get("/api/orders?tenant_id=1", headers=headers)).status_code == 403
        stopped = await client.post("/api/agent/bot/stop", headers={**headers, **ORIGIN})
        assert stopped.status_code == 200


async def test_the_first_admin_is_set_up_once(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'new.db'}")
    metadata.create_all(db.engine)
    app = create_api(db, make_settings(tmp_path), live=Hub())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        assert (await client.get("/api/session/setup")).json() == {"needed": True}
        weak = await client.post("/api/session/setup", data={"username": "boss", "password": "x"}, headers=ORIGIN)
        assert weak.headers["location"] == "/setup?error=weak_password"
        guessed = await client.post("/api/session/setup", data={"username": "boss", "password": "boss2024"}, headers=ORIGIN)
        assert guessed.headers["location"] == "/setup?error=weak_password"
        form = {"username": "boss", "password": PASSWORD}
        differ = await client.post("/api/session/setup", data={**form, "again": PASSWORD + "x"}, headers=ORIGIN)
        assert differ.headers["location"] == "/setup?error=differ"
        made = await client.post("/api/session/setup", data=form, headers=ORIGIN)
        assert (made.status_code, made.headers["location"]) == (303, "/admin")
        assert (await client.get("/api/auth/me")).json()["data"]["kind"] == "admin"
        again = await client.post("/api/session/setup", data={**form, "username": "second"}, headers=ORIGIN)
        assert again.headers["location"] == "/setup?error=setup_done"
        assert (await client.get("/api/session/setup")).json() == {"needed": False}


async def test_in_production_only_this_machine_may_set_up(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'new.db'}")
    metadata.create_all(db.engine)
    app = create_api(db, make_settings(tmp_path, env="production"), live=Hub())
    transport = httpx.ASGITransport(app, client=("203.0.113.5", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        form = {"username": "boss", "password": PASSWORD}
        refused = await client.post("/api/session/setup", data=form, headers=ORIGIN)
        assert refused.headers["location"] == "/setup?error=not_allowed"


@pytest.fixture
def demo(tmp_path: Path) -> World:
    made = make_world(tmp_path, demo=True)
    accounts = {
        "admin": {"username": "boss", "password": PASSWORD},
        "tenants": [{"name": "A", "email": made.a.tenant_email, "password": PASSWORD, "app_key": "k", "app_secret": "s"}],
        "agents": [{"email": made.a.email, "password": PASSWORD}, {"email": made.b.email, "password": PASSWORD}],
    }
    (tmp_path / "demo.json").write_text(json.dumps(accounts))
    return made


async def test_the_demo_is_one_click_away(demo: World) -> None:
    async with demo.client() as client:
        assert len((await client.get("/api/demo/accounts")).json()["agents"]) == 2
        for kind, index, home in (("admin", "0", "/admin"), ("tenant", "0", "/tenant"), ("agent", "1", "/agent")):
            answer = await client.post("/api/session/demo", data={"kind": kind, "index": index}, headers=ORIGIN)
            assert (answer.status_code, answer.headers["location"]) == (303, home)
        who = resolve_session(cookie(answer), demo.db)
        assert who is not None and who.id == demo.b.user_id
        for kind, index in (("agent", "9"), ("agent", "x"), ("root", "0")):
            answer = await client.post("/api/session/demo", data={"kind": kind, "index": index}, headers=ORIGIN)
            assert answer.headers["location"].startswith("/login?error=")
        foreign = await client.post("/api/session/demo", data={"kind": "admin"}, headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 404 and "set-cookie" not in foreign.headers


@pytest.mark.parametrize(
    ("peer", "host", "headers"),
    [
        ("203.0.113.5", "127.0.0.1", {}),
        ("10.0.0.2", "127.0.0.1", {}),
        ("127.0.0.1", "127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", "127.0.0.1", {"Forwarded": "for=127.0.0.1"}),
        ("127.0.0.1", "127.0.0.1", {"X-Real-IP": "127.0.0.1"}),
        ("127.0.0.1", "evil.example", {}),
        ("127.0.0.1", "127.0.0.1.evil.example", {}),
        ("", "127.0.0.1", {}),
    ],
)
async def test_the_demo_is_closed_to_everyone_else(demo: World, peer: str, host: str, headers: dict[str, str]) -> None:
    async with demo.client(peer=peer, host=host) as client:
        listed = await client.get("/api/demo/accounts", headers=headers)
        entered = await client.post("/api/session/demo", data={"kind": "admin"}, headers={**headers, "Origin": f"http://{host}"})
    assert listed.status_code == entered.status_code == 404
    assert PASSWORD not in listed.text + entered.text


async def test_there_is_no_demo_where_it_is_off(demo: World) -> None:
    app = create_api(demo.db, make_settings(demo.settings.home, demo=False), live=Hub())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        assert (await client.get("/api/demo/accounts")).status_code == 404
        assert (await client.post("/api/session/demo", data={"kind": "admin"}, headers=ORIGIN)).status_code == 404
