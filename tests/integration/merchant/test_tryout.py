"""The signed-call tester against the served platform: its call meets every check, and the example can be repeated."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import httpx
import pytest
from sqlmodel import Session, select

from backend.api.merchant import tryout
from backend.errors import InvalidInput, NotFound
from backend.identity.principal import Principal
from backend.merchant import keys, rules
from backend.models import MerchantKey, Tenant
from backend.security.vault import Vault
from tests.support.doors import Owned, World, served
from tests.support.merchant import signature


@pytest.fixture
def base(fresh: World) -> Iterator[str]:
    with served(fresh.app) as address:
        yield f"http://{address}"


def tenant_of(owned: Owned) -> Principal:
    return Principal("tenant", owned.tenant_id, owned.tenant_id, owned.mark, owned.tenant_email, "", 1)


def signed(world: World, owned: Owned, name: str, key_id: int = 0, **values: str) -> tryout.SignedRequest:
    vault = Vault(world.settings.master_key.get_secret_value())

    def work(session: Session) -> tryout.SignedRequest:
        number = key_id or session.exec(select(MerchantKey.id).where(MerchantKey.app_key == owned.app_key)).one()
        return tryout.sign_call(session, tenant_of(owned), number or 0, tryout.door_of(name), values, vault=vault)

    with world.db.reading() as session:
        return work(session)


def test_all_twenty_endpoints_can_be_tried() -> None:
    assert len(tryout.doors()) == 20
    assert {door.path for door in tryout.doors()} >= {"/merchant/balance", "/merchant/user/withdraw", "/merchant/user/strategy/open"}


async def test_a_call_is_signed_sent_and_verified(fresh: World, base: str) -> None:
    made = signed(fresh, fresh.a, "find_users", email="trader@a", page="1")
    path, query = "/merchant/users", {"email": "trader@a", "page": "1"}
    theirs = signature(fresh.a.app_secret, "GET", path, query, b"", made.headers["X-Timestamp"], made.headers["X-Nonce"])
    assert made.headers["X-Sign"] == theirs == rules.sign(fresh.a.app_secret, made.text)
    assert made.text.splitlines()[:3] == ["GET", path, "email=trader%40a&page=1"]
    assert fresh.a.app_secret not in made.curl(base)
    reply = await tryout.send(base, made)
    assert (reply.status, reply.accepted) == (200, True)
    assert '"trader@a.example"' in reply.body
    again = await tryout.send(base, made)
    assert (again.status, again.accepted) == (401, False) and "X-Nonce" in again.body


async def test_a_writing_call_changes_what_it_says(fresh: World, base: str) -> None:
    reply = await tryout.send(base, signed(fresh, fresh.a, "recharge", email=fresh.a.email, amount="12.5", type="1"))
    assert reply.accepted and '"amount": "12.50000000"' in reply.body


async def test_the_curl_line_is_the_same_call(fresh: World, base: str) -> None:
    made = signed(fresh, fresh.a, "recharge", email=fresh.a.email, amount="1", type="1")
    words = shlex.split(made.curl(base).replace("\\\n", " "))
    url = next(word for word in words if word.startswith("http"))
    headers = dict(words[n + 1].split(": ", 1) for n, word in enumerate(words) if word == "-H")
    body = words[words.index("--data-binary") + 1]
    async with httpx.AsyncClient() as client:
        answer = await client.post(url, content=body, headers=headers)
    assert answer.json()["code"] == 0


async def test_the_rules_refuse_but_the_signature_is_good(fresh: World, base: str) -> None:
    reply = await tryout.send(base, signed(fresh, fresh.a, "user_info", email="nobody@a.example"))
    assert (reply.status, reply.accepted) == (200, True) and "用户不存在" in reply.body


def test_only_own_and_active_keys_sign(fresh: World) -> None:
    with fresh.db.reading() as session:
        foreign = session.exec(select(MerchantKey.id).where(MerchantKey.app_key == fresh.b.app_key)).one()
        own = session.exec(select(MerchantKey.id).where(MerchantKey.app_key == fresh.a.app_key)).one()
    with pytest.raises(NotFound):
        signed(fresh, fresh.a, "balance", key_id=foreign or 0)
    with pytest.raises(NotFound):
        signed(fresh, fresh.a, "no_such_door")
    with pytest.raises(InvalidInput):
        signed(fresh, fresh.a, "user_info", email="x" * 600)
    fresh.db.run(lambda session: keys.revoke_key(session, tenant_of(fresh.a), own or 0))
    with pytest.raises(InvalidInput):
        signed(fresh, fresh.a, "balance")


async def test_nobody_answers(fresh: World) -> None:
    from backend.errors import Unavailable

    with pytest.raises(Unavailable):
        await tryout.send("http://127.0.0.1:1", signed(fresh, fresh.a, "balance"))
    with fresh.db.reading() as session:
        assert session.get(Tenant, fresh.a.tenant_id) is not None
