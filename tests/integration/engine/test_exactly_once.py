"""Crash, timeout, loss and repetition: each order reaches the exchange once, each result is applied once (R1-R8)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from backend.clock import utcnow
from backend.engine import Engine
from backend.execution.apply import apply_result
from backend.execution.service import ORPHANED_AFTER, adopt_orphans
from backend.execution.wire import Wire
from backend.models import Order, Settlement
from node_service.client import NodeClient
from node_service.executor import Executor
from tests.support.centre import Centre
from tests.support.intents import enter, leave
from tests.support.paper import PaperServer

ORDER_PATH = "/fapi/v1/order"


class Died(BaseException):
    """The process is gone at this line: nothing after it runs, nothing is cleaned up."""


class DyingWire(Wire):
    """A wire that ends the process before or after the executor worked."""

    def __init__(self, when: str) -> None:
        super().__init__(Executor(node_code="centre", allow_venue_url=True), NodeClient())
        self._when = when

    async def call(self, target: Any, path: str, body: Mapping[str, Any], deadline_s: float) -> dict[str, Any]:
        if path == "/api/execute" and self._when == "before":
            raise Died
        answer = await super().call(target, path, body, deadline_s)
        if path == "/api/execute":
            raise Died
        return answer


def dying(centre: Centre, when: str) -> Engine:
    engine = centre.start_engine()
    wire = DyingWire(when)
    engine.wire = engine.dispatcher._wire = engine.reconciler._wire = wire
    return engine


async def restart(centre: Centre) -> Engine:
    """What a new process does first."""
    await centre.stop_engine()
    engine = centre.start_engine()
    await centre.db.arun(lambda s: adopt_orphans(s, utcnow()))
    return engine


async def test_what_a_clock_an_hour_ahead_sent_is_asked_for_once_it_is_set_back(centre: Centre) -> None:
    """Its time never comes by waiting: it is UNKNOWN at once, and no longer fresh."""
    order = enter(centre)[0]
    with centre.db.transaction() as session:
        row = session.get_one(Order, order.id)
        row.status, row.submitted_at = "SENT", utcnow() + timedelta(hours=1)
        row.expires_at = utcnow() + timedelta(hours=1)
        session.add(row)
    assert await centre.db.arun(lambda s: adopt_orphans(s, utcnow() - ORPHANED_AFTER)) == 1
    row = next(one for one in centre.orders() if one.id == order.id)
    assert row.status == "UNKNOWN" and row.submitted_at is not None and row.expires_at is not None
    assert max(row.submitted_at, row.expires_at) <= utcnow()


async def resolve(centre: Centre, timeout_s: float = 60.0) -> None:
    """Run the loops' work until nothing is pending or unknown."""
    engine = centre.engine
    assert engine is not None
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        await engine.dispatch()
        await engine.reconciler.run()
        await engine._settle_new()
        if not [o for o in centre.orders() if o.status in {"PENDING", "SENT", "UNKNOWN"}]:
            return
        assert asyncio.get_running_loop().time() < deadline, [(o.status, o.reason) for o in centre.orders()]
        await asyncio.sleep(0.3)


def entries_on_exchange(centre: Centre) -> list[dict[str, Any]]:
    return [row for row in centre.exchange_orders() if row["type"] == "MARKET"]


def settlements(centre: Centre) -> list[Settlement]:
    with centre.db.reading() as session:
        return list(session.exec(select(Settlement)).all())


@pytest.mark.parametrize("when", ["after"])
async def test_killed_after_the_exchange_filled(centre: Centre, when: str) -> None:
    """R1: the node replied, the centre died before the commit."""
    enter(centre)
    with pytest.raises((Died, BaseExceptionGroup)):
        await dying(centre, when).dispatch()
    await restart(centre)
    await resolve(centre)
    assert [o.status for o in centre.orders(trade_type="OPEN")] == ["FILLED", "FILLED"]
    assert len(entries_on_exchange(centre)) == 2
    assert len(settlements(centre)) == len(centre.fills())


async def test_killed_before_settlement(centre: Centre) -> None:
    """R2: results were committed, their settlement was not; it is made up for exactly once."""
    from backend.billing import jobs

    engine = centre.start_engine()
    enter(centre)
    await engine.dispatcher.run()  # applied, and then the process is gone before _settle_new
    assert settlements(centre) == []
    await restart(centre)
    for _ in range(3):
        await centre.db.arun(lambda s: jobs.settle_pending(s, 100))
    assert {row.fill_id for row in settlements(centre)} == {fill.id for fill in centre.fills()}


async def test_killed_between_claim_and_sending(centre: Centre) -> None:
    """R3: nothing was sent; it is sent once within the lease or expires, never twice."""
    enter(centre)
    with pytest.raises((Died, BaseExceptionGroup)):
        await dying(centre, "before").dispatch()
    assert {o.status for o in centre.orders()} == {"SENT"}
    await restart(centre)
    await resolve(centre)
    assert {o.status for o in centre.orders(trade_type="OPEN")} == {"FILLED"}
    assert len(entries_on_exchange(centre)) == 2


async def test_reply_lost_after_the_fill(centre: Centre, paper: PaperServer) -> None:
    """R4: the exchange filled, the connection broke: resolved by client order id (in some 3 s on a quiet machine)."""
    paper.faults({"kind": "drop", "when": "after", "path": ORDER_PATH, "method": "POST", "times": 2})
    engine = centre.start_engine()
    enter(centre)
    await engine.dispatch()
    await resolve(centre)
    assert {o.status for o in centre.orders(trade_type="OPEN")} == {"FILLED"}
    assert len(entries_on_exchange(centre)) == 2


async def test_not_placed_is_sent_again_with_the_same_id(centre: Centre, paper: PaperServer) -> None:
    """R5: the order never arrived; after two agreeing look-ups it goes out once more under the same id."""
    paper.faults({"kind": "drop", "when": "before", "path": ORDER_PATH, "method": "POST", "times": 2})
    engine = centre.start_engine()
    ids = {order.client_order_id for order in enter(centre)}
    await engine.dispatch()
    assert {o.status for o in centre.orders(trade_type="OPEN")} == {"UNKNOWN"}
    await resolve(centre)
    orders = centre.orders(trade_type="OPEN", order_type="MARKET")
    assert {o.status for o in orders} == {"FILLED"} and {o.attempt for o in orders} == {2}
    assert {row["clientOrderId"] for row in entries_on_exchange(centre)} == ids


async def test_hidden_for_five_seconds_is_not_absent(centre: Centre, paper: PaperServer) -> None:
    """R6: the exchange does not show a new order for 5 s; no second one is sent."""
    paper.faults(
        {"kind": "hide", "hide_ms": 5000, "times": 2},
        {"kind": "drop", "when": "after", "path": ORDER_PATH, "method": "POST", "times": 2},
    )
    engine = centre.start_engine()
    enter(centre)
    await engine.dispatch()
    await resolve(centre)
    orders = centre.orders(trade_type="OPEN", order_type="MARKET")
    assert {o.status for o in orders} == {"FILLED"} and {o.attempt for o in orders} == {1}
    assert len(entries_on_exchange(centre)) == 2


@pytest.mark.parametrize("times", [2, 10])
async def test_the_same_signal_again(centre: Centre, times: int) -> None:
    """R7: delivered many times, one order per account."""
    engine = centre.start_engine()
    enter(centre)
    for _ in range(times - 1):
        with pytest.raises(IntegrityError):
            enter(centre)
    await engine.dispatch()
    assert len(entries_on_exchange(centre)) == 2 == len(centre.orders(trade_type="OPEN", order_type="MARKET"))


async def test_two_workers_at_once(centre: Centre) -> None:
    """R7: two dispatchers on one database share the work, no order goes out twice."""
    first = centre.start_engine()
    second = Engine(centre.settings, centre.db, first.feed, first.wire)
    for number in range(4):
        enter(centre, f"SIGTEST{number}", symbol=["BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT"][number], stop_loss=None)
    await asyncio.gather(first.dispatcher.run(), second.dispatcher.run())
    sent = entries_on_exchange(centre)
    assert len(sent) == len({row["clientOrderId"] for row in sent}) == len(centre.orders(order_type="MARKET"))


async def test_a_result_applied_again_and_out_of_order(centre: Centre) -> None:
    """R8: the same answers twice and in reverse change nothing."""
    engine = centre.start_engine()
    answers: list[tuple[int, dict[str, Any]]] = []
    original = engine.dispatcher.apply

    async def keep(pks: dict[tuple[int, str], int], results: list[Any]) -> Any:
        answers.extend((pks[r["account_id"], r["client_order_id"]], r) for r in results)
        return await original(pks, results)

    engine.dispatcher.apply = keep
    enter(centre)
    await engine.dispatch()
    leave(centre)
    await engine.dispatch()
    before = (len(centre.fills()), len(settlements(centre)), [(p.quantity, p.realized_pnl) for p in centre.positions()])
    for pk, answer in reversed(answers * 2):
        await centre.db.arun(lambda s, pk=pk, answer=answer: apply_result(s, pk, answer))
    await engine._settle_pending()
    after = (len(centre.fills()), len(settlements(centre)), [(p.quantity, p.realized_pnl) for p in centre.positions()])
    assert after == before and {p.status for p in centre.positions()} == {"CLOSED"}


async def test_a_reply_cut_short_is_unknown(centre: Centre, paper: PaperServer) -> None:
    """R8: half a body proves nothing: UNKNOWN, then resolved by the id."""
    paper.faults({"kind": "cut", "bytes": 40, "clean": True, "path": ORDER_PATH, "method": "POST", "times": 2})
    engine = centre.start_engine()
    enter(centre)
    await engine.dispatch()
    assert not [o for o in centre.orders() if o.status == "FAILED"]
    await resolve(centre)
    assert {o.status for o in centre.orders(trade_type="OPEN")} == {"FILLED"}
    assert len(entries_on_exchange(centre)) == 2


async def test_an_order_past_its_time_is_never_sent(centre: Centre) -> None:
    """A stale intent expires with its reason."""
    engine = centre.start_engine()
    enter(centre, ttl_s=-1.0)
    await engine.dispatch()
    orders: list[Order] = centre.orders()
    assert {o.status for o in orders} == {"EXPIRED"} and all("expired" in o.reason for o in orders)
    assert entries_on_exchange(centre) == []
