"""The operator's money doors: simulator, withdrawals, profit pools, rewards, point-card journal."""

from __future__ import annotations

import asyncio
from decimal import Decimal as D
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlmodel import func, select

from backend.billing import withdrawals
from backend.billing.service import settle_fill
from backend.identity.service import create_admin
from backend.identity.sessions import open_session
from backend.models import LedgerTransaction, PointCardLog, ProfitPool, Tenant, User, metadata
from backend.security.tokens import TokenSigner
from tests.support.doors import PASSWORD, World
from tests.support.golden import DEDUCTIONS, GOLDEN, ROOT
from tests.support.money import add_fill, fund

TRON = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"


async def post(client: httpx.AsyncClient, path: str, body: Any = None) -> tuple[int, Any]:
    answer = await client.post(path, json={} if body is None else body)
    return answer.status_code, answer.json()


def places(value: str) -> str:
    return f"{D(value):.8f}"


def rows_in(world: World) -> dict[str, int]:
    with world.db.reading() as session:
        counts = {
            t.name: session.execute(select(func.count()).select_from(t)).scalar_one() for t in metadata.sorted_tables
        }
        session.expunge_all()
    return counts


# The simulator ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("profit", "own", "gift", "out"), DEDUCTIONS.values(), ids=DEDUCTIONS)
async def test_simulated_deductions_are_golden(world: World, profit, own, gift, out) -> None:
    before = rows_in(world)
    async with world.client("admin") as client:
        body = {"profit": profit, "self": own, "gift": gift, "source_id": 2, "root_id": 1, "members": [{"id": 2}]}
        status, got = await post(client, "/api/billing/simulate", body)
    assert status == 200, got
    cut = [str(D(value) // D("1e-8") * D("1e-8")) for value in (out[0], out[1], out[2], out[5])]
    assert [got[name] for name in ("deduct_total", "self_deduct", "gift_deduct", "pool")] == [places(v) for v in cut]
    assert sum(D(one["amount"]) for one in got["payments"]) == D(got["pool"])
    assert (got["payments"] == []) == (D(got["pool"]) == 0)
    assert rows_in(world) == before


def tree(name: str) -> dict[str, Any]:
    """The golden distribution ``name`` as a request; its pool is all taken from paid points."""
    pool, level, inviter, path, *_ = GOLDEN[name]
    members = [{"id": 90, "inviter_id": path[0].user_id if path else None, "level": level}]
    for place, one in enumerate(path):
        above = path[place + 1].user_id if place + 1 < len(path) else None
        hold = inviter.self_hold_usdt if place == 0 else one.self_hold_usdt
        members.append({"id": one.user_id, "inviter_id": above, "level": one.level, "market_node": one.market_node,
                        "self_hold": str(hold)})  # fmt: skip
    # The pool is 30 % of the profit or what the cards hold: here the cards decide.
    return {"profit": "20000", "self": pool, "gift": "0", "source_id": 90, "root_id": ROOT, "members": members}


@pytest.mark.parametrize("name", GOLDEN)
async def test_simulated_distributions_are_golden(world: World, name: str) -> None:
    _, _, _, _, payments, totals, _ = GOLDEN[name]
    async with world.client("admin") as client:
        status, got = await post(client, "/api/billing/simulate", tree(name))
    assert status == 200, got
    assert [(one["type"], one["user_id"], one["amount"]) for one in got["payments"]] == [
        (kind, user, places(amount)) for kind, user, amount in payments
    ]
    for user, amount in totals.items():
        assert sum(D(one["amount"]) for one in got["payments"] if one["user_id"] == user) == D(amount)
    rates = {one["type"]: one["rate"] for one in got["payments"]}
    assert rates["tech_team"] == "0.1" and rates["platform_retain"] == "0.7"


async def test_simulated_rounding_goes_to_the_platform(world: World) -> None:
    members = [{"id": 2, "inviter_id": 3}, {"id": 3, "self_hold": "1000"}]
    body = {"profit": "12.34567891", "self": "100", "gift": "0", "source_id": 2, "root_id": 1, "members": members}
    async with world.client("admin") as client:
        _, got = await post(client, "/api/billing/simulate", body)
    assert {one["type"]: one["amount"] for one in got["payments"]} == {
        "tech_team": "0.37037036", "direct": "0.18518518", "peer_undist": "0.07407407",
        "network_undist": "0.48148147", "platform_retain": "2.59259259",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"profit": "0"}, "invalid_amount"),
        ({"profit": "-1"}, "invalid_amount"),
        ({"profit": "NaN"}, "invalid_amount"),
        ({"profit": 1.5}, "invalid_input"),
        ({"self": None}, "invalid_input"),
        ({"self": "-0.1"}, "invalid_amount"),
        ({"gift": "1e3"}, "invalid_amount"),
        ({"source_id": 5}, "bad_members"),
        ({"source_id": True}, "invalid_input"),
        ({"root_id": None}, "distribution_impossible"),
        ({"members": [{"id": 2}, {"id": 2}]}, "bad_members"),
        ({"members": [{"id": 2, "inviter_id": 2}]}, "bad_members"),
        ({"members": [{"id": 2, "inviter_id": 3}, {"id": 3, "inviter_id": 2}]}, "bad_members"),
        ({"members": [{"id": 2, "level": 8}]}, "invalid_input"),
        ({"members": [{"id": 2, "self_hold": "many"}]}, "invalid_amount"),
        ({"members": None}, "invalid_input"),
    ],
)
async def test_the_simulator_refuses_nonsense(world: World, change: dict[str, Any], code: str) -> None:
    body = {"profit": "100", "self": "100", "gift": "0", "source_id": 2, "root_id": 1, "members": [{"id": 2}], **change}
    async with world.client("admin") as client:
        status, got = await post(client, "/api/billing/simulate", body)
    assert status in (400, 409, 422) and got["code"] == code, got


async def test_a_line_of_ten_thousand_is_walked(world: World) -> None:
    members = [{"id": n, "inviter_id": n + 1} for n in range(1, 10_001)]
    body = {"profit": "100", "self": "100", "gift": "0", "source_id": 1, "root_id": 10_001, "members": members}
    async with world.client("admin") as client:
        status, got = await post(client, "/api/billing/simulate", body)
    assert (status, sum(D(one["amount"]) for one in got["payments"])) == (200, D(30))


# The lists and verbs ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rich(world: World) -> dict[str, int]:
    """Tenant A's trader is billed, so its root has 1000 of reward; asks for three withdrawals. A second admin."""

    def build(session) -> int:
        create_admin(session, "eve", PASSWORD, "Eve")
        _, token_id = open_session(session, "admin", 2, purpose="bearer", ip="127.0.0.1", user_agent="")
        signer = TokenSigner(world.settings.jwt_key.get_secret_value())
        world.tokens["eve"] = signer.issue("admin", 2, token_id, {"username": "eve", "admin_id": 2})
        trader = session.get(User, world.a.user_id)
        fund(session, trader, "1000", "5")
        return add_fill(session, trader, "3334").id

    fill = world.db.run(build)
    world.db.run(lambda s: settle_fill(s, fill))
    policy = withdrawals.policy_of(world.settings.model_copy(update={"withdrawal_four_eyes_usdt": D(300)}))
    made: dict[str, int] = {}
    for name, amount in (("small", "66.70"), ("big", "300"), ("third", "50"), ("fourth", "50")):
        row = world.db.run(
            lambda s, k=name, v=amount: withdrawals.apply(
                s, tenant_id=world.a.tenant_id, user_id=world.a.root_id, amount=D(v), wallet_address=TRON, key=k,
                policy=policy,
            )
        )  # fmt: skip
        made[name] = row.id
    return made


async def test_the_queue_of_withdrawals(world: World, rich: dict[str, int]) -> None:
    async with world.client("admin") as client, world.client("eve") as eve:
        first = (await client.get("/api/withdrawals", params={"limit": 1})).json()
        assert (first["total"], len(first["data"])) == (4, 1)
        assert first["stats"] == {
            "pending": 4, "approved": 0, "rejected": 0, "completed": 0, "failed": 0, "total_count": 4,
            "total_amount": "466.70000000", "total_fee": "23.34000000",
        }  # fmt: skip
        row = first["data"][0]
        assert (row["amount"], row["fee"], row["actual_amount"]) == ("50.00000000", "2.50000000", "47.50000000")
        assert (row["status_name"], row["status_text"]) == ("pending", "待审核")
        assert row["user_email"] == f"root@tenant{world.a.tenant_id}.local"

        door = f"/api/withdrawals/{rich['small']}"
        assert (await post(client, f"{door}/complete", {"tx_hash": "aa"}))[1]["code"] == "withdrawal_state"
        assert (await post(client, f"{door}/approve"))[1]["data"]["status"] == 1
        assert (await post(client, f"{door}/approve"))[0] == 400
        assert (await post(client, f"{door}/reject", {"reason": "late"}))[0] == 400
        assert (await post(client, f"{door}/complete", {"tx_hash": " "}))[1]["code"] == "bad_tx_hash"
        status, got = await post(client, f"{door}/complete", {"tx_hash": "0xab"})
        assert (status, got["data"]["status_text"], got["data"]["tx_hash"]) == (200, "已完成", "0xab")

        door = f"/api/withdrawals/{rich['big']}"
        status, got = await post(client, f"{door}/approve")
        assert (status, got["data"]["status"], got["data"]["needs_second_approval"]) == (200, 0, True)
        assert (await post(client, f"{door}/approve"))[1]["code"] == "second_admin_needed"
        assert (await post(eve, f"{door}/approve"))[1]["data"]["status"] == 1
        assert (await post(eve, f"{door}/fail", {"reason": "bounced"}))[1]["data"]["status_text"] == "已失败"

        door = f"/api/withdrawals/{rich['third']}"
        both = await asyncio.gather(*(post(one, f"{door}/approve") for one in (client, eve)))
        assert sorted(status for status, _ in both) == [200, 400]
        assert (await post(client, f"/api/withdrawals/{rich['fourth']}/reject", {"reason": ""}))[1][
            "code"
        ] == "reason_missing"
        assert (await post(client, f"/api/withdrawals/{rich['fourth']}/reject", {}))[0] == 422
        _, got = await post(client, f"/api/withdrawals/{rich['fourth']}/reject", {"reason": "wrong network"})
        assert got["data"]["reject_reason"] == "wrong network"
        assert (await post(client, "/api/withdrawals/999999/approve"))[0] == 404

        stats = (await client.get("/api/withdrawals")).json()["stats"]
        assert [stats[name] for name in ("pending", "approved", "rejected", "completed", "failed")] == [0, 1, 1, 1, 1]
        for query, total in (({"status": 3}, 1), ({"user_id": world.b.user_id}, 0), ({"tenant_id": world.b.tenant_id}, 0),
                             ({"end_date": "2020-01-01"}, 0), ({"start_date": "2020-01-01"}, 4), ({"wallet_network": "ERC20"}, 0)):  # fmt: skip
            assert (await client.get("/api/withdrawals", params=query)).json()["total"] == total, query
        assert (await client.get("/api/withdrawals", params={"start_date": "yesterday"})).status_code == 400


async def test_rewards_and_the_journal_have_true_totals(world: World, rich: dict[str, int]) -> None:
    async with world.client("admin") as client:
        got = (await client.get("/api/rewards", params={"limit": 2, "tenant_id": world.a.tenant_id})).json()
        assert got["total"] == got["stats"]["total_records"] == 5 and len(got["data"]) == 2
        assert got["stats"]["total_amount"] == places("1000.2")
        # tech .1, direct .25, peer .1, the rest 0, platform .7
        assert D(got["stats"]["avg_rate"]) == D("0.23")
        one = (await client.get("/api/rewards", params={"reward_type": "tech_team"})).json()
        assert (one["total"], one["data"][0]["amount"], one["stats"]["avg_rate"]) == (1, places("100.02"), "0.1000")
        assert (await client.get("/api/rewards", params={"user_id": world.b.user_id})).json()["total"] == 0
        pool_id = one["data"][0]["profit_pool_id"]
        assert (await client.get("/api/rewards", params={"profit_pool_id": pool_id})).json()["total"] == 5

        got = (await client.get("/api/pointcard-logs", params={"tenant_id": world.a.tenant_id, "limit": 1})).json()
        with world.db.reading() as session:
            rows = session.exec(select(PointCardLog).where(PointCardLog.tenant_id == world.a.tenant_id)).all()
        assert got["total"] == got["stats"]["total_count"] == len(rows)
        taken = sum(row.amount for row in rows if row.amount < 0)
        assert D(got["stats"]["total_negative"]) == D(taken).scaleb(-8)
        billed = (await client.get("/api/pointcard-logs", params={"change_type": 5})).json()
        assert (billed["total"], billed["data"][0]["remark"]) == (1, "盈利扣费30%")
        mine = (await client.get("/api/pointcard-logs", params={"user_id": world.a.user_id})).json()
        assert mine["total"] > billed["total"]


async def test_a_failed_pool_is_retried_once(world: World, rich: dict[str, int]) -> None:
    def break_root(session) -> tuple[int, int]:
        tenant = session.get(Tenant, world.b.tenant_id)
        root, tenant.root_user_id = tenant.root_user_id, None
        session.execute(text("UPDATE user SET is_root = 0 WHERE tenant_id = :t"), {"t": tenant.id})
        trader = session.get(User, world.b.user_id)
        fund(session, trader, "100")
        return root, add_fill(session, trader, "100").id

    root, fill = world.db.run(break_root)
    pool_id = world.db.run(lambda s: settle_fill(s, fill)).pool_id
    async with world.client("admin") as client:
        stats = (await client.get("/api/profit-pools/stats")).json()["data"]
        assert stats["failed"] == {"count": 1, "total_amount": "30.00000000"} and stats["stuck"] == {"count": 0}
        status, got = await post(client, f"/api/profit-pools/{pool_id}/retry")
        assert (status, got["code"], got["data"]["retry_count"]) == (500, "distribution_failed", 2)
        world.db.run(lambda s: s.execute(text("UPDATE profit_pool SET retry_count = 10 WHERE id = :p"), {"p": pool_id}))
        assert (await client.get("/api/profit-pools/stats")).json()["data"]["stuck"] == {"count": 1}
        assert (await client.get("/api/profit-pools", params={"status": 3})).json()["data"][0]["stuck"] is True

        def mend(session) -> None:
            tenant = session.get(Tenant, world.b.tenant_id)
            tenant.root_user_id = root

        world.db.run(mend)
        both = await asyncio.gather(*(post(client, f"/api/profit-pools/{pool_id}/retry") for _ in range(2)))
        assert sorted(status for status, _ in both) == [200, 400]
        listed = (await client.get("/api/profit-pools", params={"user_id": world.b.user_id, "status": 2})).json()
        assert (listed["total"], listed["data"][0]["tech_amount"]) == (1, "3.00000000")
        assert (await post(client, "/api/profit-pools/999999/retry"))[0] == 404
    with world.db.reading() as session:
        assert session.exec(select(ProfitPool.status).where(ProfitPool.id == pool_id)).one() == 2
        key = f"pool:{pool_id}"
        assert session.exec(select(func.count()).where(LedgerTransaction.key == key)).one() == 1


async def test_a_tenants_own_rates(world: World, rich: dict[str, int]) -> None:
    tenant_id = world.b.tenant_id
    door = "/api/billing/rates"
    body = {
        "profit": "1000",
        "self": "1000",
        "source_id": 2,
        "root_id": 1,
        "tenant_id": tenant_id,
        "members": [{"id": 2}],
    }
    async with world.client("admin") as client:
        before = (await client.get(door, params={"tenant_id": tenant_id})).json()
        assert before["data"] == {"billing": "0.3", "tech": "0.1", "network": "0.2", "direct": "0.25", "peer": "0.1"}
        new = {"tenant_id": tenant_id, "rates": {"billing": "0.2", "tech": "0.125"}, "reason": "agreed in May"}
        assert (await client.put(door, json=new)).json()["data"]["tech"] == "0.125"
        assert (await post(client, "/api/billing/simulate", body))[1]["pool"] == "200.00000000"
        assert (await post(client, "/api/billing/simulate", {**body, "tenant_id": world.a.tenant_id}))[1][
            "pool"
        ] == "300.00000000"
        after = (await client.get(door, params={"tenant_id": tenant_id})).json()
        assert after["history"][0]["reason"] == "agreed in May" and after["data"]["billing"] == "0.2"
        for bad in (
            {"billing": "1.1"},
            {"billing": "0.12345"},
            {"fee": "0.1"},
            {"tech": "0.9"},
            {"direct": "0.95"},
            {"tech": "x"},
        ):
            assert (await client.put(door, json={**new, "rates": bad})).status_code == 400, bad
        assert (await client.put(door, json={**new, "tenant_id": 999})).status_code == 404
        assert (await client.get(door)).status_code == 400


# The ledger ------------------------------------------------------------------------------------------------


async def test_a_correction_through_the_doors(world: World, rich: dict[str, int]) -> None:
    with world.db.reading() as session:
        key = f"hand:{world.b.mark}"
        number = session.exec(select(LedgerTransaction.id).where(LedgerTransaction.key == key)).one()
    async with world.client("admin") as client, world.client("eve") as eve:
        door = f"/api/ledger/transactions/{number}"
        found = (await client.get(door)).json()["data"]
        assert [entry["amount"] for entry in found["entries"]] == ["-20.00000000", "20.00000000"]
        assert found["entries"][1]["balance_before"] == "0.00000000" and found["reversal"] is None
        assert (await post(client, f"{door}/reverse", {"reason": " "}))[0] == 400
        status, got = await post(client, f"{door}/reverse", {"reason": "wrong user"})
        assert (status, got["data"]["status"]) == (200, "requested")
        row = f"/api/ledger/reversals/{got['data']['id']}"
        assert (await post(client, f"{row}/approve"))[1]["code"] == "second_admin_needed"
        assert (await client.get("/api/ledger/reversals", params={"status": "requested"})).json()["total"] == 1
        assert (await post(eve, f"{row}/approve"))[1]["data"]["status"] == "done"
        assert (await post(eve, f"{row}/refuse", {"reason": "late"}))[1]["code"] == "reversal_decided"
        undone = (await client.get(door)).json()["data"]["reversal"]
        assert (await client.get(f"/api/ledger/transactions/{undone['reversal_id']}")).json()["data"][
            "kind"
        ] == "reversal"
        assert (await client.get("/api/ledger/transactions/999999")).status_code == 404
        balance = (await client.get("/api/ledger/trial-balance")).json()
        assert balance["balanced"] and balance["totals"]["USDT"]["closing"] == "0.00000000"
        old = (await client.get("/api/ledger/trial-balance", params={"month": "2020-02"})).json()
        assert (old["data"], old["month"]) == ([], "2020-02")
        for bad in ("2020-13", "x", "20-1"):
            assert (await client.get("/api/ledger/trial-balance", params={"month": bad})).status_code in (400, 422)
        assert (await client.get("/api/ledger/seals")).status_code == 200
