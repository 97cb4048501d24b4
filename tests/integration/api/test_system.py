from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from backend.api.app import create_api
from backend.clock import utcnow
from backend.db import Database
from backend.live import Hub
from backend.models import Fill, JobRun, Order, Position
from backend.version import VERSION
from tests.support.doors import World, make_settings


async def test_health_is_ok_only_when_everything_answers(fresh: World) -> None:
    async with fresh.client() as client:
        first = await client.get("/api/health")
        assert first.status_code == 503
        body = first.json()
        assert (body["status"], body["version"], body["database"]) == ("degraded", VERSION, "ok")
        assert body["scheduler"] != "ok" and body["market"] != "ok"
        with fresh.db.transaction() as session:
            session.add(JobRun(name="scan", last_started_at=utcnow()))
        fresh.hub.publish("market", {"prices": {}})
        second = await client.get("/api/health")
        assert second.status_code == 200
        assert {key: second.json()[key] for key in ("status", "database", "scheduler", "market")} == {
            "status": "ok", "database": "ok", "scheduler": "ok", "market": "ok",
        }  # fmt: skip
        with fresh.db.transaction() as session:
            row = session.get(JobRun, "scan")
            assert row is not None
            row.last_started_at = utcnow() - timedelta(minutes=10)
            session.add(row)
        third = await client.get("/api/health")
        assert third.status_code == 503 and "s ago" in third.json()["scheduler"]


async def test_health_without_a_database(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'missing' / 'x.db'}")
    app = create_api(db, make_settings(tmp_path), live=Hub())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        answer = await client.get("/api/health")
    assert answer.status_code == 503
    assert answer.json()["database"] == "does not answer"
    assert "missing" not in answer.text


async def test_the_dashboard_counts(fresh: World) -> None:
    async with fresh.client("admin") as client:
        first = (await client.get("/api/dashboard/summary")).json()
        assert first["cached"] is False
        assert {key: first["data"][key] for key in ("total_tenants", "active_tenants", "total_users", "total_orders")} == {
            "total_tenants": 2, "active_tenants": 2, "total_users": 2, "total_orders": 2,
        }  # fmt: skip
        assert (first["data"]["total_nodes"], first["data"]["online_nodes"], first["data"]["active_bindings"]) == (0, 0, 2)
        assert (await client.get("/api/dashboard/summary")).json()["cached"] is True
        trends = (await client.get("/api/dashboard/trends?days=7")).json()["data"]
        assert {len(series) for series in trends.values()} == {7}
        assert trends["dates"][-1] == utcnow().date().isoformat()
        assert (trends["orders"][-1], trends["new_users"][-1], Decimal(trends["trade_volume"][-1])) == (2, 4, 40)
        assert (await client.get("/api/dashboard/trends?days=6")).status_code == 422


async def test_totals_are_true_and_filters_hold(fresh: World) -> None:
    with fresh.db.transaction() as session:
        first = session.exec(select(Order).where(Order.tenant_id == fresh.a.tenant_id)).one()
        for number in range(30):
            values = first.model_dump(exclude={"id"})
            values |= {"order_id": f"ORD-{number}", "client_order_id": f"c{number}", "position_id": None}
            values |= {"status": "REJECTED" if number % 3 == 0 else "FILLED", "created_at": utcnow() - timedelta(days=number)}
            session.add(Order(**values))
    async with fresh.client("admin") as client:

        async def total(**query: object) -> tuple[int, int]:
            answer = await client.get("/api/orders", params={"tenant_id": fresh.a.tenant_id, **query})
            assert answer.status_code == 200, answer.text
            return answer.json()["total"], len(answer.json()["data"])

        assert await total() == (31, 31)
        assert await total(limit=7) == (31, 7)
        assert await total(limit=7, offset=28) == (31, 3)
        assert await total(page=2) == (31, 11)
        assert await total(page=4, page_size=10) == (31, 1)
        assert await total(status="REJECTED", limit=4) == (10, 4)
        assert await total(status="") == (31, 31)
        assert await total(symbol="NOPE/USDT") == (0, 0)
        today = utcnow().date()
        assert (await total(start_time=today.isoformat()))[0] == 2
        assert (await total(end_time=(today - timedelta(days=25)).isoformat()))[0] == 5
        one_day = (today - timedelta(days=3)).isoformat()
        assert (await total(start_time=one_day, end_time=one_day))[0] == 1
        for bad in ("yesterday", "2026-13-01", "2026-01-01T99:00", "0"):
            assert (await client.get("/api/orders", params={"tenant_id": 1, "start_time": bad})).status_code == 400
        for query in ({"limit": 0}, {"limit": 501}, {"offset": -1}, {"page": 0}):
            assert (await client.get("/api/orders", params={"tenant_id": 1, **query})).status_code == 422
        missing = await client.get("/api/orders")
        assert (missing.status_code, missing.json()["code"]) == (400, "tenant_required")
        fills = (await client.get("/api/fills", params={"tenant_id": 1, "order_id": fresh.a.order_id})).json()
        assert (fills["total"], fills["data"][0]["order_id"], fills["data"][0]["exchange"]) == (1, fresh.a.order_id, "binance")
        held = await client.get("/api/positions", params={"tenant_id": 1, "has_position": "true"})
        assert [row["quantity"] for row in held.json()["data"]] == ["2"]
        accounts = (await client.get("/api/accounts", params={"tenant_id": 1})).json()["data"]
        assert {(row["owner_kind"], row["balance"]) for row in accounts if row["kind"] == "point_self"} == {("tenant", "30.00000000"), ("user", "20.00000000")}


@pytest.mark.parametrize("damage", ["none", "position", "double fill", "closed"])
async def test_broken_books_are_noticed(fresh: World, damage: str) -> None:
    with fresh.db.transaction() as session:
        position = session.get(Position, fresh.a.position_id)
        fill = session.exec(select(Fill).where(Fill.tenant_id == fresh.a.tenant_id)).one()
        assert position is not None
        if damage == "position":
            position.quantity += Decimal("0.00000001")
        elif damage == "double fill":
            order = session.get(Order, fill.order_pk)
            assert order is not None
            twin = Order(**{**order.model_dump(exclude={"id"}), "order_id": "ORD-2", "client_order_id": "c2"})
            session.add(twin)
            session.flush()
            session.add(Fill(**{**fill.model_dump(exclude={"id"}), "fill_id": "F2", "order_pk": twin.id}))
        elif damage == "closed":
            position.status = "CLOSED"
        session.add(position)
    async with fresh.client("admin") as client:
        answer = (await client.get("/api/system/invariants")).json()
    broken = {row["name"] for row in answer["data"] if not row["ok"]}
    assert len(answer["data"]) >= 7
    assert answer["ok"] is not bool(broken)
    expected = {
        "none": set(),
        "position": {"positions equal their fills"},
        "double fill": {"no fill is booked twice", "positions equal their fills"},
        "closed": {"closed positions are flat"},
    }[damage]
    assert broken == expected, answer
