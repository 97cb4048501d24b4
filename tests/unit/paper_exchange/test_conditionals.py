"""Stops, targets, trailing stops and liquidations along the path of a bar."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.paper_exchange.errors import VenueError
from tests.support.paper_book import Bench

UP = (100.0, 106.0, 94.0, 103.0)
DOWN = (100.0, 106.0, 94.0, 97.0)
CALM = (100.0, 100.0, 100.0, 100.0)


async def test_stop_fills_at_its_trigger_inside_a_bar() -> None:
    bench = Bench({"AAVEUSDT": [CALM, UP]})
    bench.order("BUY", "1")
    stop = bench.algo("SELL", "STOP_MARKET", triggerPrice="95", closePosition="true")
    await bench.go(4)
    assert stop.status == "NEW"
    await bench.go(1)
    assert stop.status == "FINISHED" and bench.amount() == 0
    sold = bench.book.changes.orders[stop.actual_id]
    assert (sold.status, sold.quote, sold.kind, sold.client_id) == ("FILLED", 95, "MARKET", stop.client_id)


async def test_stop_fills_at_the_open_after_a_gap() -> None:
    bench = Bench({"AAVEUSDT": [CALM, (90.0, 92.0, 89.0, 91.0)]}, slippage_bps=Decimal(10))
    bench.order("BUY", "1")
    stop = bench.algo("SELL", "STOP_MARKET", triggerPrice="95", quantity="1", reduceOnly="true")
    await bench.go(4)
    assert bench.book.changes.orders[stop.actual_id].quote == Decimal("89.91")


@pytest.mark.parametrize(("bar", "first"), [(UP, "STOP_MARKET"), (DOWN, "TAKE_PROFIT_MARKET")])
async def test_the_bar_path_decides_which_of_stop_and_target_comes_first(
    bar: tuple[float, float, float, float], first: str
) -> None:
    bench = Bench({"AAVEUSDT": [CALM, bar]})
    bench.order("BUY", "1")
    legs = [
        bench.algo("SELL", "STOP_MARKET", triggerPrice="95", closePosition="true"),
        bench.algo("SELL", "TAKE_PROFIT_MARKET", triggerPrice="105", closePosition="true"),
    ]
    await bench.go(7)
    status = {leg.kind: leg.status for leg in legs}
    assert status.pop(first) == "FINISHED"
    assert list(status.values()) == ["EXPIRED"]
    assert bench.amount() == 0


async def test_stop_limit_rests_when_the_gap_jumped_over_it() -> None:
    bench = Bench({"AAVEUSDT": [CALM, (90.0, 96.0, 89.0, 91.0)]})
    bench.order("BUY", "1")
    stop = bench.algo("SELL", "STOP", triggerPrice="95", price="94.5", quantity="1", reduceOnly="true")
    await bench.go(4)
    resting = bench.book.changes.orders[stop.actual_id]
    assert (stop.status, resting.status, resting.price) == ("TRIGGERED", "NEW", Decimal("94.5"))
    await bench.go(2)
    assert (stop.status, resting.status, resting.quote) == ("FINISHED", "FILLED", Decimal("94.5"))


async def test_trailing_stop_follows_and_fires() -> None:
    bench = Bench({"AAVEUSDT": [CALM, (100.0, 110.0, 100.0, 110.0), (110.0, 120.0, 110.0, 111.0)]})
    bench.order("BUY", "1")
    trail = bench.algo("SELL", "TRAILING_STOP_MARKET", callbackRate="5", quantity="1", reduceOnly="true")
    await bench.go(10)
    assert (trail.status, trail.extreme) == ("NEW", 120)
    await bench.go(1)
    assert trail.status == "FINISHED"
    assert bench.book.changes.orders[trail.actual_id].quote == 114


def test_conditional_refusals() -> None:
    bench = Bench({"AAVEUSDT": [CALM]})
    stop = {"triggerPrice": "95", "closePosition": "true"}
    cases: list[tuple[str, str, dict[str, str], int]] = [
        ("SELL", "STOP_MARKET", {"triggerPrice": "100", "quantity": "1"}, -2021),
        ("BUY", "STOP_MARKET", {"triggerPrice": "99", "quantity": "1"}, -2021),
        ("SELL", "TAKE_PROFIT_MARKET", {"triggerPrice": "99", "quantity": "1"}, -2021),
        ("SELL", "STOP_MARKET", stop, -4509),
        ("SELL", "STOP_MARKET", {"triggerPrice": "95", "quantity": "1", "reduceOnly": "true"}, -2022),
        ("SELL", "STOP_MARKET", stop | {"quantity": "1"}, -4137),
        ("SELL", "STOP_MARKET", {"quantity": "1"}, -1102),
        ("SELL", "TRAILING_STOP_MARKET", {"quantity": "1", "callbackRate": "50"}, -2007),
        ("SELL", "MARKET", {"quantity": "1"}, -1116),
    ]
    for side, kind, params, code in cases:
        with pytest.raises(VenueError) as error:
            bench.algo(side, kind, **params)
        assert error.value.code == code, (kind, params)
    bench.order("BUY", "1")
    bench.algo("SELL", "STOP_MARKET", clientAlgoId="one", **stop)
    for extra, code in (({}, -4130), ({"clientAlgoId": "one"}, -4116)):
        with pytest.raises(VenueError) as error:
            bench.algo("SELL", "STOP_MARKET", **stop, **extra)
        assert error.value.code == code


async def test_closing_by_hand_expires_the_stops_of_that_position_only() -> None:
    bench = Bench({"AAVEUSDT": [CALM, CALM], "UNIUSDT": [CALM, CALM]})
    for symbol in ("AAVEUSDT", "UNIUSDT"):
        bench.order("BUY", "1", symbol=symbol)
        bench.algo("SELL", "STOP_MARKET", symbol=symbol, triggerPrice="95", closePosition="true")
    entry = bench.order("BUY", "1", price="90")
    target = bench.order("SELL", "1", price="105", reduceOnly="true")
    bench.order("SELL", "1", reduceOnly="true")
    assert [a.symbol for a in bench.account.algos.values()] == ["UNIUSDT"]
    assert (entry.status, target.status) == ("NEW", "EXPIRED")


async def test_isolated_liquidation_loses_the_margin_and_no_more() -> None:
    bench = Bench({"AAVEUSDT": [CALM, (100.0, 100.0, 80.0, 81.0)]}, balance="1000")
    setting = bench.account.setting("AAVEUSDT")
    setting.isolated, setting.leverage = True, 10
    bench.order("BUY", "10")
    before = bench.account.wallet
    await bench.go(7)
    liquidation = list(bench.book.changes.orders.values())[-1]
    assert liquidation.kind == "LIQUIDATION" and liquidation.client_id.startswith("autoclose-")
    assert Decimal("90") < liquidation.price < Decimal("92")
    assert bench.account.wallet == before - 100
    assert bench.amount() == 0


async def test_cross_liquidation_never_leaves_a_debt() -> None:
    bench = Bench({"AAVEUSDT": [CALM, (60.0, 62.0, 55.0, 61.0)]}, balance="400")
    bench.order("BUY", "60")
    await bench.go(4)
    assert bench.amount() == 0 and bench.account.wallet == 0
    kinds = {i.kind for i in bench.book.changes.incomes}
    assert "INSURANCE_CLEAR" in kinds


async def test_a_stop_before_the_liquidation_price_saves_the_position() -> None:
    bench = Bench({"AAVEUSDT": [CALM, (100.0, 100.0, 80.0, 81.0)]}, balance="1000")
    setting = bench.account.setting("AAVEUSDT")
    setting.isolated, setting.leverage = True, 10
    bench.order("BUY", "10")
    bench.algo("SELL", "STOP_MARKET", triggerPrice="96", closePosition="true")
    await bench.go(7)
    assert not [o for o in bench.book.changes.orders.values() if o.kind == "LIQUIDATION"]
    assert bench.book.changes.trades[-1].price == 96


async def test_a_stop_beyond_the_liquidation_price_comes_too_late() -> None:
    bench = Bench({"AAVEUSDT": [CALM, (100.0, 100.0, 80.0, 81.0)]}, balance="1000")
    setting = bench.account.setting("AAVEUSDT")
    setting.isolated, setting.leverage = True, 10
    bench.order("BUY", "10")
    stop = bench.algo("SELL", "STOP_MARKET", triggerPrice="85", closePosition="true")
    await bench.go(7)
    assert stop.status == "EXPIRED"
    assert list(bench.book.changes.orders.values())[-1].kind == "LIQUIDATION"


async def test_funding_is_paid_every_eight_hours_of_market_time() -> None:
    bench = Bench({"AAVEUSDT": [CALM] * 20})
    bench.order("BUY", "10")
    await bench.go(4 * 19)
    fees = [i for i in bench.book.changes.incomes if i.kind == "FUNDING_FEE"]
    assert [i.amount for i in fees] == [Decimal("-0.1"), Decimal("-0.1")]
    assert [i.market_ms % 28_800_000 for i in fees] == [0, 0]
