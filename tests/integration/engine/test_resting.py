"""Entries at a price, on the simulated exchange: they rest, fill by a later tick, are protected, confirmed, closed and
settled; or end with their window, by hand, or when trading stops, and nothing is booked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from backend.clock import from_ms
from backend.db import Database
from backend.engine import Engine
from backend.errors import NotFound
from backend.execution import resting
from backend.execution.resting_rules import Terms
from backend.identity.principal import Principal
from backend.models import AuditLog, Bot, LimitEntry, Order, Settlement
from backend.risk import stops
from tests.integration.engine.test_exactly_once import Died, dying, resolve, restart
from tests.support.centre import Centre, make_centre
from tests.support.intents import SYMBOL, enter, leave
from tests.support.paper import PaperServer

HOUR_MS = 3_600_000


@pytest.fixture
def paper(one_market: PaperServer) -> PaperServer:
    """One market for all tests of this file; each has accounts of its own."""
    return one_market


@pytest.fixture
async def one(sqlite_database: Database, paper: PaperServer, tmp_path: Path) -> AsyncIterator[Centre]:
    """A centre with one account and its engine; the strategy itself does not trade."""
    made = make_centre(sqlite_database, paper, tmp_path, names=tmp_path.name)
    made.start_engine()
    yield made
    await made.stop_engine()
    made.check_oracles()


async def wait_at(centre: Centre, share: str, *, bars: int = 20, confirm: int = 0) -> None:
    """A long entry at ``share`` of the price, written as a scan writes it."""
    engine = centre.engine
    assert engine is not None
    prices = await engine.refresh_prices()
    limit = (prices.by_symbol[SYMBOL] * Decimal(share)).quantize(Decimal("0.1"))
    orders = enter(centre, order_type="LIMIT", price=limit, stop_loss=limit * Decimal("0.9"))
    bar = prices.market_ms // HOUR_MS * HOUR_MS
    terms = Terms(retest_bars=bars, confirm_bars=confirm)
    with centre.db.transaction() as session:
        resting.note_entries(session, orders, terms, strategy_id=centre.strategy_id, bar_open_ms=bar, interval_ms=HOUR_MS)


async def tick(engine: Engine) -> None:
    """The market moves on by one tick, and the centre looks after its waiting entries."""
    await engine.feed.step()
    await engine.refresh_prices()
    await engine.resting.run(engine.prices)
    await engine._settle_new()


async def until(engine: Engine, centre: Centre, state: str, ticks: int = 400) -> None:
    for _ in range(ticks):
        if entry_of(centre).state == state:
            return
        await tick(engine)
    raise AssertionError(f"still {entry_of(centre)} after {ticks} ticks: {entry_order(centre)}, market at {engine.prices and engine.prices.market_ms}")


def entry_of(centre: Centre) -> LimitEntry:
    with centre.db.reading() as session:
        return session.exec(select(LimitEntry)).one()


def entry_order(centre: Centre) -> Order:
    [order] = centre.orders(trade_type="OPEN")
    return order


def on_exchange(centre: Centre) -> list[dict[str, Any]]:
    return [row for row in centre.exchange_orders() if row["type"] == "LIMIT"]


def settled(centre: Centre) -> int:
    with centre.db.reading() as session:
        return len(session.exec(select(Settlement)).all())


async def test_it_rests_fills_is_protected_closed_and_settled(one: Centre) -> None:
    engine = one.engine
    assert engine is not None
    await wait_at(one, "0.998")
    await engine.dispatch()
    assert (entry_order(one).status, one.positions()) == ("OPEN", [])
    await until(engine, one, "FILLED")
    order, [position] = entry_order(one), one.positions()
    assert (order.status, order.avg_price) == ("FILLED", order.price)
    assert (position.stop_status, position.stop_loss) == ("OPEN", order.stop_loss.quantize(Decimal("0.1")) if order.stop_loss else None)
    leave(one)
    await engine.dispatch()
    assert one.positions()[0].status == "CLOSED"
    assert settled(one) == len(one.fills()) == 2
    assert len(on_exchange(one)) == 1


async def test_a_window_that_passes_books_nothing(one: Centre) -> None:
    engine = one.engine
    assert engine is not None
    await wait_at(one, "0.93", bars=2)
    await engine.dispatch()
    await tick(engine)
    assert entry_order(one).status == "OPEN"
    while ((engine.prices and engine.prices.market_ms) or 0) < entry_of(one).expires_market_ms:
        one.paper.step(8)
        await tick(engine)
    assert entry_of(one).state == "EXPIRED"
    order = entry_order(one)
    assert (order.status, order.reason) == ("CANCELLED", resting.WHY["window"])
    assert [row["status"] for row in on_exchange(one)] == ["CANCELED"]
    assert (one.fills(), one.positions(), settled(one)) == ([], [], 0)


async def test_the_answer_is_lost_and_it_is_found_by_its_id(one: Centre) -> None:
    await wait_at(one, "0.998")
    with pytest.raises((Died, BaseExceptionGroup)):
        await dying(one, "after").dispatch()
    engine = await restart(one)
    await resolve(one)
    assert entry_order(one).status == "OPEN"
    assert entry_order(one).exchange_order_id
    await until(engine, one, "FILLED")
    assert len(on_exchange(one)) == 1
    assert one.positions()[0].stop_status == "OPEN"


@pytest.mark.parametrize(("close_share", "direction", "state", "reason"), [
    ("1.01", 1, "FILLED", ""), ("0.99", 0, "CONFIRMING", ""), ("1.01", -1, "CANCELLED", "UNCONFIRMED"),
])  # fmt: skip
async def test_the_bars_after_the_fill_decide(one: Centre, close_share: str, direction: int, state: str, reason: str) -> None:
    engine = one.engine
    assert engine is not None
    await wait_at(one, "0.999", confirm=3)
    await engine.dispatch()
    await until(engine, one, "CONFIRMING")
    position, entry = one.positions()[0], entry_of(one)
    assert position.stop_status == "OPEN"  # protected while nobody knows yet

    def bar(number: int, share: str, way: int) -> None:
        closes = {SYMBOL: (float(position.entry_price * Decimal(share)), way)}
        opens_ms = entry.confirm_until_ms - (4 - number) * HOUR_MS
        one.db.run(lambda s: resting.confirm(s, one.strategy_id, opens_ms, closes, prices={}, market_at=from_ms(opens_ms)))

    bar(1, close_share, direction)
    assert entry_of(one).state == state
    if state == "CONFIRMING":
        bar(3, close_share, direction)  # the last of its bars, still none that agrees
        reason, state = "UNCONFIRMED", "CANCELLED"
    await engine.dispatch()
    assert (entry_of(one).state, one.positions()[0].close_reason) == (state, reason)
    assert (one.positions()[0].status == "CLOSED") == bool(reason)
    assert settled(one) == len(one.fills())


async def test_people_and_stops_take_it_off(one: Centre) -> None:
    engine = one.engine
    assert engine is not None
    who = Principal("agent", one.user_ids[0], one.tenant_id, "a", "a", "", 0)
    other = Principal("tenant", one.tenant_id + 1, one.tenant_id + 1, "t", "t", "", 0)
    await wait_at(one, "0.97")
    pk = entry_order(one).id or 0
    with pytest.raises(NotFound):
        one.db.run(lambda s: resting.cancel_by_hand(s, other, pk))
    await engine.dispatch()
    one.db.run(lambda s: resting.cancel_by_hand(s, who, pk))
    await engine.resting.run(engine.prices)
    assert (entry_of(one).state, entry_order(one).reason) == ("CANCELLED", "cancelled by hand")
    assert [row["status"] for row in on_exchange(one)] == ["CANCELED"]
    with pytest.raises(resting.NotWaiting):
        one.db.run(lambda s: resting.cancel_by_hand(s, who, pk))
    with one.db.reading() as session:
        assert session.exec(select(AuditLog).where(AuditLog.action == "entry.cancel")).one().actor_id == who.id


@pytest.mark.parametrize("by", ["kill", "stopped", "never sent"])
async def test_a_stop_ends_what_waits(one: Centre, by: str) -> None:
    engine = one.engine
    assert engine is not None
    await wait_at(one, "0.97")
    if by == "never sent":
        who, pk = Principal("admin", 1, None, "a", "a", "owner", 0), entry_order(one).id or 0
        assert one.db.run(lambda s: resting.cancel_by_hand(s, who, pk).state) == "CANCELLED"
        assert await engine.dispatch() == 0
        assert on_exchange(one) == []
        return
    await engine.dispatch()

    def work(session: Session) -> None:
        if by == "kill":
            stops.engage(session, stops.OPERATOR, "platform", 0, mode="entries", reason="drill")
        else:
            session.exec(select(Bot)).one().desired = "stopped"

    one.db.run(work)
    await engine.resting.run(engine.prices)
    assert (entry_of(one).state, entry_of(one).cancel_why) == ("CANCELLED", by)
    assert [row["status"] for row in on_exchange(one)] == ["CANCELED"]


async def test_a_strategy_enters_at_its_price(sqlite_database: Database, paper: PaperServer, tmp_path: Path) -> None:
    params = {"entry_mode": "limit", "retest_bars": 3, "confirm_after_fill": True, "post_fill_confirm_bars": 2}
    centre = make_centre(sqlite_database, paper, tmp_path, names=tmp_path.name, params=params, bot={"min_score": 40, "long_min_score": 40, "long_skip_from_score": None})
    engine = centre.start_engine()
    seen: set[str] = set()
    for _ in range(400):
        await engine.step()
        with centre.db.reading() as session:
            seen = set(session.exec(select(LimitEntry.state)).all())
        if "FILLED" in seen and seen & {"EXPIRED", "CANCELLED"}:
            break
    assert "FILLED" in seen
    assert seen & {"EXPIRED", "CANCELLED"}
    orders = centre.orders(trade_type="OPEN")
    assert {order.order_type for order in orders} == {"LIMIT"}
    assert all(p.stop_status != "NONE" for p in centre.positions() if p.status == "OPEN")
    assert settled(centre) == len(centre.fills()) > 0
    await centre.stop_engine()
    centre.check_oracles()
