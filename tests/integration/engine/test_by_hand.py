"""Positions by hand on the real chain: a part, the rest, a stop moved there and back, and nothing twice."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from sqlmodel import select

from backend.errors import InvalidInput, NotFound
from backend.execution import by_hand
from backend.identity.principal import Principal
from backend.models import AuditLog, Order, Position
from tests.support.centre import Centre
from tests.support.intents import enter


def agent(centre: Centre, place: int = 0) -> Principal:
    return Principal("agent", centre.user_ids[place], centre.tenant_id, "u", "u", "", 0)


def position(centre: Centre, place: int = 0) -> Position:
    return next(row for row in centre.positions() if row.account_id == centre.account_ids[place])


def close(centre: Centre, request_id: str, share: int = 100, who: Principal | None = None) -> Order:
    row = position(centre)
    return centre.db.run(
        lambda s: by_hand.close_by_hand(s, who or agent(centre), row.id, request_id=request_id, share_pct=share, price=row.entry_price)
    )




async def test_a_part_then_the_rest(centre: Centre) -> None:
    engine = centre.start_engine()
    await engine.refresh_prices()
    enter(centre)
    await engine.dispatch()
    before = position(centre).quantity
    first = close(centre, "request-1", 50)
    assert close(centre, "request-1", 50).id == first.id, "the same request is answered, not done again"
    with pytest.raises(by_hand.CloseOnItsWay):
        close(centre, "request-2")
    await engine.dispatch()
    after = position(centre)
    assert after.status == "OPEN" and D(0) < after.quantity <= before / 2 + D("0.001")
    assert close(centre, "request-1", 50).status == "FILLED"
    close(centre, "request-3")
    await engine.dispatch()
    done = position(centre)
    assert (done.status, done.close_reason, done.quantity) == ("CLOSED", "MANUAL", 0)
    with pytest.raises(by_hand.PositionNotOpen):
        close(centre, "request-4")
    closing = [o for o in centre.orders(trade_type="CLOSE", order_type="MARKET") if o.account_id == centre.account_ids[0]]
    assert len(closing) == 2
    with centre.db.reading() as session:
        audited = session.exec(select(AuditLog).where(AuditLog.action == "position.close")).all()
    assert len(audited) == 2
    await engine.stops.cancel()


async def test_a_stop_is_moved_there_and_back(centre: Centre) -> None:
    engine = centre.start_engine()
    await engine.refresh_prices()
    enter(centre)
    await engine.dispatch()
    row = position(centre)
    mark, old = row.entry_price, row.stop_loss
    assert old is not None
    near = (old + (mark - old) / 2).quantize(D("0.1"))
    used = {row.stop_client_order_id}
    for price in (near, old, near):
        centre.db.run(lambda s, price=price: by_hand.move_stop(s, agent(centre), row.id, price, mark=mark))
        assert position(centre).stop_status == by_hand.MOVE
        with pytest.raises(by_hand.StopBusy):
            centre.db.run(lambda s: by_hand.move_stop(s, agent(centre), row.id, mark * D("0.5"), mark=mark))
        assert await engine.stops.move() == 1
        moved = position(centre)
        assert (moved.stop_status, moved.stop_loss) == ("OPEN", price)
        assert moved.stop_client_order_id not in used
        used.add(moved.stop_client_order_id)
    assert await engine.stops.move() == 0
    stops = [o for o in centre.orders(order_type="STOP_MARKET") if o.account_id == centre.account_ids[0]]
    assert [o.status for o in stops] == ["CANCELLED"] * 3 + ["OPEN"]
    await engine.reconciler.positions()
    assert position(centre).status == "OPEN"


async def test_what_is_refused(centre: Centre) -> None:
    engine = centre.start_engine()
    await engine.refresh_prices()
    enter(centre)
    await engine.dispatch()
    row, run = position(centre), centre.db.run
    mark = row.entry_price
    for wrong in (mark, mark * 2):
        with pytest.raises(by_hand.WrongSide, match="below"):
            run(lambda s, wrong=wrong: by_hand.move_stop(s, agent(centre), row.id, wrong, mark=mark))
    with pytest.raises(by_hand.WrongSide, match="above"):
        run(lambda s: by_hand.move_target(s, agent(centre), row.id, mark / 2, mark=mark))
    with pytest.raises(by_hand.NoPrice):
        run(lambda s: by_hand.move_stop(s, agent(centre), row.id, mark / 2, mark=None))
    for bad in ("NaN", "-1", "0", "Infinity"):
        with pytest.raises(InvalidInput):
            run(lambda s, bad=bad: by_hand.move_stop(s, agent(centre), row.id, D(bad), mark=mark))
    for share in (0, 101, True):
        with pytest.raises(InvalidInput):
            close(centre, "request-9", share)
    with pytest.raises(InvalidInput):
        close(centre, "short")
    with pytest.raises(NotFound):
        close(centre, "request-9", who=agent(centre, 1))
    run(lambda s: by_hand.move_target(s, agent(centre), row.id, mark * 2, mark=mark))
    assert position(centre).take_profit == mark * 2
    run(lambda s: by_hand.move_target(s, agent(centre), row.id, None, mark=None))
    assert position(centre).take_profit is None and position(centre).stop_status == "OPEN"
