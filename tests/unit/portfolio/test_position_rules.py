"""Position arithmetic: the golden table and what holds for all trades."""

from __future__ import annotations

from decimal import Decimal as D
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.portfolio.rules import InvalidTrade, PositionState, apply_trade, roi, unrealized_pnl


def test_golden_position() -> None:
    state, pnl = apply_trade(PositionState("LONG"), "BUY", D(1), D(100))
    state, pnl = apply_trade(state, "BUY", D(1), D(110))
    assert (state.quantity, state.avg_cost, pnl) == (2, 105, 0)
    state, pnl = apply_trade(state, "SELL", D(1), D(120))
    assert (state.quantity, state.avg_cost, pnl) == (1, 105, 15)
    state, pnl = apply_trade(state, "SELL", D(1), D(100))
    assert (state.quantity, state.avg_cost, pnl) == (0, 0, -5)


def test_short_mirrors_long() -> None:
    state, _ = apply_trade(PositionState("SHORT"), "SELL", D(2), D(100))
    assert unrealized_pnl(state, D(90)) == 20 and roi(state, D(90), 5) == D("0.5")
    state, pnl = apply_trade(state, "BUY", D("0.5"), D(80))
    assert (state.quantity, state.avg_cost, pnl) == (D("1.5"), 100, 10)


@pytest.mark.parametrize(
    ("side", "quantity", "price"),
    [("HOLD", "1", "1"), ("BUY", "0", "1"), ("BUY", "-1", "1"), ("BUY", "1", "0"), ("BUY", "NaN", "1"),
     ("BUY", "1", "Infinity"), ("SELL", "2", "1")],
)  # fmt: skip
def test_impossible_trades_are_refused(side: str, quantity: str, price: str) -> None:
    with pytest.raises(InvalidTrade):
        apply_trade(PositionState("LONG", D(1), D(10)), side, D(quantity), D(price))


def test_partial_fills_give_the_same_totals_in_any_order() -> None:
    parts = [(D("0.3"), D("100.1")), (D("0.3"), D("100.7")), (D("0.4"), D("99.9"))]
    ends = set()
    for order in permutations(parts):
        state, total = PositionState("LONG"), D(0)
        for quantity, price in order:
            state, _ = apply_trade(state, "BUY", quantity, price)
        for quantity, price in reversed(order):
            state, pnl = apply_trade(state, "SELL", quantity, price + 10)
            total += pnl
        assert state.quantity == 0
        ends.add(total.quantize(D("1e-8")))
    assert ends == {D("10.00000000")}


amounts = st.integers(1, 10**12).map(lambda n: D(n).scaleb(-6))


@given(
    side=st.sampled_from(["LONG", "SHORT"]),
    trades=st.lists(st.tuples(st.booleans(), amounts, amounts), min_size=1, max_size=12),
)
def test_profit_is_the_cash_that_moved(side: str, trades: list[tuple[bool, D, D]]) -> None:
    """Realised plus unrealised profit equals money out minus money in, at any price."""
    state, realized, cash = PositionState(side), D(0), D(0)
    opening = state.opening_side
    closing = "SELL" if opening == "BUY" else "BUY"
    for adds, quantity, price in trades:
        if not adds and state.quantity == 0:
            continue
        traded = quantity if adds else min(quantity, state.quantity)
        word = opening if adds else closing
        state, pnl = apply_trade(state, word, traded, price)
        realized += pnl
        cash += traded * price * (1 if word == "SELL" else -1)
    mark = trades[-1][2]
    held = state.quantity * mark * (1 if side == "LONG" else -1)
    assert abs(realized + unrealized_pnl(state, mark) - (cash + held)) < D("1e-3")
    assert state.quantity >= 0 and (state.quantity > 0 or state.avg_cost == 0)
