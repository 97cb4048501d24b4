"""A position by hand over HTTP: its errors by name, a repeat answered, and never another's."""

from __future__ import annotations

from decimal import Decimal

from sqlmodel import select

from backend.live import hub
from backend.models import Order, Position
from tests.support.doors import World


async def test_close_once_and_move(fresh: World) -> None:
    with fresh.db.transaction() as session:
        row = session.get(Position, fresh.a.position_id)
        assert row is not None
        row.status, row.open_slot, row.quantity, row.entry_price, row.stop_loss, row.stop_status = "OPEN", 1, Decimal(2), Decimal(100), None, "NONE"
        row.symbol, row.position_side = "HAND/USDT", "LONG"
        session.add(row)
    path = f"/api/agent/positions/{fresh.a.position_id}"
    async with fresh.client("agent_a") as http:
        answer = await http.put(f"{path}/stop", json={"price": "90"})
        assert (answer.status_code, answer.json()["code"]) == (409, "no_price")
        hub.publish("market", {"market_ms": 1, "prices": {"HAND/USDT": "100"}})
        answer = await http.put(f"{path}/stop", json={"price": "110"})
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_side")
        assert (await http.put(f"{path}/stop", json={"price": "90"})).status_code == 200
        answer = await http.put(f"{path}/stop", json={"price": "91"})
        assert (answer.status_code, answer.json()["code"]) == (409, "stop_busy")
        assert (await http.put(f"{path}/target", json={"price": "120"})).status_code == 200
        assert (await http.put(f"{path}/target", json={"price": None})).status_code == 200
        for bad in ({"request_id": "x"}, {"request_id": "wish-0001", "share_pct": 0}, {"request_id": "wish-0001", "share_pct": 1.5}, {}):
            assert (await http.post(f"{path}/close", json=bad)).status_code in (400, 422)
        first = await http.post(f"{path}/close", json={"request_id": "wish-0001", "share_pct": 50})
        assert first.status_code == 200, first.text
        again = await http.post(f"{path}/close", json={"request_id": "wish-0001", "share_pct": 50})
        assert again.json() == first.json()
        other = await http.post(f"{path}/close", json={"request_id": "wish-0002"})
        assert (other.status_code, other.json()["code"]) == (409, "close_on_its_way")
    with fresh.db.reading() as session:
        orders = session.exec(select(Order).where(Order.position_id == fresh.a.position_id, Order.close_reason == "MANUAL")).all()
    assert [(o.quantity, o.status) for o in orders] == [(Decimal(1), "PENDING")]
    async with fresh.client("agent_b") as http:
        for verb, body in (("close", {"request_id": "wish-0003"}),):
            assert (await http.post(f"{path}/{verb}", json=body)).status_code == 404
        assert (await http.put(f"{path}/stop", json={"price": "90"})).status_code == 404
        assert (await http.put(f"{path}/target", json={"price": "190"})).status_code == 404
