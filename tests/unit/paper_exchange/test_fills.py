"""Fills, positions and wallets of the simulated exchange."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.paper_exchange.desk import amend
from backend.paper_exchange.errors import VenueError
from tests.support.paper_book import Bench

FLAT = [(100.0, 100.0, 100.0, 100.0)] * 3


def code_of(error: pytest.ExceptionInfo[VenueError]) -> int:
    return error.value.code


async def test_market_order_pays_slippage_and_fee_and_closing_realises() -> None:
    bench = Bench({"AAVEUSDT": [(100, 100, 100, 100), (110, 110, 110, 110)]}, slippage_bps=Decimal(10))
    order = bench.order("BUY", "2")
    assert (order.status, order.filled, order.quote) == ("FILLED", 2, Decimal("200.20"))
    assert bench.account.wallet == Decimal("10000") - Decimal("0.1001")
    await bench.go(4)
    bench.order("SELL", "2", reduceOnly="true")
    sold = Decimal("109.89") * 2
    assert bench.amount() == 0 and not bench.account.held()
    expected = Decimal("10000") + sold - Decimal("200.20") - Decimal("0.1001") - sold * Decimal("0.0005")
    assert bench.account.wallet == expected.quantize(Decimal("1e-8"))


def test_an_order_through_zero_closes_and_reopens() -> None:
    bench = Bench({"AAVEUSDT": FLAT})
    bench.order("BUY", "2")
    bench.order("SELL", "5")
    assert bench.amount() == -3
    assert bench.account.positions["AAVEUSDT", "BOTH"].entry == 100


def test_reduce_only_is_cut_to_the_position_and_refused_without_one() -> None:
    bench = Bench({"AAVEUSDT": FLAT})
    with pytest.raises(VenueError) as error:
        bench.order("SELL", "1", reduceOnly="true")
    assert code_of(error) == -2022
    bench.order("BUY", "2")
    assert bench.order("SELL", "9", reduceOnly="true").qty == 2
    assert bench.amount() == 0


def test_hedge_mode_keeps_both_sides_and_refuses_closing_too_much() -> None:
    bench = Bench({"AAVEUSDT": FLAT})
    bench.account.dual = True
    bench.order("BUY", "2", positionSide="LONG")
    bench.order("SELL", "3", positionSide="SHORT")
    assert (bench.amount("LONG"), bench.amount("SHORT")) == (2, -3)
    for params, code in (
        ({"side": "SELL", "qty": "2.5", "positionSide": "LONG"}, -2022),
        ({"side": "BUY", "qty": "1"}, -4061),
        ({"side": "SELL", "qty": "1", "positionSide": "LONG", "reduceOnly": "true"}, -1106),
    ):
        with pytest.raises(VenueError) as error:
            bench.order(**params)
        assert code_of(error) == code
    bench.order("BUY", "3", positionSide="SHORT")
    assert (bench.amount("LONG"), bench.amount("SHORT")) == (2, 0)


async def test_resting_limit_fills_as_maker_at_its_price_when_the_path_crosses() -> None:
    bench = Bench({"AAVEUSDT": [(100, 100, 100, 100), (100, 104, 97, 103)]})
    order = bench.order("BUY", "1", price="98")
    assert order.status == "NEW" and bench.book.summary(bench.account).order_margin == Decimal("4.9")
    await bench.go(4)
    assert order.status == "NEW"
    await bench.go(1)
    assert (order.status, order.quote) == ("FILLED", 98)
    assert bench.book.changes.trades[-1].maker
    assert bench.book.changes.trades[-1].fee == Decimal("0.0196")


@pytest.mark.parametrize(
    ("price", "tif", "outcome"),
    [
        ("101", "GTC", "FILLED"),
        ("99", "GTC", "NEW"),
        ("99", "IOC", "EXPIRED"),
        ("101", "IOC", "FILLED"),
        ("101", "FOK", "FILLED"),
        ("99", "GTX", "NEW"),
        ("99", "FOK", -5021),
        ("101", "GTX", -5022),
    ],
)
def test_time_in_force(price: str, tif: str, outcome: str | int) -> None:
    bench = Bench({"AAVEUSDT": FLAT})
    if isinstance(outcome, int):
        with pytest.raises(VenueError) as error:
            bench.order("BUY", "1", price=price, timeInForce=tif)
        assert code_of(error) == outcome
        assert not bench.book.changes.orders
        return
    order = bench.order("BUY", "1", price=price, timeInForce=tif)
    assert order.status == outcome
    if outcome == "FILLED":
        assert order.quote == 100


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"qty": "0"}, -4003),
        ({"qty": "-1"}, -4003),
        ({"qty": "NaN"}, -1100),
        ({"qty": "1e3"}, -1100),
        ({"qty": "١"}, -1100),
        ({"qty": "1.0001"}, -1111),
        ({"qty": "0.01"}, -4164),
        ({"qty": "99999999"}, -4005),
        ({"qty": "1000", "price": "100"}, -2019),
        ({"qty": "6000"}, -2027),
        ({"qty": "1", "price": "100.001"}, -1111),
        ({"qty": "1", "price": "120"}, -4016),
        ({"qty": "1", "price": "0"}, -4001),
        ({"qty": "1", "type": "STOP_MARKET", "stopPrice": "90"}, -4120),
        ({"qty": "1", "type": "NONSENSE"}, -1116),
        ({"qty": "1", "side": "HOLD"}, -1117),
        ({"qty": "1", "positionSide": "LONG"}, -4061),
        ({"qty": "1", "newClientOrderId": "not allowed!"}, -1100),
        ({"qty": "1", "newClientOrderId": "x" * 37}, -4015),
    ],
)
def test_refusals_change_nothing(params: dict[str, str], code: int) -> None:
    bench = Bench({"AAVEUSDT": FLAT}, balance="2000")
    bench.book.changes.incomes.clear()
    with pytest.raises(VenueError) as error:
        bench.order(params.pop("side", "BUY"), params.pop("qty"), **params)
    assert code_of(error) == code
    assert bench.account.wallet == 2000 and not bench.account.orders
    assert not bench.book.changes.orders and not bench.book.changes.incomes


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["BUY", "SELL"]),
        st.integers(1, 4000),
        st.booleans(),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=30,
)
PATH = st.lists(st.integers(70, 140), min_size=60, max_size=60)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, path=PATH, isolated=st.booleans())
async def test_wallet_and_position_are_the_sums_of_their_parts(
    steps: list[tuple[str, int, bool, int]], path: list[int], isolated: bool
) -> None:
    """Whatever is traded: wallet = all bookings; bookings = trades' results; position = signed trades."""
    bars = [(float(a), float(max(a, b)), float(min(a, b)), float(b)) for a, b in pairwise(path)]
    bench = Bench({"AAVEUSDT": bars}, slippage_bps=Decimal("3"))
    bench.account.setting("AAVEUSDT").isolated = isolated
    for side, hundredths, reduce_only, ticks in steps:
        try:
            params = {"reduceOnly": "true"} if reduce_only else {}
            bench.order(side, str(Decimal(hundredths) / 100), **params)
        except VenueError as error:
            assert error.code in (-2022, -2019, -4164)
        await bench.go(ticks)
    changes = bench.book.changes
    trades = changes.trades
    assert bench.account.wallet == sum(i.amount for i in changes.incomes)
    by_kind = {
        kind: sum((i.amount for i in changes.incomes if i.kind == kind), Decimal(0))
        for kind in ("TRANSFER", "REALIZED_PNL", "COMMISSION", "FUNDING_FEE", "INSURANCE_CLEAR")
    }
    assert sum(by_kind.values()) == bench.account.wallet
    assert by_kind["REALIZED_PNL"] == sum((t.realized for t in trades), Decimal(0))
    assert by_kind["COMMISSION"] == -sum((t.fee for t in trades), Decimal(0))
    signed = sum((t.qty if t.side == "BUY" else -t.qty for t in trades), Decimal(0))
    assert bench.amount() == signed
    # What was paid for the position is the cash that left for it, to the rounding of each realised result.
    cash = sum((t.quote if t.side == "BUY" else -t.quote for t in trades), Decimal(0))
    held = bench.account.positions.get(("AAVEUSDT", "BOTH"))
    cost = held.cost if held else Decimal(0)
    assert abs(cost - cash - by_kind["REALIZED_PNL"]) <= Decimal("1e-8") * (len(trades) + 1)
    for order in changes.orders.values():
        assert order.filled == sum((t.qty for t in trades if t.order_id == order.order_id), Decimal(0))
    if isolated and held:
        assert Decimal(0) <= held.margin <= bench.account.wallet + abs(held.cost)


async def test_a_reduce_only_limit_never_turns_the_position_around() -> None:
    bench = Bench({"AAVEUSDT": [(100, 100, 100, 100), (100, 104, 97, 103)]})
    bench.order("BUY", "2")
    target = bench.order("SELL", "2", price="104", reduceOnly="true")
    bench.order("SELL", "1.5")
    await bench.go(6)
    assert (target.filled, target.status, bench.amount()) == (Decimal("0.5"), "EXPIRED", 0)


def test_amending_into_the_market_fills_and_checks_the_margin() -> None:
    bench = Bench({"AAVEUSDT": FLAT}, balance="100")
    order = bench.order("BUY", "1", price="90")
    with pytest.raises(VenueError) as error:
        amend(bench.book, bench.account, order, Decimal(40), Decimal(90))
    assert code_of(error) == -2019 and order.qty == 1
    amend(bench.book, bench.account, order, Decimal(2), Decimal(101))
    assert (order.status, order.quote, bench.amount()) == ("FILLED", 200, 2)
