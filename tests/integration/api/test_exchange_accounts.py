"""Exchange accounts: whose rows, true counts, who may move them, what stays because an order is on its way."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select

from backend.clock import utcnow
from backend.dashboards.lists.base import find_of
from backend.dashboards.lists.exchange_accounts import EXCHANGE_ACCOUNTS, STATES
from backend.execution.failover import decisions, policy_of
from backend.execution.nodes import create_node
from backend.identity.principal import Principal
from backend.models import AuditLog, ExchangeAccount, Order
from tests.support.doors import Owned, World

ADMIN = Principal("admin", 1, None, "n", "e", "owner", 1)


def tenant(owned: Owned) -> Principal:
    return Principal("tenant", owned.tenant_id, owned.tenant_id, "n", "e", "", 1)


def add_node(world: World, code: str) -> int:
    def make(session: Session) -> int:
        node, _ = create_node(session, code, code, "http://10.0.0.9:9101")
        node.egress_ip, node.last_heartbeat_at = "203.0.113.9", utcnow()
        session.add(node)
        return node.id or 0

    return world.db.run(make)


def set_order(world: World, owned: Owned, status: str, attempt: int = 1) -> None:
    def work(session: Session) -> None:
        order = session.get_one(Order, owned.order_pk)
        order.status, order.attempt, order.node_id = status, attempt, None
        session.add(order)

    world.db.run(work)


async def test_accounts_are_moved_unless_an_order_is_on_its_way(fresh: World) -> None:
    node_id = add_node(fresh, "n1")
    both = [fresh.a.account_id, fresh.b.account_id]
    set_order(fresh, fresh.a, "UNKNOWN")
    async with fresh.client("admin") as http:
        refused = await http.post("/api/nodes/assign", json={"account_ids": [fresh.a.account_id], "node_id": node_id})
        assert (refused.status_code, refused.json()["code"]) == (409, "account_busy")
        assert fresh.a.order_id in refused.text
        some = (await http.post("/api/nodes/assign", json={"account_ids": both, "node_id": node_id})).json()["data"]
        assert some["changed"] == 1
        assert [one["account_id"] for one in some["busy"]] == [fresh.a.account_id]
        # Never sent: it goes with its account.
        set_order(fresh, fresh.a, "PENDING", attempt=0)
        rest = (await http.post("/api/nodes/assign", json={"account_ids": both, "node_id": node_id})).json()["data"]
        assert rest == {"changed": 1, "busy": []}
        unknown = await http.post("/api/nodes/assign", json={"account_ids": [999_999], "node_id": node_id})
        # Beyond what any column holds.
        huge = await http.post("/api/nodes/assign", json={"account_ids": [10**30], "node_id": node_id})
        assert huge.status_code == 422
        assert unknown.status_code == 404
    with fresh.db.reading() as session:
        assert session.get_one(Order, fresh.a.order_pk).node_id == node_id
        assert {row.node_id for row in session.exec(select(ExchangeAccount)).all()} == {node_id}
        acts = session.exec(select(AuditLog).where(AuditLog.action == "node.assign")).all()
        assert [act.detail["accounts"] for act in acts] == [[fresh.b.account_id], [fresh.a.account_id]]
        detail = EXCHANGE_ACCOUNTS.detail
        assert detail is not None
        row = detail(session, ADMIN, fresh.a.account_id)
    assert (row["node"], row["egress"], row["executor"], len(row["moves"])) == ("n1", "203.0.113.9", "on", 1)


async def test_each_sees_its_own_with_true_counts_and_no_secret(fresh: World) -> None:
    fresh.db.run(lambda s: setattr(s.get_one(ExchangeAccount, fresh.a.account_id), "node_id", None))
    node_id = add_node(fresh, "n2")
    async with fresh.client("admin") as http:
        await http.post("/api/nodes/assign", json={"account_ids": [fresh.b.account_id], "node_id": node_id})
    with fresh.db.reading() as session:
        assert EXCHANGE_ACCOUNTS.totals is not None
        seen = {state: EXCHANGE_ACCOUNTS.fetch(session, ADMIN, find_of(EXCHANGE_ACCOUNTS, {"state": state})).total for state in STATES}
        counted = EXCHANGE_ACCOUNTS.totals(session, ADMIN, find_of(EXCHANGE_ACCOUNTS, {"state": "off"}))
        assert counted == {"": 2, **seen} == {"": 2, "node": 1, "centre": 1, "trouble": 2, "off": 0}
        own = EXCHANGE_ACCOUNTS.fetch(session, tenant(fresh.a), find_of(EXCHANGE_ACCOUNTS, {})).rows
    assert [row["id"] for row in own] == [fresh.a.account_id]
    async with fresh.client("tenant_b") as http:
        sheet = (await http.get("/api/lists/exchange_accounts.csv")).text
    assert "…1234" in sheet
    assert "canary" not in sheet
    assert fresh.a.mark not in sheet


@pytest.mark.parametrize("who", ["", "tenant_a", "agent_a"])
async def test_only_operators_route(world: World, who: str) -> None:
    async with world.client(who) as http:
        for method, path, body in (
            ("POST", "/api/nodes/assign", {"account_ids": [world.a.account_id]}),
            ("POST", "/api/nodes/1/move", {}),
            ("GET", "/api/nodes/failover", None),
            ("PUT", "/api/nodes/failover", {"policy": "any"}),
        ):
            answer = await http.request(method, path, json=body)
            assert answer.status_code == (403 if who else 401), path


async def test_a_policy_has_somebody_who_decided(fresh: World) -> None:
    async with fresh.client("admin") as http:
        assert (await http.put("/api/nodes/failover", json={"policy": "never"})).status_code == 400
        assert (await http.put("/api/nodes/failover", json={"policy": "any", "tenant_id": 999_999})).status_code == 404
        assert (await http.put("/api/nodes/failover", json={"policy": "centre"})).status_code == 200
        assert (await http.put("/api/nodes/failover", json={"policy": "any", "tenant_id": fresh.a.tenant_id})).status_code == 200
        shown = (await http.get("/api/nodes/failover")).json()["data"]
    assert [(one["tenant_id"], one["policy"], bool(one["by"]), one["at_ms"] > 0) for one in shown] == [
        (None, "centre", True, True), (fresh.a.tenant_id, "any", True, True),
    ]  # fmt: skip
    with fresh.db.reading() as session:
        assert [policy_of(session, one.tenant_id) for one in (fresh.a, fresh.b)] == ["any", "centre"]
    async with fresh.client("admin") as http:
        await http.put("/api/nodes/failover", json={"policy": "", "tenant_id": fresh.a.tenant_id})
        await http.put("/api/nodes/failover", json={"policy": ""})
    with fresh.db.reading() as session:
        assert [(one.policy, one.by) for one in decisions(session)] == [("none", "")]
        assert policy_of(session, fresh.a.tenant_id) == "none"
