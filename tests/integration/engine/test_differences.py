"""What platform and exchange did not agree on is written down once, with its cause and what was done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from backend.clock import utcnow
from backend.execution.differences import differences
from backend.identity.principal import Principal
from backend.models import Difference, Order
from backend.portfolio.queries import Window
from tests.support.centre import Centre
from tests.support.intents import enter
from tests.support.paper import PaperServer, own_hand

ADMIN = Principal("admin", 1, None, "a", "a", "owner", 0)


def noted(centre: Centre) -> list[tuple[str, str, str]]:
    with centre.db.reading() as session:
        rows = session.exec(select(Difference).order_by(Difference.id)).all()
    return [(row.cause, row.exchange_says, row.action) for row in rows]


async def look_twice(centre: Centre) -> None:
    engine = centre.engine
    assert engine is not None

    def due(session: Session) -> None:
        for order in session.exec(select(Order)).all():
            order.looked_at = None
            session.add(order)

    for _ in range(2):
        await engine.reconciler.run()
        centre.db.run(due)


def lose(centre: Centre, attempt: int, **where: str) -> None:
    """Orders that were thought sent, long ago, and never arrived."""

    def work(session: Session) -> None:
        for order in session.exec(select(Order).filter_by(**where)).all():
            order.status, order.attempt, order.reason = "UNKNOWN", attempt, "the node did not answer"
            order.submitted_at = order.updated_at = utcnow() - timedelta(seconds=20)
            session.add(order)

    centre.db.run(work)


async def test_a_close_made_elsewhere(centre: Centre, paper: PaperServer) -> None:
    engine = centre.start_engine()
    enter(centre)
    await engine.dispatch()
    quantity = centre.positions()[0].quantity
    async with own_hand(paper, "agent-0") as client:
        await client.create_order("BTC/USDT:USDT", "market", "sell", float(quantity), None, {"reduceOnly": True})
    for _ in range(3):
        await engine.reconciler.positions()
    assert noted(centre) == [("closed_outside", f"closed {quantity:f}", "booked")]
    with centre.db.reading() as session:
        own = Principal("tenant", centre.tenant_id, centre.tenant_id, "t", "t", "", 0)
        other = Principal("tenant", centre.tenant_id + 1, centre.tenant_id + 1, "t", "t", "", 0)
        assert [differences(session, who, Window(10, 0)).total for who in (ADMIN, own, other)] == [1, 1, 0]


@pytest.mark.parametrize(("attempt", "action", "status"), [(1, "sent_again", "PENDING"), (2, "expired", "EXPIRED")])
async def test_an_order_that_never_arrived(centre: Centre, attempt: int, action: str, status: str) -> None:
    centre.start_engine()
    enter(centre)
    lose(centre, attempt, trade_type="OPEN")
    await look_twice(centre)
    await look_twice(centre)
    assert {order.status for order in centre.orders(trade_type="OPEN")} == {status}
    assert noted(centre) == [("order_absent", "absent", action)] * 2


async def test_a_stop_that_is_not_there(centre: Centre) -> None:
    engine = centre.start_engine()
    await engine.refresh_prices()
    enter(centre)
    await engine.dispatch()

    def invent(session: Session) -> None:
        order = session.exec(select(Order).where(Order.order_type == "STOP_MARKET")).first()
        assert order is not None
        order.status, order.client_order_id, order.absent_looks = "UNKNOWN", "q" + "0" * 25, 0
        order.submitted_at = order.updated_at = utcnow() - timedelta(seconds=20)
        session.add(order)

    centre.db.run(invent)
    await look_twice(centre)
    assert noted(centre) == [("stop_missing", "absent", "stop_restored")]
