"""The eight rows of reconciliation, each a real scene on the simulated exchange: what the platform holds against what the
exchange holds, what was done about it, and what was written down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import Session, select

from backend.clock import utcnow
from backend.db import Database
from backend.execution import compare
from backend.models import Difference, ForeignPosition, Notification, Order, Position, Settlement
from tests.integration.engine.test_differences import lose
from tests.integration.engine.test_exactly_once import Died, dying, restart
from tests.support.centre import Centre, make_centre
from tests.support.intents import SYMBOL, enter
from tests.support.paper import PaperServer, own_hand

D = Decimal


@pytest.fixture
def paper(one_market: PaperServer) -> PaperServer:
    """One market for all scenes; each has an account of its own."""
    return one_market


@pytest.fixture
async def one(sqlite_database: Database, paper: PaperServer, tmp_path: Path) -> AsyncIterator[Centre]:
    made = make_centre(sqlite_database, paper, tmp_path, names=tmp_path.name)
    engine = made.start_engine()
    await engine.refresh_prices()
    yield made
    await made.stop_engine()
    made.check_oracles()


async def by_hand(centre: Centre, side: str, quantity: Decimal, **params: object) -> None:
    """Somebody trades on the account itself."""
    async with own_hand(centre.paper, NAMES[id(centre)]) as client:
        await client.create_order("BTC/USDT:USDT", "market", side, float(quantity), None, params)


NAMES: dict[int, str] = {}


async def opened(centre: Centre) -> Position:
    assert centre.engine is not None
    enter(centre)
    await centre.engine.dispatch()
    [position] = centre.positions()
    return position


def age(centre: Centre) -> None:
    """As if everything had been a while ago."""

    def work(session: Session) -> None:
        for row in (*session.exec(select(Position)).all(), *session.exec(select(Order)).all()):
            row.updated_at = utcnow() - timedelta(minutes=1)
            if isinstance(row, Order):
                row.looked_at, row.created_at = None, utcnow() - timedelta(minutes=1)
                row.expires_at = utcnow() - timedelta(seconds=30)
            session.add(row)

    centre.db.run(work)


async def compared(centre: Centre, times: int = 3) -> None:
    engine = centre.engine
    assert engine is not None
    for _ in range(times):
        age(centre)
        await engine.reconciler.positions(everyone=True)
        await engine.stops.restore()
        await engine._settle_new()


def noted(centre: Centre) -> list[tuple[str, str]]:
    with centre.db.reading() as session:
        return [(row.cause, row.action) for row in session.exec(select(Difference).order_by(Difference.id)).all()]


def blocked(centre: Centre) -> set[str]:
    with centre.db.reading() as session:
        return compare.blocked_symbols(session, centre.account_ids).get(centre.account_ids[0], set())


async def same_and_its_stop_was_taken_away(centre: Centre) -> None:
    position = await opened(centre)
    async with own_hand(centre.paper, NAMES[id(centre)]) as client:
        await client.fapiPrivateDeleteAlgoOpenOrders({"symbol": "BTCUSDT"})
    await compared(centre)
    after = centre.positions()[0]
    assert (after.quantity, after.peak_price, after.opened_at) == (position.quantity, position.peak_price, position.opened_at)
    assert after.stop_status == "OPEN"
    assert after.stop_client_order_id != position.stop_client_order_id
    assert noted(centre) == [("stop_missing", "stop_restored")]


async def less_at_the_exchange(centre: Centre) -> None:
    position = await opened(centre)
    await by_hand(centre, "sell", position.quantity / 2, reduceOnly=True)
    await compared(centre)
    after = centre.positions()[0]
    assert (after.status, after.quantity * 2) == ("OPEN", position.quantity)
    assert noted(centre) == [("closed_outside", "booked")]


async def none_at_the_exchange(centre: Centre) -> None:
    position = await opened(centre)
    await by_hand(centre, "sell", position.quantity, reduceOnly=True)
    await compared(centre)
    after = centre.positions()[0]
    assert (after.status, after.close_reason) == ("CLOSED", "EXTERNAL")
    with centre.db.reading() as session:
        assert len(session.exec(select(Settlement)).all()) == len(centre.fills()) == 2
    assert noted(centre) == [("closed_outside", "booked")]


async def the_other_side_at_the_exchange(centre: Centre) -> None:
    position = await opened(centre)
    await by_hand(centre, "sell", position.quantity, reduceOnly=True)
    await by_hand(centre, "sell", position.quantity * 2)
    await compared(centre)
    assert [(row.status, row.position_side) for row in centre.positions()] == [("CLOSED", "LONG")]
    assert blocked(centre) == {SYMBOL}
    assert noted(centre)[0] == ("closed_outside", "booked")
    assert noted(centre)[-1] in {("opposite_side", "blocked"), ("foreign", "blocked")}  # whether ours was closed before or after the look


async def an_intent_the_exchange_knows(centre: Centre) -> None:
    enter(centre)
    with pytest.raises((Died, BaseExceptionGroup)):
        await dying(centre, "after").dispatch()
    engine = await restart(centre)
    await engine.reconciler.run()
    [order] = centre.orders(trade_type="OPEN")
    assert (order.status, len(centre.positions())) == ("FILLED", 1)
    assert noted(centre)[0] == ("answer_lost", "adopted")


async def an_intent_nobody_knows(centre: Centre) -> None:
    enter(centre)
    lose(centre, 2, trade_type="OPEN")
    for _ in range(2):
        assert centre.engine is not None
        await centre.engine.reconciler.run()
        age(centre)
        lose_time(centre)
    [order] = centre.orders(trade_type="OPEN")
    assert (order.status, centre.positions()) == ("EXPIRED", [])
    assert noted(centre) == [("order_absent", "expired")]


def lose_time(centre: Centre) -> None:
    def work(session: Session) -> None:
        for order in session.exec(select(Order)).all():
            order.submitted_at = utcnow() - timedelta(minutes=2)
            session.add(order)

    centre.db.run(work)


async def ours_but_given_up(centre: Centre) -> None:
    """The fill came after the order was given up: its id is found, the position is ours."""
    enter(centre)
    with pytest.raises((Died, BaseExceptionGroup)):
        await dying(centre, "after").dispatch()
    engine = await restart(centre)
    assert engine is not None

    def give_up(session: Session) -> None:
        for order in session.exec(select(Order)).all():
            order.status, order.reason = "EXPIRED", "absent on the exchange and no longer fresh"
            session.add(order)

    centre.db.run(give_up)
    await compared(centre)
    [order], [position] = centre.orders(trade_type="OPEN"), centre.positions()
    assert (order.status, position.status, position.quantity) == ("FILLED", "OPEN", order.filled_quantity)
    assert ("answer_lost", "adopted") in noted(centre)
    assert blocked(centre) == set()


async def not_ours(centre: Centre) -> None:
    await by_hand(centre, "buy", D("0.01"))
    await compared(centre, times=1)
    assert blocked(centre) == set()  # one report may be older than what was booked meanwhile
    await compared(centre)
    assert blocked(centre) == {SYMBOL}
    assert noted(centre) == [("foreign", "blocked")]
    with centre.db.reading() as session:
        told = session.exec(select(Notification).where(Notification.title == f"{SYMBOL} is blocked")).all()
    assert len(told) == 1
    assert centre.positions() == []
    assert [row["positionAmt"] for row in centre.paper.dump(centre.paper_ids[0])["positions"] if float(row["positionAmt"])] == ["0.010"]
    await by_hand(centre, "sell", D("0.01"), reduceOnly=True)
    await compared(centre, times=1)
    assert blocked(centre) == set()
    with centre.db.reading() as session:
        assert session.exec(select(ForeignPosition)).all() == []


SCENES: list[Callable[[Centre], Awaitable[None]]] = [
    same_and_its_stop_was_taken_away, less_at_the_exchange, none_at_the_exchange, the_other_side_at_the_exchange,
    an_intent_the_exchange_knows, an_intent_nobody_knows, ours_but_given_up, not_ours,
]  # fmt: skip


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
async def test_row(one: Centre, scene: Callable[[Centre], Awaitable[None]], tmp_path: Path) -> None:
    NAMES[id(one)] = f"{tmp_path.name}-0"
    await scene(one)
