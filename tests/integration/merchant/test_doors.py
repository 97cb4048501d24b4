"""The merchant doors of users and strategies: the documented answer, and each documented refusal."""

from __future__ import annotations

import re
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from backend.models import AuditLog, Binding, ExchangeAccount, Position, TenantStrategy, User
from tests.integration.merchant.conftest import copy_of
from tests.support.doors import World
from tests.support.merchant import LISTED, WHEN, Merchant, data, member, merchant, refused, stopped, user_code

CARDS = {"point_card_self", "point_card_gift", "point_card_total"}


async def test_health_needs_no_signature(world: World) -> None:
    async with world.client() as client:
        answer = await client.get("/merchant/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "service": "merchant-api"})


async def test_unknown_doors_and_methods_answer_in_the_envelope(world: World) -> None:
    async with world.client() as client:
        assert stopped(await client.get("/merchant/none"), 404) == "接口不存在"
        assert stopped(await client.get("/merchant/balance/"), 404) == "接口不存在"
        assert stopped(await client.delete("/merchant/balance"), 405) == "请求方法不支持"
        assert stopped(await client.post("/merchant/user/recharge", content=b"x" * 1_000_001), 413) == "请求体过大"


async def test_1_root_user(a: Merchant, fresh: World) -> None:
    found = data(await a.get("/root-user"))
    assert set(found) == {"user_id", "email", "invite_code", "create_time"}
    assert found["user_id"] == a.world.a.root_id and found["email"] == f"root@tenant{a.world.a.tenant_id}.local"
    assert re.fullmatch(r"\d{8}", found["invite_code"]) and WHEN.fullmatch(found["create_time"])

    def forget(session: Any) -> None:
        from backend.models import Tenant

        session.get(Tenant, fresh.a.tenant_id).root_user_id = None

    fresh.db.run(forget)
    assert refused(await merchant(fresh, fresh.a).get("/root-user")) == "根用户未设置"


async def test_2_user_create(a: Merchant, b: Merchant) -> None:
    top = data(await a.post("/user/create", email=" New@A.example ", password="12345678"), "创建成功")
    assert set(top) == {"user_id", "email", "invite_code", "inviter_id", "create_time"}
    assert (top["email"], top["inviter_id"]) == ("new@a.example", a.world.a.root_id)
    below = data(
        await a.post("/user/create", email="below@a.example", password="12345678", invite_code=top["invite_code"]),
        "创建成功",
    )
    assert below["inviter_id"] == top["user_id"]
    with a.world.db.reading() as session:
        assert session.get(User, top["user_id"]).password_hash.startswith("$argon2")

    async def wrong(client: Merchant = a, **form: str) -> str:
        return refused(await client.post("/user/create", **{"email": "x@a.example", "password": "12345678", **form}))

    assert await wrong(email=" ") == await wrong(password="") == "邮箱和密码不能为空"
    assert await wrong(invite_code="00000001") == "邀请码无效"
    assert await wrong(client=b, invite_code=top["invite_code"]) == "邀请码不属于该商户"
    assert await wrong(email="new@a.example") == "邮箱已被注册"
    assert await wrong(email="no address") == "邮箱格式不正确"
    assert await wrong(password="1234567") == "密码长度须为 8-128 位"
    assert stopped(await a.post("/user/create", email="x@a.example"), 422) == "参数错误: password"


async def test_3_users(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    for name in ("one", "two", "1_0"):
        member(fresh, name)
    found = data(await a.get("/users"))
    assert set(found) == LISTED
    assert (found["total"], found["page"], found["limit"]) == (5, 1, 20)
    row = found["list"][0]
    assert set(row) == {"user_id", "email", "invite_code", "inviter_id", "is_root", "status", "create_time"} | CARDS
    assert [one["user_id"] for one in found["list"]] == sorted((one["user_id"] for one in found["list"]), reverse=True)
    assert found["list"][-1]["is_root"] == 1
    rich = data(await a.get("/users", email="TRADER"))["list"][0]
    assert (rich["point_card_self"], rich["point_card_gift"], rich["point_card_total"]) == (
        "220.00000000", "200.00000000", "420.00000000",
    )  # fmt: skip
    assert [one["email"] for one in data(await a.get("/users", email="_"))["list"]] == ["1_0@a.example"]
    assert data(await a.get("/users", email="%"))["total"] == 0
    assert data(await a.get("/users", invite_code=row["invite_code"]))["list"] == [row]
    paged = data(await a.get("/users", page=2, limit=2))
    assert (len(paged["list"]), paged["total"]) == (2, 5)
    fresh.db.run(lambda s: setattr(s.get(User, row["user_id"]), "status", 0))
    disabled = data(await a.get("/users", status=2))
    assert [(one["user_id"], one["status"]) for one in disabled["list"]] == [(row["user_id"], 2)]
    assert data(await a.get("/users", status=1))["total"] == 4
    for query in ({"limit": 101}, {"page": 0}, {"status": "x"}, {"limit": "１"}):
        stopped(await a.get("/users", **query), 422)


async def test_4_user_info(a: Merchant) -> None:
    found = data(await a.get("/user/info", email=" Trader@a.example"))
    assert set(found) == {
        "user_id", "email", "invite_code", "inviter_invite_code", "status", "create_time", "invite_count", "level",
        "level_name", "is_market_node", "self_hold", "team_direct_count", "team_total_count", "team_performance",
        "reward_usdt", "total_reward", "withdrawn_reward", "bound_exchanges", "accounts", "active_strategies",
        "total_profit", "total_trades",
    } | CARDS  # fmt: skip
    assert (found["level"], found["level_name"], found["bound_exchanges"]) == (0, "S0", ["binance"])
    assert (found["total_reward"], found["active_strategies"]) == ("500.00000000", 1)
    (account,) = found["accounts"]
    assert set(account) == {
        "account_id", "exchange", "account_type", "api_key", "api_secret", "passphrase", "balance", "futures_balance",
        "futures_available", "status",
    }  # fmt: skip
    assert (account["api_key"], account["api_secret"], account["balance"]) == ("****1234", "****", "1000.00000000")
    assert refused(await a.get("/user/info", email="nobody@a.example")) == "用户不存在"
    assert stopped(await a.get("/user/info"), 422) == "参数错误: email"


async def test_5_and_6_exchange_keys(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    form = {"email": fresh.a.email, "exchange": "OKX", "api_key": "key-0009876", "api_secret": "very-secret", "passphrase": "p"}
    made = data(await a.post("/user/apikey", **form), "绑定成功")
    assert made == {"account_id": made["account_id"], "exchange": "okx", "account_type": "futures"}
    again = data(await a.post("/user/apikey", **{**form, "api_key": "key-0001111"}), "绑定成功")
    assert again["account_id"] == made["account_id"]
    shown = (await a.get("/user/info", email=fresh.a.email)).text
    assert "****1111" in shown and "very-secret" not in shown and "key-000" not in shown
    with fresh.db.reading() as session:
        account = session.get(ExchangeAccount, made["account_id"])
        assert account and b"very-secret" not in account.credentials_sealed and account.mode == "simulated"
        assert "very-secret" not in str([row.model_dump() for row in session.exec(select(AuditLog)).all()])

    async def wrong(**changes: str) -> str:
        return refused(await a.post("/user/apikey", **{**form, **changes}))

    offered = "binance, okx, gate, bybit, bitget, hyperliquid"
    assert await wrong(exchange="kraken") == f"不支持的交易所，仅支持: {offered}"
    assert await wrong(exchange="bitget", passphrase="") == "Bitget 必须填写 API Passphrase（创建 API 时设置的密码）"
    assert await wrong(passphrase="") == "OKX 必须填写 API Passphrase（创建 API 时设置的密码）"
    assert await wrong(email="nobody@a.example") == "用户不存在"

    async def unbind(account_id: object, email: str = fresh.a.email) -> Any:
        return await a.post("/user/apikey/unbind", email=email, account_id=account_id)

    assert refused(await unbind(999_999)) == refused(await unbind(fresh.b.account_id)) == "账户不存在"
    assert refused(await unbind(1, "nobody@a.example")) == "用户不存在"
    assert refused(await unbind(fresh.a.account_id)) == "该账户有未平仓位或未完成订单，请先平仓"
    assert data(await unbind(made["account_id"]), "解绑成功") is None
    assert refused(await unbind(made["account_id"])) == "账户不存在"
    with fresh.db.reading() as session:
        account = session.get(ExchangeAccount, made["account_id"])
        assert account and (account.credentials_sealed, account.key_hint, account.status) == (b"", "", 2)

    def flatten(session: Any) -> None:
        position = session.get(Position, fresh.a.position_id)
        position.status, position.open_slot = "CLOSED", None

    fresh.db.run(flatten)
    assert data(await unbind(fresh.a.account_id), "解绑成功") is None
    assert data(await a.get("/user/strategies", email=fresh.a.email)) == []
    with fresh.db.reading() as session:
        assert session.get(Binding, fresh.a.binding_id).status == 0
    bound = data(await a.post("/user/apikey", **{**form, "exchange": "binance"}), "绑定成功")
    assert bound["account_id"] == fresh.a.account_id


async def test_5_offers_what_the_setting_names(template: World, tmp_path: Path) -> None:
    world = copy_of(template, tmp_path, venues="binance,okx,gate")
    form = {"email": world.a.email, "api_key": "key-0009876", "api_secret": "very-secret"}
    a = merchant(world, world.a)
    said = "不支持的交易所，仅支持: binance, okx, gate"
    assert refused(await a.post("/user/apikey", **form, exchange="bybit")) == said
    assert data(await a.post("/user/apikey", **form, exchange="gate"), "绑定成功")["exchange"] == "gate"
    world.db.dispose()


async def test_10_strategies(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    (row,) = data(await a.get("/strategies"))
    assert set(row) == {
        "id", "strategy_id", "name", "description", "symbol", "timeframe", "min_capital", "capital", "leverage",
        "risk_mode", "risk_mode_label", "amount_usdt", "status",
    }  # fmt: skip
    assert (row["id"], row["name"], row["capital"], row["leverage"]) == (fresh.a.strategy_id, "Composite", "1000.00", 5)
    assert (row["risk_mode"], row["risk_mode_label"], row["amount_usdt"]) == (1, "稳健", "50.00")

    def override(session: Any) -> None:
        mine = session.exec(select(TenantStrategy).where(TenantStrategy.tenant_id == fresh.a.tenant_id)).one()
        mine.display_name, mine.capital, mine.leverage, mine.risk_mode = "Ours", D(2000), 20, 3

    fresh.db.run(override)
    (row,) = data(await a.get("/strategies"))
    assert (row["name"], row["capital"], row["leverage"], row["amount_usdt"]) == ("Ours", "2000.00", 20, "800.00")
    assert row["risk_mode_label"] == "激进"
    assert data(await merchant(fresh, fresh.b).get("/strategies"))[0]["name"] == "Composite"


async def test_11_to_14_subscriptions(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    form = {"email": fresh.a.email, "strategy_id": fresh.a.strategy_id, "account_id": fresh.a.account_id}
    made = data(await a.post("/user/strategy/open", **form, capital="1000", risk_mode=2), "开启成功")
    assert made == {
        "binding_id": fresh.a.binding_id, "strategy_id": fresh.a.strategy_id, "account_id": fresh.a.account_id,
        "mode": 2, "capital": "1000.00", "leverage": 20, "risk_mode": 2, "risk_mode_label": "均衡",
        "amount_usdt": "300.00",
    }  # fmt: skip
    again = data(await a.post("/user/strategy/open", **form, mode=1, capital="-1"), "开启成功")
    assert (again["binding_id"], again["mode"], again["capital"]) == (fresh.a.binding_id, 1, "1000.00")

    async def wrong(path: str, **changes: object) -> str:
        return refused(await a.post(f"/user/strategy/{path}", **{**form, **changes}))

    assert await wrong("open", strategy_id=999, email="nobody@a.example") == "该策略未对本租户开放或已下架"
    assert await wrong("open", email="nobody@a.example") == "用户不存在"
    poor = member(fresh, "poor")
    assert await wrong("open", email=poor.email, min_point_card="0") == "点卡余额不足，无法开启策略（需至少 1.00 点卡）"
    assert await wrong("open", account_id=fresh.b.account_id) == "交易账户不存在或未启用"
    assert await wrong("open", risk_mode=4) == "无效的风险档位（1=稳健 2=均衡 3=激进）"
    assert await wrong("open", leverage=21) == "无效的杠杆倍数（可选 5/10/20/50/75/100）"
    assert await wrong("open", mode=3) == "执行模式无效（1=单次 2=循环）"
    assert await wrong("open", capital="199.99") == "本金不能低于 200.00 USDT"
    changed = data(await a.post("/user/strategy/update", **form, leverage=50), "修改成功")
    assert changed == {
        "binding_id": fresh.a.binding_id, "capital": "1000.00", "leverage": 50, "risk_mode": 1,
        "risk_mode_label": "稳健", "amount_usdt": "500.00",
    }  # fmt: skip
    assert await wrong("update", strategy_id=999) == "策略不存在"
    assert await wrong("update", account_id=999) == "策略绑定不存在"
    assert await wrong("update", risk_mode=9) == "无效的风险档位（1=稳健 2=均衡 3=激进）"
    (row,) = data(await a.get("/user/strategies", email=fresh.a.email))
    assert set(row) == {
        "strategy_id", "strategy_name", "symbol", "account_id", "status", "mode", "capital", "leverage", "risk_mode",
        "risk_mode_label", "amount_usdt", "total_profit", "total_trades", "create_time",
    }  # fmt: skip
    assert (row["status"], row["leverage"], row["total_profit"]) == (1, 50, "0.00000000")
    assert data(await a.post("/user/strategy/close", **form), "关闭成功") is None
    assert data(await a.get("/user/strategies", email=fresh.a.email))[0]["status"] == 0
    assert await wrong("close", account_id=999) == "策略绑定不存在"
    assert refused(await a.get("/user/strategies", email="nobody@a.example")) == "用户不存在"


async def test_16_team_and_17_market_node(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    child = member(fresh, "child", code=user_code(fresh, fresh.a.user_id))
    grandchild = member(fresh, "grandchild", code=child.invite_code)

    def hold(session: Any) -> None:
        session.add(
            ExchangeAccount(
                tenant_id=fresh.a.tenant_id, user_id=grandchild.id, exchange="gate", futures_balance=D("1500.5")
            )
        )

    fresh.db.run(hold)
    done = data(await a.post("/user/set-market-node", email=child.email, is_node=1), "已设置为市场节点")
    assert done is None
    found = data(await a.get("/user/team", email=fresh.a.email))
    assert set(found) == LISTED | {"team_stats"}
    assert found["team_stats"] == {"direct_count": 1, "total_count": 2, "total_performance": "1500.50000000"}
    (row,) = found["list"]
    assert {name: row[name] for name in row if name != "create_time"} == {
        "user_id": child.id, "email": child.email, "level": 0, "level_name": "S0", "is_market_node": 1,
        "team_performance": "1500.50000000", "sub_count": 1,
    }  # fmt: skip
    data(await a.post("/user/set-market-node", email=child.email, is_node=0), "已取消市场节点资格")
    assert data(await a.get("/user/team", email=fresh.a.email))["list"][0]["is_market_node"] == 0
    assert refused(await a.get("/user/team", email="nobody@a.example")) == "用户不存在"
    assert refused(await a.post("/user/set-market-node", email="nobody@a.example", is_node=1)) == "用户不存在"
    assert stopped(await a.post("/user/set-market-node", email=child.email, is_node=2), 422) == "参数错误: is_node"


async def test_every_write_is_audited_and_no_answer_holds_a_secret(a: Merchant) -> None:
    data(await a.post("/user/set-market-node", email=a.world.a.email, is_node=1), "已设置为市场节点")
    with a.world.db.reading() as session:
        rows = session.exec(select(AuditLog).where(AuditLog.action == "merchant.user.market_node")).all()
    assert rows and {(row.actor_kind, row.tenant_id, row.ip) for row in rows} == {
        ("merchant_key", a.world.a.tenant_id, "127.0.0.1")
    }
    for path in ("/root-user", "/users", "/balance", "/strategies", "/point-card/logs"):
        text = (await a.get(path)).text
        assert a.secret not in text and "$argon2" not in text and "sealed" not in text


@pytest.mark.parametrize(
    "body", [b"\xff\xfe=1", b"email=%ff", b"email=a&email=b", b"&".join(b"a%d=1" % n for n in range(200)), b"email=%00a"]
)
async def test_unreadable_forms_are_refused(a: Merchant, body: bytes) -> None:
    path = "/merchant/user/strategy/close"
    answer = await a.send("POST", path, "", body, a.headers("POST", path, {}, body))
    assert stopped(answer, 422).startswith("参数错误")
    wrong_kind = {**a.headers("POST", path, {}, b"{}"), "Content-Type": "application/json"}
    assert stopped(await a.send("POST", path, "", b"{}", wrong_kind), 422).startswith("参数错误")
