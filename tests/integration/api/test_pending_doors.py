"""Entries at a price by HTTP: everybody their own, true counts, refusals with a code; terms for operators only."""

from __future__ import annotations

from decimal import Decimal

from sqlmodel import Session

from backend.execution.resting_rules import Terms, terms_of
from backend.models import LimitEntry, Order, Strategy
from tests.support.doors import Owned, World

PATH = "/api/pending-limit-orders"


def seed(world: World) -> None:
    def work(session: Session, owned: Owned, state: str) -> None:
        order = session.get_one(Order, owned.order_pk)
        order.order_type, order.price, order.status = "LIMIT", Decimal(10), "OPEN" if state == "PENDING" else "FILLED"
        session.add(order)
        session.add(
            LimitEntry(
                order_pk=owned.order_pk, tenant_id=owned.tenant_id, user_id=owned.user_id, account_id=owned.account_id,
                strategy_id=owned.strategy_id, symbol=order.symbol, state=state, interval_ms=1, expires_market_ms=10**13,
            )
        )  # fmt: skip

    world.db.run(lambda s: work(s, world.a, "PENDING"))
    world.db.run(lambda s: work(s, world.b, "FILLED"))


async def test_everybody_their_own(fresh: World) -> None:
    seed(fresh)
    for who, mine in (("admin", 2), ("tenant_a", 1), ("agent_a", 1), ("agent_b", 1)):
        async with fresh.client(who) as http:
            answer = (await http.get(PATH)).json()
            assert answer["total"] == len(answer["data"]) == mine
            stats = (await http.get(PATH + "/stats")).json()["data"]
            assert stats["total"] == mine
            assert stats["pending"] + stats["filled"] == mine
            assert (await http.get(PATH, params={"state": "lost"})).status_code == 400
            foreign = fresh.a.order_pk if who.endswith("_b") else fresh.b.order_pk
            refused = await http.post(f"{PATH}/{foreign}/cancel")
            # An admin sees it, and it waits no longer; for the others it does not exist.
            assert (refused.status_code, refused.json()["code"]) == ((409, "entry_not_waiting") if who == "admin" else (404, "not_found"))
    async with fresh.client("agent_a") as http:
        done = (await http.post(f"{PATH}/{fresh.a.order_pk}/cancel")).json()["data"]
    assert done == {"id": fresh.a.order_pk, "state": "PENDING", "cancel_why": "hand"}


async def test_operators_decide_how_a_strategy_enters(fresh: World) -> None:
    path = f"/api/strategies/{fresh.a.strategy_id}/entry"
    wanted = {"entry_mode": "limit", "retest_bars": 6, "retest_offset_bps": 5, "confirm_after_fill": True, "post_fill_confirm_bars": 2}
    async with fresh.client("tenant_a") as http:
        assert (await http.put(path, json=wanted)).status_code == 403
    async with fresh.client("admin") as http:
        assert (await http.put(path, json=wanted | {"retest_bars": 0})).json()["code"] == "bad_entry_terms"
        assert (await http.put(path, json=wanted)).status_code == 200
        with fresh.db.reading() as session:
            assert terms_of(session.get_one(Strategy, fresh.a.strategy_id).config) == Terms(6, Decimal(5), 2)
        assert (await http.put(path, json={"entry_mode": "market"})).status_code == 200
    with fresh.db.reading() as session:
        assert session.get_one(Strategy, fresh.a.strategy_id).config == {}
