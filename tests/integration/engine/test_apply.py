"""Applying results: partial fills in any order, stops, closes by others (R9, R10, R11, law 4)."""

from __future__ import annotations

import itertools
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session, col, select

from backend.execution.apply import apply_result
from backend.models import Notification, Position
from tests.support.centre import Centre
from tests.support.intents import enter, leave
from tests.support.paper import PaperServer, own_hand

PARTS = (("t1", "0.3", "100.1"), ("t2", "0.3", "100.2"), ("t3", "0.4", "100.4"))


def answer(order: Any, parts: list[tuple[str, str, str]], status: str) -> dict[str, Any]:
    trades = [
        {"trade_id": i, "quantity": q, "price": p, "fee": "0.01000001", "fee_currency": "USDT", "time_ms": 1_700_000_000_000}
        for i, q, p in parts
    ]
    total = str(sum((Decimal(q) for _, q, _ in parts), Decimal(0)))
    return {
        "client_order_id": order.client_order_id, "status": status, "filled_quantity": total, "trades": trades,
        "stop": {"status": "OPEN", "client_order_id": "qstopstopstopstopstopstop22"},
    }  # fmt: skip


def filled(order: Any) -> dict[str, Any]:
    parts = [(f"{name}-{order.id}", quantity, price) for name, quantity, price in PARTS]
    return {**answer(order, parts, "FILLED"), "account_id": order.account_id}


async def test_answers_of_many_accounts_are_one_transaction_and_nonsense_about_one_stops_no_other(centre: Centre) -> None:
    engine = centre.start_engine()
    orders = enter(centre) + enter(centre, "SIGTEST2", symbol="ETH/USDT")
    index = {(order.account_id, order.client_order_id): order.id or 0 for order in orders}
    commits: list[object] = []
    event.listen(centre.db.engine, "commit", commits.append)
    told = [filled(order) for order in orders]
    applied = await engine.dispatcher.apply(index, told)
    assert len(commits) == 1 and {one.order.id for one in applied} == {order.id for order in orders}
    assert {order.status for order in centre.orders(trade_type="OPEN")} == {"FILLED"}
    closing = leave(centre)
    bad, *good = [filled(order) for order in closing]
    bad["trades"] = 7
    with pytest.raises(TypeError):
        await engine.dispatcher.apply({(o.account_id, o.client_order_id): o.id or 0 for o in closing}, [bad, *good])
    left = {order.account_id for order in centre.orders(trade_type="CLOSE", order_type="MARKET") if order.status != "FILLED"}
    assert left == {closing[0].account_id}
    with centre.db.transaction() as session:
        for other in centre.orders(status="PENDING"):
            other.status, other.reason = "EXPIRED", "test"
            session.add(other)


@pytest.mark.parametrize("sequence", list(itertools.permutations(range(3))))
async def test_partial_fills_in_any_order_with_a_duplicate(centre: Centre, sequence: tuple[int, ...]) -> None:
    """R9: 0.3 + 0.3 + 0.4 and one of them twice: totals and fees are exact."""
    order = enter(centre)[0]
    assert order.id is not None
    pk = order.id
    shown: list[tuple[str, str, str]] = []
    for step, index in enumerate((*sequence, sequence[0])):
        shown.append(PARTS[index])
        status = "FILLED" if step >= 2 else "PARTIAL"
        told = answer(order, list(dict.fromkeys(shown)), status)
        await centre.db.arun(partial(apply_result, order_pk=pk, result=told))
    row = next(o for o in centre.orders() if o.id == pk)
    position = centre.positions()[0]
    assert row.status == "FILLED" and row.filled_quantity == Decimal("1.0") == position.quantity
    assert row.total_fee == Decimal("0.03000003") == position.total_fee
    average = (Decimal("0.3") * Decimal("100.1") + Decimal("0.3") * Decimal("100.2") + Decimal("0.4") * Decimal("100.4"))
    assert row.avg_price == average and position.avg_cost == average
    assert len(centre.fills()) == 3
    # Nothing was really sent: take the made-up order out of the oracles' sight.
    with centre.db.transaction() as session:
        for other in centre.orders(status="PENDING"):
            other.status, other.reason = "EXPIRED", "test"
            session.add(other)


async def test_a_part_filled_and_the_rest_expired_is_the_end_of_an_order(centre: Centre) -> None:
    """What the exchange will fill no more does not wait for it."""
    order = enter(centre)[0]
    for final in (False, True):
        told = answer(order, [PARTS[0]], "PARTIAL") | {"final": final}
        await centre.db.arun(partial(apply_result, order_pk=order.id or 0, result=told))
        row = centre.orders()[0]
        assert (row.status, row.filled_quantity) == ("FILLED" if final else "PARTIAL", Decimal("0.3"))
    assert row.reason == "partly filled, the rest was cancelled"
    assert [position.quantity for position in centre.positions()] == [Decimal("0.3")]


async def test_more_reported_than_listed_is_unknown(centre: Centre) -> None:
    """The exchange says filled but lists half of the trades: wait for the rest, invent nothing."""
    order = enter(centre)[0]
    assert order.id is not None
    told = answer(order, [PARTS[0]], "FILLED") | {"filled_quantity": "1.0"}
    await centre.db.arun(lambda s: apply_result(s, order.id or 0, told))
    assert centre.orders()[0].status == "UNKNOWN" and len(centre.fills()) == 1


@pytest.mark.parametrize("bad", [{"price": "NaN"}, {"price": "-5"}, {"quantity": "1e30"}, {"fee": "Infinity"}, {"trade_id": ""}])
async def test_nonsense_is_not_booked(centre: Centre, bad: dict[str, str]) -> None:
    """A trade that cannot be is left out, and the order waits for a sound answer."""
    order = enter(centre)[0]
    told = answer(order, [PARTS[0]], "FILLED")
    told["trades"][0] |= bad
    await centre.db.arun(lambda s: apply_result(s, order.id or 0, told))
    assert centre.fills() == [] and centre.positions() == [] and centre.orders()[0].status == "UNKNOWN"


async def test_an_answer_for_another_order_changes_nothing(centre: Centre) -> None:
    order = enter(centre)[0]
    told = answer(order, [PARTS[0]], "FILLED") | {"client_order_id": "qsomebodyelsesorderaaaaaaa"}
    await centre.db.arun(lambda s: apply_result(s, order.id or 0, told))
    assert centre.fills() == [] and centre.orders()[0].status == "UNKNOWN"


async def test_stop_rests_from_entry_and_leaves_with_the_position(centre: Centre, paper: PaperServer) -> None:
    """R10: the protective stop is on the exchange after the fill, and gone once the position is flat."""
    engine = centre.start_engine()
    enter(centre)
    await engine.dispatch()
    for paper_id in centre.paper_ids:
        assert [row["algoStatus"] for row in paper.dump(paper_id)["algo_orders"]] == ["NEW"]
    leave(centre)
    await engine.dispatch()
    await engine.stops.cancel()
    for paper_id in centre.paper_ids:
        assert "NEW" not in [row["algoStatus"] for row in paper.dump(paper_id)["algo_orders"]]
    assert {p.stop_status for p in centre.positions()} == {"NONE"}


async def test_a_stop_that_cannot_be_placed_closes_the_position(centre: Centre, paper: PaperServer) -> None:
    """R11: never silently naked."""
    paper.faults({"kind": "reject_stops"})
    engine = centre.start_engine()
    enter(centre)
    await engine.dispatch()
    await engine.dispatch()
    positions = centre.positions()
    assert {p.status for p in positions} == {"CLOSED"} and {p.close_reason for p in positions} == {"NAKED"}
    assert all(Decimal(str(row["positionAmt"])) == 0 for i in centre.paper_ids for row in paper.dump(i)["positions"])


async def test_a_stop_that_cannot_be_placed_again_closes_the_position(centre: Centre, paper: PaperServer) -> None:
    """R11 later in its life: the stop left, and the exchange takes no other."""
    engine = centre.start_engine()
    enter(centre)
    await engine.dispatch()
    paper.faults({"kind": "reject_stops"})

    def lost(session: Session) -> None:
        for row in session.exec(select(Position)).all():
            row.stop_status = "LOST"
            session.add(row)

    centre.db.run(lost)
    assert await engine.stops.restore() == 0
    await engine.dispatch()
    assert {(p.status, p.close_reason) for p in centre.positions()} == {("CLOSED", "NAKED")}
    with centre.db.reading() as session:
        told = session.exec(select(Notification).where(col(Notification.title).like("No protective stop%"))).all()
    assert len(told) == len(centre.account_ids)


async def test_closed_by_hand_at_the_exchange(centre: Centre, paper: PaperServer) -> None:
    """A close made elsewhere is found, booked from the exchange's trades, and settled."""
    engine = centre.start_engine()
    enter(centre)
    await engine.dispatch()
    quantity = centre.positions()[0].quantity
    async with own_hand(paper, "agent-0") as client:
        await client.create_order("BTC/USDT:USDT", "market", "sell", float(quantity), None, {"reduceOnly": True})
    await engine.reconciler.positions()
    await engine._settle_new()
    first, second = centre.positions()
    assert (first.status, first.close_reason, second.status) == ("CLOSED", "EXTERNAL", "OPEN")
    await engine.reconciler.positions()
    assert len([f for f in centre.fills() if f.position_id == first.id]) == 2


async def test_a_close_that_filled_too_much_books_what_was_open(centre: Centre) -> None:
    """Somebody enlarged the position by hand: only our part is booked, and people hear of it."""
    engine = centre.start_engine()
    enter(centre)
    await engine.dispatch()
    order = leave(centre)[0]
    position = next(p for p in centre.positions() if p.id == order.position_id)
    told = answer(order, [("big", str(position.quantity * 2), "100.0")], "FILLED")
    await centre.db.arun(partial(apply_result, order_pk=order.id, result=told))
    row = next(p for p in centre.positions() if p.id == order.position_id)
    assert row.status == "CLOSED" and row.quantity == 0
    assert next(o for o in centre.orders() if o.id == order.id).status == "FILLED"
    with centre.db.reading() as session:
        titles = session.exec(select(Notification.title)).all()
    assert any("More was closed than was open" in title for title in titles)
