from __future__ import annotations

from datetime import timedelta

import jwt
import pytest

from backend.clock import utcnow
from backend.identity import service
from backend.identity.sign_in import PAIR_LIMIT
from backend.security.tokens import TokenSigner
from tests.support.doors import PASSWORD, World


async def status(world: World, token: str, door: str = "/api/auth/me") -> int:
    async with world.client() as client:
        return (await client.get(door, headers={"Authorization": f"Bearer {token}"})).status_code


async def test_the_documented_answer_of_the_admin_login(world: World) -> None:
    async with world.client() as client:
        answer = await client.post("/api/auth/login", json={"username": "boss", "password": PASSWORD})
    body = answer.json()
    assert body["success"] is True
    assert set(body["data"]) == {"token", "admin_id", "username", "nickname"}
    claims = jwt.decode(body["data"]["token"], options={"verify_signature": False})
    assert (claims["admin_id"], claims["username"]) == (1, "boss")
    assert claims["exp"] - claims["iat"] == 24 * 3600
    assert await status(world, body["data"]["token"]) == 200


@pytest.mark.parametrize(
    ("door", "body"),
    [
        ("/api/auth/login", {"username": "boss", "password": "wrong"}),
        ("/api/auth/login", {"username": "nobody", "password": PASSWORD}),
        ("/api/auth/tenant/login", {"email": "desk@a.example", "password": "wrong"}),
        ("/api/auth/agent/login", {"email": "desk@a.example", "password": PASSWORD}),
    ],
)
async def test_wrong_credentials(world: World, door: str, body: dict[str, str]) -> None:
    async with world.client() as client:
        answer = await client.post(door, json=body)
    assert answer.status_code == 401
    assert answer.json()["code"] == "bad_credentials"


async def test_tokens_nobody_here_signed(world: World) -> None:
    key = world.settings.jwt_key.get_secret_value()
    good = jwt.get_unverified_header(world.tokens["admin"])
    now = int(utcnow().timestamp())
    claims = {**jwt.decode(world.tokens["admin"], options={"verify_signature": False})}
    forged = [
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims, None, algorithm="none", headers={"kid": good["kid"]}),
        jwt.encode(claims, key, algorithm="HS256", headers={"kid": good["kid"]}),
        jwt.encode(claims, "j" * 40, algorithm="HS256"),
        jwt.encode(claims, "\0" * 32, algorithm="HS256", headers={"kid": "/dev/null"}),
        jwt.encode({**claims, "exp": now + 10**6}, "x" * 40, algorithm="HS512", headers={"kid": good["kid"]}),
        TokenSigner("other" * 10).issue("admin", 1, claims["jti"]),
        # The right key, but a session that does not exist, is another person's, or of another kind.
        TokenSigner(key).issue("admin", 1, "no such session"),
        TokenSigner(key).issue("admin", 2, claims["jti"]),
        TokenSigner(key).issue("tenant", 1, claims["jti"]),
        TokenSigner(key).issue("admin", 1, claims["jti"], now=utcnow() - timedelta(hours=25)),
    ]
    for number, token in enumerate(forged):
        assert await status(world, token) == 401, number
    assert await status(world, world.tokens["admin"]) == 200


async def test_logging_out_ends_the_token(fresh: World) -> None:
    async with fresh.client("agent_a") as client:
        assert (await client.post("/api/auth/logout")).status_code == 200
        assert (await client.get("/api/auth/me")).status_code == 401


async def test_a_disabled_admin_is_out_at_once(fresh: World) -> None:
    def disable(session: object) -> None:
        service.create_admin(session, "deputy", PASSWORD)
        service.set_status(session, "admin", 1, active=False)

    assert await status(fresh, fresh.tokens["admin"]) == 200
    fresh.db.run(disable)
    assert await status(fresh, fresh.tokens["admin"]) == 401


async def test_a_disabled_tenant_takes_its_agents_with_it(fresh: World) -> None:
    fresh.db.run(lambda session: service.set_status(session, "tenant", fresh.a.tenant_id, active=False))
    for name, expected in (("tenant_a", 401), ("agent_a", 401), ("tenant_b", 200), ("agent_b", 200)):
        assert await status(fresh, fresh.tokens[name]) == expected


async def test_a_changed_password_ends_every_other_session(fresh: World) -> None:
    old = fresh.tokens["agent_a"]
    fresh.sign_in()
    async with fresh.client("agent_a") as client:
        body = {"old_password": "wrong", "new_password": "another password"}
        assert (await client.post("/api/auth/change-password", json=body)).status_code == 401
        body = {"old_password": PASSWORD, "new_password": "short"}
        refused = await client.post("/api/auth/change-password", json=body)
        assert (refused.status_code, refused.json()["code"]) == (400, "weak_password")
        body = {"old_password": PASSWORD, "new_password": "another password"}
        assert (await client.post("/api/auth/change-password", json=body)).status_code == 200
    assert await status(fresh, old) == 401
    assert await status(fresh, fresh.tokens["agent_a"]) == 200


async def test_guessing_is_throttled_by_address_and_name(fresh: World) -> None:
    body = {"username": "boss", "password": "wrong"}
    async with fresh.client(peer="203.0.113.7") as client:
        codes = [(await client.post("/api/auth/login", json=body)).status_code for _ in range(PAIR_LIMIT + 2)]
        assert codes == [401] * PAIR_LIMIT + [429] * 2
        refused = await client.post("/api/auth/login", json={**body, "password": PASSWORD})
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_tries")
        assert refused.headers["Retry-After"]
    async with fresh.client(peer="203.0.113.8") as client:
        assert (await client.post("/api/auth/login", json={**body, "password": PASSWORD})).status_code == 200
