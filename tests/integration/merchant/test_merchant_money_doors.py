"""The merchant doors that move or list money: the documented answer, and each documented refusal."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.support.doors import World
from tests.support.merchant import LISTED, WHEN, Merchant, data, member, merchant, refused, stopped, user_code

TRON = "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"


async def test_7_balance_and_8_recharge(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    before = data(await a.get("/balance"))
    assert before == {
        "point_card_self": "830.00000000", "point_card_gift": "800.00000000", "point_card_total": "1630.00000000",
    }  # fmt: skip
    done = data(await a.post("/user/recharge", email=fresh.a.email, amount="12.34567891", type=1), "分发成功")
    assert done == {
        "agent_before_total": "1630.00000000", "agent_after_total": "1617.65432109",
        "member_before_total": "420.00000000", "member_after_total": "432.34567891", "amount": "12.34567891",
    }  # fmt: skip
    data(await a.post("/user/recharge", email=fresh.a.email, amount="1"), "分发成功")  # gift is the default
    after = data(await a.get("/balance"))
    assert (after["point_card_self"], after["point_card_gift"]) == ("817.65432109", "799.00000000")

    async def wrong(**form: object) -> str:
        return refused(await a.post("/user/recharge", **{"email": fresh.a.email, "amount": "1", "type": 1, **form}))

    assert await wrong(amount="0") == await wrong(amount="-1") == "金额必须大于0"
    assert await wrong(amount="817.65432110") == "代理商自充余额不足"
    assert await wrong(amount="799.00000001", type=2) == "代理商赠送余额不足"
    assert await wrong(email="nobody@a.example") == "用户不存在"
    assert await wrong(type=3) == "充值类型无效（1=自充 2=赠送）"
    for amount in ("NaN", "Infinity", "1e3", "1,0", "１", "0x1", "1.123456789", "99999999999", "", " ", "--1", "1_0"):
        assert stopped(await a.post("/user/recharge", email=fresh.a.email, amount=amount), 422) == "参数错误: amount"
    assert data(await a.get("/balance")) == after


async def test_9_point_card_logs(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    friend = member(fresh, "friend", code=None)
    child = member(fresh, "child", code=friend.invite_code)
    data(await a.post("/user/recharge", email=friend.email, amount="30", type=1), "分发成功")
    data(
        await a.post("/user/transfer-point-card", from_email=friend.email, to_email=child.email, amount="5", type=1),
        "自充互转成功",
    )
    fields = {
        "id", "change_type", "change_type_name", "source_type", "amount", "before_self", "after_self", "before_gift",
        "after_gift", "member_id", "to_type", "remark", "create_time", "create_time_str",
    }  # fmt: skip
    mine = data(await a.get("/point-card/logs"))
    assert set(mine) == LISTED and set(mine["list"][0]) == fields
    newest = mine["list"][0]
    assert (newest["change_type"], newest["change_type_name"], newest["source_type"]) == (3, "分发给用户", 2)
    assert (newest["amount"], newest["member_id"], newest["to_type"]) == ("-30.00000000", friend.id, 1)
    assert newest["remark"] == f"分发给用户#{friend.id}（充值）"
    assert isinstance(newest["create_time"], int) and WHEN.fullmatch(newest["create_time_str"])
    assert {row["change_type_name"] for row in mine["list"]} == {"后台充值", "后台赠送", "分发给用户"}
    theirs = data(await a.get("/point-card/logs", email=friend.email))["list"]
    assert set(theirs[0]) == fields | {"source_type_name"}
    assert [(row["change_type"], row["change_type_name"], row["amount"], row["remark"]) for row in theirs] == [
        (3, "转出", "-5.00000000", f"自充转出给用户#{child.id}"),
        (1, "充值", "30.00000000", "代理商充值"),
    ]
    assert [(row["source_type"], row["source_type_name"]) for row in theirs] == [(1, "自充")] * 2
    (got,) = data(await a.get("/point-card/logs", email=child.email))["list"]
    assert (got["change_type"], got["change_type_name"], got["member_id"]) == (4, "转入", friend.id)
    assert data(await a.get("/point-card/logs", email="nobody@a.example"))["list"] == []
    assert {row["change_type"] for row in data(await a.get("/point-card/logs", change_type=3))["list"]} == {3}
    today = datetime.now(UTC).date().isoformat()
    assert data(await a.get("/point-card/logs", start_time=today, end_time=today))["total"] == mine["total"]
    assert data(await a.get("/point-card/logs", end_time="2020-01-01 00:00:00"))["total"] == 0
    for bad in ("yesterday", "2026-13-01", "2026-02-30", "01/02/2026"):
        assert stopped(await a.get("/point-card/logs", start_time=bad), 422) == "参数错误: start_time"


async def test_15_transfer(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    child = member(fresh, "child", code=user_code(fresh, fresh.a.user_id))
    aside = member(fresh, "aside")
    form = {"from_email": fresh.a.email, "to_email": child.email, "amount": "20", "type": 2}
    done = data(await a.post("/user/transfer-point-card", **form), "赠送互转成功")
    assert done == {
        "from_email": fresh.a.email, "to_email": child.email, "type": 2, "type_name": "赠送", "amount": "20.00000000",
        "from_self_after": "220.00000000", "from_gift_after": "180.00000000", "to_self_after": "0.00000000",
        "to_gift_after": "20.00000000",
    }  # fmt: skip

    async def wrong(**changes: object) -> str:
        return refused(await a.post("/user/transfer-point-card", **{**form, **changes}))

    assert await wrong(from_email="nobody@a.example") == await wrong(from_email=fresh.b.email) == "发送方邮箱不存在"
    assert await wrong(to_email="nobody@a.example") == await wrong(to_email=fresh.b.email) == "接收方邮箱不存在"
    assert await wrong(to_email=fresh.a.email) == "不能给自己转账"
    assert await wrong(amount="0") == await wrong(amount="-0.1") == "转账金额必须大于0"
    assert await wrong(to_email=aside.email) == "只能在同一邀请链路内转账"
    assert await wrong(amount="220.00000001", type=1) == "自充点卡余额不足"
    assert await wrong(amount="181") == "赠送点卡余额不足"


async def test_18_rewards(a: Merchant) -> None:
    found = data(await a.get("/user/rewards", email=a.world.a.email))
    (row,) = found["list"]
    assert set(row) == {
        "id", "reward_type", "reward_type_name", "amount", "source_user_id", "source_email", "rate", "settle_batch",
        "remark", "create_time",
    }  # fmt: skip
    assert (row["reward_type_name"], row["amount"], row["rate"], row["remark"]) == ("直推奖", "500.00000000", "0.25", "直推奖励")
    assert row["source_email"].startswith("root@")
    assert data(await a.get("/user/rewards", email=a.world.a.email, reward_type="peer"))["total"] == 0
    assert refused(await a.get("/user/rewards", email="nobody@a.example")) == "用户不存在"


async def test_19_and_20_withdrawals(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    form = {"email": fresh.a.email, "amount": "66.70", "wallet_address": TRON}
    made = data(await a.post("/user/withdraw", **form), "申请成功")
    assert {name: made[name] for name in made if name not in ("withdrawal_id", "create_time")} == {
        "amount": "66.70000000", "fee": "3.34000000", "actual_amount": "63.36000000", "status": 0, "status_name": "待审核",
    }  # fmt: skip

    async def wrong(**changes: str) -> str:
        return refused(await a.post("/user/withdraw", **{**form, **changes}))

    assert await wrong(amount="49.99") == await wrong(amount="-1") == "最低提现金额为 50 USDT"
    assert await wrong(email="nobody@a.example") == await wrong(email=fresh.b.email) == "用户不存在"
    assert await wrong(amount="433.31") == "奖励余额不足"
    assert await wrong(wallet_network="DOGE") == "不支持的提现网络，仅支持: TRC20, ERC20, BEP20"
    assert await wrong(wallet_address="Txyz") == "钱包地址格式不正确"
    found = data(await a.get("/user/withdrawals", email=fresh.a.email))
    (row,) = found["list"]
    assert {name: row[name] for name in row if name != "create_time"} == {
        "id": made["withdrawal_id"], "amount": "66.70000000", "fee": "3.34000000", "actual_amount": "63.36000000",
        "wallet_address": TRON, "wallet_network": "TRC20", "status": 0, "status_name": "待审核", "tx_hash": "",
        "audit_time": None, "complete_time": None,
    }  # fmt: skip
    assert data(await a.get("/user/withdrawals", email=fresh.a.email, status=3))["total"] == 0
    assert refused(await a.get("/user/withdrawals", email="nobody@a.example")) == "用户不存在"
    info = data(await a.get("/user/info", email=fresh.a.email))
    assert (info["reward_usdt"], info["withdrawn_reward"]) == ("433.30000000", "0.00000000")
