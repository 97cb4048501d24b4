"""The operators' desk on the real chain: opened with a stop, held once, closed, taken back, refused where trading is stopped."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from sqlmodel import col, select

from backend.errors import NotAllowed
from backend.execution import desk
from backend.execution.by_hand import NoPrice, WrongSide
from backend.identity.principal import Principal
from backend.models import AuditLog, Order, Position
from backend.risk import limits, stops
from tests.support.centre import Centre

BOSS = Principal("admin", 1, None, "boss", "boss", "operator", 0)


def wish(centre: Centre, **change: object) -> desk.Wish:
    price = D(centre.paper.prices()["BTCUSDT"])
    values = {
        "account_id": centre.account_ids[0], "symbol": "BTC/USDT", "side": "LONG", "amount_usdt": D(300), "leverage": 3,
        "stop_loss": (price * D("0.95")).quantize(price), "take_profit": None, "reason": "asked for by phone",
    }  # fmt: skip
    return desk.Wish(**{**values, **change})


def ask(centre: Centre, request_id: str, who: Principal = BOSS, mark: D | None = None, **change: object) -> Order:
    price = D(centre.paper.prices()["BTCUSDT"]) if mark is None else mark
    return centre.db.run(lambda s: desk.open_for(s, who, wish(centre, **change), request_id=request_id, mark=price, ttl_s=60.0))


async def test_opened_with_a_stop_once_and_closed(centre: Centre) -> None:
    engine = centre.start_engine()
    await engine.refresh_prices()
    first = ask(centre, "request-1")
    assert ask(centre, "request-1").id == first.id
    with pytest.raises(desk.AlreadyHeld):
        ask(centre, "request-2")
    await engine.dispatch()
    position = next(row for row in centre.positions() if row.account_id == centre.account_ids[0])
    assert (position.status, position.strategy_code, position.stop_status, position.position_side) == ("OPEN", "manual", "OPEN", "LONG")
    with pytest.raises(desk.AlreadyHeld):
        ask(centre, "request-3")
    centre.db.run(lambda s: desk.close_for(s, BOSS, position.id or 0, request_id="request-4", price=position.entry_price, reason="asked for again"))
    await engine.dispatch()
    with centre.db.reading() as session:
        done = session.get_one(Position, position.id)
        actions = [row.action for row in session.exec(select(AuditLog).where(col(AuditLog.action).like("desk.%")).order_by(col(AuditLog.id)))]
    assert (done.status, done.close_reason, done.quantity) == ("CLOSED", "MANUAL", 0)
    assert actions == ["desk.open", "desk.close"]
    await engine.stops.cancel()


async def test_an_unsent_order_is_taken_back_and_never_sent(centre: Centre) -> None:
    engine = centre.start_engine()
    await engine.refresh_prices()
    order = ask(centre, "request-1")
    centre.db.run(lambda s: desk.take_back(s, BOSS, order.id or 0, "the wrong account"))
    await engine.dispatch()
    assert centre.positions() == [] and centre.orders()[0].status == "CANCELLED"
    with pytest.raises(desk.AlreadySent):
        centre.db.run(lambda s: desk.take_back(s, BOSS, order.id or 0, "once more"))


async def test_what_is_refused(centre: Centre) -> None:
    price = D(centre.paper.prices()["BTCUSDT"])
    with pytest.raises(WrongSide):
        ask(centre, "request-1", stop_loss=price * 2)
    with pytest.raises(WrongSide):
        ask(centre, "request-1", take_profit=price / 2)
    with pytest.raises(NoPrice):
        centre.db.run(lambda s: desk.open_for(s, BOSS, wish(centre), request_id="request-1", mark=None, ttl_s=60.0))
    for role in ("finance", "engineer", "support", "auditor"):
        with pytest.raises(NotAllowed):
            ask(centre, "request-1", who=Principal("admin", 1, None, "x", "x", role, 0))
    boss = Principal("admin", 1, None, "boss", "boss", "owner", 0)
    for limit, allowed in (("max_leverage", "2"), ("max_total_usdt", "200")):
        centre.db.run(lambda s, one={limit: allowed}: limits.set_limits(s, boss, "platform", 0, one))
        with pytest.raises(desk.LimitReached, match=limit):
            ask(centre, "request-1")
    centre.db.run(lambda s: limits.set_limits(s, boss, "platform", 0, {}))
    centre.db.run(lambda s: stops.engage(s, BOSS, "account", centre.account_ids[0], mode="entries", reason="the exchange asked"))
    with pytest.raises(desk.TradingStopped):
        ask(centre, "request-1")
    assert centre.orders() == []
