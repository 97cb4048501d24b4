"""Who is let in, and who is not."""

from __future__ import annotations

import asyncio
import secrets
import time
from urllib.parse import urlencode

import pytest

from backend.api.app import create_api
from backend.db import Database
from backend.identity.principal import Principal
from backend.identity.service import set_status
from backend.merchant import keys
from backend.models import MerchantKey
from tests.support.doors import World
from tests.support.merchant import Merchant, data, merchant, refused, stopped

PATH = "/merchant/balance"
WRONG = "签名验证失败"


def owner(world: World) -> Principal:
    return Principal("tenant", world.a.tenant_id, world.a.tenant_id, "", "", "owner", 1)


def first_key(world: World) -> int:
    with world.db.reading() as session:
        (key,) = keys.keys(session, world.a.tenant_id)
        assert key.id
        return key.id


def configure(world: World, key_id: int, **values: object) -> None:
    world.db.run(lambda s: keys.configure_key(s, owner(world), key_id, **values))


@pytest.mark.parametrize("missing", ["X-App-Key", "X-Timestamp", "X-Nonce", "X-Sign"])
async def test_a_missing_header(a: Merchant, missing: str) -> None:
    headers = a.headers("GET", PATH, {}, b"")
    headers.pop(missing)
    assert stopped(await a.send("GET", PATH, "", b"", headers), 401) == "缺少认证参数"


@pytest.mark.parametrize("stamp", ["x", "1.5", "-5", "１７９０００００００", " ", "1e9", "99999999999999"])
async def test_a_bad_timestamp(a: Merchant, stamp: str) -> None:
    headers = {**a.headers("GET", PATH, {}, b""), "X-Timestamp": stamp}
    answer = await a.send("GET", PATH, "", b"", {k: v.encode() for k, v in headers.items()})
    assert stopped(answer, 401) == ("缺少认证参数" if stamp == " " else "时间戳格式错误")


async def test_one_second_past_the_window(a: Merchant) -> None:
    for age, allowed in ((-300, True), (300, True), (-301, False), (301, False)):
        for _ in range(50):
            now = int(time.time())
            headers = a.headers("GET", PATH, {}, b"", timestamp=str(now - age))
            answer = await a.send("GET", PATH, "", b"", headers)
            if int(time.time()) == now:
                break  # asked and answered within the same second, so that the age is what it was
        if allowed:
            data(answer)
        else:
            assert stopped(answer, 401) == "请求已过期"


async def test_an_unknown_key_and_a_disabled_tenant(a: Merchant, fresh: World) -> None:
    for wrong in ("0" * 32, a.app_key.upper(), f"{a.app_key}\u00a0"):
        client = Merchant(a.world, wrong, a.secret)
        headers = {k: v.encode("latin-1") for k, v in client.headers("GET", PATH, {}, b"").items()}
        assert stopped(await client.send("GET", PATH, "", b"", headers), 401) == "AppKey无效或已禁用"
    fresh.db.run(lambda s: set_status(s, "tenant", fresh.a.tenant_id, active=False))
    assert stopped(await merchant(fresh, fresh.a).get("/balance"), 401) == "AppKey无效或已禁用"


async def test_a_nonce_is_accepted_once_also_by_another_process_and_after_a_restart(a: Merchant) -> None:
    headers = a.headers("GET", PATH, {}, b"")
    data(await a.send("GET", PATH, "", b"", headers))
    assert stopped(await a.send("GET", PATH, "", b"", headers), 401) == "请求重复，X-Nonce 已被使用"
    other = World(
        Database(a.world.db.engine.url.render_as_string(hide_password=False)), a.world.settings, a.world.hub,
        a.world.app, a.world.a, a.world.b,
    )  # fmt: skip
    other.app = create_api(other.db, other.settings)
    second = merchant(other, other.a)
    assert stopped(await second.send("GET", PATH, "", b"", headers), 401) == "请求重复，X-Nonce 已被使用"
    data(await second.get("/balance"))
    # The same nonce under another signed time is still the same nonce.
    again = a.headers("GET", PATH, {}, b"", nonce=headers["X-Nonce"], timestamp=str(int(time.time()) - 5))
    assert stopped(await second.send("GET", PATH, "", b"", again), 401) == "请求重复，X-Nonce 已被使用"
    other.db.dispose()


async def test_a_nonce_belongs_to_its_key(a: Merchant, b: Merchant) -> None:
    nonce = secrets.token_hex(16)
    for client in (a, b):
        data(await client.send("GET", PATH, "", b"", client.headers("GET", PATH, {}, b"", nonce=nonce)))
    upper = nonce.upper()
    data(await a.send("GET", PATH, "", b"", a.headers("GET", PATH, {}, b"", nonce=upper)))


async def test_a_hundred_replays_at_once_have_one_effect(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    path = "/merchant/user/recharge"
    body = urlencode({"email": fresh.a.email, "amount": "1", "type": 1}).encode()
    headers = a.headers("POST", path, {}, body)
    answers = await asyncio.gather(*(a.send("POST", path, "", body, headers) for _ in range(100)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 99
    assert data(await a.get("/balance"))["point_card_self"] == "829.00000000"


@pytest.mark.parametrize("nonce", ["short", "x" * 15, "x" * 65, "x" * 15 + " y"])
async def test_a_bad_nonce(a: Merchant, nonce: str) -> None:
    answer = await a.send("GET", PATH, "", b"", a.headers("GET", PATH, {}, b"", nonce=nonce))
    assert stopped(answer, 401).startswith("X-Nonce 格式错误")


async def test_wrong_signatures(a: Merchant, b: Merchant) -> None:
    good = a.headers("GET", PATH, {}, b"")
    for sign in ("x", "0" * 64, good["X-Sign"].upper(), good["X-Sign"][:-1], f"{good['X-Sign']}0", "\xff" * 64):
        headers = {k: v.encode("latin-1") for k, v in {**good, "X-Sign": sign}.items()}
        assert stopped(await a.send("GET", PATH, "", b"", headers), 401) == WRONG
    swapped = Merchant(a.world, a.app_key, b.secret)
    assert stopped(await swapped.get("/balance"), 401) == WRONG
    versions = {**good, "X-Sign-Version": "3"}
    assert stopped(await a.send("GET", PATH, "", b"", versions), 401) == "签名版本不支持，请使用 X-Sign-Version: 2"
    data(await a.send("GET", PATH, "", b"", good))  # a refused call does not use its nonce up


async def test_a_signed_call_cannot_be_changed(a: Merchant) -> None:
    path, query = "/merchant/users", {"email": "trader", "page": "1"}
    headers = a.headers("GET", path, query, b"")
    sent = [
        ("GET", path, "email=trader&page=2", b""),
        ("GET", path, "email=trader", b""),
        ("GET", path, "email=trader&page=1&limit=5", b""),
        ("GET", path, "email=trader&page=1&page=1", b""),
        ("GET", path, "email=trader&page=1&", b"x"),
        ("GET", path, "email%3Dtrader&page=1", b""),
        ("GET", path, "email=trader%26page=1", b""),
        ("GET", path, "EMAIL=trader&page=1", b""),
        ("GET", path, "email=trader&page=%ff1", b""),
        ("GET", "/merchant/balance", "email=trader&page=1", b""),
        ("GET", "/merchant/%75sers", "email=trader&page=1", b""),
        ("GET", "/merchant/user/rewards", "email=trader&page=1", b""),
    ]
    for method, where, what, body in sent:
        answer = await a.send(method, where, what, body, headers)
        assert stopped(answer, 401) == WRONG, (where, what)
    for where in ("/merchant/users/", "/merchant//users", "/Merchant/users", "/merchant/%2Fusers", "/merchant/users%3F"):
        assert (await a.send("GET", where, "email=trader&page=1", b"", headers)).status_code in (401, 404)
    # Another order and another style of the same pairs are the same call.
    data(await a.send("GET", path, "page=%31&%65mail=trader", b"", headers))


async def test_a_signed_body_cannot_be_changed(a: Merchant) -> None:
    path, body = "/merchant/user/recharge", b"email=trader%40a.example&amount=1&type=1"
    headers = a.headers("POST", path, {}, body)
    before = data(await a.get("/balance"))
    for changed in (body.replace(b"amount=1", b"amount=9"), body + b"&type=2", body + b" ", b"", body.replace(b"%40", b"@")):
        assert stopped(await a.send("POST", path, "", changed, headers), 401) == WRONG
    assert stopped(await a.send("POST", path, "amount=5", body, headers), 401) == WRONG
    assert stopped(await a.send("POST", "/merchant/user/withdraw", "", body, headers), 401) == WRONG
    assert data(await a.get("/balance")) == before


async def test_a_header_given_twice_counts_as_missing(a: Merchant) -> None:
    headers = list(a.headers("GET", PATH, {}, b"").items())
    async with a.world.client() as client:
        for name, value in headers[:3]:
            answer = await client.get(PATH, headers=[*headers, (name, value)])
            assert stopped(answer, 401) == "缺少认证参数"


async def test_two_keys_are_valid_at_once_and_a_revoked_one_is_not(fresh: World) -> None:
    old = merchant(fresh, fresh.a)
    old_id = first_key(fresh)
    made = fresh.db.run(lambda s: keys.issue_key(s, owner(fresh), fresh.a.tenant_id, "second", vault=vault(fresh)))
    new = Merchant(fresh, made.key.app_key, made.app_secret)
    data(await old.get("/balance"))
    data(await new.get("/balance"))
    with pytest.raises(keys.TooManyKeys):
        fresh.db.run(lambda s: keys.issue_key(s, owner(fresh), fresh.a.tenant_id, vault=vault(fresh)))
    fresh.db.run(lambda s: keys.revoke_key(s, owner(fresh), old_id))
    assert stopped(await old.get("/balance"), 401) == "AppKey无效或已禁用"
    data(await new.get("/balance"))
    with fresh.db.reading() as session:
        rows = keys.keys(session, fresh.a.tenant_id)
        assert [(row.status, row.last_used_at is not None) for row in rows] == [(1, True), (0, True)]
        assert made.app_secret not in str([row.model_dump() for row in rows])


def vault(world: World):
    return world.app.state.context.vault


async def test_another_tenants_key_cannot_be_touched(fresh: World) -> None:
    from backend.errors import NotFound

    other = Principal("tenant", fresh.b.tenant_id, fresh.b.tenant_id, "", "", "owner", 1)
    key_id = first_key(fresh)
    for work in (
        lambda s: keys.revoke_key(s, other, key_id),
        lambda s: keys.configure_key(s, other, key_id, legacy=True),
        lambda s: keys.issue_key(s, other, fresh.a.tenant_id, vault=vault(fresh)),
    ):
        with pytest.raises(NotFound):
            fresh.db.run(work)
    data(await merchant(fresh, fresh.a).get("/balance"))


async def test_addresses_outside_the_list_are_kept_out(fresh: World) -> None:
    configure(fresh, first_key(fresh), ips=["203.0.113.0/24", "198.51.100.7"])
    for peer, allowed in (("203.0.113.9", True), ("198.51.100.7", True), ("198.51.100.8", False), ("127.0.0.1", False)):
        answer = await merchant(fresh, fresh.a, peer).get("/balance")
        if allowed:
            data(answer)
        else:
            assert stopped(answer, 403) == "来源IP不在白名单内"


async def test_the_legacy_signature_is_off_read_only_or_on(fresh: World) -> None:
    a, key_id = merchant(fresh, fresh.a), first_key(fresh)
    form = {"email": fresh.a.email, "is_node": 1}
    assert stopped(await a.legacy("GET", "/balance"), 401) == "旧版MD5签名未启用，请使用 X-Sign-Version: 2"
    configure(fresh, key_id, legacy=True)
    answer = await a.legacy("GET", "/balance")
    data(answer)
    assert "MD5" in answer.headers["Warning"] and answer.headers["Deprecation"] == "true"
    assert "Warning" not in (await a.get("/balance")).headers
    assert stopped(await a.legacy("POST", "/user/set-market-node", **form), 403).startswith("旧版MD5签名仅允许只读请求")
    configure(fresh, key_id, legacy_writes=True)
    data(await a.legacy("POST", "/user/set-market-node", **form), "已设置为市场节点")
    wrong = Merchant(fresh, a.app_key, "0" * 64)
    assert stopped(await wrong.legacy("GET", "/balance"), 401) == WRONG
    configure(fresh, key_id, legacy=False)
    with fresh.db.reading() as session:
        row = session.get(MerchantKey, key_id)
        assert row and (row.legacy, row.legacy_writes) == (False, False)
    assert stopped(await a.legacy("GET", "/balance"), 401).startswith("旧版MD5签名未启用")


async def test_an_old_client_makes_its_twenty_calls(fresh: World) -> None:
    """Form bodies, MD5 signature, the documented order; only the base address differs from before."""
    a = merchant(fresh, fresh.a)
    configure(fresh, first_key(fresh), legacy=True, legacy_writes=True)
    mail = "old@client.example"

    async def get(path: str, **query: object):
        return data(await a.legacy("GET", path, **query))

    async def post(path: str, msg: str, **form: object):
        return data(await a.legacy("POST", path, **form), msg)

    root = await get("/root-user")
    made = await post("/user/create", "创建成功", email=mail, password="abcd1234", invite_code=root["invite_code"])
    assert made["inviter_id"] == root["user_id"]
    assert (await get("/users", page=1, limit=20))["total"] == 3
    assert (await get("/user/info", email=mail))["accounts"] == []
    bound = await post("/user/apikey", "绑定成功", email=mail, exchange="binance", api_key="kkkk1234", api_secret="ssss")
    spare = await post(
        "/user/apikey", "绑定成功", email=mail, exchange="gate", api_key="k", api_secret="s", account_type="futures"
    )
    assert await post("/user/apikey/unbind", "解绑成功", email=mail, account_id=spare["account_id"]) is None
    assert (await get("/balance"))["point_card_total"] == "1630.00000000"
    assert (await post("/user/recharge", "分发成功", email=mail, amount=100, type=1))["member_after_total"] == "100.00000000"
    assert (await get("/point-card/logs", page=1, limit=20))["list"][0]["change_type"] == 3
    (offer,) = await get("/strategies")
    ids = {"email": mail, "strategy_id": offer["strategy_id"], "account_id": bound["account_id"]}
    opened = await post("/user/strategy/open", "开启成功", **ids, mode=2, capital=1000, leverage=20, risk_mode=1)
    assert opened["amount_usdt"] == "200.00"
    assert (await post("/user/strategy/update", "修改成功", **ids, leverage=10))["leverage"] == 10
    assert await post("/user/strategy/close", "关闭成功", **ids) is None
    assert [row["status"] for row in await get("/user/strategies", email=mail)] == [0]
    moved = await post(
        "/user/transfer-point-card", "自充互转成功", from_email=mail, to_email=root["email"], amount=10, type=1
    )
    assert moved["from_self_after"] == "90.00000000"
    assert (await get("/user/team", email=root["email"]))["team_stats"]["direct_count"] == 2
    await post("/user/set-market-node", "已设置为市场节点", email=mail, is_node=1)
    assert (await get("/user/rewards", email=mail))["list"] == []
    applied = await a.legacy("POST", "/user/withdraw", email=mail, amount=50, wallet_address="TJRabPrwbZy45sbavfcjinPJC18kjpRTv8")
    assert refused(applied) == "奖励余额不足"
    assert (await get("/user/withdrawals", email=mail))["total"] == 0
