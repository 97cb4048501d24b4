"""Billing periods and statements through the doors of agents, tenants and the operator."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from sqlmodel import Session, select

from backend.models import AuditLog, Position, Tenant, User
from tests.support.doors import World

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def billed(world: World) -> World:
    """Both tenants are billed by the mark since January 2026, and both agents made 100 net in January."""

    def build(session: Session) -> None:
        for owner in (world.a, world.b):
            tenant, user = session.get(Tenant, owner.tenant_id), session.get(User, owner.user_id)
            assert tenant and user
            tenant.billing_scheme, tenant.created_at, user.created_at = "hwm", BEGIN, BEGIN
            at = BEGIN + timedelta(days=9)
            session.add_all([tenant, user])
            made = Position(
                tenant_id=owner.tenant_id, user_id=owner.user_id, account_id=owner.account_id, open_slot=3,
                symbol=f"{owner.mark}/USDT", position_side="SHORT", status="CLOSED", realized_pnl=D("100.5"),
                total_fee=D("0.5"), entry_price=D(10), exit_price=D(9), opened_at=at, opened_market_at=at, closed_at=at,
                closed_market_at=at,
            )  # fmt: skip
            session.add(made)

    world.db.run(build)
    return world


async def close(world: World, user_id: int, **more: Any) -> list[dict[str, Any]]:
    async with world.client("admin") as client:
        answer = await client.post("/api/billing/periods/close", json={"user_id": user_id, **more})
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


async def test_a_month_from_close_to_paid(billed: World) -> None:
    world = billed
    async with world.client("admin") as client:
        share = {"tenant_id": world.a.tenant_id, "user_id": world.a.user_id, "share": "0.25"}
        assert (await client.put("/api/billing/share", json=share)).json()["data"]["share"] == "0.25"
        made = await close(world, world.a.user_id)
        january = made[0]
        assert (january["pnl"], january["fee"], january["share"]) == ("100.00000000", "25.00000000", "0.2500")
        assert (january["start"], january["end"]) == ("2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00")
        assert january["user_email"] == world.a.email
        assert await close(world, world.a.user_id) == []
        door = f"/api/billing/periods/{january['id']}"
        assert (await client.post(f"{door}/invoice")).json()["code"] == "billing_period_state"
        assert (await client.post(f"{door}/approve")).json()["data"]["status"] == "approved"
        assert (await client.post(f"{door}/recompute")).status_code == 400
        assert (await client.post(f"{door}/invoice")).json()["data"]["invoice_no"].startswith("IB-202601-")
        assert (await client.post(f"{door}/paid", json={"reference": "wire 7"})).json()["data"]["status"] == "paid"
        assert (await client.post(f"{door}/paid", json={})).status_code == 400
        assert (await client.post("/api/billing/periods/999999/approve")).status_code == 404
        listed = (await client.get("/api/billing/periods", params={"status": "paid"})).json()
        assert (listed["total"], listed["data"][0]["payment_reference"]) == (1, "wire 7")
        assert (await client.get("/api/billing/periods", params={"tenant_id": world.b.tenant_id})).json()["total"] == 0


async def test_a_statement_belongs_to_its_agent_and_tenant(billed: World) -> None:
    world = billed
    await close(world, world.a.user_id)
    made = await close(world, world.b.user_id)
    theirs = made[0]["id"]
    for token, prefix in (("agent_a", "/api/agent"), ("tenant_a", "/api/tenant")):
        async with world.client(token) as client:
            found = (await client.get(f"{prefix}/billing/periods", params={"limit": 500})).json()
            assert found["total"] == len(made) and {row["user_id"] for row in found["data"]} == {world.a.user_id}
            own = found["data"][-1]["id"]
            for number, status in ((own, 200), (theirs, 404), (999_999, 404)):
                for ending in ("", ".csv", ".pdf"):
                    answer = await client.get(f"{prefix}/billing/periods/{number}/statement{ending}")
                    assert answer.status_code == status, (token, number, ending, answer.text[:200])
                    assert world.b.mark not in answer.text
            told = (await client.get(f"{prefix}/billing/periods/{own}/statement")).json()["data"]
            assert told["lines"][0]["net"] == "100.00000000" and told["formula"].endswith(" USDT")
            assert (told["lines"][0]["symbol"], told["lines"][0]["direction"]) == (f"{world.a.mark}/USDT", "SHORT")
            sheet = await client.get(f"{prefix}/billing/periods/{own}/statement.csv")
            assert sheet.headers["content-type"].startswith("text/csv")
            assert "statement-2026-01-" in sheet.headers["content-disposition"]
            table = list(csv.reader(io.StringIO(sheet.text)))
            assert table[-1][10:14] == ["100.50000000", "0.50000000", "0.00000000", "100.00000000"]
            pdf = await client.get(f"{prefix}/billing/periods/{own}/statement.pdf")
            assert pdf.headers["content-type"] == "application/pdf" and pdf.content.startswith(b"%PDF-")
    async with world.client("admin") as client:
        assert (await client.get(f"/api/billing/periods/{theirs}/statement")).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("share", {"tenant_id": 1, "share": "1.5"}, 400),
        ("share", {"tenant_id": 1, "share": "0.12345"}, 400),
        ("share", {"tenant_id": 1, "share": "NaN"}, 400),
        ("share", {"tenant_id": 99, "share": "0.2"}, 404),
        ("share", {"tenant_id": 1, "user_id": 99_999, "share": "0.2"}, 404),
        ("share", {"tenant_id": 1}, 422),
        ("scheme", {"tenant_id": 1, "scheme": "free"}, 422),
        ("scheme", {"tenant_id": 99, "scheme": "hwm"}, 404),
    ],
)
async def test_bad_terms_are_refused(billed: World, path: str, body: dict[str, Any], status: int) -> None:
    async with billed.client("admin") as client:
        assert (await client.put(f"/api/billing/{path}", json=body)).status_code == status


async def test_the_scheme_can_be_changed_and_is_audited(billed: World) -> None:
    async with billed.client("admin") as client:
        for scheme in ("per_close", "per_close", "hwm"):
            answer = await client.put("/api/billing/scheme", json={"tenant_id": billed.b.tenant_id, "scheme": scheme})
            assert answer.json()["data"] == {"tenant_id": billed.b.tenant_id, "scheme": scheme}
    with billed.db.reading() as session:
        assert len(session.exec(select(AuditLog).where(AuditLog.action == "billing.scheme")).all()) == 2
